package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// Wrap returns a handler that passes requests with a valid token to next and
// refuses all others. next finds the principal with [FromContext].
func (g *Guard) Wrap(next http.Handler) http.Handler {
	return &protected{guard: g, next: next, route: anyRoute}
}

// Require is [Guard.Wrap] with policies, for one route. It panics if a policy
// is invalid, such as a scope that contains a space.
//
// Inside Wrap of the same guard, it does not verify the signature again, as
// long as the token has not expired, the issuer still publishes the key, and
// the introspection response still holds. Neither does it compare
// [TenantPolicy.Match] again, because a mux may have shortened the path.
// Therefore a handler that dispatches requests of its own, such as a batch,
// must send them through Wrap.
func (g *Guard) Require(p ...Policy) func(http.Handler) http.Handler {
	rt, err := g.route(p)
	if err != nil {
		panic(err)
	}
	return func(next http.Handler) http.Handler {
		return &protected{guard: g, next: next, route: rt, inner: true}
	}
}

// Optional is [Guard.Wrap] for handlers that also serve requests without a
// token. Such a request has no principal. A request with an invalid token is
// still refused.
func (g *Guard) Optional(next http.Handler) http.Handler {
	return &protected{guard: g, next: next, route: anyRoute, optional: true}
}

// protected is a handler behind a guard.
type protected struct {
	guard    *Guard
	next     http.Handler
	route    *route
	optional bool
	inner    bool // an outer handler of the same guard has compared the request's tenant
}

func (p *protected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	token, refusal := bearer(r.Header)
	if refusal != nil {
		if p.optional && refusal.Reason == ReasonTokenMissing {
			p.next.ServeHTTP(w, anonymous(r))
			return
		}
		p.guard.answer(w, r, refusal)
		return
	}
	if len(token) > maxToken { // checked before any work that grows with the token
		p.guard.answer(w, r, refuse(ReasonTokenTooLarge))
		return
	}
	key := cache.Digest(token)
	c := call{token: token, request: r}
	held, _ := ctx.Value(contextKey{}).(*grant)
	if held != nil && (held.guard != p.guard || held.key != key) {
		held = nil
	}
	if p.inner {
		c.held = held
	}
	if held != nil && !p.route.fresh && p.guard.stands(held.facts, key, time.Now()) {
		refusal := p.guard.recheck(held.facts, time.Now())
		if refusal == nil {
			refusal = p.guard.matches(held.tenant, c)
		}
		if refusal == nil {
			refusal = p.route.judge(ctx, held, c)
		}
		if refusal != nil {
			p.guard.answer(w, r, refusal)
			return
		}
		p.next.ServeHTTP(w, r)
		return
	}
	gr, refusal := p.guard.authenticate(ctx, c, key, p.route)
	if refusal != nil {
		p.guard.answer(w, r, refusal)
		return
	}
	p.next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, contextKey{}, gr)))
}

// anonymous removes a principal that other code has stored in the context.
func anonymous(r *http.Request) *http.Request {
	if _, ok := FromContext(r.Context()); !ok {
		return r
	}
	return r.WithContext(NewContext(r.Context(), nil))
}
