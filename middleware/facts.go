package middleware

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/keyset"
	"github.com/relyingparty/oidc/introspect"
)

// facts is what a verified token says. It is immutable, shared by requests, and holds no verdict of policy.
type facts struct {
	subject, issuer, clientID string
	audience, scopes          []string
	expiry, issuedAt          time.Time
	notBefore                 time.Time // the later of nbf and iat; zero when there is neither
	claimed                   string    // the tenant claim; empty when it is absent or cannot be one
	captured                  string    // the tenant in the issuer, for a template
	method                    Method
	doc                       document

	source *source           // whose keys verified it; nil for an opaque token
	key    keyset.Thumbprint // which of them
}

// current checks the times of a token that has been verified before.
func (f *facts) current(now time.Time, skew time.Duration) *Error {
	switch {
	case !now.Add(-skew).Before(f.expiry):
		return refuse(TokenExpired)
	case f.notBefore.After(now.Add(skew)):
		return refuse(TokenNotYetValid)
	}
	return nil
}

// tokenClaims is a token's payload as a document.
type tokenClaims struct{ *claims.Set }

func (c tokenClaims) Claim(path ...string) (json.RawMessage, bool) {
	value, ok, err := c.Lookup(path...)
	return value, ok && err == nil
}

// read takes the facts out of a token's claims. Its errors are of the claims that cannot be understood.
func (g *Guard) read(set *claims.Set) (*facts, *Error) {
	f := &facts{method: MethodJWT, doc: tokenClaims{set}}
	var errs [8]error
	f.issuer, _, errs[0] = set.String("iss")
	f.subject, _, errs[1] = set.String("sub")
	f.clientID, _, errs[2] = set.String("client_id")
	if f.clientID == "" {
		f.clientID, _, errs[2] = set.String("azp")
	}
	f.audience, errs[3] = set.Strings("aud")
	f.scopes, errs[4] = set.Scopes()
	f.expiry, _, errs[5] = set.Time("exp")
	f.issuedAt, _, errs[6] = set.Time("iat")
	f.notBefore, _, errs[7] = set.Time("nbf")
	for _, err := range errs {
		if err != nil {
			return nil, refuseFor(TokenMalformed, err)
		}
	}
	if f.issuedAt.After(f.notBefore) {
		f.notBefore = f.issuedAt
	}
	if g.tenants != nil && len(g.tenants.Claim) > 0 {
		value, _, err := set.Lookup(g.tenants.Claim...)
		if err != nil {
			return nil, refuseFor(TokenMalformed, err)
		}
		f.claimed = tenantOf(value)
	}
	return f, nil
}

// maxTenant bounds a tenant, in bytes.
const maxTenant = 256

// tenantOf reads a tenant claim: a string that can be a tenant, or nothing.
func tenantOf(value json.RawMessage) string {
	var tenant string
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' && bytes.IndexByte(value, '\\') < 0 {
		tenant = string(value[1 : n-1]) // nothing to unescape, as nearly always
	} else if n == 0 || json.Unmarshal(value, &tenant) != nil {
		return ""
	}
	if !validTenant(tenant) {
		return ""
	}
	return tenant
}

func validTenant(s string) bool {
	return s != "" && len(s) <= maxTenant && !strings.ContainsFunc(s, unicode.IsControl)
}

// otherUses are what providers call a token that is not for an API: in token_use (Cognito, Hydra), typ (Keycloak) or
// token_type.
var otherUses = []string{"id", "id_token", "refresh", "refresh_token", "offline", "logout"}

// saying is what a token says, or an introspection answer, claim by claim. Unlike [document] it costs no allocation a
// question. A claim of another type reads as an error and an empty string.
type saying interface {
	Has(name string) bool
	String(name string) (value string, ok bool, err error)
}

// answerClaims is an introspection answer as a saying.
type answerClaims struct{ *introspect.Result }

func (a answerClaims) Has(name string) bool {
	_, ok := a.Claim(name)
	return ok
}

func (a answerClaims) String(name string) (string, bool, error) {
	value, ok := claimText(a.Result, name)
	return value, ok, nil
}

// forOthers reports why a token is not meant for an API, empty when it may be.
func forOthers(said saying) string {
	for _, name := range []string{"at_hash", "c_hash", "events"} {
		if said.Has(name) {
			return "it has " + name
		}
	}
	for _, name := range []string{"token_use", "token_type", "typ"} {
		use, _, _ := said.String(name)
		if slices.ContainsFunc(otherUses, func(other string) bool { return strings.EqualFold(use, other) }) {
			return "its " + name + " is for something else"
		}
	}
	if said.Has("nonce") {
		if typ, _, _ := said.String("typ"); typ != "Bearer" { // Keycloak's access tokens repeat the nonce
			return "it has nonce"
		}
	}
	return ""
}

// claimText is a claim that is a string. One that is something else is nothing we know, and so no reason to refuse.
func claimText(doc document, name string) (text string, ok bool) {
	value, ok := doc.Claim(name)
	if !ok || json.Unmarshal(value, &text) != nil {
		return "", false
	}
	return text, true
}

// accessToken refuses tokens for other purposes and tokens that are bound to a key.
func (g *Guard) accessToken(said saying) *Error {
	if !g.cfg.AllowIDTokens {
		if why := forOthers(said); why != "" {
			return refuseFor(TypeNotAllowed, errors.New(why))
		}
	}
	if said.Has("cnf") {
		return refuse(BindingMissing)
	}
	return nil
}
