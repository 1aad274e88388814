package middleware

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
)

// Method is how a token was verified.
type Method string

const (
	MethodJWT           Method = "jwt"           // signature and claims
	MethodIntrospection Method = "introspection" // the issuer was asked (RFC 7662)
	MethodBoth          Method = "both"          // both, and they agree
)

// Principal is who calls, as a verified token says it. Each request gets its own: writing to it changes nobody else's
// rights, and not what policies see either.
type Principal struct {
	Subject  string // sub; empty for some service tokens
	Issuer   string
	ClientID string // client_id, else azp
	Tenant   string // empty without a tenant policy
	Audience []string
	Scopes   []string  // scope and scp, each scope once
	Expiry   time.Time // zero when introspection names none
	IssuedAt time.Time // zero when the token names none
	Method   Method

	set *claims.Set // all claims; nil for a principal that no guard made
}

// HasScope reports whether Scopes holds scope.
func (p *Principal) HasScope(scope string) bool { return slices.Contains(p.Scopes, scope) }

// Claim returns the JSON of one claim; path leads through nested objects: Claim("ext", "tenant"). ok is false when it
// is absent or null.
func (p *Principal) Claim(path ...string) (value json.RawMessage, ok bool) {
	if p.set == nil {
		return nil, false
	}
	text, ok, err := p.set.Lookup(path...)
	if !ok || err != nil {
		return nil, false
	}
	return json.RawMessage(text), true
}

// Decode unmarshals all claims into v. encoding/json matches names to struct fields without regard to case; that is
// safe here, because a token with two members of one object that differ in case only is refused, and so is one with a
// registered claim, or the tenant's, in another case.
func (p *Principal) Decode(v any) error {
	if p.set == nil {
		return errNoClaims
	}
	return p.set.Decode(v)
}

var errNoClaims = errors.New("middleware: this principal was not made by a guard and carries no claims")
