package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// severalIssuers returns an API that trusts each of these realms as a separate
// issuer.
func (f *realms) severalIssuers(policy middleware.TenantPolicy, issuers ...middleware.IssuerConfig) middleware.Config {
	policy.Claim = []string{"tenant"}
	return middleware.Config{
		HTTPClient: &http.Client{Transport: f}, Audience: []string{oidctest.DefaultResource}, Tenant: &policy, Issuers: issuers,
	}
}

// TestVouching: JWTs and introspection responses of an issuer may name only the
// issuer's own tenants.
func TestVouching(t *testing.T) {
	t.Parallel()
	issuer := func(name string, tenants ...string) middleware.IssuerConfig {
		return middleware.IssuerConfig{DiscoveryURL: realmsURL + name, Tenants: tenants}
	}
	inspect := func(one middleware.IssuerConfig) middleware.IssuerConfig {
		one.Introspection = &introspect.Config{ClientID: "api", ClientSecret: "s3cret"}
		return one
	}
	asksIssuer := func(_ context.Context, issuer, tenant string) (bool, error) {
		return issuer == realmsURL+map[string]string{"acme": "a", "globex": "b"}[tenant], nil
	}
	none, shared := middleware.TenantPolicy{}, middleware.TenantPolicy{AllowSharedTenants: true}
	for name, c := range map[string]struct {
		policy  middleware.TenantPolicy
		issuers []middleware.IssuerConfig
		accepts string // realm:tenant; every other pair is refused
	}{
		"listed":             {none, []middleware.IssuerConfig{issuer("a", "zeta", "acme"), issuer("b", "globex")}, "a:acme b:globex"},
		"listed twice":       {none, []middleware.IssuerConfig{issuer("a", "acme"), issuer("b", "globex", "acme")}, "a:acme b:acme b:globex"},
		"and allowed":        {middleware.TenantPolicy{Allow: []string{"acme"}}, []middleware.IssuerConfig{issuer("a", "acme"), issuer("b", "globex")}, "a:acme"},
		"a single issuer":    {none, []middleware.IssuerConfig{issuer("a", "acme")}, "a:acme"},
		"a function":         {middleware.TenantPolicy{AllowFunc: asksIssuer}, []middleware.IssuerConfig{issuer("a"), issuer("b")}, "a:acme b:globex"},
		"function and list":  {middleware.TenantPolicy{AllowFunc: asksIssuer}, []middleware.IssuerConfig{issuer("a"), issuer("b", "acme")}, "a:acme"},
		"shared":             {shared, []middleware.IssuerConfig{issuer("a"), issuer("b")}, "a:acme a:globex b:acme b:globex"},
		"shared but for one": {shared, []middleware.IssuerConfig{issuer("a"), issuer("b", "globex")}, "a:acme a:globex b:globex"},
		"by introspection": {none, []middleware.IssuerConfig{issuer("a", "acme"), inspect(issuer("opaque", "globex"))},
			"a:acme opaque:globex"},
		"by introspection, a function": {middleware.TenantPolicy{AllowFunc: func(_ context.Context, issuer, tenant string) (bool, error) {
			return issuer == realmsURL+"opaque" && tenant == "globex", nil
		}}, []middleware.IssuerConfig{issuer("a"), inspect(issuer("opaque"))}, "opaque:globex"},
	} {
		t.Run(name, func(t *testing.T) {
			all := newRealms("a", "b")
			all.providers["opaque"] = newProvider(oidctest.Config{Issuer: realmsURL + "opaque", OpaqueAccessTokens: true})
			guard := newGuard(t, all.severalIssuers(c.policy, c.issuers...))
			accepted := ""
			for _, one := range c.issuers {
				realm := one.DiscoveryURL[len(realmsURL):]
				for _, tenant := range []string{"acme", "globex"} {
					token := all.providers[realm].AccessToken(object{"tenant": tenant})
					_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: token})
					reason := reasonOf(t, err)
					wantReason(t, guard, token, reason) // from the cache too
					if reason == "" {
						accepted += " " + realm + ":" + tenant
						continue
					}
					check.Equal(t, reason, middleware.ReasonTenantUnknown, "reason for "+realm+":"+tenant)
				}
			}
			check.Equal(t, accepted, " "+c.accepts, "accepted")
		})
	}
}

// TestVouchingBesideATemplate: another issuer cannot name a realm's tenant, and
// a realm cannot name the other issuer's.
func TestVouchingBesideATemplate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy  middleware.TenantPolicy
		tenants []string // of the template
		accepts string   // realm:tenant; every other pair is refused
		refused middleware.Reason
	}{
		"any":                  {middleware.TenantPolicy{AllowAnyTenant: true}, nil, "acme:acme partner:initech", middleware.ReasonTenantUnknown},
		"on a list":            {middleware.TenantPolicy{Allow: []string{"acme", "initech"}}, nil, "acme:acme partner:initech", middleware.ReasonTenantUnknown},
		"lists on both":        {middleware.TenantPolicy{}, []string{"acme"}, "acme:acme partner:initech", middleware.ReasonTenantUnknown},
		"on the lists of both": {middleware.TenantPolicy{}, []string{"acme", "initech"}, "acme:acme initech:initech partner:initech", ""},
		"shared":               {middleware.TenantPolicy{AllowAnyTenant: true, AllowSharedTenants: true}, nil, "acme:acme initech:initech partner:initech", ""},
		"a function": {middleware.TenantPolicy{AllowFunc: func(_ context.Context, issuer, tenant string) (bool, error) {
			return issuer == realmsURL+tenant || issuer == "https://id.example.test/partner" && tenant == "initech", nil
		}}, nil, "acme:acme initech:initech partner:initech", ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := newRealms("acme", "initech")
			partner := newProvider(oidctest.Config{Issuer: "https://id.example.test/partner"})
			cfg := all.severalIssuers(c.policy,
				middleware.IssuerConfig{DiscoveryURL: realmsURL + "{tenant}", Tenants: c.tenants},
				middleware.IssuerConfig{DiscoveryURL: partner.Issuer(), Tenants: []string{"initech"}})
			cfg.HTTPClient = &http.Client{Transport: below{"/partner", partner, all}}
			guard := newGuard(t, cfg)
			accepted := ""
			for _, realm := range []string{"acme", "initech"} {
				other := map[string]string{"acme": "initech", "initech": "acme"}[realm]
				_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: all.providers[realm].AccessToken(object{"tenant": other})})
				check.True(t, err != nil, "realm %s was accepted for %s", realm, other)
				_, err = guard.Authenticate(context.Background(), middleware.Credential{Token: all.providers[realm].AccessToken(object{"tenant": realm})})
				if err == nil {
					accepted += " " + realm + ":" + realm
				} else {
					check.Equal(t, reasonOf(t, err), c.refused, "reason for realm "+realm)
					check.Equal(t, all.providers[realm].Requests("discovery"), 0, "requests for a realm that may not vouch")
				}
			}
			for _, tenant := range []string{"acme", "initech"} {
				_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: partner.AccessToken(object{"tenant": tenant})})
				if err == nil {
					accepted += " partner:" + tenant
				} else {
					check.Equal(t, reasonOf(t, err), middleware.ReasonTenantUnknown, "reason for partner:"+tenant)
				}
			}
			check.Equal(t, accepted, " "+c.accepts, "accepted")
		})
	}
}

// below sends requests below a path to one provider, and all others to the
// realms.
type below struct {
	path   string
	op     *oidctest.Provider
	realms *realms
}

func (b below) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, b.path+"/") {
		return b.op.Transport().RoundTrip(r)
	}
	return b.realms.RoundTrip(r)
}

// TestVouchingOfAnswers: an introspection response may name the tenants of the
// issuer that it names, or else of the issuer whose endpoint it is from.
func TestVouchingOfAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer object
		want   middleware.Reason
	}{
		"a realm's tenant":               {object{"iss": realmsURL + "acme", "tenant": "acme"}, ""},
		"a tenant that is not listed":    {object{"iss": realmsURL + "evil", "tenant": "evil"}, middleware.ReasonTenantUnknown},
		"the other issuer's tenant":      {object{"iss": "https://id.example.test/partner", "tenant": "initech"}, ""},
		"a realm's, by the other issuer": {object{"iss": "https://id.example.test/partner", "tenant": "acme"}, middleware.ReasonTenantUnknown},
		"the other template's tenant":    {object{"iss": "https://id.example.test/other/globex", "tenant": "globex"}, ""},
		"a realm's, by its namesake":     {object{"iss": "https://id.example.test/other/acme", "tenant": "acme"}, middleware.ReasonTenantUnknown},
		"a realm's, by nobody":           {object{"tenant": "acme"}, ""},
		"the other issuer's, by nobody":  {object{"tenant": "initech"}, middleware.ReasonTenantUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			all := newRealms("acme")
			cfg := all.sharing(&middleware.TenantPolicy{Claim: []string{"tenant"}}, c.answer)
			cfg.Issuers = []middleware.IssuerConfig{
				{DiscoveryURL: cfg.DiscoveryURL, Introspection: cfg.Introspection, Tenants: []string{"acme"}},
				{DiscoveryURL: "https://id.example.test/partner", Tenants: []string{"initech"}},
				{DiscoveryURL: "https://id.example.test/other/{tenant}", Tenants: []string{"globex"}},
			}
			cfg.DiscoveryURL, cfg.Introspection, cfg.AllowMissingIssuer = "", nil, true
			guard := newGuard(t, cfg)
			for range 2 {
				wantReason(t, guard, "opaque", c.want)
			}
		})
	}
	// A single issuer with introspection only.
	op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
	cfg := forProvider(op)
	byIntrospection(&cfg)
	cfg.Mode, cfg.Tenant = middleware.ModeIntrospection, middleware.RequireTenant("tenant")
	cfg.Issuers = []middleware.IssuerConfig{{DiscoveryURL: cfg.DiscoveryURL, Introspection: cfg.Introspection, Tenants: []string{"acme"}}}
	cfg.DiscoveryURL, cfg.Introspection = "", nil
	guard := newGuard(t, cfg)
	cfg.Issuers[0].Tenants[0] = "globex" // too late
	wantReason(t, guard, op.AccessToken(object{"tenant": "acme"}), "")
	wantReason(t, guard, op.AccessToken(object{"tenant": "globex"}), middleware.ReasonTenantUnknown)
	op.Edit("introspection", func(a object) { delete(a, "iss") })
	wantReason(t, guard, op.AccessToken(object{"tenant": "acme"}), "")
	wantReason(t, guard, op.AccessToken(object{"tenant": "globex"}), middleware.ReasonTenantUnknown)
}

// TestMetadataOfListedTenants: the metadata names the issuers that the lists
// leave to a template.
func TestMetadataOfListedTenants(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy  middleware.TenantPolicy
		tenants []string
		want    string
	}{
		"allowed":            {middleware.TenantPolicy{Allow: []string{"globex", "acme", "initech"}}, nil, `"` + realmsURL + `globex","` + realmsURL + `acme"`},
		"listed":             {middleware.TenantPolicy{}, []string{"initech", "acme"}, `"` + realmsURL + `initech","` + realmsURL + `acme"`},
		"listed and allowed": {middleware.TenantPolicy{Allow: []string{"globex", "acme"}}, []string{"initech", "acme"}, `"` + realmsURL + `acme"`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := newRealms().severalIssuers(c.policy,
				middleware.IssuerConfig{DiscoveryURL: realmsURL + "{tenant}", Tenants: c.tenants},
				middleware.IssuerConfig{Issuer: "https://partner.example.test", Endpoints: middleware.Endpoints{JWKS: "https://partner.example.test/jwks"}, Tenants: []string{"initech"}})
			cfg.ResourceURL = "https://api.example.test"
			w := httptest.NewRecorder()
			newGuard(t, cfg).ResourceMetadata().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			check.Contains(t, w.Body.String(), `"authorization_servers":["https://partner.example.test",`+c.want+`]`)
		})
	}
}
