package middleware

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/problem"
)

const (
	placeholder = "{tenant}"

	maxSegment = 128
)

// template is a family of issuers, one a tenant: https://id.example.com/realms/{tenant}. Each has a source of its own,
// made when a token first names it.
type template struct {
	cfg      IssuerConfig
	patterns []pattern // of the issuer: one, or two that differ in a trailing slash
	create   func(IssuerConfig) (*source, error)
	// introspect is shared by all tenants; nil without.
	introspect *reader
	vouching   *vouching // of all tenants' issuers
	listed     []string  // the tenants that configuration names, in its order; nil where it leaves them open
	sorted     []string  // listed
	asks       bool      // AllowFunc is asked about tenants
	realms     realms
}

// pattern is what stands before and after the tenant.
type pattern struct{ prefix, suffix string }

// isTemplate reports whether an issuer's configuration holds the placeholder, or looks as if it should.
func isTemplate(cfg IssuerConfig) bool {
	return strings.ContainsAny(cfg.DiscoveryURL+cfg.Issuer+cfg.Endpoints.JWKS, "{}")
}

// newTemplate checks cfg, by making one source of it that is thrown away. It returns nil when it finds a problem.
func (g *Guard) newTemplate(cfg IssuerConfig, problems *problem.List) *template {
	right := true
	wrong := func(field, format string, args ...any) {
		right = false
		problems.Add(field, format, args...)
	}
	for _, field := range []struct{ name, value string }{
		{"DiscoveryURL", cfg.DiscoveryURL}, {"Issuer", cfg.Issuer}, {"Endpoints.JWKS", cfg.Endpoints.JWKS},
	} {
		if err := checkPlaceholder(field.value); err != nil {
			wrong(field.name, "%v", err)
		}
	}
	if right && cfg.Issuer != "" && !strings.Contains(cfg.Issuer, placeholder) {
		wrong("Issuer", "it needs %s where the issuers have their tenant, as the other URLs do", placeholder)
	}
	if right && cfg.DiscoveryURL != "" && !strings.Contains(cfg.DiscoveryURL, placeholder) {
		wrong("DiscoveryURL", "it needs %s too, because each tenant's issuer has its own document", placeholder)
	}
	if !right {
		return nil
	}
	t := &template{cfg: cfg, create: g.newSource, vouching: g.cfg.vouching(cfg)}
	if g.tenants != nil {
		t.listed = g.listed(cfg, t.vouching)
		t.sorted, t.asks = sortedCopy(t.listed), g.tenants.AllowFunc != nil
	}
	t.realms = newRealms(g.budgets, len(t.listed))
	probe := "probe"
	for strings.Contains(cfg.DiscoveryURL+cfg.Issuer, probe) {
		probe += "e"
	}
	if filled := t.fill(probe); g.cfg.Mode != ModeIntrospection || filled.DiscoveryURL != "" {
		if _, err := g.newSource(filled); err != nil {
			problems.Take("", err)
			return nil
		}
	}
	issuers := []string{strings.Replace(cfg.Issuer, placeholder, probe, 1)}
	if cfg.Issuer == "" {
		_, found, err := discovery.URLs(strings.Replace(cfg.DiscoveryURL, placeholder, probe, 1))
		if err != nil {
			problems.Add("DiscoveryURL", "%v", err)
			return nil
		}
		issuers = found
	}
	for _, iss := range issuers {
		prefix, suffix, _ := strings.Cut(iss, probe)
		t.patterns = append(t.patterns, pattern{prefix, suffix})
	}
	return t
}

// listed are the tenants of a template that IssuerConfig.Tenants or Allow names, and that it may vouch for.
func (g *Guard) listed(cfg IssuerConfig, issuer *vouching) (list []string) {
	named := cfg.Tenants
	if named == nil {
		named = g.tenants.Allow
	}
	for _, tenant := range named {
		if validSegment(tenant) && issuer.covers(tenant) && (len(g.allow) == 0 || holds(g.allow, tenant)) {
			list = append(list, tenant)
		}
	}
	return list
}

// checkPlaceholder wants {tenant} at most once, as a whole segment of the path: the host stays fixed.
func checkPlaceholder(raw string) error {
	before, after, found := strings.Cut(raw, placeholder)
	if strings.ContainsAny(before+after, "{}") {
		return fmt.Errorf("%s may stand in it once, and no other braces", placeholder)
	}
	if !found {
		return nil
	}
	u, err := url.Parse(before) // ends in front of the tenant: scheme, host and the path so far
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(before, "?#") ||
		!strings.HasSuffix(u.Path, "/") || after != "" && !strings.HasPrefix(after, "/") {
		return fmt.Errorf("%s must be one whole segment of its path", placeholder)
	}
	return nil
}

// fill puts a tenant in the place of the placeholder.
func (t *template) fill(tenant string) IssuerConfig {
	cfg := t.cfg
	cfg.DiscoveryURL = strings.Replace(cfg.DiscoveryURL, placeholder, tenant, 1)
	cfg.Issuer = strings.Replace(cfg.Issuer, placeholder, tenant, 1)
	cfg.Endpoints.JWKS = strings.Replace(cfg.Endpoints.JWKS, placeholder, tenant, 1)
	return cfg
}

// issuer is the issuer of one tenant, in the spelling of the configuration.
func (t *template) issuer(tenant string) string {
	return t.patterns[0].prefix + tenant + t.patterns[0].suffix
}

// capture takes the tenant out of an issuer that fits.
func (t *template) capture(iss string) (tenant string, ok bool) {
	for _, p := range t.patterns {
		rest, ok := strings.CutPrefix(iss, p.prefix)
		if !ok {
			continue
		}
		if tenant, ok = strings.CutSuffix(rest, p.suffix); ok && validSegment(tenant) {
			return tenant, true
		}
	}
	return "", false
}

// validSegment holds a captured tenant to [A-Za-z0-9._-]{1,128}, and not . or .. either: it goes into a URL.
func validSegment(s string) bool {
	if s == "" || len(s) > maxSegment || s == "." || s == ".." {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
