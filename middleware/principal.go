package middleware

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
)

// Method is how a guard verified a token.
type Method string

const (
	// MethodJWT means that the guard verified signature and claims.
	MethodJWT Method = "jwt"
	// MethodIntrospection means that the guard introspected the token (RFC 7662).
	MethodIntrospection Method = "introspection"
	// MethodBoth means that the guard did both, and the results agree.
	MethodBoth Method = "both"
)

// Principal is the caller, as a verified token describes it. Each request has
// its own. Writing to it changes neither other requests nor what policies see.
type Principal struct {
	// Subject is the sub of the token. It is empty for some service tokens.
	Subject string
	// Issuer is the iss of the token. If an introspection response names none,
	// it is the configured issuer.
	Issuer string
	// ClientID is the client_id of the token, or else its azp.
	ClientID string
	// Tenant is the tenant of the token. It is empty without a tenant policy.
	Tenant string
	// Audience is the aud of the token.
	Audience []string
	// Scopes are the values of scope and scp, each once.
	Scopes []string
	// Expiry is the exp of the token. It is zero if an introspection response
	// names none.
	Expiry time.Time
	// IssuedAt is the iat of the token. It is zero if the token names none.
	IssuedAt time.Time
	// Method is how the guard verified the token.
	Method Method

	set *claims.Set // all claims; nil if no guard made the principal
}

// HasScope reports whether Scopes contains scope.
func (p *Principal) HasScope(scope string) bool { return slices.Contains(p.Scopes, scope) }

// Claim returns the JSON of one claim. The path leads through nested objects:
// Claim("ext", "tenant"). ok is false if the claim is absent or null.
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

// Decode unmarshals all claims into v with encoding/json. The error names a
// claim that does not fit.
//
// encoding/json ignores case when it matches names to struct fields. This is
// safe here, because the guard refuses tokens with two members that differ only
// in case, and tokens that spell a registered claim or the tenant claim in
// another case.
func (p *Principal) Decode(v any) error {
	if p.set == nil {
		return errNoClaims
	}
	return p.set.Decode(v)
}

var errNoClaims = errors.New("middleware: the principal has no claims, because no guard made it")
