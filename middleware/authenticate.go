package middleware

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// call is one question to the guard.
type call struct {
	token   string
	request *http.Request // nil without HTTP
	tenants []string      // Credential.Tenants, without HTTP
	held    *grant        // set if this guard has already compared the request's tenant for this token
}

// Authenticate verifies a credential that did not arrive in an HTTP header, for
// example in gRPC metadata. It makes every check of [Guard.Wrap] and applies
// the policies. The error is an *[Error].
func (g *Guard) Authenticate(ctx context.Context, c Credential, p ...Policy) (*Principal, error) {
	rt, err := g.route(p)
	if err != nil {
		return nil, g.refused(ctx, refuseFor(ReasonInternalError, err))
	}
	if c.Token == "" {
		return nil, g.refused(ctx, refuse(ReasonTokenMissing))
	}
	if len(c.Token) > maxToken {
		return nil, g.refused(ctx, refuse(ReasonTokenTooLarge))
	}
	var key cache.Key
	if g.cfg.TokenCacheSize >= 0 || g.introspects() { // otherwise nothing is cached under key
		key = cache.Digest(c.Token)
	}
	gr, refusal := g.authenticate(ctx, call{token: c.Token, tenants: c.Tenants}, key, rt)
	if refusal != nil {
		return nil, g.refused(ctx, refusal)
	}
	return &gr.principal, nil
}

// authenticate defines the order of all checks. Cheap checks come before
// expensive ones, and no made-up token causes a call for keys.
func (g *Guard) authenticate(ctx context.Context, c call, key cache.Key, rt *route) (*grant, *Error) {
	v, refusal := g.verified(ctx, c.token, key, rt)
	if refusal != nil {
		return nil, refusal
	}
	tenant, refusal := g.tenant(ctx, v.facts, c, v.asked)
	if refusal != nil {
		return nil, refusal
	}
	gr := g.granted(key, v, tenant)
	if refusal := rt.judge(ctx, gr, c); refusal != nil {
		return nil, refusal
	}
	return gr, nil
}

// verified is a token that is valid, whatever it is used for.
type verified struct {
	facts *facts
	asked bool // the tenant policy has already allowed the issuer's tenant
}

func (g *Guard) verified(ctx context.Context, token string, key cache.Key, rt *route) (v verified, refusal *Error) {
	now := time.Now()
	if v.facts = g.cached(key, now); v.facts != nil {
		refusal = g.recheck(v.facts, now)
	} else if g.opaque != nil && (g.cfg.Mode == ModeIntrospection || !isJWT(token)) {
		v.facts, refusal = g.inspect(ctx, token, key, rt, now)
		return v, refusal
	} else {
		v.facts, v.asked, refusal = g.verify(ctx, token, key, now)
	}
	if refusal == nil && (g.cfg.Mode == ModeBoth || rt.fresh) {
		v.facts, refusal = g.confirm(ctx, token, key, v.facts, rt, now)
	}
	return v, refusal
}

// isJWT reports whether token has the form of a compact JWS: three parts, and
// the first is a JSON object. A JWE has five parts.
func isJWT(token string) bool {
	header, rest, ok := strings.Cut(token, ".")
	if !ok || strings.Count(rest, ".") != 1 {
		return false
	}
	decoded, err := base64.RawURLEncoding.DecodeString(header)
	return err == nil && strings.HasPrefix(strings.TrimLeft(string(decoded), " \t\r\n"), "{")
}
