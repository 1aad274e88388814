package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// Wrap lets requests with a valid token through to next, where [FromContext] finds the principal; all others it answers.
func (g *Guard) Wrap(next http.Handler) http.Handler {
	return &protected{guard: g, next: next, route: anyRoute}
}

// Require is Wrap for one route, with policies. Inside Wrap of the same guard the token's signature is not verified again
// as long as the token has not expired, its key is still published and its introspection answer still holds; nor is
// [TenantPolicy.Match] compared again: a mux may have cut the path by now. A handler that dispatches requests of its own,
// such as a batch, must send them through Wrap. It panics if a policy makes no sense, such as a scope with a space in it.
func (g *Guard) Require(p ...Policy) func(http.Handler) http.Handler {
	rt, err := g.route(p)
	if err != nil {
		panic(err)
	}
	return func(next http.Handler) http.Handler {
		return &protected{guard: g, next: next, route: rt, inner: true}
	}
}

// Optional is Wrap for what strangers may see too: a request without a token goes through without a principal. One
// with an invalid token is still refused.
func (g *Guard) Optional(next http.Handler) http.Handler {
	return &protected{guard: g, next: next, route: anyRoute, optional: true}
}

// protected is a handler behind a guard.
type protected struct {
	guard    *Guard
	next     http.Handler
	route    *route
	optional bool
	inner    bool // the same guard around it speaks for the request's tenant
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
	if len(token) > maxToken { // before anything is done that takes longer the longer it is
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

// anonymous hides a principal that somebody else has put into the context: this request has none.
func anonymous(r *http.Request) *http.Request {
	if _, ok := FromContext(r.Context()); !ok {
		return r
	}
	return r.WithContext(NewContext(r.Context(), nil))
}
