package middleware_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// These are the recipes of docs/providers.md. Each Example calls its API with a
// token that the provider could have issued.

func voxKeyAPI() middleware.Config {
	return middleware.Config{
		DiscoveryURL: "https://your-domain.com/oauth2/your-realm",
		Audience:     []string{"https://api.example.com"}, // the API resource of the realm
		Tenant:       middleware.RequireTenant("tenant"),  // assumed: the name of the claim
	}
}

func voxKeyIntrospected(secret string) middleware.Config {
	return middleware.Config{
		DiscoveryURL:  "https://your-domain.com/oauth2/your-realm",
		Audience:      []string{"https://api.example.com"},
		Tenant:        middleware.RequireTenant("tenant"),
		Mode:          middleware.ModeIntrospection,
		Introspection: &introspect.Config{ClientID: "api", ClientSecret: secret},
	}
}

func vaultAPI() middleware.Config {
	return middleware.Config{
		DiscoveryURL: "https://keycloak.acme.prod.docbyte.cloud/realms/{tenant}",
		Audience:     []string{"account"}, // a Keycloak's default; better is one of your own, by an audience mapper
		Tenant: &middleware.TenantPolicy{
			Claim: []string{"tenant"}, // assumed: its name; it must equal the realm
			Allow: []string{"globex", "initech"},
		},
	}
}

func authcoreAPI() middleware.Config {
	return middleware.Config{
		DiscoveryURL:    "https://auth.acme.com",
		AccessTokenAlgs: []string{"ES256"},
		Audience:        []string{"https://auth.acme.com"}, // assumed: look at the aud of a token
	}
}

func tokenOSAPI() middleware.Config {
	return middleware.Config{
		DiscoveryURL: "https://your-project.projects.oryapis.com",
		Audience:     []string{"https://api.example.com"},
		Tenant:       &middleware.TenantPolicy{Claim: []string{"ext", "tenant"}}, // Hydra keeps what it is given under ext
	}
}

func tokenOSIntrospected() middleware.Config {
	return middleware.Config{
		DiscoveryURL: "https://your-project.projects.oryapis.com",
		Audience:     []string{"https://api.example.com"},
		Tenant:       &middleware.TenantPolicy{Claim: []string{"ext", "tenant"}},
		Introspection: &introspect.Config{
			Endpoint: "https://your-project.projects.oryapis.com/admin/oauth2/introspect",
			ClientID: "api", AuthMethod: "none",
		},
	}
}

func ExampleConfig_voxKey() {
	op := oidctest.New(oidctest.VoxKey("https://your-domain.com", "your-realm"))
	token := op.AccessToken(map[string]any{"aud": "https://api.example.com", "tenant": "globex"})
	try(op, voxKeyAPI(), token)
	op.AddClient(oidctest.Client{ID: "api", Secret: "secret"})
	try(op, voxKeyIntrospected("secret"), token)
	// Output:
	// 200 alice of tenant globex, by jwt
	// 200 alice of tenant globex, by introspection
}

func ExampleConfig_docbyteVault() {
	op := oidctest.New(oidctest.DocbyteVault("acme", "prod", "globex"))
	try(op, vaultAPI(), op.AccessToken(map[string]any{"aud": "account", "tenant": "globex"}))
	try(op, vaultAPI(), op.AccessToken(map[string]any{"aud": "account", "tenant": "initech"})) // of another realm
	// Output:
	// 200 alice of tenant globex, by jwt
	// 401 tenant_mismatch
}

func ExampleConfig_authcore() {
	op := oidctest.New(oidctest.Authcore(""))
	try(op, authcoreAPI(), op.AccessToken(map[string]any{"aud": "https://auth.acme.com"}))
	// Output: 200 alice, by jwt
}

func ExampleConfig_tokenOS() {
	op := oidctest.New(oidctest.TokenOS(""))
	try(op, tokenOSAPI(), op.AccessToken(map[string]any{"aud": []string{"https://api.example.com"}, "ext": map[string]any{"tenant": "globex"}}))
	try(op, tokenOSAPI(), op.AccessToken(map[string]any{"aud": []string{}, "ext": map[string]any{"tenant": "globex"}})) // audience was not asked for

	cfg := oidctest.TokenOS("")
	cfg.OpaqueAccessTokens = true
	op = oidctest.New(cfg)
	try(op, tokenOSIntrospected(), op.AccessToken(map[string]any{"aud": []string{"https://api.example.com"}, "ext": map[string]any{"tenant": "globex"}}))
	// Output:
	// 200 alice of tenant globex, by jwt
	// 401 audience_mismatch
	// 200 alice of tenant globex, by introspection
}

// try puts the API in front of an in-memory provider and calls it.
func try(op *oidctest.Provider, cfg middleware.Config, token string) {
	cfg.HTTPClient = op.HTTPClient()
	cfg.RenderError = func(_ *http.Request, e *middleware.Error) (contentType string, body []byte) {
		return "text/plain", []byte(e.Reason)
	}
	guard, err := middleware.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := middleware.FromContext(r.Context())
		fmt.Fprint(w, who.Subject)
		if who.Tenant != "" {
			fmt.Fprint(w, " of tenant ", who.Tenant)
		}
		fmt.Fprint(w, ", by ", who.Method)
	})).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
}
