package client_test

import (
	"net/http"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
)

// Metadata from elsewhere may not have the client send its secret, its tokens
// or a browser to a service of its own machine.
func TestMetadataNamesLoopbackEndpoints(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.Edit("discovery", func(doc map[string]any) {
		doc["authorization_endpoint"] = "http://127.0.0.1:8500/authorize"
		doc["token_endpoint"] = "http://127.0.0.1:8500/v1/agent/service/register"
		doc["jwks_uri"] = "http://localhost:9200/_search"
		doc["userinfo_endpoint"] = "http://[::1]:2375/containers/json"
		doc["revocation_endpoint"] = "https://127.0.0.1/revoke"
		doc["end_session_endpoint"] = "https://localhost/logout"
	})
	c := newClient(t, p, func(cfg *client.Config) {
		cfg.HTTPClient = &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			if p.Issuer() != "https://"+r.URL.Host {
				t.Errorf("sent to %s", r.URL.Host)
			}
			return p.Transport().RoundTrip(r)
		})}
	})
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"authorization": func() error { _, err := c.Authorize(ctx); return err },
		"token":         func() error { _, err := c.ClientCredentials(client.TokenRequest{}).TokenContext(ctx); return err },
		"refresh":       func() error { _, err := c.Refresh(ctx, "r", client.TokenRequest{}); return err },
		"keys":          func() error { _, err := c.VerifyIDToken(ctx, p.IDToken(nil), client.Nonce("n")); return err },
		"userinfo":      func() error { _, err := c.UserInfo(ctx, "at", "alice"); return err },
		"revocation":    func() error { return c.Revoke(ctx, "r", "") },
		"end session":   func() error { _, err := c.EndSessionURL(ctx, client.EndSessionRequest{}); return err },
	} {
		t.Run(name, func(t *testing.T) { check.Error(t, call(), client.ErrEndpointMissing) })
	}
	report := c.Diagnose(ctx)
	check.Equal(t, finding(report, "metadata"), client.Problem, "finding about the endpoints")
	check.Equal(t, report.Keys, 0, "keys fetched")
}
