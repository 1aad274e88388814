package zitadel

import (
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/middleware"
)

// The example storage gives one custom claim, for one custom scope, which holds the client's id: that is the tenant here.
const tenantScope = "custom_scope"

func tenant() *middleware.TenantPolicy {
	return &middleware.TenantPolicy{Claim: []string{"custom_claim", "client"}}
}

// suite is the provider with its clients. acme and globex are tenants whose access tokens are JWTs; those of web are opaque.
type suite struct {
	op   *Server
	acme string // base URL of an API for tokens of acme
}

func newSuite(t *testing.T) *suite {
	s := &suite{op: Start(t)}
	s.op.Register(t, Client{ID: "native", RedirectURIs: []string{interop.Callback}})
	for _, c := range []Client{{ID: "web"}, {ID: "acme", JWT: true}, {ID: "globex", JWT: true}} {
		c.Secret, c.RedirectURIs = interop.OddSecret, []string{interop.Callback}
		s.op.Register(t, c)
	}
	for _, id := range []string{"service", "other-service"} {
		s.op.Register(t, Client{ID: id, Secret: interop.OddSecret, Service: true, JWT: true})
	}
	s.acme = s.api(t, "acme")
	return s
}

// api is an API for the tokens of these clients: the example storage makes a client its own audience.
func (s *suite) api(t *testing.T, audience ...string) string {
	t.Helper()
	return interop.API(t, middleware.Config{DiscoveryURL: s.op.Issuer, Audience: audience, Mode: middleware.ModeJWT, Tenant: tenant()})
}

// relyingParty is our client at the provider; the secret is left out for the public one.
func (s *suite) relyingParty(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	cfg.DiscoveryURL = s.op.Issuer
	if cfg.ClientID != "native" && cfg.ClientSecret == "" && cfg.Auth == nil {
		cfg.ClientSecret = interop.OddSecret
	}
	if cfg.Scopes == nil {
		cfg.Scopes = []string{"openid", "offline_access", tenantScope}
	}
	return interop.NewClient(t, cfg)
}

func (s *suite) alice(t *testing.T) *interop.Person {
	return interop.NewPerson(t, "alice", password, s.op.Issuer)
}

// signedIn is a client with alice's tokens.
func (s *suite) signedIn(t *testing.T, clientID string) (*client.Client, *client.Tokens) {
	t.Helper()
	rp := s.relyingParty(t, client.Config{ClientID: clientID})
	tokens, _, _ := interop.SignIn(t, rp, s.alice(t))
	check.True(t, tokens.RefreshToken != "", "no refresh token")
	return rp, tokens
}

// refused holds err to a refusal of the provider with this status and code.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	e := check.As[*client.Error](t, err)
	check.Equal(t, e.Kind, client.KindRefused, "kind")
	check.Equal(t, e.Status, status, "status")
	check.Equal(t, e.Code, code, "code")
	check.Lacks(t, err.Error(), interop.OddSecret)
}
