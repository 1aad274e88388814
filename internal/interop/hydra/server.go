// Package hydra runs Ory Hydra, the server behind TokenOS, with the pages and the token hook that it leaves to its operator.
package hydra

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// Server is a running provider.
type Server struct {
	Issuer, AdminURL, Version string

	pages *pages
}

// Client is a registration at the provider, as its admin API takes it.
type Client struct {
	ID                     string   `json:"client_id"`
	Secret                 string   `json:"client_secret,omitempty"`
	AuthMethod             string   `json:"token_endpoint_auth_method,omitempty"`
	AuthAlg                string   `json:"token_endpoint_auth_signing_alg,omitempty"`
	Keys                   *KeySet  `json:"jwks,omitempty"`
	RedirectURIs           []string `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	BackChannelURL         string   `json:"backchannel_logout_uri,omitempty"`
	BackChannelSession     bool     `json:"backchannel_logout_session_required,omitempty"`
	GrantTypes             []string `json:"grant_types"`
	Scope                  string   `json:"scope"`
	Audience               []string `json:"audience"`                        // of its tokens: an allow-list
	AccessTokens           string   `json:"access_token_strategy,omitempty"` // opaque; jwt when empty

	Tenant string `json:"-"` // in the tokens of a service
}

// KeySet is what a client with private_key_jwt registers.
type KeySet struct {
	Keys []map[string]string `json:"keys"`
}

// The key sets that the provider signs with.
const (
	IDTokenKeys     = "hydra.openid.id-token"
	AccessTokenKeys = "hydra.jwt.access-token"
)

// Start builds the provider if it is not in the cache, starts it and waits until it serves. Access tokens are JWTs unless a
// client asks for opaque ones.
func Start(t testing.TB, accounts map[string]Account) *Server {
	t.Helper()
	program := filepath.Join(install(t), "hydra")
	public, admin := interop.FreeAddress(t), interop.FreeAddress(t)
	s := &Server{Issuer: "http://" + public + "/", AdminURL: "http://" + admin, Version: version(t, program)}
	s.pages = newPages(t, s.AdminURL, accounts)

	config, err := json.Marshal(map[string]any{
		"dsn": "memory",
		"log": map[string]any{"level": "warn"},
		"serve": map[string]any{
			"public": listen(public),
			"admin":  listen(admin),
		},
		"urls": map[string]any{
			"self":    map[string]any{"issuer": s.Issuer, "public": s.Issuer, "admin": s.AdminURL},
			"login":   s.pages.URL("/login"),
			"consent": s.pages.URL("/consent"),
			"logout":  s.pages.URL("/logout"),
		},
		"strategies": map[string]any{"access_token": "jwt"},
		"oauth2":     map[string]any{"token_hook": s.pages.URL("/token-hook")},
		"secrets":    map[string]any{"system": []string{"at least sixteen bytes for this test"}},
	})
	check.NoError(t, err)
	file := filepath.Join(t.TempDir(), "hydra.json")
	check.NoError(t, os.WriteFile(file, config, 0o600))

	// Plain http needs --dev. Nothing of this environment reaches it: each of its settings can be a variable, too.
	cmd := exec.Command(program, "serve", "all", "--dev", "--sqa-opt-out", "--config", file)
	cmd.Env = []string{}
	process := interop.Start(t, cmd)
	interop.AwaitReady(t, process, s.AdminURL+"/health/ready", 30*time.Second)
	interop.AwaitReady(t, process, s.Issuer+".well-known/openid-configuration", 30*time.Second)
	return s
}

// IntrospectionURL is at the admin port, which asks for no credentials; the metadata does not name it.
func (s *Server) IntrospectionURL() string { return s.AdminURL + "/admin/oauth2/introspect" }

func listen(address string) map[string]any {
	host, port, _ := strings.Cut(address, ":")
	return map[string]any{"host": host, "port": json.Number(port)}
}

// Register adds a client to the running provider.
func (s *Server) Register(t testing.TB, c Client) {
	t.Helper()
	s.pages.setTenant(c.ID, c.Tenant)
	check.NoError(t, ask(t.Context(), http.MethodPost, s.AdminURL+"/admin/clients", c, nil))
}

// Rotate makes the provider sign with a new key of that set, beside which it publishes the old ones.
func (s *Server) Rotate(t testing.TB, set string) {
	t.Helper()
	key := map[string]string{"alg": "RS256", "use": "sig"}
	check.NoError(t, ask(t.Context(), http.MethodPost, s.AdminURL+"/admin/keys/"+set, key, nil))
}

// Withdraw takes a key back.
func (s *Server) Withdraw(t testing.TB, set, kid string) {
	t.Helper()
	check.NoError(t, ask(t.Context(), http.MethodDelete, s.AdminURL+"/admin/keys/"+set+"/"+kid, nil, nil))
}

// Person has an account at the provider, and a browser.
func (s *Server) Person(t testing.TB, name string) *interop.Person {
	t.Helper()
	return interop.NewPerson(t, name, s.pages.accounts[name].Password, s.pages.URL("/"))
}

// ask sends body as JSON to the admin API and reads the answer; either may be nil.
func ask(ctx context.Context, method, target string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, req.URL.Path, resp.Status, raw)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(raw, answer)
}

// The part of Hydra that stores in SQLite, as dsn memory does, is left out without the first of these tags.
const tags = "sqlite,sqlite_omit_load_extension"

// install gives the folder with the program, from the cache or by go build of the module in folder server.
func install(t testing.TB) string {
	t.Helper()
	for tool, why := range map[string]string{"go": "it is built from source", "gcc": "its SQLite is written in C"} {
		if _, err := exec.LookPath(tool); err != nil {
			interop.Unavailable(t, "hydra needs %s, for %s: %v", tool, why, err)
		}
	}
	_, here, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(here), "server")
	content := []string{runtime.Version(), tags}
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		file, err := os.ReadFile(filepath.Join(module, name))
		check.NoError(t, err)
		content = append(content, string(file))
	}
	return interop.Cached(t, "hydra", strings.Join(content, "\n"), func(dir string) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
		defer cancel()
		build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", tags, "-o", filepath.Join(dir, "hydra"), ".")
		build.Dir, build.WaitDelay = module, 10*time.Second
		build.Env = append(os.Environ(), "CGO_ENABLED=1", "CC=gcc")
		if out, err := build.CombinedOutput(); err != nil {
			interop.Unavailable(t, "go build of hydra: %v\n%s", err, out)
		}
	})
}

// version is Hydra's, as the program itself has it.
func version(t testing.TB, program string) string {
	t.Helper()
	info, err := buildinfo.ReadFile(program)
	check.NoError(t, err)
	for _, module := range info.Deps {
		if module.Path == "github.com/ory/hydra/v2" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	t.Fatal("the program is no Hydra")
	return ""
}
