package middleware

import (
	"net/url"
	"slices"
	"strings"

	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/problem"
)

// check finds the mistakes that can be found in single fields.
func (c *Config) check(problems *problem.List) {
	switch {
	case len(c.Audience) == 0 && !c.SkipAudienceCheck:
		problems.Add("Audience", "name this API as tokens do in aud, or set SkipAudienceCheck")
	case len(c.Audience) > 0 && c.SkipAudienceCheck:
		problems.Add("SkipAudienceCheck", "it contradicts Audience: leave one of them out")
	case slices.Contains(c.Audience, ""):
		problems.Add("Audience", "an audience is empty")
	}
	if !slices.Contains(modes, c.Mode) {
		problems.Add("Mode", "%q is none of %q", c.Mode, modes)
	}
	if own := c.own(); c.Introspection != nil && len(c.Issuers) > 0 && !own.named() {
		problems.Add("Introspection", "it is that of DiscoveryURL, which is not set: move it into the IssuerConfig it is for")
	}
	if c.ClockSkew < 0 || c.ClockSkew > maxSkew {
		problems.Add("ClockSkew", "%v is not between 0 (which means %v) and %v", c.ClockSkew, defaultSkew, maxSkew)
		c.ClockSkew = 0 // introspection inherits it: one report is enough
	}
	if c.MaxLifetime < 0 {
		problems.Add("MaxLifetime", "it is negative")
	}
	if strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r > '~' }) {
		problems.Add("Realm", "it may hold printable ASCII characters only")
	}
	if c.ResourceURL != "" {
		u, err := url.Parse(c.ResourceURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.Contains(c.ResourceURL, "#") ||
			strings.ContainsFunc(c.ResourceURL, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r > '~' }) {
			problems.Add("ResourceURL", "it must be an absolute URL without user information and fragment")
		}
	}
	checkAlgs("", c.AccessTokenAlgs, problems)
	for i := range c.Issuers {
		checkAlgs(prefix(i), c.Issuers[i].AccessTokenAlgs, problems)
	}
}

// checkAlgs finds algorithms that are never accepted.
func checkAlgs(prefix string, algs []string, problems *problem.List) {
	for _, alg := range algs {
		if !slices.Contains(jws.Algs, alg) {
			problems.Add(prefix+"AccessTokenAlgs", "%q is not one of %s", alg, strings.Join(jws.Algs, " "))
		}
	}
}

// check finds mistakes in a tenant policy. The arguments say which kinds of issuers there are: templates, templates
// without Tenants, and others.
func (p *TenantPolicy) check(templates, unlisted, others bool, problems *problem.List) {
	switch {
	case slices.Contains(p.Claim, ""):
		problems.Add("Claim", "a key of the path is empty")
	case p.FromIssuer && !templates:
		problems.Add("FromIssuer", "it needs {tenant} in DiscoveryURL")
	case len(p.Claim) == 0 && !p.FromIssuer:
		problems.Add("Claim", "name the claim that holds the tenant, or set FromIssuer where DiscoveryURL holds {tenant}")
	case len(p.Claim) == 0 && others:
		problems.Add("Claim", "name the claim that holds the tenant, because an issuer without {tenant} does not say which tenant its tokens are for")
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
		problems.Add("Allow", "a {tenant} in DiscoveryURL needs Allow, AllowFunc or AllowAnyTenant, or an IssuerConfig with Tenants: otherwise tokens choose where this program fetches keys")
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

// checkTogether finds what is wrong between fields that are right on their own.
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
		problems.Add("Tenant", "{tenant} in DiscoveryURL needs a policy")
	}
	if g.cfg.Mode == ModeJWT && len(g.inspects) > 0 {
		problems.Add("Mode", "%q never uses Introspection: leave one of them out", ModeJWT)
	}
	if (g.cfg.Mode == ModeAuto || g.cfg.Mode == ModeIntrospection) && len(g.inspects) > 1 {
		problems.Add("Introspection", "only one issuer may introspect, because an opaque token does not name its issuer")
	}
	distinct := g.indexIssuers(problems)
	g.cfg.checkVouching(distinct, problems)
}

// indexIssuers fills g.byIssuer. It is false when two sources, or a source and a template, would answer for an issuer.
func (g *Guard) indexIssuers(problems *problem.List) (distinct bool) {
	g.byIssuer = make(map[string]*source)
	distinct = true
	twice := func(issuer string) {
		problems.Add("Issuers", "%q is there twice", issuer)
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

// checkVouching finds what is wrong with IssuerConfig.Tenants and, among distinct issuers, where it is missing.
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
			problems.Add("Tenant", "the issuer of DiscoveryURL is one of several, and could vouch for tenants of the others: "+
				"move it into Issuers and list its Tenants there, or set Tenant.AllowFunc or Tenant.AllowSharedTenants")
		default:
			problems.Add(prefixes[i]+"Tenants", "list the tenants this issuer may vouch for, since it is one of several, or set Tenant.AllowFunc or Tenant.AllowSharedTenants")
		}
	}
}

// checkTenants finds mistakes in the list itself. policy says that there is a tenant policy.
func (c *IssuerConfig) checkTenants(policy bool, field string, problems *problem.List) {
	switch {
	case c.Tenants == nil:
		return
	case len(c.Tenants) == 0: // the outcome of a query that found nothing, perhaps: not a reason to allow everything
		problems.Add(field, "it is empty: list tenants, or leave it nil")
		return
	case !policy:
		problems.Add(field, "set Config.Tenant, which says where a token names its tenant")
		return
	}
	for _, tenant := range c.Tenants {
		if !validTenant(tenant) || isTemplate(*c) && !validSegment(tenant) {
			problems.Add(field, "%q cannot be a tenant", tenant)
		}
	}
}
