package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/examples/internal/testop"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func TestCallsWithAToken(t *testing.T) {
	t.Parallel()
	op := testop.Start(t, oidctest.Config{Clients: []oidctest.Client{{ID: "service", Secret: "secret"}}})
	seen := make(chan string, 10)
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Authorization") }))
	t.Cleanup(api.Close)
	c, err := configure(testop.Env(map[string]string{
		"OIDC_DISCOVERY_URL": op.Issuer(), "OIDC_CLIENT_ID": "service", "OIDC_CLIENT_SECRET": "secret", "API_URL": api.URL + "/path",
	}))
	check.NoError(t, err)

	var out bytes.Buffer
	check.True(t, c.run(t.Context(), &out, 2, time.Millisecond), "the last call failed: %s", out.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	check.Equal(t, len(lines), 2, "lines")
	var got line
	check.NoError(t, json.Unmarshal([]byte(lines[1]), &got))
	check.Equal(t, got.Status, http.StatusOK, "status")
	check.True(t, got.TokenExpiresIn > 200 && got.TokenExpiresIn <= 300, "token_expires_in is %d", got.TokenExpiresIn)
	first, second := <-seen, <-seen
	check.Contains(t, first, "Bearer ")
	check.Equal(t, second, first, "the token of the second call")
	check.Equal(t, op.Requests("token"), 1, "token requests")
	check.Lacks(t, out.String(), strings.TrimPrefix(first, "Bearer "))
}

func TestFailuresAreLines(t *testing.T) {
	t.Parallel()
	op := testop.Start(t, oidctest.Config{Clients: []oidctest.Client{{ID: "service", Secret: "secret"}}})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(api.Close)
	for name, test := range map[string]struct {
		secret, url, want string
	}{
		"the API refuses":      {"secret", api.URL, `"status":418`},
		"the provider refuses": {"wrong", api.URL, `"error":`},
		"nobody is there":      {"secret", "http://127.0.0.1:1", `"status":0`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := configure(testop.Env(map[string]string{
				"OIDC_DISCOVERY_URL": op.Issuer(), "OIDC_CLIENT_ID": "service", "OIDC_CLIENT_SECRET": test.secret, "API_URL": test.url,
			}))
			check.NoError(t, err)
			var out bytes.Buffer
			check.True(t, !c.run(t.Context(), &out, 1, time.Millisecond), "the last call succeeded: %s", out.String())
			check.Contains(t, out.String(), test.want)
		})
	}
}

func TestEveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	_, err := configure(testop.Env(map[string]string{"API_URL": "api.example.com"}))
	check.True(t, err != nil, "accepted")
	check.Contains(t, err.Error(), "OIDC_DISCOVERY_URL", "OIDC_CLIENT_ID", "API_URL: must be an absolute URL")
}
