package middleware

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/problem"
	"github.com/relyingparty/oidc/internal/remote"
	"github.com/relyingparty/oidc/introspect"
)

// Guard protects an API. It is safe for concurrent use, starts no background
// goroutines beyond requests in flight, and needs no Close. It caches keys and
// verified tokens, so create one and share it.
type Guard struct {
	cfg         Config
	log         *slog.Logger
	outages     remote.Limiter // limits warnings about outages
	tenants     *TenantPolicy  // nil if there is no tenant policy
	allow       []string       // tenants.Allow, sorted, because it may be long and every request searches it
	metadataURL string

	sources   []*source
	byIssuer  map[string]*source // by every spelling that the discovery document may choose
	templates []*template
	budgets   *budgets    // shared by all templates
	parser    *jws.Parser // accepts the algorithms of all issuers; each source then accepts only its own

	opaque         *reader              // introspects opaque tokens; nil if they are refused
	opaqueTemplate bool                 // opaque belongs to a template
	opaqueVouching *vouching            // of the issuer that opaque belongs to
	inspects       []*introspect.Client // the clients of all issuers
	audience       []introspect.Option

	tokens    *cache.Cache[facts] // verified tokens by digest; the clients cache introspected ones
	forgotten atomic.Uint64       // counts Invalidate and Purge
}

// Protect returns New(cfg).Wrap. It panics if New returns an error, which can
// only be an error in cfg, because New does no I/O.
func Protect(cfg Config) func(http.Handler) http.Handler {
	g, err := New(cfg)
	if err != nil {
		panic(err)
	}
	return g.Wrap
}

// New returns a guard. It checks the configuration and does no I/O, so a
// program starts even while its provider is down. The error joins an
// *oidc.ConfigError for every mistake that New finds.
func New(cfg Config) (*Guard, error) {
	problems := &problem.List{Package: "middleware"}
	cfg.Mode = cmp.Or(cfg.Mode, ModeAuto)
	cfg.check(problems)
	g := &Guard{cfg: cfg, log: cfg.Logger, budgets: newBudgets()}
	if g.log == nil {
		g.log = slog.Default()
	}
	g.cfg.ClockSkew = cmp.Or(cfg.ClockSkew, defaultSkew)
	g.cfg.Realm = cmp.Or(cfg.Realm, "api")
	g.cfg.Audience = slices.Clone(cfg.Audience)
	if !cfg.SkipAudienceCheck {
		g.audience = []introspect.Option{introspect.Audience(g.cfg.Audience...)}
	}
	if cfg.Tenant != nil {
		policy := *cfg.Tenant
		policy.Claim, policy.Allow, policy.Match = slices.Clone(policy.Claim), slices.Clone(policy.Allow), slices.Clone(policy.Match)
		g.tenants, g.allow = &policy, sortedCopy(policy.Allow)
	}
	g.metadataURL = metadataURL(cfg.ResourceURL)
	g.tokens = cache.New[facts](cmp.Or(cfg.TokenCacheSize, defaultCacheSize))
	g.addIssuers(problems)
	g.checkTogether(problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return g, nil
}

// addIssuers creates the sources, templates and introspection clients of all
// issuers, and the parser.
func (g *Guard) addIssuers(problems *problem.List) {
	list, prefixes := g.cfg.issuers()
	all := false
	var algs []string
	for i, cfg := range list {
		cfg.AccessTokenAlgs = slices.Clone(cfg.AccessTokenAlgs)
		var found problem.List
		g.addIssuer(cfg, &found)
		problems.Take(prefixes[i], found.Err())
		all = all || len(cfg.AccessTokenAlgs) == 0
		algs = append(algs, cfg.AccessTokenAlgs...)
	}
	if all {
		algs = nil
	}
	g.parser = jws.NewParser(jws.Options{Algs: algs, Types: accessTypes, MaxSize: maxToken})
}

// addIssuer creates what one issuer needs. The problems name fields of
// IssuerConfig.
func (g *Guard) addIssuer(cfg IssuerConfig, problems *problem.List) {
	inspect := g.addIntrospection(cfg, problems)
	keys := g.cfg.Mode != ModeIntrospection
	if cfg.Introspection == nil && (g.cfg.Mode == ModeIntrospection || g.cfg.Mode == ModeBoth) {
		problems.Add("Introspection", "set it, because Mode %q needs it", g.cfg.Mode)
	}
	switch {
	case isTemplate(cfg):
		if t := g.newTemplate(cfg, problems); t != nil {
			t.introspect = inspect
			g.templates = append(g.templates, t)
		}
		return
	case !keys && cfg.DiscoveryURL == "":
		return // nothing needs its keys or its metadata
	case !cfg.named():
		problems.Add("DiscoveryURL", "set it to the issuer of the tokens, or set Issuer and Endpoints.JWKS for a provider without discovery")
		return
	case cfg.DiscoveryURL == "" && cfg.Issuer == "":
		problems.Add("Issuer", "set it to the iss of the tokens, or set DiscoveryURL")
		return
	case cfg.DiscoveryURL == "" && cfg.Endpoints.JWKS == "":
		problems.Add("Endpoints.JWKS", "set it to the URL of the keys, or set DiscoveryURL")
		return
	}
	src, err := g.newSource(cfg)
	if err != nil {
		problems.Take("", err)
		return
	}
	src.introspect, src.vouching = inspect, g.cfg.vouching(cfg)
	g.sources = append(g.sources, src)
}

// Ready reports whether the guard can verify tokens: it holds the keys of every
// issuer, and the introspection endpoint can be called. It fetches what is
// missing, unless an earlier fetch failed too recently. A template is always
// ready, because its issuers are unknown before their first token.
func (g *Guard) Ready(ctx context.Context) error {
	var checks []func(context.Context) error
	for _, src := range g.sources {
		if g.cfg.Mode != ModeIntrospection {
			checks = append(checks, src.keys.Ready)
		}
	}
	for _, c := range g.inspects {
		checks = append(checks, c.Ready)
	}
	errs := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, ready := range checks {
		wg.Go(func() { errs[i] = ready(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// observe calls the observer, if there is one, and recovers from its panic.
func (g *Guard) observe(ctx context.Context, e oidc.Event) {
	if g.cfg.Observer != nil {
		g.cfg.Observer(ctx, e)
	}
}
