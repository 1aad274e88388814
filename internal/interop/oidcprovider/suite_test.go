package oidcprovider

import (
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

// suite is the provider with its clients, and three APIs in front of which our guard stands.
type suite struct {
	op, byPost             *Server // realms; the second takes authorization requests by POST
	orders, billing, files string  // base URLs of the APIs
}

func newSuite(t *testing.T) *suite {
	s := &suite{op: Start(t,
		map[string]Account{
			"alice": {Password: "wonder land", Tenant: "acme", Name: "Alice", Email: "alice@acme.example"},
			"bob":   {Password: "builder", Tenant: "globex", Name: "Bob", Email: "bob@globex.example"},
			"nemo":  {Password: "nobody", Name: "Nemo", Email: "nemo@example.com"},
		},
		map[string]Resource{
			ordersAPI:  {Format: "jwt", Alg: "RS256"},
			billingAPI: {Format: "jwt", Alg: "ES256"},
			archiveAPI: {Format: "opaque"},
		})}
	code := []string{"authorization_code", "refresh_token"}
	for _, c := range []Client{
		{ID: "spa", AuthMethod: "none", GrantTypes: code},
		{ID: "web", Secret: interop.OddSecret, GrantTypes: code},
		{ID: "web-post", Secret: interop.OddSecret, AuthMethod: "client_secret_post", GrantTypes: code},
		{ID: "legacy", Secret: interop.OddSecret, GrantTypes: code, SkipPKCE: true},
		{ID: "pushed", Secret: interop.OddSecret, GrantTypes: code, RequirePAR: true},
	} {
		c.RedirectURIs, c.ResponseTypes = []string{interop.Callback}, []string{"code"}
		s.op.Register(t, c)
	}
	s.byPost = s.op.PostRealm(t, "by-post")
	s.byPost.Register(t, Client{
		ID: "spa", AuthMethod: "none", GrantTypes: code, RedirectURIs: []string{interop.Callback}, ResponseTypes: []string{"code"},
	})
	s.op.Register(t, machine("service", "client_credentials"))
	s.op.Register(t, machine("api"))

	s.orders = s.api(t, middleware.Config{Audience: []string{ordersAPI}, Mode: middleware.ModeJWT})
	s.billing = s.api(t, middleware.Config{Audience: []string{billingAPI}, Mode: middleware.ModeJWT})
	s.files = s.api(t, middleware.Config{Audience: []string{archiveAPI}, Introspection: s.introspection()})
	return s
}

// machine is a client without a person.
func machine(id string, grants ...string) Client {
	return Client{
		ID: id, Secret: interop.OddSecret, Tenant: "acme",
		RedirectURIs: []string{}, ResponseTypes: []string{}, GrantTypes: append([]string{}, grants...),
	}
}

func (s *suite) introspection() *introspect.Config {
	return &introspect.Config{ClientID: "api", ClientSecret: interop.OddSecret}
}

// api is an API of the provider's behind our guard, tenant claim demanded.
func (s *suite) api(t *testing.T, cfg middleware.Config) string {
	t.Helper()
	cfg.DiscoveryURL, cfg.Tenant = s.op.Issuer, middleware.RequireTenant("tenant")
	return interop.API(t, cfg)
}

// relyingParty is our client at the provider; the secret is left out for the public one.
func (s *suite) relyingParty(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	cfg.DiscoveryURL = s.op.Issuer
	if cfg.ClientID != "spa" {
		cfg.ClientSecret = interop.OddSecret
	}
	return interop.NewClient(t, cfg)
}

// alice signs in at a fresh browser; she is of tenant acme.
func (s *suite) alice(t *testing.T) *interop.Person {
	return interop.NewPerson(t, "alice", "wonder land", s.op.Issuer)
}

// offline is a confidential client that gets a refresh token for these APIs.
func (s *suite) offline(t *testing.T, resources ...string) (*client.Client, *client.Tokens) {
	t.Helper()
	rp := s.relyingParty(t, client.Config{
		ClientID: "web", Scopes: []string{"openid", "offline_access", "read"}, Resources: resources,
	})
	// This server gives a refresh token only when consent was asked for.
	tokens, _, _ := interop.SignIn(t, rp, s.alice(t), client.Prompt("consent"))
	check.True(t, tokens.RefreshToken != "", "no refresh token")
	return rp, tokens
}
