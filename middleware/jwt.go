package middleware

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/remote"
)

// longPast is how long ago, beyond the skew, a token must have expired for the
// guard to refuse it before it verifies the signature.
const longPast = 5 * time.Minute

var accessTypes = []string{"jwt", "at+jwt"}

// verify verifies a JWT. It makes the cheap checks that need no network first.
// asked reports whether it asked the tenant policy about the issuer's tenant.
func (g *Guard) verify(ctx context.Context, token string, key cache.Key, now time.Time) (f *facts, asked bool, refusal *Error) {
	forgotten := g.forgotten.Load()
	t, err := g.parser.Parse(token)
	if err != nil {
		return nil, false, formRefusal(err)
	}
	if g.cfg.StrictRFC9068 && t.Type != "at+jwt" {
		return nil, false, refuse(ReasonTypeNotAllowed)
	}
	set, err := claims.Parse(t.Payload)
	if err != nil {
		return nil, false, refuseFor(ReasonTokenMalformed, err)
	}
	iss, _, err := set.String("iss")
	if err != nil {
		return nil, false, refuseFor(ReasonTokenMalformed, err)
	}
	from, ok := g.originOf(iss)
	if !ok {
		return nil, false, refuseFor(ReasonIssuerUntrusted, errors.New("iss is "+remote.Quote(iss)))
	}
	exp, ok, err := set.Time("exp")
	switch {
	case err != nil:
		return nil, false, refuseFor(ReasonTokenMalformed, err)
	case ok && exp.Add(g.cfg.ClockSkew+longPast).Before(now):
		return nil, false, refuse(ReasonTokenExpired)
	}
	same := func(alg string) bool { return jws.Same(alg, t.Alg) }
	if algs := from.algs(); len(algs) > 0 && !slices.ContainsFunc(algs, same) {
		return nil, false, refuse(ReasonAlgNotAllowed)
	}
	src, refusal := from.open(ctx, g, iss)
	if refusal != nil {
		return nil, false, refusal
	}
	asked = src.realms != nil
	thumbprint, err := src.keys.Verify(ctx, t)
	if err != nil {
		return nil, asked, src.refusal(ctx, err)
	}
	src.prove()
	if !src.names(iss) { // the discovery document, known by now, spells the issuer differently
		return nil, asked, refuseFor(ReasonIssuerUntrusted, errors.New("iss is "+remote.Quote(iss)))
	}
	now = time.Now() // fetching the keys may have taken a while
	made := facts{method: MethodJWT, source: src, key: thumbprint, captured: src.tenant, vouching: src.vouching}
	if refusal = g.accept(set, now, &made); refusal != nil {
		return nil, asked, refusal
	}
	f = g.tokens.Set(key, made, min(maxCached, made.expiry.Sub(now)))
	if g.forgotten.Load() != forgotten {
		g.tokens.Delete(key)
	}
	return f, asked, nil
}

// accept checks the claims of a token whose signature is verified, and reads
// them into f.
func (g *Guard) accept(set *claims.Set, now time.Time, f *facts) *Error {
	if err := set.CheckTimes(now, g.cfg.ClockSkew, true); err != nil {
		return claimRefusal(err)
	}
	if !g.cfg.SkipAudienceCheck {
		if err := set.CheckAudience(g.cfg.Audience...); err != nil {
			return claimRefusal(err)
		}
	}
	if err := g.read(set, f); err != nil {
		return refuseFor(ReasonTokenMalformed, err)
	}
	if g.cfg.StrictRFC9068 {
		for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
			if !set.Has(name) {
				return refuseFor(ReasonTokenMalformed, errors.New("StrictRFC9068: claim "+name+" is missing"))
			}
		}
		for _, name := range []string{"sub", "client_id", "jti"} {
			if text, _, err := set.String(name); err != nil || text == "" {
				return refuseFor(ReasonTokenMalformed, errors.New("StrictRFC9068: claim "+name+" must be a non-empty string"))
			}
		}
	}
	return g.usable(f, now)
}

// formRefusal returns the refusal for an error of jws.Parse.
func formRefusal(err error) *Error {
	reason := ReasonTokenMalformed
	if e, ok := errors.AsType[*jws.Error](err); ok {
		switch e.Reason {
		case jws.TooLarge:
			reason = ReasonTokenTooLarge
		case jws.AlgNotAllowed:
			reason = ReasonAlgNotAllowed
		case jws.TypeNotAllowed:
			reason = ReasonTypeNotAllowed
		}
	}
	return refuseFor(reason, err)
}

// claimRefusal returns the refusal for an error of package claims.
func claimRefusal(err error) *Error {
	reason := ReasonTokenMalformed
	if e, ok := errors.AsType[*claims.Error](err); ok {
		switch {
		case e.Problem == claims.Expired:
			reason = ReasonTokenExpired
		case e.Problem == claims.NotYetValid:
			reason = ReasonTokenNotYetValid
		case e.Claim == "aud" && e.Problem != claims.Malformed:
			reason = ReasonAudienceMismatch
		}
	}
	return refuseFor(reason, err)
}
