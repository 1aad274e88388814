// Package testop starts a provider on a loopback port for the tests of the examples, which are whole programs and talk HTTP.
package testop

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/relyingparty/oidc/examples/internal/env"
	"github.com/relyingparty/oidc/oidctest"
)

// Start runs a provider until the test ends; its Issuer is where it listens.
func Start(t testing.TB, cfg oidctest.Config) *oidctest.Provider {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	cfg.Issuer = "http://" + server.Listener.Addr().String()
	provider := oidctest.New(cfg)
	server.Config.Handler = provider
	server.Start()
	t.Cleanup(server.Close)
	return provider
}

// Env reads a map instead of the process environment.
func Env(vars map[string]string) *env.Reader {
	return env.From(func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	})
}

// Logger logs to the test.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
