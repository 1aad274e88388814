package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// discard is a ResponseWriter that discards everything.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

type floorKey struct{}

// behind is a handler that the compiler cannot inline.
var behind http.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// bare does what every middleware must do: it passes a context value to the
// next handler.
func bare() func() {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	return func() {
		behind.ServeHTTP(discard{}, r.WithContext(context.WithValue(r.Context(), floorKey{}, r)))
	}
}

// hit serves one request whose token is cached.
func hit(tb testing.TB, opaque bool) func() {
	op := oidctest.New(oidctest.Config{
		Alg: "ES256", OpaqueAccessTokens: opaque,
		Clients: []oidctest.Client{{ID: "api", Secret: "s3cret"}},
	})
	cfg := middleware.Config{
		DiscoveryURL: op.Issuer(), HTTPClient: op.HTTPClient(), Audience: []string{oidctest.DefaultResource},
		Tenant: middleware.RequireTenant("tenant", middleware.Header("X-Tenant")),
	}
	if opaque {
		cfg.Introspection = &introspect.Config{ClientID: "api", ClientSecret: "s3cret"}
	}
	guard, err := middleware.New(cfg)
	check.NoError(tb, err)
	reached := 0
	handler := guard.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+op.AccessToken(map[string]any{
		"tenant": "acme", "scope": "notes:read notes:write profile", "roles": []string{"editor", "reviewer"},
		"name": "Alice Example", "email": "alice@example.test", "sid": "0d3b8f2e-7c1b-4ef3-9b4d-2f4b5f0f6a11",
	}))
	r.Header.Set("X-Tenant", "acme")
	w := discard{http.Header{}}
	handler.ServeHTTP(w, r)
	check.Equal(tb, reached, 1, "requests that reached the handler")
	return func() { handler.ServeHTTP(w, r) }
}

// TestAllocations: a request with a cached token makes at most five allocations
// more than passing a context value.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	floor := testing.AllocsPerRun(1000, bare())
	for _, opaque := range []bool{false, true} {
		got := testing.AllocsPerRun(1000, hit(t, opaque))
		t.Logf("opaque %v: %v allocations, floor %v", opaque, got, floor)
		check.True(t, got <= floor+5, "opaque %v: %v allocations a request, floor %v", opaque, got, floor)
	}
}

// TestAllocationsOfValidation: validating a new token, with cached keys, makes
// at most 21 allocations. The bar of the project is 35.
func TestAllocationsOfValidation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	got := testing.AllocsPerRun(200, validation(t, "RS256"))
	t.Logf("%v allocations", got)
	check.True(t, got <= 21, "%v allocations a validation, want at most 21", got)
}

// validation validates a token as if it were new.
func validation(tb testing.TB, alg string) func() {
	op := oidctest.New(oidctest.Config{Alg: alg})
	guard, err := middleware.New(middleware.Config{
		DiscoveryURL: op.Issuer(), HTTPClient: op.HTTPClient(), Audience: []string{oidctest.DefaultResource},
		Tenant: middleware.RequireTenant("tenant"), TokenCacheSize: -1,
	})
	check.NoError(tb, err)
	c := middleware.Credential{Token: op.AccessToken(map[string]any{"tenant": "acme", "scope": "notes:read notes:write profile"})}
	return func() {
		_, err := guard.Authenticate(context.Background(), c)
		check.NoError(tb, err)
	}
}

func BenchmarkValidate(b *testing.B) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		b.Run(alg, func(b *testing.B) {
			validate := validation(b, alg)
			b.ReportAllocs()
			for b.Loop() {
				validate()
			}
		})
	}
}

func BenchmarkHit(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		serve := bare()
		b.ReportAllocs()
		for b.Loop() {
			serve()
		}
	})
	for name, opaque := range map[string]bool{"jwt": false, "introspection": true} {
		b.Run(name, func(b *testing.B) {
			serve := hit(b, opaque)
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}
