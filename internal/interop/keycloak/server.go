// Package keycloak runs a Keycloak with one realm a tenant, in the shape of the Docbyte Vault.
package keycloak

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/interop"
)

// The realms: one a tenant, alike but for their refresh tokens.
const (
	Acme   = "acme"   // a refresh token can be used again
	Globex = "globex" // each use gives a new refresh token and takes back the old one
)

// The people of each realm and their password. Only nemo has no tenant claim; mallory's names the other realm.
const (
	Alice    = "alice"
	Mallory  = "mallory"
	Nemo     = "nemo"
	Password = "wonder land"
)

// OrdersAPI is the audience of the access tokens of spa, web, service and service-stray, by an audience mapper.
const OrdersAPI = "https://orders.example.com"

// Server is a running Keycloak with data of its own.
//
// Each realm has the clients spa (public, PKCE demanded), web (confidential), web-brief (its sessions idle for 2 s), web-silent
// (no iss in the callback), service, service-stray (no tenant claim) and api (may introspect). Their secret is
// interop.OddSecret, their redirect URI interop.Callback; RegisterApp makes one for an app.
type Server struct {
	Version string
	Base    string // http://127.0.0.1:PORT, the host name in every issuer; http://localhost:PORT is served too

	process *interop.Process
	admin   *http.Client
}

// Start installs Keycloak if it is not in the cache, starts it and waits until it serves: about 10 s on two cores, and a
// minute more the first time.
func Start(t testing.TB) *Server {
	t.Helper()
	dist := install(t)
	home := homeOf(t, dist)
	data := filepath.Join(home, "data", "h2")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(data, os.DirFS(realms(t, dist))); err != nil {
		t.Fatal(err)
	}
	s := run(t, home)
	s.admin = adminClient(t, s.Base)
	return s
}

// Issuer is a realm's issuer, which is its discovery URL too.
func (s *Server) Issuer(realm string) string { return s.Base + "/realms/" + realm }

// run starts a built Keycloak at a free address of this machine.
func run(t testing.TB, home string, args ...string) *Server {
	t.Helper()
	address := interop.FreeAddress(t)
	s := &Server{Version: version, Base: "http://" + address}
	cmd := java(home, append([]string{
		"start", "--optimized", "--http-enabled=true", "--http-host=127.0.0.1", "--http-port=" + port(t, address), "--cache=local",
		// Browsers are sent to this name; a client may reach the server by another.
		"--hostname=" + s.Base, "--hostname-backchannel-dynamic=true",
	}, args...)...)
	cmd.Env = append(os.Environ(), "KC_BOOTSTRAP_ADMIN_CLIENT_ID="+adminID, "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET="+interop.OddSecret)
	s.process = interop.Start(t, cmd)
	interop.AwaitReady(t, s.process, s.Base+"/realms/master/.well-known/openid-configuration", 2*time.Minute)
	return s
}
