package middleware

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/jws"
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

	opaque         *introspect.Client   // for opaque tokens; nil = they are refused
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

// New checks the configuration and does no I/O: a provider that is down stops no server from starting. The error joins
// all that is wrong, naming the fields.
func New(cfg Config) (*Guard, error) {
	g := &Guard{cfg: cfg, log: cfg.Logger, budgets: newBudgets()}
	if g.log == nil {
		g.log = slog.Default()
	}
	errs := cfg.check()
	g.cfg.ClockSkew = cmp.Or(cfg.ClockSkew, defaultSkew)
	g.cfg.Mode = cmp.Or(cfg.Mode, ModeAuto)
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
	errs = append(errs, g.addIssuers()...)
	errs = append(errs, g.checkTogether()...)
	for i, err := range errs {
		errs[i] = fmt.Errorf("middleware: %w", err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return g, nil
}

// addIssuers makes the sources, templates, introspection clients and the parser.
func (g *Guard) addIssuers() (errs []error) {
	list, prefixes := g.cfg.issuers()
	all := false
	var algs []string
	for i, cfg := range list {
		cfg.AccessTokenAlgs = slices.Clone(cfg.AccessTokenAlgs)
		problems := errors.Join(checkAlgs(cfg.AccessTokenAlgs), g.addIssuer(cfg))
		errs = append(errs, prefixed(prefixes[i], problems)...)
		all = all || len(cfg.AccessTokenAlgs) == 0
		algs = append(algs, cfg.AccessTokenAlgs...)
	}
	if all {
		algs = nil
	}
	g.parser = jws.NewParser(jws.Options{Algs: algs, Types: accessTypes, MaxSize: maxToken})
	return errs
}

func (g *Guard) addIssuer(cfg IssuerConfig) error {
	inspect, err := g.addIntrospection(cfg)
	if g.cfg.Mode == ModeIntrospection {
		if cfg.Introspection == nil {
			return errors.New("Introspection: Mode ModeIntrospection needs it")
		}
		if isTemplate(cfg) { // it says which tenant an issuer is: no source is ever made of it
			t, wrong := g.newTemplate(cfg)
			if wrong != nil {
				return errors.Join(err, wrong)
			}
			g.templates = append(g.templates, t)
			return err
		}
		if cfg.DiscoveryURL != "" { // its keys are not used
			src, wrong := g.newSource(cfg)
			if wrong != nil {
				return errors.Join(err, wrong)
			}
			src.vouching = g.cfg.vouching(cfg)
			g.sources = append(g.sources, src)
		}
		return err
	}
	if g.cfg.Mode == ModeBoth && cfg.Introspection == nil {
		err = errors.Join(err, errors.New("Introspection: Mode ModeBoth needs it"))
	}
	if !cfg.named() {
		return errors.Join(err, errNoIssuer)
	}
	if isTemplate(cfg) {
		t, wrong := g.newTemplate(cfg)
		if wrong != nil {
			return errors.Join(err, wrong)
		}
		t.introspect = inspect
		g.templates = append(g.templates, t)
		return err
	}
	if cfg.DiscoveryURL == "" && cfg.Issuer == "" {
		return errors.Join(err, errors.New("Issuer: set it to the iss of the tokens, or set DiscoveryURL"))
	}
	if cfg.DiscoveryURL == "" && cfg.Endpoints.JWKS == "" {
		return errors.Join(err, errors.New("Endpoints.JWKS: set it to where the keys are, or set DiscoveryURL"))
	}
	src, wrong := g.newSource(cfg)
	if wrong != nil {
		return errors.Join(err, wrong)
	}
	src.introspect, src.vouching = inspect, g.cfg.vouching(cfg)
	g.sources = append(g.sources, src)
	return err
}

// checkTogether finds what is wrong between fields that are right on their own.
func (g *Guard) checkTogether() (errs []error) {
	list, _ := g.cfg.issuers()
	templates := slices.ContainsFunc(list, isTemplate)
	unlisted := slices.ContainsFunc(list, func(cfg IssuerConfig) bool { return isTemplate(cfg) && cfg.Tenants == nil })
	others := slices.ContainsFunc(list, func(cfg IssuerConfig) bool { return !isTemplate(cfg) })
	if g.tenants != nil {
		errs = append(errs, g.tenants.check(templates, unlisted, others)...)
	} else if templates {
		errs = append(errs, errors.New("Tenant: {tenant} in DiscoveryURL needs a policy"))
	}
	if g.cfg.Mode == ModeJWT && len(g.inspects) > 0 {
		errs = append(errs, errors.New("Mode: ModeJWT never uses Introspection: leave one of them out"))
	}
	if (g.cfg.Mode == ModeAuto || g.cfg.Mode == ModeIntrospection) && len(g.inspects) > 1 {
		errs = append(errs, errors.New("Introspection: an opaque token does not say whose it is: only one issuer may introspect"))
	}
	twice := g.indexIssuers()
	return slices.Concat(errs, g.cfg.checkVouching(len(twice) == 0), twice)
}

// indexIssuers fills g.byIssuer. Its errors are issuers that two sources, or a source and a template, would answer for.
func (g *Guard) indexIssuers() (errs []error) {
	g.byIssuer = make(map[string]*source)
	for _, src := range g.sources {
		for _, iss := range src.meta.Issuers() {
			if g.byIssuer[iss] != nil || slices.ContainsFunc(g.templates, func(t *template) bool { _, ok := t.capture(iss); return ok }) {
				errs = append(errs, fmt.Errorf("Issuers: %q is there twice", iss))
				break
			}
			g.byIssuer[iss] = src
		}
	}
	for i, t := range g.templates {
		for _, other := range g.templates[:i] {
			if slices.ContainsFunc(t.patterns, func(p pattern) bool { return slices.Contains(other.patterns, p) }) {
				errs = append(errs, fmt.Errorf("Issuers: %q is there twice", t.issuer(placeholder)))
			}
		}
	}
	return errs
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
