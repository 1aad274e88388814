package middleware

import (
	"net/url"
	"slices"
	"strings"

	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/problem"
)

// check reports mistakes in single fields.
func (c *Config) check(problems *problem.List) {
	switch {
	case len(c.Audience) == 0 && !c.SkipAudienceCheck:
		problems.Add("Audience", "list the names of this API as the aud of tokens spells them, or set SkipAudienceCheck")
	case len(c.Audience) > 0 && c.SkipAudienceCheck:
		problems.Add("SkipAudienceCheck", "set either Audience or SkipAudienceCheck, not both")
	case slices.Contains(c.Audience, ""):
		problems.Add("Audience", "remove the empty audience")
	}
	if !slices.Contains(modes, c.Mode) {
		problems.Add("Mode", "%q is not one of %q", c.Mode, modes)
	}
	if own := c.own(); c.Introspection != nil && len(c.Issuers) > 0 && !own.named() {
		problems.Add("Introspection", "DiscoveryURL is not set: move Introspection into the IssuerConfig it belongs to")
	}
	if c.ClockSkew < 0 || c.ClockSkew > maxSkew {
		problems.Add("ClockSkew", "must be between 0 (which means %v) and %v, not %v", defaultSkew, maxSkew, c.ClockSkew)
		c.ClockSkew = 0 // Introspection inherits ClockSkew: report it only once.
	}
	if c.MaxLifetime < 0 {
		problems.Add("MaxLifetime", "must not be negative")
	}
	if strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r > '~' }) {
		problems.Add("Realm", "must contain only printable ASCII characters")
	}
	if c.ResourceURL != "" {
		u, err := url.Parse(c.ResourceURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.Contains(c.ResourceURL, "#") ||
			strings.ContainsFunc(c.ResourceURL, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r > '~' }) {
			problems.Add("ResourceURL", "must be an absolute http or https URL without user information and fragment")
		}
	}
	checkAlgs("", c.AccessTokenAlgs, problems)
	for i := range c.Issuers {
		checkAlgs(prefix(i), c.Issuers[i].AccessTokenAlgs, problems)
	}
}

// checkAlgs reports algorithms that no token may use.
func checkAlgs(prefix string, algs []string, problems *problem.List) {
	for _, alg := range algs {
		if !slices.Contains(jws.Algs, alg) {
			problems.Add(prefix+"AccessTokenAlgs", "%q is not one of %s", alg, strings.Join(jws.Algs, " "))
		}
	}
}

// check reports mistakes in a tenant policy. The arguments tell which kinds of
// issuers exist: templates, templates that list no Tenants, and issuers that
// are no templates.
func (p *TenantPolicy) check(templates, unlisted, others bool, problems *problem.List) {
	switch {
	case slices.Contains(p.Claim, ""):
		problems.Add("Claim", "remove the empty element of the path")
	case p.FromIssuer && !templates:
		problems.Add("FromIssuer", "needs {tenant} in DiscoveryURL")
	case len(p.Claim) == 0 && !p.FromIssuer:
		problems.Add("Claim", "name the claim that contains the tenant, or set FromIssuer if DiscoveryURL contains {tenant}")
	case len(p.Claim) == 0 && others:
		problems.Add("Claim", "name the claim that contains the tenant, because an issuer without {tenant} does not name one")
	}
	given := 0
	for _, is := range []bool{len(p.Allow) > 0, p.AllowFunc != nil, p.AllowAnyTenant} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		problems.Add("Allow", "set only one of Allow, AllowFunc and AllowAnyTenant")
	case given == 0 && unlisted:
		problems.Add("Allow", "set Allow, AllowFunc or AllowAnyTenant, or list Tenants in the IssuerConfig, because otherwise tokens decide where this program fetches keys")
	}
	for _, tenant := range p.Allow {
		if !validTenant(tenant) || templates && !others && !validSegment(tenant) {
			problems.Add("Allow", "%q cannot be a tenant", tenant)
		}
	}
	for _, s := range p.Match {
		if err := s.check(false); err != nil {
			problems.Add("Match", "%v", err)
		}
	}
}

// checkTogether reports fields that contradict each other.
func (g *Guard) checkTogether(problems *problem.List) {
	list, _ := g.cfg.issuers()
	templates := slices.ContainsFunc(list, isTemplate)
	unlisted := slices.ContainsFunc(list, func(cfg IssuerConfig) bool { return isTemplate(cfg) && cfg.Tenants == nil })
	others := slices.ContainsFunc(list, func(cfg IssuerConfig) bool { return !isTemplate(cfg) })
	if g.tenants != nil {
		var found problem.List
		g.tenants.check(templates, unlisted, others, &found)
		problems.Take("Tenant.", found.Err())
	} else if templates {
		problems.Add("Tenant", "set a policy, because DiscoveryURL contains {tenant}")
	}
	if g.cfg.Mode == ModeJWT && len(g.inspects) > 0 {
		problems.Add("Mode", "%q never uses Introspection: remove one of the two", ModeJWT)
	}
	if (g.cfg.Mode == ModeAuto || g.cfg.Mode == ModeIntrospection) && len(g.inspects) > 1 {
		problems.Add("Introspection", "only one issuer may introspect, because an opaque token does not name its issuer")
	}
	distinct := g.indexIssuers(problems)
	g.cfg.checkVouching(distinct, problems)
}

// indexIssuers fills g.byIssuer. It returns false if two sources, two
// templates, or a source and a template have the same issuer.
func (g *Guard) indexIssuers(problems *problem.List) (distinct bool) {
	g.byIssuer = make(map[string]*source)
	distinct = true
	twice := func(issuer string) {
		problems.Add("Issuers", "%q is configured twice", issuer)
		distinct = false
	}
	for _, src := range g.sources {
		for _, iss := range src.meta.Issuers() {
			if g.byIssuer[iss] != nil || slices.ContainsFunc(g.templates, func(t *template) bool { _, ok := t.capture(iss); return ok }) {
				twice(iss)
				break
			}
			g.byIssuer[iss] = src
		}
	}
	for i, t := range g.templates {
		for _, other := range g.templates[:i] {
			if slices.ContainsFunc(t.patterns, func(p pattern) bool { return slices.Contains(other.patterns, p) }) {
				twice(t.issuer(placeholder))
			}
		}
	}
	return distinct
}

// checkVouching reports mistakes in IssuerConfig.Tenants, and distinct issuers
// that must set it but do not.
func (c *Config) checkVouching(distinct bool, problems *problem.List) {
	list, prefixes := c.issuers()
	templates := 0
	for i, issuer := range list {
		if isTemplate(issuer) {
			templates++
		}
		issuer.checkTenants(c.Tenant != nil, prefixes[i]+"Tenants", problems)
	}
	if c.Tenant == nil || len(list) < 2 || !distinct || c.Tenant.shared() {
		return
	}
	for i, issuer := range list {
		switch {
		case issuer.Tenants != nil, templates == 1 && isTemplate(issuer):
		case prefixes[i] == "":
			problems.Add("Tenant", "the issuer of DiscoveryURL could issue tokens for the tenants of the other issuers: "+
				"move it into Issuers and list its Tenants there, or set Tenant.AllowFunc or Tenant.AllowSharedTenants")
		default:
			problems.Add(prefixes[i]+"Tenants", "list the tenants that tokens of this issuer may name, because there are other issuers, or set Tenant.AllowFunc or Tenant.AllowSharedTenants")
		}
	}
}

// checkTenants reports mistakes in the list itself. policy tells whether
// Config.Tenant is set.
func (c *IssuerConfig) checkTenants(policy bool, field string, problems *problem.List) {
	switch {
	case c.Tenants == nil:
		return
	// Perhaps the result of a query that found nothing, which must not allow
	// every tenant.
	case len(c.Tenants) == 0:
		problems.Add(field, "it is empty: list tenants, or leave it nil")
		return
	case !policy:
		problems.Add(field, "set Config.Tenant, which defines how a token names its tenant")
		return
	}
	for _, tenant := range c.Tenants {
		if !validTenant(tenant) || isTemplate(*c) && !validSegment(tenant) {
			problems.Add(field, "%q cannot be a tenant", tenant)
		}
	}
}
