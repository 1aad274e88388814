package middleware

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
)

// usable refuses a JWT or an introspected token that is not an access token,
// that is bound to a key, or that lives too long.
func (g *Guard) usable(f *facts, now time.Time) *Error {
	if refusal := g.lifetime(f, now); refusal != nil {
		return refusal
	}
	return g.accessToken(f.set)
}

// lifetime enforces MaxLifetime.
func (g *Guard) lifetime(f *facts, now time.Time) *Error {
	if g.cfg.MaxLifetime == 0 || f.expiry.IsZero() {
		return nil
	}
	from := f.issuedAt
	if from.IsZero() {
		from = now
	}
	if f.expiry.Sub(from) > g.cfg.MaxLifetime {
		return refuseFor(ReasonTokenMalformed, errors.New("its lifetime exceeds MaxLifetime"))
	}
	return nil
}

// accessToken refuses tokens for other purposes and tokens that are bound to a
// key.
func (g *Guard) accessToken(set *claims.Set) *Error {
	if !g.cfg.AllowIDTokens {
		if why := forOthers(set); why != "" {
			return refuseFor(ReasonTypeNotAllowed, errors.New(why))
		}
	}
	if set.Has("cnf") {
		return refuse(ReasonBindingMissing)
	}
	return nil
}

// otherUses are the names of tokens that are not for an API, in token_use
// (Cognito, Hydra), typ (Keycloak) and token_type.
var otherUses = []string{"id", "id_token", "refresh", "refresh_token", "offline", "logout"}

// forOthers returns why a token is not meant for an API. It returns an empty
// string for an access token.
func forOthers(set *claims.Set) string {
	for _, name := range []string{"at_hash", "c_hash", "events"} {
		if set.Has(name) {
			return "it has " + name
		}
	}
	for _, name := range []string{"token_use", "token_type", "typ"} {
		use, _, _ := set.String(name)
		if slices.ContainsFunc(otherUses, func(other string) bool { return strings.EqualFold(use, other) }) {
			return "its " + name + " marks another kind of token"
		}
	}
	if set.Has("nonce") {
		if typ, _, _ := set.String("typ"); typ != "Bearer" { // Keycloak's access tokens repeat the nonce
			return "it has nonce"
		}
	}
	return ""
}
