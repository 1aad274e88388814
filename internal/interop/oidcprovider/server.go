// Package oidcprovider runs npm oidc-provider, a certified OpenID provider, in the shape of VoxKey.
package oidcprovider

import (
	"context"
	"embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/relyingparty/oidc/internal/interop"
)

//go:embed server.mjs realm.mjs store.mjs .npmrc package.json package-lock.json
var files embed.FS

// Server is one realm of a running provider.
type Server struct {
	Issuer  string
	Version string

	realm   string
	process *interop.Process
}

// Account is a person at the provider; the name is the key it is registered under.
type Account struct {
	Password string `json:"password"`
	Tenant   string `json:"tenant,omitempty"`
	Name     string `json:"name,omitempty"`
	Email    string `json:"email,omitempty"`
}

// Resource is an API the provider issues tokens for; the indicator is the key it is registered under.
type Resource struct {
	Format string `json:"format"`        // jwt or opaque
	Alg    string `json:"alg,omitempty"` // of a jwt: RS256 or ES256
	TTL    int    `json:"ttl,omitempty"` // seconds
}

// Client is a registration at the provider, in the words of OpenID Connect Dynamic Client Registration 2.
type Client struct {
	ID                     string              `json:"client_id"`
	Secret                 string              `json:"client_secret,omitempty"`
	JWKS                   *jose.JSONWebKeySet `json:"jwks,omitempty"` // for private_key_jwt
	AuthMethod             string              `json:"token_endpoint_auth_method,omitempty"`
	RedirectURIs           []string            `json:"redirect_uris"`
	PostLogoutRedirectURIs []string            `json:"post_logout_redirect_uris,omitempty"`
	BackChannelLogoutURI   string              `json:"backchannel_logout_uri,omitempty"`
	SessionRequired        bool                `json:"backchannel_logout_session_required,omitempty"` // sid in ID and logout tokens
	RequirePAR             bool                `json:"require_pushed_authorization_requests,omitempty"`
	GrantTypes             []string            `json:"grant_types,omitempty"`
	ResponseTypes          []string            `json:"response_types"`
	Tenant                 string              `json:"tenant,omitempty"`
	SkipPKCE               bool                `json:"skip_pkce,omitempty"`
	AlwaysRefresh          bool                `json:"always_refresh,omitempty"` // a refresh token without offline_access
}

// Start installs the provider if it is not in the cache, starts it and waits until it serves.
func Start(t testing.TB, accounts map[string]Account, resources map[string]Resource) *Server {
	t.Helper()
	modules := filepath.Join(install(t), "node_modules")

	// Node looks for modules beside the program: a folder that has both.
	dir := t.TempDir()
	interop.WriteAll(t, dir, files)
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join(dir, "server.mjs"))
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	s := &Server{process: interop.Start(t, cmd)}
	var about struct{ Version string }
	s.ask(t, map[string]any{"accounts": accounts, "resources": resources}, &about)
	s.Version = about.Version
	return s.Realm(t, "realm-1")
}

// Realm opens another realm of the same provider: its own issuer, keys, clients and sessions, the same accounts and APIs.
func (s *Server) Realm(t testing.TB, name string) *Server {
	t.Helper()
	return s.open(t, name, false)
}

// PostRealm is a Realm whose authorization endpoint takes POST too, as VoxKey's does. The provider's session cookie is
// SameSite=None there, which a real browser keeps over https only.
func (s *Server) PostRealm(t testing.TB, name string) *Server {
	t.Helper()
	return s.open(t, name, true)
}

func (s *Server) open(t testing.TB, name string, post bool) *Server {
	t.Helper()
	realm := &Server{Version: s.Version, realm: name, process: s.process}
	var answer struct{ Issuer string }
	realm.ask(t, map[string]any{"realm": name, "post": post}, &answer)
	realm.Issuer = answer.Issuer
	interop.AwaitReady(t, s.process, realm.Issuer+"/.well-known/openid-configuration", 15*time.Second)
	return realm
}

// Register adds a client to the running provider.
func (s *Server) Register(t testing.TB, c Client) {
	t.Helper()
	var answer struct{ Client string }
	s.ask(t, map[string]any{"realm": s.realm, "client": c}, &answer)
	if answer.Client != c.ID {
		t.Fatalf("the provider registered %q, want %q", answer.Client, c.ID)
	}
}

// RotateKeys makes the realm sign with new keys; it goes on publishing the old ones.
func (s *Server) RotateKeys(t testing.TB) {
	t.Helper()
	var answer struct{ Rotated string }
	s.ask(t, map[string]any{"realm": s.realm, "rotate": true}, &answer)
	if answer.Rotated != s.realm {
		t.Fatalf("the provider rotated the keys of %q, want %q", answer.Rotated, s.realm)
	}
}

// ask writes one line to the provider and reads the line that answers it.
func (s *Server) ask(t testing.TB, question, answer any) {
	t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	s.process.Send(t, string(line))
	if err := json.Unmarshal([]byte(s.process.Line(t, 30*time.Second)), answer); err != nil {
		t.Fatal(err)
	}
}

const minNode = 20

// install gives the folder with the node_modules of the committed lockfile, from the cache or by npm ci.
func install(t testing.TB) string {
	t.Helper()
	node, err := exec.Command("node", "--version").Output()
	if err != nil {
		interop.Unavailable(t, "oidc-provider needs Node %d or newer: node --version: %v", minNode, err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(node)), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < minNode {
		interop.Unavailable(t, "oidc-provider needs Node %d or newer, here is %s", minNode, strings.TrimSpace(string(node)))
	}
	lock, err := files.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	return interop.Cached(t, "oidc-provider", string(lock), func(dir string) {
		interop.WriteAll(t, dir, files)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		npm := exec.CommandContext(ctx, "npm", "ci", "--omit=dev")
		npm.Dir, npm.WaitDelay = dir, 10*time.Second
		if out, err := npm.CombinedOutput(); err != nil {
			interop.Unavailable(t, "npm ci of oidc-provider: %v\n%s", err, out)
		}
	})
}
