package faults_test

import (
	"net/http/httptest"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/faults"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// Our own provider, on a port: the suite can be tried where no other is installed.
func TestFaults(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String()
	server.Config.Handler = oidctest.New(oidctest.Config{Issuer: issuer, Alg: "ES256", Clients: []oidctest.Client{
		{ID: "web", Secret: "s", RedirectURIs: []string{interop.Callback}},
		{ID: "service", Secret: "s", Grants: []string{"client_credentials"}},
		{ID: "api", Secret: "s", Grants: []string{}},
	}})
	server.Start()
	t.Cleanup(server.Close)
	request := client.TokenRequest{Resources: []string{oidctest.DefaultResource}}
	t.Log(faults.Run(t, faults.Target{
		Service: client.Config{DiscoveryURL: issuer, ClientID: "service", ClientSecret: "s"},
		JWT: &faults.API{
			Config:  middleware.Config{DiscoveryURL: issuer, Audience: request.Resources, Mode: middleware.ModeJWT},
			Request: request,
		},
		Introspection: &faults.API{
			Config: middleware.Config{
				DiscoveryURL: issuer, Audience: request.Resources, Mode: middleware.ModeIntrospection,
				Introspection: &introspect.Config{ClientID: "api", ClientSecret: "s"},
			},
			Request: request,
		},
		Login:  client.Config{DiscoveryURL: issuer, ClientID: "web", ClientSecret: "s"},
		Person: interop.NewPerson(t, "alice", "", issuer),
	}))
}
