package keycloak

import (
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/faults"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) faults(t *testing.T) string {
	issuer := s.kc.Issuer(Acme)
	return faults.Run(t, faults.Target{
		Service: client.Config{DiscoveryURL: issuer, ClientID: "service", ClientSecret: interop.OddSecret},
		JWT: &faults.API{
			Config: middleware.Config{DiscoveryURL: issuer, Audience: []string{OrdersAPI}, Mode: middleware.ModeJWT},
		},
		Introspection: &faults.API{
			Config: middleware.Config{
				DiscoveryURL: issuer, Audience: []string{OrdersAPI}, Mode: middleware.ModeIntrospection, Introspection: s.introspection(),
			},
		},
		Login:  client.Config{DiscoveryURL: issuer, ClientID: "web", ClientSecret: interop.OddSecret},
		Person: s.person(t, Alice),
	})
}
