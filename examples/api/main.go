// Command api is an API protected by one line. It is configured by the environment; see the README.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/relyingparty/oidc/examples/internal/env"
	"github.com/relyingparty/oidc/examples/internal/serve"
	"github.com/relyingparty/oidc/middleware"
)

func main() {
	r := env.New()
	logger := r.Logger()
	addr := r.Get("ADDR", "127.0.0.1:8081")
	handler, err := configure(r, logger)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := serve.Run(addr, handler, logger); err != nil {
		logger.Error("server stopped", "error", err)
		os.Exit(1)
	}
}

// routes is the API: whoami behind the guard, health and metadata outside it.
func routes(guard *middleware.Guard, scopes []string, tenants bool, resource string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /whoami", guard.Require(middleware.Scopes(scopes...))(http.HandlerFunc(whoami)))
	if tenants {
		mux.Handle("GET /tenants/{tenant}/whoami", guard.Require(
			middleware.Tenant(middleware.PathValue("tenant")), middleware.Scopes(scopes...),
		)(http.HandlerFunc(whoami)))
	}
	if resource != "" {
		mux.Handle("GET "+metadataPath, guard.ResourceMetadata())
		mux.Handle("GET "+metadataPath+"/", only(resource, guard.ResourceMetadata()))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := guard.Ready(r.Context()); err != nil {
			writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready"})
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	})
	return mux
}

const metadataPath = "/.well-known/oauth-protected-resource"

// only serves metadata where a challenge says that it is: the well-known path
// stands before the path of the resource (RFC 9728 section 3.1).
func only(resource string, metadata http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := url.Parse(resource)
		if err != nil || r.URL.Path != metadataPath+u.Path {
			http.NotFound(w, r)
			return
		}
		metadata.ServeHTTP(w, r)
	})
}

// identity is what whoami answers.
type identity struct {
	Subject  string          `json:"sub"`
	Issuer   string          `json:"iss"`
	Tenant   string          `json:"tenant"`
	Scopes   []string        `json:"scopes"`
	ClientID string          `json:"client_id"`
	Method   string          `json:"method"` // jwt, introspection or both
	Expiry   int64           `json:"exp"`    // seconds since 1970; 0 when the provider names none
	Claims   json.RawMessage `json:"claims"`
}

func whoami(w http.ResponseWriter, r *http.Request) {
	principal, ok := middleware.FromContext(r.Context())
	if !ok {
		http.Error(w, "whoami stands outside the guard", http.StatusInternalServerError)
		return
	}
	answer := identity{
		Subject:  principal.Subject,
		Issuer:   principal.Issuer,
		Tenant:   principal.Tenant,
		Scopes:   append([]string{}, principal.Scopes...),
		ClientID: principal.ClientID,
		Method:   string(principal.Method),
	}
	if !principal.Expiry.IsZero() {
		answer.Expiry = principal.Expiry.Unix()
	}
	if err := principal.Decode(&answer.Claims); err != nil {
		http.Error(w, "the claims cannot be read", http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller has gone
}
