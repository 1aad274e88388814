package hydra

import (
	"net/url"
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
			Request: client.TokenRequest{Audience: []string{ordersAPI}},
		},
		Introspection: &faults.API{ // at the other port
			Config: middleware.Config{
				DiscoveryURL: s.op.Issuer, Audience: []string{archiveAPI}, Mode: middleware.ModeIntrospection, Introspection: s.introspection(),
			},
			Request: client.TokenRequest{Audience: []string{archiveAPI}},
		},
		Login: client.Config{
			DiscoveryURL: s.op.Issuer, ClientID: "web-post", ClientSecret: interop.OddSecret, AuthMethod: "client_secret_post",
			Scopes: []string{"openid", "offline_access", "read"}, ExtraAuthParams: url.Values{"audience": {ordersAPI}},
		},
		Person: s.op.Person(t, "alice"),
		Serial: true, // in memory, it refuses what comes while it writes
	})
}
