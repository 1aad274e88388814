package oidcprovider

import (
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/faults"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) faults(t *testing.T) string {
	return faults.Run(t, faults.Target{
		Service: client.Config{DiscoveryURL: s.op.Issuer, ClientID: "service", ClientSecret: interop.OddSecret},
		JWT: &faults.API{
			Config:  middleware.Config{DiscoveryURL: s.op.Issuer, Audience: []string{ordersAPI}, Mode: middleware.ModeJWT},
			Request: client.TokenRequest{Resources: []string{ordersAPI}},
		},
		Introspection: &faults.API{
			Config:  middleware.Config{DiscoveryURL: s.op.Issuer, Audience: []string{archiveAPI}, Introspection: s.introspection()},
			Request: client.TokenRequest{Resources: []string{archiveAPI}},
		},
		Login: client.Config{
			DiscoveryURL: s.op.Issuer, ClientID: "web", ClientSecret: interop.OddSecret,
			Scopes: []string{"openid", "offline_access", "read"}, Resources: []string{ordersAPI},
		},
		Options: []client.AuthOption{client.Prompt("consent")}, // or there is no refresh token
		Person:  s.alice(t),
	})
}
