package glewlwyd

import (
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

// The APIs that scope read may be used for.
const (
	ordersAPI  = "https://orders.example.com"
	billingAPI = "https://billing.example.com"
)

// plainSecret has no character that form encoding changes: Glewlwyd does not decode what HTTP Basic brings.
const plainSecret = "a-secret-of-at-least-32-plain-bytes"

// suite is the server with an issuer for each of two tenants, clients that both know, and an API of the first.
type suite struct {
	server       *Server
	key          jose.JSONWebKey // of acme
	acme, globex string          // issuers
	orders       string          // base URL of the API
}

func newSuite(t *testing.T) *suite {
	s := &suite{server: Start(t), key: NewKey(t, "acme-1")}
	for _, scope := range []string{"read", "email", "profile"} {
		s.server.AddScope(t, scope)
	}
	for name, tenant := range map[string]string{"alice": "acme", "bob": "globex", "nemo": ""} {
		s.server.AddUser(t, name, tenant, "openid", "read", "email", "profile")
	}
	resources := map[string]any{
		"resource-allowed": true, "resource-scope": map[string]any{"read": []string{ordersAPI, billingAPI}},
		"resource-client-property": "resource", "resource-scope-and-client-property": false,
	}
	s.acme = s.server.AddIssuer(t, "acme", resources)
	resources["oauth-as-iss-id"] = false
	s.globex = s.server.AddIssuer(t, "globex", resources)
	s.server.SetKeys(t, "acme", s.key)

	code := []string{"code", "refresh_token"}
	for _, c := range []Client{
		{ID: "spa", Grants: code},
		{ID: "web", Secret: plainSecret, AuthMethods: []string{"client_secret_basic"}, Grants: append(code, "client_credentials")},
		{ID: "web-post", Secret: interop.OddSecret, AuthMethods: []string{"client_secret_post"}, Grants: code},
		{ID: "odd", Secret: interop.OddSecret, AuthMethods: []string{"client_secret_basic"}, Grants: code},
		{ID: "once", Secret: plainSecret, AuthMethods: []string{"client_secret_basic"}, Grants: code, RefreshOnce: "1"},
		{ID: "service", Secret: plainSecret, AuthMethods: []string{"client_secret_basic"}, Grants: []string{"client_credentials"}, Tenant: "acme"},
	} {
		c.Confidential, c.Scopes, c.RedirectURIs = c.Secret != "", []string{"read"}, []string{interop.Callback}
		s.server.Register(t, c)
	}
	s.orders = s.api(t, middleware.Config{Audience: []string{ordersAPI}, Mode: middleware.ModeJWT})
	return s
}

// api is an API of acme's behind our guard, tenant claim demanded.
func (s *suite) api(t *testing.T, cfg middleware.Config) string {
	t.Helper()
	cfg.DiscoveryURL, cfg.Tenant = s.acme, middleware.RequireTenant("tenant")
	return interop.API(t, cfg)
}

// introspection as the client web: the server tells a client about its own tokens only.
func (s *suite) introspection() *introspect.Config {
	return &introspect.Config{ClientID: "web", ClientSecret: plainSecret}
}

// relyingParty is our client at acme; secrets and scopes are filled in.
func (s *suite) relyingParty(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	cfg.DiscoveryURL = s.acme
	if cfg.Scopes == nil {
		cfg.Scopes = []string{"openid", "read"}
	}
	switch cfg.ClientID {
	case "spa":
	case "web-post":
		cfg.ClientSecret, cfg.AuthMethod = interop.OddSecret, "client_secret_post"
	case "odd":
		cfg.ClientSecret = interop.OddSecret
	default:
		if cfg.ClientSecret == "" && cfg.Auth == nil {
			cfg.ClientSecret = plainSecret
		}
	}
	return interop.NewClient(t, cfg)
}

// signedIn is a client with alice's tokens for the API of orders.
func (s *suite) signedIn(t *testing.T, clientID string) (*client.Client, *client.Tokens) {
	t.Helper()
	rp := s.relyingParty(t, client.Config{ClientID: clientID, Resources: []string{ordersAPI}})
	tokens, _, _ := interop.SignIn(t, rp, s.server.Person(t, "alice"))
	check.True(t, tokens.RefreshToken != "", "no refresh token")
	return rp, tokens
}

// exchange runs the code flow as alice and gives what came of it.
func (s *suite) exchange(t *testing.T, rp *client.Client, opts ...client.AuthOption) error {
	t.Helper()
	auth, err := rp.Authorize(interop.Deadline(t), opts...)
	check.NoError(t, err)
	_, err = rp.Exchange(interop.Deadline(t), s.server.Person(t, "alice").Visit(t, auth.URL, interop.Callback).URL.Query(), auth.Transaction)
	return err
}

// refused holds err to a refusal of the provider with this status and code, whose text says what to look at.
func refused(t *testing.T, err error, status int, code string, advice ...string) {
	t.Helper()
	e := check.As[*client.Error](t, err)
	check.Equal(t, e.Kind, client.KindRefused, "kind")
	check.Equal(t, e.Status, status, "status")
	check.Equal(t, e.Code, code, "code")
	check.Contains(t, err.Error(), advice...)
	check.Lacks(t, err.Error(), plainSecret, interop.OddSecret)
}
