package middleware

import (
	"context"
	"errors"

	"github.com/relyingparty/oidc/internal/cache"
)

// ErrNoPrincipal is the error of [Claims] if the context has no principal.
// Either the handler is not behind a guard, or it is behind [Guard.Optional]
// and the request has no token.
var ErrNoPrincipal = errors.New("middleware: no principal in the context")

// contextKey is the key of a *grant, which a guard stores, or of a *Principal,
// which NewContext stores.
type contextKey struct{}

// grant is a guard's record of a request that it let through. Handlers can
// change the principal. The other fields are out of their reach, and a nested
// guard relies on them.
type grant struct {
	principal Principal
	texts     [6]string // memory for the principal's slices

	guard  *Guard
	key    cache.Key // digest of the token
	facts  *facts
	tenant string
}

// FromContext returns the principal of the request. Behind [Guard.Wrap] and
// [Guard.Require], ok is always true.
func FromContext(ctx context.Context) (p *Principal, ok bool) {
	switch v := ctx.Value(contextKey{}).(type) {
	case *grant:
		return &v.principal, true
	case *Principal:
		return v, v != nil
	}
	return nil, false
}

// TenantFromContext returns the tenant of the request. ok is false if there is
// none.
func TenantFromContext(ctx context.Context) (tenant string, ok bool) {
	p, ok := FromContext(ctx)
	if !ok || p.Tenant == "" {
		return "", false
	}
	return p.Tenant, true
}

// Claims decodes the claims of the request's token into a T, like
// [Principal.Decode]. The error is ErrNoPrincipal, or it names a claim that
// does not fit into T.
func Claims[T any](ctx context.Context) (T, error) {
	var claims T
	p, ok := FromContext(ctx)
	if !ok {
		return claims, ErrNoPrincipal
	}
	err := p.Decode(&claims)
	return claims, err
}

// NewContext returns a context with the principal p, for tests of handlers.
// Guards ignore p.
func NewContext(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// granted returns the record of a request with a verified token.
func (g *Guard) granted(key cache.Key, v verified, tenant string) *grant {
	gr := &grant{guard: g, key: key, facts: v.facts, tenant: tenant}
	v.facts.fill(&gr.principal, tenant, gr.texts[:0])
	return gr
}

// fill sets the fields of p. It copies slices, into room if they fit.
func (f *facts) fill(p *Principal, tenant string, room []string) {
	p.Subject, p.Issuer, p.ClientID, p.Tenant = f.subject, f.issuer, f.clientID, tenant
	p.Expiry, p.IssuedAt, p.Method, p.set = f.expiry, f.issuedAt, f.method, f.set
	if f.texts > 0 {
		block := append(room, f.all()...)
		p.Audience, p.Scopes = block[:f.audiences:f.audiences], block[f.audiences:]
	}
}
