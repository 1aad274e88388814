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

// source is one issuer: its metadata, its keys, and its introspection endpoint
// if it has one. Issuers never share keys.
type source struct {
	meta       *discovery.Source
	keys       *keyset.Source
	algs       []string  // AccessTokenAlgs; if empty, all
	introspect *reader   // nil without introspection
	vouching   *vouching // the tenants that its tokens may name

	// These fields are set only if a template made the source.
	realms  *realms
	tenant  string
	proven  atomic.Bool // one of its keys verified a signature
	owes    atomic.Bool // it has not yet returned its share of budgets.unanswered
	missing atomic.Bool // its discovery document was a 404
}

var errNoKeysURL = errors.New("the provider's metadata has no jwks_uri: set Endpoints.JWKS")

// newSource checks cfg and does no I/O. Its errors name fields of IssuerConfig.
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

// names reports whether iss is this issuer, as far as that is known without
// I/O.
func (s *source) names(iss string) bool {
	return slices.Contains(s.meta.Issuers(), iss)
}

// spellings returns the issuer as the discovery document spells it. If the
// document cannot be fetched, it returns the possible spellings, the likeliest
// first.
func (s *source) spellings(ctx context.Context) []string {
	if names := s.meta.Issuers(); len(names) <= 1 {
		return names
	}
	_, _ = s.meta.Metadata(ctx) // it logs failures itself, and Issuers reflects success
	return s.meta.Issuers()
}

// refusal returns the refusal for an error of keyset.Source.Verify.
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

// origin is the source of an issuer's keys, or the template that has or makes
// it.
type origin struct {
	source   *source
	template *template
	tenant   string
}

// originOf returns the only origin whose keys may verify a token from iss. It
// makes no network call, so a token from an unknown issuer causes none.
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

// algs returns AccessTokenAlgs; if empty, all algorithms are accepted.
func (o origin) algs() []string {
	if o.template != nil {
		return o.template.cfg.AccessTokenAlgs
	}
	return o.source.algs
}

// open returns the source. A template asks the tenant policy before it makes a
// source. From here on, a token from an unproven tenant uses up the budgets, so
// every check that needs no keys must come first.
func (o origin) open(ctx context.Context, g *Guard, iss string) (*source, *Error) {
	if o.template == nil {
		return o.source, nil
	}
	if refusal := g.allowed(ctx, o.template.vouching, iss, o.tenant); refusal != nil {
		return nil, refusal
	}
	if gone := ctx.Err(); gone != nil { // no request would be sent, so no response would return the budget
		return nil, refuseFor(ReasonProviderUnavailable, gone)
	}
	src, refusal := o.template.source(o.tenant)
	if refusal == nil && !src.names(iss) { // not the spelling of the discovery document
		return nil, refuse(ReasonIssuerUntrusted)
	}
	return src, refusal
}

// vouching is the set of tenants that the tokens of one issuer may name. If
// nil, they may name every tenant that the policy allows.
type vouching struct {
	own    []string // IssuerConfig.Tenants, sorted; nil if the issuer lists none
	others []string // the sorted tenants of all other issuers, if this issuer lists none
}

// covers reports whether the issuer's tokens may name tenant.
func (v *vouching) covers(tenant string) bool {
	switch {
	case v == nil:
		return true
	case v.own != nil:
		return holds(v.own, tenant)
	}
	return !holds(v.others, tenant)
}

// vouching returns the set of one issuer among all. An issuer that lists no
// tenants is a template beside other issuers. It must not name their tenants,
// because anyone who can create a realm could choose such a name.
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

// shared reports whether the policy lets every issuer name every tenant, or
// leaves the decision to AllowFunc.
func (p *TenantPolicy) shared() bool { return p.AllowFunc != nil || p.AllowSharedTenants }

// holds reports whether sorted contains s.
func holds(sorted []string, s string) bool {
	_, found := slices.BinarySearch(sorted, s)
	return found
}

// sortedCopy returns a sorted copy of list, for [holds].
func sortedCopy(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
