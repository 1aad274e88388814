package interop

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
)

// Answer is what the API says of its caller.
type Answer struct {
	Status    int    `json:"-"`
	Challenge string `json:"-"` // WWW-Authenticate

	Subject, ClientID, Tenant, Method string
	Scopes                            []string
}

// API serves GET /whoami and, with a tenant policy, GET /tenants/{tenant}/whoami behind our guard; its base URL comes back.
func API(t testing.TB, cfg middleware.Config) string {
	t.Helper()
	guard, err := middleware.New(cfg)
	check.NoError(t, err)
	whoami := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := middleware.FromContext(r.Context())
		if !ok {
			t.Error("no principal behind the guard")
			return
		}
		_ = json.NewEncoder(w).Encode(Answer{ // the caller sees when it is cut
			Subject: p.Subject, ClientID: p.ClientID, Tenant: p.Tenant, Method: string(p.Method), Scopes: p.Scopes,
		})
	})
	mux := http.NewServeMux()
	mux.Handle("GET /whoami", guard.Wrap(whoami))
	if cfg.Tenant != nil {
		mux.Handle("GET /tenants/{tenant}/whoami", guard.Require(middleware.Tenant(middleware.PathValue("tenant")))(whoami))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// Call asks an API with a token; an empty one is not sent.
func Call(t testing.TB, target, token string) Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	check.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	check.NoError(t, err)
	return ReadAnswer(t, resp)
}

// ReadAnswer reads and closes an API's response.
func ReadAnswer(t testing.TB, resp *http.Response) Answer {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check.NoError(t, err)
	a := Answer{Status: resp.StatusCode, Challenge: resp.Header.Get("WWW-Authenticate")}
	if resp.StatusCode == http.StatusOK {
		check.NoError(t, json.Unmarshal(body, &a))
	}
	return a
}
