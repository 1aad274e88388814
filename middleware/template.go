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

// template is a family of issuers, one per tenant, such as
// https://id.example.com/realms/{tenant}. Each tenant has its own source, which
// the template makes when a token first names the tenant.
type template struct {
	cfg      IssuerConfig
	patterns []pattern // the issuer's: one, or two that differ in a trailing slash
	create   func(IssuerConfig) (*source, error)
	// introspect is shared by all tenants; nil without introspection.
	introspect *reader
	vouching   *vouching // of the issuers of all tenants
	listed     []string  // the tenants that the configuration lists, in its order; nil if it lists none
	sorted     []string  // listed, sorted
	asks       bool      // AllowFunc decides about tenants
	realms     realms
}

// pattern is the text before and after the tenant.
type pattern struct{ prefix, suffix string }

// isTemplate reports whether a URL contains the placeholder, or any brace,
// which must then be a mistyped placeholder.
func isTemplate(cfg IssuerConfig) bool {
	return strings.ContainsAny(cfg.DiscoveryURL+cfg.Issuer+cfg.Endpoints.JWKS, "{}")
}

// newTemplate checks cfg by making a source from it that is discarded. It
// returns nil if it reports a problem.
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
		wrong("Issuer", "put %s where the issuers contain their tenant, as in the other URLs", placeholder)
	}
	if right && cfg.DiscoveryURL != "" && !strings.Contains(cfg.DiscoveryURL, placeholder) {
		wrong("DiscoveryURL", "put %s into it too, because each tenant's issuer has its own document", placeholder)
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

// listed returns the tenants that IssuerConfig.Tenants or Allow lists and that
// the template's tokens may name.
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

// checkPlaceholder allows {tenant} at most once and only as a whole path
// segment, so that a token cannot choose the host.
func checkPlaceholder(raw string) error {
	before, after, found := strings.Cut(raw, placeholder)
	if strings.ContainsAny(before+after, "{}") {
		return fmt.Errorf("it may contain %s once, and no other braces", placeholder)
	}
	if !found {
		return nil
	}
	u, err := url.Parse(before) // scheme, host and path before the tenant
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(before, "?#") ||
		!strings.HasSuffix(u.Path, "/") || after != "" && !strings.HasPrefix(after, "/") {
		return fmt.Errorf("%s must be a whole path segment", placeholder)
	}
	return nil
}

// fill replaces the placeholder with tenant.
func (t *template) fill(tenant string) IssuerConfig {
	cfg := t.cfg
	cfg.DiscoveryURL = strings.Replace(cfg.DiscoveryURL, placeholder, tenant, 1)
	cfg.Issuer = strings.Replace(cfg.Issuer, placeholder, tenant, 1)
	cfg.Endpoints.JWKS = strings.Replace(cfg.Endpoints.JWKS, placeholder, tenant, 1)
	return cfg
}

// issuer returns the issuer of one tenant, as the configuration spells it.
func (t *template) issuer(tenant string) string {
	return t.patterns[0].prefix + tenant + t.patterns[0].suffix
}

// capture extracts the tenant from an issuer that matches the template.
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

// validSegment restricts a captured tenant to [A-Za-z0-9._-]{1,128} except .
// and .., because it becomes part of a URL.
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
