// Package zitadel runs the example provider of zitadel/oidc, a certified library, in the test's own process.
package zitadel

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"github.com/relyingparty/oidc/internal/interop"
)

// Server is one provider; its issuer ends with a slash.
type Server struct {
	Issuer  string
	Version string

	base  string
	mux   *http.ServeMux
	store *store
}

// Start serves the provider on a free port of loopback until the end of t.
func Start(t testing.TB) *Server {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s := mount(t, server.URL, "/", version(t), mux)
	interop.AwaitReady(t, nil, s.Issuer+".well-known/openid-configuration", 15*time.Second)
	return s
}

// Realm adds a provider with a path of its own to the same server. Its login page is the first one's: it is for services.
func (s *Server) Realm(t testing.TB, name string) *Server {
	t.Helper()
	return mount(t, s.base, "/realms/"+name+"/", s.Version, s.mux)
}

func mount(t testing.TB, base, path, version string, mux *http.ServeMux) *Server {
	t.Helper()
	s := &Server{Issuer: base + path, Version: version, base: base, mux: mux, store: newStore(t)}
	provider := exampleop.SetupServer(s.Issuer, s.store, slog.New(slog.DiscardHandler), false)
	mux.Handle(path, http.StripPrefix(strings.TrimSuffix(path, "/"), provider))
	return s
}

// version is what go.mod says: a test binary does not know.
func version(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "github.com/zitadel/oidc/v3").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
}

// users has alice and bob; the example storage keeps people by their id and finds them by their name.
type users map[string]*storage.User

const password = "wonder land"

func newUsers() users {
	u := users{}
	for _, name := range []string{"alice", "bob"} {
		u["id-of-"+name] = &storage.User{
			ID: "id-of-" + name, Username: name, Password: password, FirstName: name, Email: name + "@example.com", EmailVerified: true,
		}
	}
	return u
}

func (u users) GetUserByID(id string) *storage.User { return u[id] }

func (u users) GetUserByUsername(name string) *storage.User { return u["id-of-"+name] }

func (u users) ExampleClientID() string { return storage.ServiceUserID }
