package middleware_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

func TestResourceMetadata(t *testing.T) {
	t.Parallel()
	op := newProvider(oidctest.Config{Issuer: "https://op.example.test/a/"})
	cfg := forProvider(op)
	cfg.DiscoveryURL = "https://op.example.test/a"
	cfg.ResourceURL = "https://api.example.test/v1"
	cfg.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://other.example.test/", Issuer: "https://other.example.test/"}}
	handler := newGuard(t, cfg).ResourceMetadata()
	ask := func(method string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, "/.well-known/oauth-protected-resource/v1", nil))
		return w
	}
	w := ask(http.MethodGet)
	check.Equal(t, w.Code, http.StatusOK, "status")
	check.Equal(t, w.Header().Get("Content-Type"), "application/json", "Content-Type")
	check.Equal(t, w.Header().Get("Cache-Control"), "public, max-age=300", "Cache-Control")
	var got map[string]any
	check.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	check.DeepEqual(t, got, map[string]any{
		"resource":                 "https://api.example.test/v1",
		"authorization_servers":    []any{"https://op.example.test/a/", "https://other.example.test/"},
		"bearer_methods_supported": []any{"header"},
	}, "metadata")
	check.Equal(t, ask(http.MethodHead).Body.Len(), 0, "body of HEAD")
	check.Equal(t, ask(http.MethodPost).Code, http.StatusMethodNotAllowed, "status of POST")

	// During an outage of the provider the likeliest spelling is returned, but
	// must not be cached.
	op.Fault("discovery", oidctest.Down)
	handler = newGuard(t, cfg).ResourceMetadata()
	w = ask(http.MethodGet)
	check.Contains(t, w.Body.String(), `"https://op.example.test/a"`)
	check.Equal(t, w.Header().Get("Cache-Control"), "no-store", "Cache-Control of a guess")

	all := newRealms()
	template := all.config(&middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme", "globex"}})
	template.ResourceURL = "https://api.example.test"
	handler = newGuard(t, template).ResourceMetadata()
	check.Contains(t, ask(http.MethodGet).Body.String(), `"authorization_servers":["https://id.example.test/realms/acme","https://id.example.test/realms/globex"]`)
	template.Tenant = anyTenant()
	handler = newGuard(t, template).ResourceMetadata()
	check.Lacks(t, ask(http.MethodGet).Body.String(), "authorization_servers")

	cfg.ResourceURL = ""
	handler = newGuard(t, cfg).ResourceMetadata()
	check.Equal(t, ask(http.MethodGet).Code, http.StatusNotFound, "status without a resource")
}

// TestResourceMetadataWaitsOnce: the discovery requests of several issuers run
// concurrently.
func TestResourceMetadataWaitsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := middleware.Config{
			Audience: []string{"x"}, ResourceURL: "https://api.example.com",
			HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})},
		}
		for i := range 20 {
			cfg.Issuers = append(cfg.Issuers, middleware.IssuerConfig{DiscoveryURL: fmt.Sprintf("https://id%d.example.test", i)})
		}
		handler := newGuard(t, cfg).ResourceMetadata()
		began := time.Now()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		check.Equal(t, time.Since(began), time.Second, "wait for 20 issuers")
		check.Contains(t, w.Body.String(), `"https://id0.example.test"`, `"https://id19.example.test"`)
		time.Sleep(time.Minute) // the fetches end
	})
}

// TestResourceMetadataURL checks the URL of RFC 9728 section 3.1.
func TestResourceMetadataURL(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]string{
		"https://api.example.com":        "https://api.example.com/.well-known/oauth-protected-resource",
		"https://api.example.com/":       "https://api.example.com/.well-known/oauth-protected-resource",
		"https://api.example.com/v1":     "https://api.example.com/.well-known/oauth-protected-resource/v1",
		"https://api.example.com:8/v1/":  "https://api.example.com:8/.well-known/oauth-protected-resource/v1/",
		"https://api.example.com?a=b":    "https://api.example.com/.well-known/oauth-protected-resource?a=b",
		"https://api.example.com/?a=b":   "https://api.example.com/.well-known/oauth-protected-resource?a=b",
		"https://api.example.com/v1?a=b": "https://api.example.com/.well-known/oauth-protected-resource/v1?a=b",
	} {
		_, guard := setup(t, func(cfg *middleware.Config) { cfg.ResourceURL = resource })
		w, _ := serve(guard.Wrap, get(""))
		check.Equal(t, w.Header().Get("Www-Authenticate"), `Bearer realm="api", resource_metadata="`+want+`"`, "challenge")
	}
}
