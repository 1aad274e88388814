package middleware

import (
	"context"
	"errors"

	"github.com/relyingparty/oidc/internal/cache"
)

// ErrNoPrincipal: the context comes from no guard: the handler stands outside it, or behind [Guard.Optional] and the
// request had no token.
var ErrNoPrincipal = errors.New("middleware: no principal in the context")

// contextKey finds a *grant, put there by a guard, or a *Principal, put there by NewContext.
type contextKey struct{}

// grant is a guard's own record of a request it let in: the principal handlers see, and beside it, out of their reach,
// what the guard goes by when it meets the request again.
type grant struct {
	principal Principal
	texts     [6]string // the principal's slices, as far as there is room

	guard  *Guard
	key    cache.Key // digest of the token
	facts  *facts
	tenant string
}

// FromContext returns the principal of the request. Behind [Guard.Wrap] and [Guard.Require] there always is one.
func FromContext(ctx context.Context) (*Principal, bool) {
	switch v := ctx.Value(contextKey{}).(type) {
	case *grant:
		return &v.principal, true
	case *Principal:
		return v, v != nil
	}
	return nil, false
}

// TenantFromContext returns the tenant of the request; ok is false when there is none.
func TenantFromContext(ctx context.Context) (tenant string, ok bool) {
	p, ok := FromContext(ctx)
	if !ok || p.Tenant == "" {
		return "", false
	}
	return p.Tenant, true
}

// Claims decodes the claims of the request's token into a T, as [Principal.Decode] does. The error is ErrNoPrincipal,
// or says which claim does not fit.
func Claims[T any](ctx context.Context) (T, error) {
	var claims T
	p, ok := FromContext(ctx)
	if !ok {
		return claims, ErrNoPrincipal
	}
	err := p.Decode(&claims)
	return claims, err
}

// NewContext returns a context in which handlers find p: for tests of handlers. No guard goes by it.
func NewContext(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// granted makes the request's own principal of what is known about its token.
func (g *Guard) granted(key cache.Key, v verified, tenant string) *grant {
	gr := &grant{guard: g, key: key, facts: v.facts, tenant: tenant}
	v.facts.fill(&gr.principal, tenant, gr.texts[:0])
	return gr
}

// fill writes a principal with slices of its own, in room if they fit.
func (f *facts) fill(p *Principal, tenant string, room []string) {
	p.Subject, p.Issuer, p.ClientID, p.Tenant = f.subject, f.issuer, f.clientID, tenant
	p.Expiry, p.IssuedAt, p.Method, p.set = f.expiry, f.issuedAt, f.method, f.set
	if f.texts > 0 {
		block := append(room, f.all()...)
		p.Audience, p.Scopes = block[:f.audiences:f.audiences], block[f.audiences:]
	}
}
