package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

// TestConfig checks that each mistake causes exactly the *oidc.ConfigErrors
// that it should, with the whole path of their fields.
func TestConfig(t *testing.T) {
	t.Parallel()
	type config = middleware.Config
	inspect := &introspect.Config{ClientID: "api", ClientSecret: "s3cret"}
	template := func(policy *middleware.TenantPolicy) func(*config) {
		return func(c *config) { c.DiscoveryURL, c.Tenant = realmsURL+"{tenant}", policy }
	}
	tenant := func(policy middleware.TenantPolicy) func(*config) { return func(c *config) { c.Tenant = &policy } }
	claim := []string{"tenant"}
	for name, c := range map[string]struct {
		edit func(*config)
		want []string // the field of each error, with a colon, and parts of their texts; nil if the configuration is right
	}{
		"as it is":                       {func(*config) {}, nil},
		"no issuer":                      {func(c *config) { c.DiscoveryURL = "" }, []string{"DiscoveryURL: "}},
		"not a URL":                      {func(c *config) { c.DiscoveryURL = "id.example.com" }, []string{"DiscoveryURL: "}},
		"plain http":                     {func(c *config) { c.DiscoveryURL = "http://id.example.com" }, []string{"DiscoveryURL: ", "https"}},
		"plain http on loopback":         {func(c *config) { c.DiscoveryURL = "http://127.0.0.1:8080/x" }, nil},
		"no audience":                    {func(c *config) { c.Audience = nil }, []string{"Audience: ", "SkipAudienceCheck"}},
		"an empty audience":              {func(c *config) { c.Audience = []string{"a", ""} }, []string{"Audience: "}},
		"audience and none":              {func(c *config) { c.SkipAudienceCheck = true }, []string{"SkipAudienceCheck: "}},
		"alg none":                       {func(c *config) { c.AccessTokenAlgs = []string{"none"} }, []string{"AccessTokenAlgs: "}},
		"alg HS256":                      {func(c *config) { c.AccessTokenAlgs = []string{"RS256", "HS256"} }, []string{"AccessTokenAlgs: ", "HS256"}},
		"skew":                           {func(c *config) { c.ClockSkew = 6 * time.Minute }, []string{"ClockSkew: "}},
		"negative skew":                  {func(c *config) { c.ClockSkew = -1 }, []string{"ClockSkew: "}},
		"lifetime":                       {func(c *config) { c.MaxLifetime = -1 }, []string{"MaxLifetime: "}},
		"mode":                           {func(c *config) { c.Mode = "jwts" }, []string{"Mode: ", `"jwts"`, `"introspection"`}},
		"mode by its zero value":         {func(c *config) { c.Mode = "" }, nil},
		"mode by its string":             {func(c *config) { c.Mode = "jwt" }, nil},
		"realm":                          {func(c *config) { c.Realm = "a\r\nb" }, []string{"Realm: "}},
		"realm beyond ASCII":             {func(c *config) { c.Realm = "caf\u00e9" }, []string{"Realm: "}},
		"realm with DEL":                 {func(c *config) { c.Realm = "a\x7f" }, []string{"Realm: "}},
		"resource with a quote":          {func(c *config) { c.ResourceURL = `https://api.example.com/"x` }, []string{"ResourceURL: "}},
		"resource":                       {func(c *config) { c.ResourceURL = "/api" }, []string{"ResourceURL: "}},
		"resource with a fragment":       {func(c *config) { c.ResourceURL = "https://api.example.com/#x" }, []string{"ResourceURL: "}},
		"static without issuer":          {func(c *config) { c.DiscoveryURL, c.Endpoints.JWKS = "", "https://id.example.com/jwks" }, []string{"Issuer: "}},
		"static without keys":            {func(c *config) { c.DiscoveryURL, c.Issuer = "", "https://id.example.com" }, []string{"Endpoints.JWKS: "}},
		"bad endpoint":                   {func(c *config) { c.Endpoints.JWKS = "ftp://x" }, []string{"Endpoints.JWKS: "}},
		"several mistakes":               {func(c *config) { c.Audience, c.ClockSkew, c.Realm = nil, -1, "\n" }, []string{"Audience: ", "ClockSkew: ", "Realm: "}},
		"introspection endpoint alone":   {func(c *config) { c.Endpoints.Introspection = "https://id.example.com/i" }, nil},
		"mode without introspection":     {func(c *config) { c.Mode = middleware.ModeIntrospection }, []string{"Introspection: "}},
		"both without introspection":     {func(c *config) { c.Mode = middleware.ModeBoth }, []string{"Introspection: "}},
		"ModeJWT with introspection":     {func(c *config) { c.Mode, c.Introspection = middleware.ModeJWT, inspect }, []string{"Mode: "}},
		"introspection without a client": {func(c *config) { c.Introspection = &introspect.Config{} }, []string{"Introspection.ClientID: "}},
		"issuer of others":               {func(c *config) { c.Issuers = []middleware.IssuerConfig{{}} }, []string{"Issuers[0].DiscoveryURL: "}},
		"nested introspection without a client": {func(c *config) {
			c.Mode = middleware.ModeBoth
			c.Introspection = inspect
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://a.example", Introspection: inspect}, {DiscoveryURL: "https://b.example", Introspection: &introspect.Config{MaxEntries: -1}}}
		}, []string{"Issuers[1].Introspection.ClientID: ", "Issuers[1].Introspection.MaxEntries: "}},
		"what issuers inherit is reported once": {func(c *config) {
			c.AccessTokenAlgs, c.ClockSkew, c.Introspection = []string{"none"}, -1, inspect
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://a.example"}}
		}, []string{"AccessTokenAlgs: ", "ClockSkew: "}},
		"issuer of others, alg": {func(c *config) {
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example", AccessTokenAlgs: []string{"x"}}}
		}, []string{"Issuers[0].AccessTokenAlgs: "}},
		"introspection of nobody": {func(c *config) {
			c.Issuers, c.DiscoveryURL, c.Introspection = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example"}}, "", inspect
		}, []string{"Introspection: "}},
		"an issuer twice":                {func(c *config) { c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: c.DiscoveryURL + "/"}} }, []string{"Issuers: ", "twice"}},
		"tenant":                         {tenant(middleware.TenantPolicy{Claim: claim}), nil},
		"tenant without a claim":         {tenant(middleware.TenantPolicy{}), []string{"Tenant.Claim: "}},
		"tenant with an empty claim":     {tenant(*middleware.RequireTenant("")), []string{"Tenant.Claim: "}},
		"tenant from no template":        {tenant(middleware.TenantPolicy{FromIssuer: true}), []string{"Tenant.FromIssuer: "}},
		"two allow-lists":                {tenant(middleware.TenantPolicy{Claim: claim, Allow: claim, AllowAnyTenant: true}), []string{"Tenant.Allow: "}},
		"an impossible tenant":           {tenant(middleware.TenantPolicy{Claim: claim, Allow: []string{"a\n"}}), []string{"Tenant.Allow: "}},
		"PathValue around a mux":         {tenant(*middleware.RequireTenant("t", middleware.PathValue("t"))), []string{"Tenant.Match: ", "Require"}},
		"a zero source":                  {tenant(*middleware.RequireTenant("t", middleware.TenantSource{})), []string{"Tenant.Match: "}},
		"a segment before the first":     {tenant(*middleware.RequireTenant("t", middleware.PathSegment(-1))), []string{"Tenant.Match: "}},
		"a suffix with a port":           {tenant(*middleware.RequireTenant("t", middleware.HostLabel("a.example:80"))), []string{"Tenant.Match: "}},
		"no suffix":                      {tenant(*middleware.RequireTenant("t", middleware.HostLabel("."))), []string{"Tenant.Match: "}},
		"the Host header":                {tenant(*middleware.RequireTenant("t", middleware.Header("host"))), []string{"Tenant.Match: ", "HostLabel"}},
		"not a header's name":            {tenant(*middleware.RequireTenant("t", middleware.Header("X Tenant"))), []string{"Tenant.Match: "}},
		"the Authorization header":       {tenant(*middleware.RequireTenant("t", middleware.Header("authorization"))), []string{"Tenant.Match: "}},
		"template":                       {template(anyTenant()), nil},
		"template with a list":           {template(&middleware.TenantPolicy{Claim: claim, Allow: []string{"acme"}}), nil},
		"template without a policy":      {template(nil), []string{"Tenant: "}},
		"template for anyone":            {template(&middleware.TenantPolicy{Claim: claim}), []string{"Tenant.Allow: "}},
		"template without a claim":       {template(&middleware.TenantPolicy{AllowAnyTenant: true}), []string{"Tenant.Claim: "}},
		"template from the issuer":       {template(&middleware.TenantPolicy{AllowAnyTenant: true, FromIssuer: true}), nil},
		"template with a bad tenant":     {template(&middleware.TenantPolicy{Claim: claim, Allow: []string{"a/b"}}), []string{"Tenant.Allow: "}},
		"template in the host":           {func(c *config) { c.DiscoveryURL, c.Tenant = "https://{tenant}.example.com/", anyTenant() }, []string{"DiscoveryURL: ", "segment"}},
		"template in part of a segment":  {func(c *config) { c.DiscoveryURL, c.Tenant = "https://id.example.com/realm-{tenant}", anyTenant() }, []string{"DiscoveryURL: ", "segment"}},
		"template twice":                 {func(c *config) { c.DiscoveryURL, c.Tenant = "https://id.example.com/{tenant}/{tenant}", anyTenant() }, []string{"DiscoveryURL: ", "once"}},
		"template of another name":       {func(c *config) { c.DiscoveryURL, c.Tenant = "https://id.example.com/{realm}", anyTenant() }, []string{"DiscoveryURL: ", "{tenant}"}},
		"template in the query":          {func(c *config) { c.DiscoveryURL, c.Tenant = "https://id.example.com/?a=/{tenant}", anyTenant() }, []string{"DiscoveryURL: "}},
		"template in an empty query":     {func(c *config) { c.DiscoveryURL, c.Tenant = "https://id.example.com/realms/?{tenant}", anyTenant() }, []string{"DiscoveryURL: ", "segment"}},
		"template in a fragment":         {func(c *config) { c.DiscoveryURL, c.Tenant = "https://id.example.com/realms/#{tenant}", anyTenant() }, []string{"DiscoveryURL: ", "segment"}},
		"template and more of a segment": {func(c *config) { c.DiscoveryURL, c.Tenant = "https://id.example.com/{tenant}-realm", anyTenant() }, []string{"DiscoveryURL: ", "segment"}},
		"template and a fixed document":  {func(c *config) { c.Issuer, c.Tenant = realmsURL+"{tenant}", anyTenant() }, []string{"DiscoveryURL: ", "document"}},
		"template without a host": {func(c *config) {
			c.Mode, c.Introspection, c.Tenant = middleware.ModeIntrospection, &introspect.Config{Endpoint: realmsURL + "i", ClientID: "api"}, anyTenant()
			c.DiscoveryURL, c.Issuer = "", "https:///{tenant}"
		}, []string{"Issuer: ", "segment"}},
		"template and a fixed issuer": {func(c *config) { template(anyTenant())(c); c.Issuer = "https://id.example.com" }, []string{"Issuer: "}},
		"template with introspection": {func(c *config) { template(anyTenant())(c); c.Introspection = inspect }, []string{"Introspection: "}},
		"template with its own": {func(c *config) {
			template(anyTenant())(c)
			c.Introspection, c.Endpoints.Introspection = inspect, realmsURL+"main/introspect"
		}, nil},
		"template, introspection alone": {func(c *config) {
			template(anyTenant())(c)
			c.Mode, c.Introspection, c.Endpoints.Introspection = middleware.ModeIntrospection, inspect, realmsURL+"main/introspect"
		}, nil},
		"template, introspection alone, no discovery": {func(c *config) {
			c.Mode, c.Introspection, c.Tenant = middleware.ModeIntrospection, &introspect.Config{Endpoint: realmsURL + "i", ClientID: "api"}, anyTenant()
			c.DiscoveryURL, c.Issuer = "", realmsURL+"{tenant}"
		}, nil},
		"template, introspection alone, no policy": {func(c *config) {
			template(nil)(c)
			c.Mode, c.Introspection, c.Endpoints.Introspection = middleware.ModeIntrospection, inspect, realmsURL+"main/introspect"
		}, []string{"Tenant: "}},
		"template over a fixed issuer": {func(c *config) {
			template(anyTenant())(c)
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: realmsURL + "a"}}
		}, []string{"Issuers: ", "twice"}},
		"template twice over": {func(c *config) {
			template(anyTenant())(c)
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: realmsURL + "{tenant}/"}}
		}, []string{"Issuers: ", "twice"}},
		"template, others, no claim": {func(c *config) {
			template(&middleware.TenantPolicy{AllowAnyTenant: true, FromIssuer: true})(c)
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example", Tenants: claim}}
		}, []string{"Tenant.Claim: "}},
		"several issuers, any tenant of any": {func(c *config) {
			c.Tenant, c.Issuers = middleware.RequireTenant("tenant"), []middleware.IssuerConfig{{DiscoveryURL: "https://b.example"}}
		}, []string{"Tenant: ", "move it into Issuers", "Issuers[0].Tenants: "}},
		"several issuers, one not listed": {func(c *config) {
			c.DiscoveryURL, c.Tenant = "", &middleware.TenantPolicy{Claim: claim, Allow: claim}
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://a.example", Tenants: claim}, {DiscoveryURL: "https://b.example"}}
		}, []string{"Issuers[1].Tenants: "}},
		"several issuers, all listed": {func(c *config) {
			c.DiscoveryURL, c.Tenant = "", middleware.RequireTenant("tenant")
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://a.example", Tenants: claim}, {DiscoveryURL: "https://b.example", Tenants: claim}}
		}, nil},
		"several issuers, a function": {func(c *config) {
			c.Tenant = &middleware.TenantPolicy{Claim: claim, AllowFunc: func(context.Context, string, string) (bool, error) { return false, nil }}
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example"}}
		}, nil},
		"several issuers, shared": {func(c *config) {
			c.Tenant = &middleware.TenantPolicy{Claim: claim, AllowSharedTenants: true}
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example"}}
		}, nil},
		"several issuers, no tenants": {func(c *config) { c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example"}} }, nil},
		"one issuer in a list": {func(c *config) {
			c.DiscoveryURL, c.Tenant, c.Issuers = "", middleware.RequireTenant("tenant"), []middleware.IssuerConfig{{DiscoveryURL: "https://b.example"}}
		}, nil},
		"template and an issuer": {func(c *config) {
			template(anyTenant())(c)
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example"}}
		}, []string{"Issuers[0].Tenants: "}},
		"template and a listed issuer": {func(c *config) {
			template(anyTenant())(c)
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example", Tenants: claim}}
		}, nil},
		"two templates": {func(c *config) {
			template(anyTenant())(c)
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example/{tenant}"}}
		}, []string{"Tenant: ", "Issuers[0].Tenants: "}},
		"two templates, listed": {func(c *config) {
			c.DiscoveryURL, c.Tenant = "", middleware.RequireTenant("tenant")
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://a.example/{tenant}", Tenants: claim}, {DiscoveryURL: "https://b.example/{tenant}", Tenants: claim}}
		}, nil},
		"one template, listed": {func(c *config) {
			c.DiscoveryURL, c.Tenant = "", middleware.RequireTenant("tenant")
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://a.example/{tenant}", Tenants: claim}}
		}, nil},
		"an empty list of tenants": {func(c *config) {
			c.Tenant, c.DiscoveryURL = middleware.RequireTenant("tenant"), ""
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example", Tenants: []string{}}}
		}, []string{"Issuers[0].Tenants: ", "empty"}},
		"tenants without a policy": {func(c *config) {
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example", Tenants: claim}}
		}, []string{"Issuers[0].Tenants: ", "Config.Tenant"}},
		"an impossible tenant of an issuer": {func(c *config) {
			c.DiscoveryURL, c.Tenant = "", middleware.RequireTenant("tenant")
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example", Tenants: []string{"a", ""}}}
		}, []string{"Issuers[0].Tenants: "}},
		"an impossible tenant of a template": {func(c *config) {
			c.DiscoveryURL, c.Tenant = "", middleware.RequireTenant("tenant")
			c.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://b.example/{tenant}", Tenants: []string{"a", "b/c"}}}
		}, []string{"Issuers[0].Tenants: "}},
		"template, nothing but one error": {template(&middleware.TenantPolicy{FromIssuer: true, AllowAnyTenant: true, Match: []middleware.TenantSource{{}}}), []string{"Tenant.Match: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := middleware.Config{DiscoveryURL: "https://id.example.com", Audience: []string{"https://api.example.com"}}
			c.edit(&cfg)
			guard, err := middleware.New(cfg)
			if c.want == nil {
				check.NoError(t, err)
				return
			}
			check.True(t, err != nil && guard == nil, "no error")
			check.Contains(t, err.Error(), c.want...)
			var fields, want []string
			for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
				wrong := check.As[*oidc.ConfigError](t, one)
				check.Equal(t, wrong.Package, "middleware", "package of "+one.Error())
				fields = append(fields, wrong.Field)
			}
			for _, part := range c.want {
				if field, ok := strings.CutSuffix(part, ": "); ok {
					want = append(want, field)
				}
			}
			check.DeepEqual(t, slices.Sorted(slices.Values(fields)), slices.Sorted(slices.Values(want)), "fields of "+err.Error())
			check.Equal(t, fmt.Sprint(check.Panics(t, func() { middleware.Protect(cfg) })), err.Error(), "panic of Protect")
		})
	}
}

// TestConfigIsCopied: changing the Config after New has no effect.
func TestConfigIsCopied(t *testing.T) {
	t.Parallel()
	op, _ := setup(t)
	cfg := forProvider(op)
	cfg.AccessTokenAlgs = []string{"ES256"}
	cfg.Tenant = &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme"}, Match: []middleware.TenantSource{middleware.Header("X-Tenant")}}
	guard := newGuard(t, cfg)
	cfg.AccessTokenAlgs[0], cfg.Audience[0], cfg.Tenant.Claim[0], cfg.Tenant.Allow[0] = "x", "x", "x", "x"
	cfg.Tenant.Match[0] = middleware.Header("X-Other")
	w, _ := serve(guard.Wrap, forTenant("acme")(op))
	check.Equal(t, w.Code, http.StatusNoContent, "status")
}

// TestObserver: the observer receives every request to the provider, including
// introspection.
func TestObserver(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	op, guard := setup(t, byIntrospection, func(cfg *middleware.Config) {
		cfg.Observer = func(_ context.Context, e oidc.Event) {
			mu.Lock()
			defer mu.Unlock()
			seen[fmt.Sprint(e.Operation, " ", e.URL, " ", e.Err == nil)]++
		}
	})
	op.Fault("introspect", func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "", http.StatusInternalServerError)
		return true
	})
	wantReason(t, guard, op.AccessToken(nil), "")
	wantReason(t, guard, "opaque", middleware.ReasonProviderUnavailable)
	mu.Lock()
	defer mu.Unlock()
	for operation := range seen {
		known := slices.ContainsFunc(
			[]string{"discovery document", "key set", "introspection endpoint"},
			func(name string) bool { return strings.HasPrefix(operation, name+" ") },
		)
		check.True(t, known, "%s is no operation of the documentation", operation)
	}
	check.Equal(t, seen[oidc.OperationKeySet+" "+op.URL("jwks")+" true"], 1, fmt.Sprint("fetches of the keys in ", seen))
	check.True(t, seen[oidc.OperationDiscovery+" "+op.Issuer()+"/.well-known/openid-configuration true"] >= 1, "discovery in %v", seen)
	check.True(t, seen[oidc.OperationIntrospection+" "+op.URL("introspect")+" false"] >= 1, "introspection in %v", seen)
}

func TestError(t *testing.T) {
	t.Parallel()
	e := &middleware.Error{Reason: middleware.ReasonTokenExpired}
	check.Equal(t, e.Error(), "middleware: token_expired: the token has expired", "text")
	check.Equal(t, e.Status(), http.StatusUnauthorized, "status")
	check.Error(t, fmt.Errorf("wrapped: %w", e), &middleware.Error{Reason: middleware.ReasonTokenExpired})
	check.Equal(t, (&middleware.Error{Reason: "made up"}).Status(), http.StatusInternalServerError, "status of no reason")
}
