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

// Guard protects an API. It is safe for concurrent use, starts no goroutine that outlives its work and needs no Close.
// Keys and verified tokens are cached in it: share one.
type Guard struct {
	cfg         Config
	log         *slog.Logger
	outages     remote.Limiter // of warnings about them
	tenants     *TenantPolicy  // nil = there are none
	allow       []string       // its list, sorted: it may be long, and is looked at on each request
	metadataURL string

	sources   []*source
	byIssuer  map[string]*source // by each spelling that a source may turn out to have
	templates []*template
	budgets   *budgets    // of all templates
	parser    *jws.Parser // it knows the algorithms of all issuers; each source narrows them down

	opaque         *reader              // for opaque tokens; nil = they are refused
	opaqueTemplate bool                 // it is that of a template
	opaqueVouching *vouching            // of the issuer it is that of
	inspects       []*introspect.Client // all there are
	audience       []introspect.Option

	tokens    *cache.Cache[facts] // verified tokens, by their digest; those introspected are kept by the clients
	forgotten atomic.Uint64       // how often something in tokens had to be forgotten
}

// Protect is New and Wrap in one line. It panics if the configuration is bad, and never otherwise: it does no I/O.
func Protect(cfg Config) func(http.Handler) http.Handler {
	g, err := New(cfg)
	if err != nil {
		panic(err)
	}
	return g.Wrap
}

// New checks the configuration and does no I/O: a provider that is down stops no server from starting. Its error joins
// an *oidc.ConfigError for each mistake.
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

// addIssuers makes the sources, templates, introspection clients and the parser.
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

// addIssuer makes what one issuer needs. The problems name the fields of IssuerConfig.
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
		return // neither its keys nor its metadata are needed
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

// Ready fetches what is needed to verify tokens, unless it is there or a failed fetch is too recent, and returns nil
// when all of it is: the keys of each issuer, and introspection. A template has nothing to fetch before its first token.
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

// observe tells the observer, if there is one. Its caller survives its panic.
func (g *Guard) observe(ctx context.Context, e oidc.Event) {
	if g.cfg.Observer != nil {
		g.cfg.Observer(ctx, e)
	}
}
