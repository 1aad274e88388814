package glewlwyd

import (
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/interop/faults"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) faults(t *testing.T) string {
	audience := []string{ordersAPI}
	request := client.TokenRequest{Scopes: []string{"read"}, Resources: audience}
	return faults.Run(t, faults.Target{
		Service: client.Config{DiscoveryURL: s.acme, ClientID: "web", ClientSecret: plainSecret},
		JWT: &faults.API{
			Config:  middleware.Config{DiscoveryURL: s.acme, Audience: audience, Mode: middleware.ModeJWT},
			Request: request,
		},
		Introspection: &faults.API{
			Config: middleware.Config{
				DiscoveryURL: s.acme, Audience: audience, Mode: middleware.ModeIntrospection, Introspection: s.introspection(),
			},
			Request: request,
		},
		Login: client.Config{
			DiscoveryURL: s.acme, ClientID: "web", ClientSecret: plainSecret, Scopes: []string{"openid", "read"}, Resources: audience,
		},
		Person: s.server.Person(t, "alice"),
	})
}
