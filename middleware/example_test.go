package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

var mux = http.NewServeMux()

func ExampleProtect() {
	protect := middleware.Protect(middleware.Config{
		DiscoveryURL: "https://id.example.com/realms/acme",
		Audience:     []string{"https://api.example.com"},
		Tenant:       middleware.RequireTenant("tenant"),
	})
	log.Fatal(http.ListenAndServe(":8080", protect(mux))) // handlers call middleware.FromContext(r.Context())
}

// Each route declares what it requires beyond a valid token.
func ExampleGuard_Require() {
	op := oidctest.New(oidctest.Config{Alg: "ES256"})
	guard, err := middleware.New(middleware.Config{
		DiscoveryURL: op.Issuer(),
		HTTPClient:   op.HTTPClient(),
		Audience:     []string{oidctest.DefaultResource},
		Tenant:       middleware.RequireTenant("tenant"),
	})
	if err != nil {
		log.Fatal(err) // all mistakes in the configuration at once; no network yet
	}
	mux := http.NewServeMux()
	mux.Handle("GET /tenants/{tenant}/notes", guard.Require(
		middleware.Tenant(middleware.PathValue("tenant")),
		middleware.Scopes("notes:read"),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		principal, _ := middleware.FromContext(r.Context())
		fmt.Fprintf(w, "notes of %s for %s", principal.Tenant, principal.Subject)
	})))

	get := func(path string, claims map[string]any) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+op.AccessToken(claims))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	get("/tenants/acme/notes", map[string]any{"tenant": "acme", "scope": "notes:read"})
	get("/tenants/globex/notes", map[string]any{"tenant": "acme", "scope": "notes:read"})
	get("/tenants/acme/notes", map[string]any{"tenant": "acme"})
	// Output:
	// 200 notes of acme for alice
	// 403 {"error":"forbidden","error_description":"the tenant does not match"}
	// 403 {"error":"insufficient_scope","error_description":"the token lacks a scope"}
}

// New reports all mistakes at once. Each is an *oidc.ConfigError.
func ExampleNew() {
	_, err := middleware.New(middleware.Config{
		DiscoveryURL: "http://id.example.com",
		ClockSkew:    time.Hour,
		Issuers: []middleware.IssuerConfig{{
			DiscoveryURL:  "https://login.example.net",
			Introspection: &introspect.Config{},
		}},
	})
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			if wrong, ok := errors.AsType[*oidc.ConfigError](err); ok {
				fmt.Println(wrong.Field)
			}
		}
	}
	// Output:
	// Audience
	// ClockSkew
	// DiscoveryURL
	// Issuers[0].Introspection.ClientID
}

// Require around a mux is a mistake if a policy reads a wildcard of a pattern,
// because the mux has not matched the request yet. The guard responds with a 500
// and logs why. Put Require inside the mux, around the handler of the pattern.
func ExampleGuard_Require_incorrect() {
	op := oidctest.New(oidctest.Config{Alg: "ES256"})
	guard, err := middleware.New(middleware.Config{
		DiscoveryURL: op.Issuer(),
		HTTPClient:   op.HTTPClient(),
		Audience:     []string{oidctest.DefaultResource},
		Tenant:       middleware.RequireTenant("tenant"),
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tenants/{tenant}/notes", func(http.ResponseWriter, *http.Request) {})
	incorrect := guard.Require(middleware.Tenant(middleware.PathValue("tenant")))(mux)

	r := httptest.NewRequest(http.MethodGet, "/tenants/acme/notes", nil)
	r.Header.Set("Authorization", "Bearer "+op.AccessToken(map[string]any{"tenant": "acme"}))
	w := httptest.NewRecorder()
	incorrect.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 500 {"error":"server_error","error_description":"the request cannot be authorized"}
}

// This is the core of a gRPC interceptor. Metadata are gRPC's headers, with
// names in lower case.
func ExampleGuard_Authenticate() {
	op := oidctest.New(oidctest.Config{Alg: "ES256"})
	guard, err := middleware.New(middleware.Config{
		DiscoveryURL: op.Issuer(),
		HTTPClient:   op.HTTPClient(),
		Audience:     []string{oidctest.DefaultResource},
		Tenant:       middleware.RequireTenant("tenant"),
	})
	if err != nil {
		log.Fatal(err)
	}
	intercept := func(ctx context.Context, metadata map[string][]string, tenant string) (context.Context, string) {
		var credential middleware.Credential
		if values := metadata["authorization"]; len(values) == 1 {
			if scheme, token, _ := strings.Cut(values[0], " "); strings.EqualFold(scheme, "bearer") {
				credential = middleware.Credential{Token: token, Tenants: []string{tenant}}
			}
		}
		principal, err := guard.Authenticate(ctx, credential, middleware.Scopes("notes:read"))
		if err == nil {
			return middleware.NewContext(ctx, principal), "OK"
		}
		var refusal *middleware.Error
		switch errors.As(err, &refusal); refusal.Status() {
		case http.StatusForbidden:
			return ctx, "PERMISSION_DENIED"
		case http.StatusServiceUnavailable:
			return ctx, "UNAVAILABLE"
		default:
			return ctx, "UNAUTHENTICATED"
		}
	}
	token := op.AccessToken(map[string]any{"tenant": "acme", "scope": "notes:read"})
	metadata := map[string][]string{"authorization": {"Bearer " + token}}
	ctx, code := intercept(context.Background(), metadata, "acme")
	tenant, _ := middleware.TenantFromContext(ctx)
	fmt.Println(code, tenant)
	_, code = intercept(context.Background(), metadata, "globex")
	fmt.Println(code)
	_, code = intercept(context.Background(), nil, "acme")
	fmt.Println(code)
	// Output:
	// OK acme
	// PERMISSION_DENIED
	// UNAUTHENTICATED
}

// These refusals have the body of a Docbyte Vault.
func ExampleConfig_docbyte() {
	render := func(_ *http.Request, e *middleware.Error) (contentType string, body []byte) {
		code := map[int]string{400: "BAD_REQUEST", 401: "NOT_AUTHORIZED", 403: "FORBIDDEN", 503: "UNAVAILABLE"}[e.Status()]
		body, _ = json.Marshal(map[string]any{"message": nil, "code": code})
		return "application/json", body
	}
	refuse(render)
	// Output:
	// 401 application/json {"code":"NOT_AUTHORIZED","message":null}
}

// These refusals are problem details (RFC 9457).
func ExampleConfig_problem() {
	render := func(_ *http.Request, e *middleware.Error) (contentType string, body []byte) {
		body, _ = json.Marshal(map[string]any{
			"status": e.Status(), "title": http.StatusText(e.Status()), "detail": e.Description(), "reason": e.Reason,
		})
		return "application/problem+json", body
	}
	refuse(render)
	// Output:
	// 401 application/problem+json {"detail":"a bearer token is required","reason":"token_missing","status":401,"title":"Unauthorized"}
}

// refuse prints how a guard responds to a request without a token.
func refuse(render func(*http.Request, *middleware.Error) (string, []byte)) {
	protect := middleware.Protect(middleware.Config{
		DiscoveryURL: "https://id.example.com/realms/acme",
		Audience:     []string{"https://api.example.com"},
		RenderError:  render,
	})
	w := httptest.NewRecorder()
	protect(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Body)
}

// Claims decodes claims that have no field in Principal.
func ExampleClaims() {
	type person struct {
		Name  string   `json:"name"`
		Roles []string `json:"roles"`
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		p, err := middleware.Claims[person](r.Context())
		if err != nil {
			http.Error(w, "who are you?", http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, p.Name, p.Roles)
	}
	op := oidctest.New(oidctest.Config{Alg: "ES256"})
	api := middleware.Protect(middleware.Config{
		DiscoveryURL: op.Issuer(),
		HTTPClient:   op.HTTPClient(),
		Audience:     []string{oidctest.DefaultResource},
	})(http.HandlerFunc(handler))

	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+op.AccessToken(map[string]any{"name": "Ada", "roles": []string{"editor"}}))
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	fmt.Print(w.Body)
	// Output: Ada [editor]
}
