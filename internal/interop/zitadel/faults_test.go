package zitadel

import (
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/faults"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) faults(t *testing.T) string {
	return faults.Run(t, faults.Target{
		Service: client.Config{DiscoveryURL: s.op.Issuer, ClientID: "service", ClientSecret: interop.OddSecret},
		JWT: &faults.API{
			Config:  middleware.Config{DiscoveryURL: s.op.Issuer, Audience: []string{"service"}, Mode: middleware.ModeJWT},
			Request: client.TokenRequest{Scopes: []string{tenantScope}},
		},
		Introspection: &faults.API{ // the client itself asks, about tokens of people
			Config: middleware.Config{
				DiscoveryURL: s.op.Issuer, Audience: []string{"web"}, Mode: middleware.ModeIntrospection,
				Introspection: &introspect.Config{ClientID: "web", ClientSecret: interop.OddSecret, AllowMissingAudience: true},
			},
			Token: func(t *testing.T) string { _, tokens := s.signedIn(t, "web"); return tokens.AccessToken },
		},
		Login: client.Config{
			DiscoveryURL: s.op.Issuer, ClientID: "web", ClientSecret: interop.OddSecret, Scopes: []string{"openid", "offline_access"},
		},
		Person: s.alice(t),
	})
}
