package keycloak

import (
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

// suite is the provider, and an API of tenant acme in front of which our guard stands.
type suite struct {
	kc     *Server
	orders string // base URL of the API
}

func newSuite(t *testing.T) *suite {
	s := &suite{kc: Start(t)}
	s.orders = s.api(t, middleware.Config{Audience: []string{OrdersAPI}, Mode: middleware.ModeJWT})
	return s
}

// api is an API of acme's behind our guard, tenant claim demanded.
func (s *suite) api(t *testing.T, cfg middleware.Config) string {
	t.Helper()
	cfg.DiscoveryURL, cfg.Tenant = s.kc.Issuer(Acme), middleware.RequireTenant("tenant")
	return interop.API(t, cfg)
}

func (s *suite) introspection() *introspect.Config {
	return &introspect.Config{ClientID: "api", ClientSecret: interop.OddSecret}
}

// introspector asks a realm's introspection endpoint without a guard.
func (s *suite) introspector(t *testing.T) *introspect.Client {
	t.Helper()
	cfg := s.introspection()
	cfg.DiscoveryURL = s.kc.Issuer(Acme)
	c, err := introspect.New(*cfg)
	check.NoError(t, err)
	return c
}

// relyingParty is our client at a realm; the secret is left out for the public one and for one with a key.
func (s *suite) relyingParty(t *testing.T, realm string, cfg client.Config) *client.Client {
	t.Helper()
	cfg.DiscoveryURL = s.kc.Issuer(realm)
	if cfg.ClientID != "spa" && cfg.Auth == nil && cfg.ClientSecret == "" {
		cfg.ClientSecret = interop.OddSecret
	}
	return interop.NewClient(t, cfg)
}

// person signs in at a fresh browser.
func (s *suite) person(t *testing.T, name string) *interop.Person {
	return interop.NewPerson(t, name, Password, s.kc.Base)
}

// tokens are those of alice at client web of a realm.
func (s *suite) tokens(t *testing.T, realm string, scopes ...string) (*client.Client, *client.Tokens) {
	t.Helper()
	rp := s.relyingParty(t, realm, client.Config{ClientID: "web", Scopes: append([]string{"openid"}, scopes...)})
	tokens, _, _ := interop.SignIn(t, rp, s.person(t, Alice))
	check.True(t, tokens.RefreshToken != "", "no refresh token")
	return rp, tokens
}

// service is a source of tokens of a realm's service account.
func (s *suite) service(t *testing.T, realm, id string) *client.TokenSource {
	t.Helper()
	return s.relyingParty(t, realm, client.Config{ClientID: id}).ClientCredentials(client.TokenRequest{})
}

// globexAPI is the API of the other tenant.
func (s *suite) globexAPI(t *testing.T) string {
	t.Helper()
	return interop.API(t, middleware.Config{
		DiscoveryURL: s.kc.Issuer(Globex), Audience: []string{OrdersAPI}, Tenant: middleware.RequireTenant("tenant"),
	})
}
