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

// Routes say what they need beyond a valid token.
func ExampleGuard_Require() {
	op := oidctest.New(oidctest.Config{Alg: "ES256"})
	guard, err := middleware.New(middleware.Config{
		DiscoveryURL: op.Issuer(),
		HTTPClient:   op.HTTPClient(),
		Audience:     []string{oidctest.DefaultResource},
		Tenant:       middleware.RequireTenant("tenant"),
	})
	if err != nil {
		log.Fatal(err) // every mistake in the configuration at once; no network yet
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

// The core of an interceptor: metadata is what gRPC calls headers, with names in lower case.
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

// Refusals as Docbyte Vault words them.
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

// Refusals as problem details (RFC 9457).
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

// refuse shows how a guard answers a request without a token.
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

// What the token says beyond the fields of a principal.
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
