package oidctest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// This is the test of an API behind a guard. It needs no port and no network,
// and gets a token in one line.
func Example() {
	op := oidctest.New(oidctest.Config{})
	api := middleware.Protect(middleware.Config{
		DiscoveryURL: op.Issuer(),
		HTTPClient:   op.HTTPClient(),
		Audience:     []string{oidctest.DefaultResource},
		Tenant:       middleware.RequireTenant("tenant"),
	})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		principal, _ := middleware.FromContext(r.Context())
		fmt.Fprintf(w, "hello %s of %s", principal.Subject, principal.Tenant)
	}))

	for _, claims := range []map[string]any{{"tenant": "acme"}, {}, {"tenant": "acme", "exp": 1}} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+op.AccessToken(claims))
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 401
	// 401
}

// SignIn acts as the browser and the person. It returns the URL that the
// application's callback receives.
func ExampleProvider_SignIn() {
	op := oidctest.New(oidctest.Config{
		Alg:     "ES256",
		Clients: []oidctest.Client{{ID: "web", Secret: "s3cret", RedirectURIs: []string{"https://app.example.test/callback"}}},
	})
	callback, err := op.SignIn(op.URL("authorize")+
		"?response_type=code&client_id=web&redirect_uri=https%3A%2F%2Fapp.example.test%2Fcallback&scope=openid&state=xyz", "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(callback.Path, callback.Query().Get("state"), callback.Query().Has("code"))
	// Output: /callback xyz true
}

// A fault lasts until Clear. Times limits it.
func ExampleProvider_Fault() {
	op := oidctest.New(oidctest.Config{Alg: "ES256"})
	op.Fault("jwks", oidctest.Times(1, oidctest.Down))
	for range 2 {
		resp, err := op.HTTPClient().Get(op.URL("jwks"))
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// 503 Service Unavailable
	// 200 OK
}
