package middleware

import (
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

// facts is what a verified token says. It is immutable, shared by requests, and holds no verdict of policy. With a
// million of them in the cache a hit costs as much as there are pieces of memory to look at: so it is one piece.
type facts struct {
	subject, issuer, clientID string
	few                       [6]string // audience and scopes, when there are no more
	many                      []string  // else
	audiences, texts          int       // how many are audiences, and how many there are in all
	expiry, issuedAt          time.Time
	notBefore                 time.Time // the later of nbf and iat; zero when there is neither
	claimed                   string    // the tenant claim; empty when it is absent or cannot be one
	captured                  string    // the tenant in the issuer, for a template
	method                    Method
	doc                       document

	vouching *vouching // of its issuer

	source *source           // whose keys verified it; nil for an introspected token
	key    keyset.Thumbprint // which of them

	// Of introspection.
	said    *facts // the answer that confirms a token verified with keys
	refused *Error // why nothing may go by the answer; the other fields are then empty
	unbound *Error // why it cannot be all there is to go by
	unkept  bool   // the client keeps no answers
}

// lists stores audience and scopes.
func (g *Guard) lists(f *facts, audience, scopes []string) {
	for i, aud := range audience {
		if at := slices.Index(g.cfg.Audience, aud); at >= 0 {
			audience[i] = g.cfg.Audience[at] // compared with itself on each hit: nothing of the token's is looked at
		}
	}
	f.audiences, f.texts, f.many = len(audience), len(audience)+len(scopes), nil
	if f.texts > len(f.few) {
		f.many = slices.Concat(audience, scopes)
		return
	}
	copy(f.few[copy(f.few[:], audience):], scopes)
}

// all is the audience, then the scopes.
func (f *facts) all() []string {
	if f.many != nil {
		return f.many
	}
	return f.few[:f.texts]
}

func (f *facts) audience() []string { return f.all()[:f.audiences] }

func (f *facts) scopes() []string { return f.all()[f.audiences:] }

// begins stores the later of iat and nbf.
func (f *facts) begins(issuedAt, notBefore time.Time) {
	f.notBefore = notBefore
	if issuedAt.After(notBefore) {
		f.notBefore = issuedAt
	}
}

// current checks the times of a token that has been verified before.
func (f *facts) current(now time.Time, skew time.Duration) *Error {
	switch {
	case !f.expiry.IsZero() && !now.Add(-skew).Before(f.expiry):
		return refuse(ReasonTokenExpired)
	case f.notBefore.After(now.Add(skew)):
		return refuse(ReasonTokenNotYetValid)
	}
	return nil
}

// tokenClaims is a token's payload as a document.
type tokenClaims struct{ *claims.Set }

func (c tokenClaims) Claim(path ...string) (json.RawMessage, bool) {
	value, ok, err := c.Lookup(path...)
	if !ok || err != nil {
		return nil, false
	}
	return json.RawMessage(value), true
}

// read takes the facts out of a token's claims. Its errors are of the claims that cannot be understood.
func (g *Guard) read(set *claims.Set, f *facts) error {
	f.doc = tokenClaims{set}
	var audience, scopes []string
	var notBefore time.Time
	var errs [8]error
	f.issuer, _, errs[0] = set.String("iss")
	f.subject, _, errs[1] = set.String("sub")
	f.clientID, _, errs[2] = set.String("client_id")
	if f.clientID == "" {
		f.clientID, _, errs[2] = set.String("azp")
	}
	audience, errs[3] = set.Strings("aud")
	scopes, errs[4] = set.Scopes()
	f.expiry, _, errs[5] = set.Time("exp")
	f.issuedAt, _, errs[6] = set.Time("iat")
	notBefore, _, errs[7] = set.Time("nbf")
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	f.begins(f.issuedAt, notBefore)
	g.lists(f, audience, scopes)
	if g.tenants != nil && len(g.tenants.Claim) > 0 {
		value, _, err := set.Lookup(g.tenants.Claim...)
		if err != nil {
			return err
		}
		f.claimed = tenantOf(value)
	}
	return nil
}

// maxTenant bounds a tenant, in bytes.
const maxTenant = 256

// tenantOf reads a tenant claim: a string that can be a tenant, or nothing.
func tenantOf(value string) string {
	var tenant string
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' && strings.IndexByte(value, '\\') < 0 {
		tenant = value[1 : n-1] // nothing to unescape, as nearly always
	} else if n == 0 || json.Unmarshal([]byte(value), &tenant) != nil {
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

// claimTime is a claim that is a NumericDate; zero when it is absent or something else.
func claimTime(doc document, name string) time.Time {
	value, ok := doc.Claim(name)
	if !ok {
		return time.Time{}
	}
	set, err := claims.Parse(`{"` + name + `":` + string(value) + `}`)
	if err != nil {
		return time.Time{}
	}
	at, _, _ := set.Time(name)
	return at
}

// accessToken refuses tokens for other purposes and tokens that are bound to a key.
func (g *Guard) accessToken(said saying) *Error {
	if !g.cfg.AllowIDTokens {
		if why := forOthers(said); why != "" {
			return refuseFor(ReasonTypeNotAllowed, errors.New(why))
		}
	}
	if said.Has("cnf") {
		return refuse(ReasonBindingMissing)
	}
	return nil
}
