package middleware

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/discovery"
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
