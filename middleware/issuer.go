package middleware

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/keyset"
	"github.com/relyingparty/oidc/internal/remote"
)

// source is one issuer: its metadata, its keys and nobody else's, and its introspection endpoint if it has one.
type source struct {
	meta       *discovery.Source
	keys       *keyset.Source
	algs       []string  // AccessTokenAlgs; empty = all
	introspect *reader   // nil without
	vouching   *vouching // for which tenants

	// Of sources made from a template only.
	realms  *realms
	tenant  string
	proven  atomic.Bool // a signature was verified with its keys
	owes    atomic.Bool // one of budgets.unanswered
	missing atomic.Bool // its discovery document is a 404
}

var errNoKeysURL = errors.New("the provider's metadata has no jwks_uri: set Endpoints.JWKS")

// newSource checks cfg and does no I/O. Its errors name the fields of IssuerConfig.
func (g *Guard) newSource(cfg IssuerConfig) (*source, error) {
	src := &source{algs: cfg.AccessTokenAlgs}
	meta, err := discovery.New(discovery.Config{
		DiscoveryURL: cfg.DiscoveryURL,
		Issuer:       cfg.Issuer,
		Endpoints:    discovery.Endpoints{JWKS: cfg.Endpoints.JWKS, Introspection: cfg.Endpoints.Introspection},
		HTTPClient:   g.cfg.HTTPClient,
		Logger:       g.log,
		Observer: func(ctx context.Context, e oidc.Event) {
			src.answered(e.Err)
			g.observe(ctx, e)
		},
	})
	if err != nil {
		return nil, err
	}
	src.meta = meta
	src.keys = keyset.New(keyset.Config{
		URL:        src.keysURL,
		HTTPClient: g.cfg.HTTPClient,
		Logger:     g.log,
		Observer: func(ctx context.Context, e oidc.Event) {
			meta.Outcome("jwks_uri", remote.Moved(e.Err))
			src.answered(e.Err)
			g.observe(ctx, e)
		},
	})
	return src, nil
}

func (s *source) keysURL(ctx context.Context) (string, error) {
	meta, err := s.meta.Metadata(ctx)
	if err != nil {
		e, ok := errors.AsType[*remote.Error](err)
		s.missing.Store(ok && e.Kind == remote.Status && e.Status == http.StatusNotFound)
		return "", err
	}
	s.missing.Store(false)
	if meta.JWKSURI == "" {
		return "", errNoKeysURL
	}
	return meta.JWKSURI, nil
}

// names reports whether iss is this issuer, as far as is known without I/O.
func (s *source) names(iss string) bool {
	return slices.Contains(s.meta.Issuers(), iss)
}

// spellings is the issuer in its own spelling, which the discovery document says; when that cannot be had, those it may
// have, the likeliest first.
func (s *source) spellings(ctx context.Context) []string {
	if names := s.meta.Issuers(); len(names) <= 1 {
		return names
	}
	_, _ = s.meta.Metadata(ctx) // it logs its failures, and Issuers knows when it has succeeded
	return s.meta.Issuers()
}

// refusal says why the source's keys did not verify a token.
func (s *source) refusal(ctx context.Context, err error) *Error {
	if gone := ctx.Err(); errors.Is(gone, context.Canceled) {
		return refuseFor(ReasonProviderUnavailable, gone)
	}
	if errors.Is(err, keyset.ErrKeyUnknown) {
		return refuseFor(ReasonKeyUnknown, err)
	}
	if _, ok := errors.AsType[*jws.Error](err); ok {
		return refuseFor(ReasonSignatureInvalid, err)
	}
	if s.realms != nil && s.missing.Load() && !s.realms.provenBefore(s.tenant) {
		s.forget()
		return refuseFor(ReasonIssuerUntrusted, errNoRealm)
	}
	refusal := refuseFor(ReasonProviderUnavailable, err)
	if e, ok := errors.AsType[*remote.Error](err); ok {
		refusal.RetryAfter = e.RetryAfter
	}
	return refusal
}

// origin is where an issuer's keys come from: a source, or the template that has or makes one.
type origin struct {
	source   *source
	template *template
	tenant   string
}

// originOf finds the one origin whose keys may verify a token of iss. Without it there is no reason for a network call.
func (g *Guard) originOf(iss string) (origin, bool) {
	if src := g.byIssuer[iss]; src != nil && src.names(iss) {
		return origin{source: src}, true
	}
	for _, t := range g.templates {
		if tenant, ok := t.capture(iss); ok {
			return origin{template: t, tenant: tenant}, true
		}
	}
	return origin{}, false
}

// algs are AccessTokenAlgs; empty = all.
func (o origin) algs() []string {
	if o.template != nil {
		return o.template.cfg.AccessTokenAlgs
	}
	return o.source.algs
}

// open returns the source. For a template the policy is asked about the tenant before a source is made. From here on a
// stranger's token spends of the budgets: whatever can be refused without the source's keys has been refused before.
func (o origin) open(ctx context.Context, g *Guard, iss string) (*source, *Error) {
	if o.template == nil {
		return o.source, nil
	}
	if refusal := g.allowed(ctx, o.template.vouching, iss, o.tenant); refusal != nil {
		return nil, refusal
	}
	if gone := ctx.Err(); gone != nil { // nothing would be fetched, and so no answer give back what is spent
		return nil, refuseFor(ReasonProviderUnavailable, gone)
	}
	src, refusal := o.template.source(o.tenant)
	if refusal == nil && !src.names(iss) { // in another spelling than the document's
		return nil, refuse(ReasonIssuerUntrusted)
	}
	return src, refusal
}

// vouching says which tenants the tokens of one issuer may be for. Nil means any that the policy allows.
type vouching struct {
	own    []string // IssuerConfig.Tenants, sorted; nil = it lists none
	others []string // for an issuer that lists none: what the other issuers list, sorted
}

// covers reports whether the issuer may vouch for tenant.
func (v *vouching) covers(tenant string) bool {
	switch {
	case v == nil:
		return true
	case v.own != nil:
		return holds(v.own, tenant)
	}
	return !holds(v.others, tenant)
}

// vouching is that of one issuer among all. An issuer that lists no tenants is a template beside others: a realm must
// not become a tenant of another issuer by taking its name.
func (c *Config) vouching(issuer IssuerConfig) *vouching {
	if len(issuer.Tenants) > 0 {
		return &vouching{own: sortedCopy(issuer.Tenants)}
	}
	if c.Tenant == nil || c.Tenant.shared() {
		return nil
	}
	var listed []string
	for _, other := range c.Issuers {
		listed = append(listed, other.Tenants...)
	}
	if len(listed) == 0 {
		return nil
	}
	return &vouching{others: sortedCopy(listed)}
}

// shared reports whether the policy leaves it to others, or to nobody, which issuer may vouch for which tenant.
func (p *TenantPolicy) shared() bool { return p.AllowFunc != nil || p.AllowSharedTenants }

// holds reports whether a sorted list holds s.
func holds(sorted []string, s string) bool {
	_, found := slices.BinarySearch(sorted, s)
	return found
}

// sortedCopy is list in the order that [holds] needs.
func sortedCopy(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
