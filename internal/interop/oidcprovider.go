package interop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// OIDCProvider is a running npm oidc-provider, in the shape of VoxKey.
type OIDCProvider struct {
	Issuer  string
	Version string

	process *Process
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
	ID                     string   `json:"client_id"`
	Secret                 string   `json:"client_secret,omitempty"`
	AuthMethod             string   `json:"token_endpoint_auth_method,omitempty"`
	RedirectURIs           []string `json:"redirect_uris"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	GrantTypes             []string `json:"grant_types,omitempty"`
	ResponseTypes          []string `json:"response_types"`
	Tenant                 string   `json:"tenant,omitempty"`
	SkipPKCE               bool     `json:"skip_pkce,omitempty"`
	AlwaysRefresh          bool     `json:"always_refresh,omitempty"` // a refresh token without offline_access
}

// StartOIDCProvider installs the provider if it is not in the cache, starts it and waits until it serves.
func StartOIDCProvider(t testing.TB, accounts map[string]Account, resources map[string]Resource) *OIDCProvider {
	t.Helper()
	modules := installOIDCProvider(t)

	// Node looks for modules beside the program: a folder that has both.
	dir := t.TempDir()
	program := filepath.Join(dir, "server.mjs")
	source, err := os.ReadFile(filepath.Join("oidc-provider", "server.mjs"))
	if err = errors.Join(err, os.WriteFile(program, source, 0o600), os.Symlink(modules, filepath.Join(dir, "node_modules"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", program)
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	p := &OIDCProvider{process: Start(t, cmd)}
	var about struct{ Issuer, Version string }
	p.ask(t, map[string]any{"accounts": accounts, "resources": resources}, &about)
	p.Issuer, p.Version = about.Issuer, about.Version
	p.awaitDiscovery(t)
	return p
}

// Register adds a client to the running provider.
func (p *OIDCProvider) Register(t testing.TB, c Client) {
	t.Helper()
	var answer struct{ Client string }
	p.ask(t, map[string]any{"client": c}, &answer)
	if answer.Client != c.ID {
		t.Fatalf("the provider registered %q, want %q", answer.Client, c.ID)
	}
}

// ask writes one line to the provider and reads the line that answers it.
func (p *OIDCProvider) ask(t testing.TB, question, answer any) {
	t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.process.stdin.Write(append(line, '\n')); err != nil {
		t.Fatalf("oidc-provider does not listen: %v\n%s", err, p.process.Log())
	}
	if err := json.Unmarshal([]byte(p.process.Line(t, 30*time.Second)), answer); err != nil {
		t.Fatal(err)
	}
}

func (p *OIDCProvider) awaitDiscovery(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("oidc-provider is not ready: %v\n%s", err, p.process.Log())
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("oidc-provider is not ready: discovery answers %s\n%s", resp.Status, p.process.Log())
	}
}

const minNode = 20

// installOIDCProvider gives the node_modules of the committed lockfile, from the cache or by npm ci.
func installOIDCProvider(t testing.TB) string {
	t.Helper()
	node, err := exec.Command("node", "--version").Output()
	if err != nil {
		unavailable(t, "oidc-provider needs Node %d or newer: node --version: %v", minNode, err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(node)), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < minNode {
		unavailable(t, "oidc-provider needs Node %d or newer, here is %s", minNode, strings.TrimSpace(string(node)))
	}

	digest := sha256.New()
	files := map[string][]byte{}
	for _, name := range []string{".npmrc", "package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join("oidc-provider", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
		fmt.Fprintf(digest, "%s %d\n%s", name, len(data), data)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	parent := filepath.Join(cache, "relyingparty-oidc-interop")
	final := filepath.Join(parent, "oidc-provider-"+hex.EncodeToString(digest.Sum(nil))[:16])
	modules := filepath.Join(final, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules
	}

	// Installed beside its place and moved there whole: a run that dies half way leaves nothing that looks installed.
	if err := os.MkdirAll(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	work, err := os.MkdirTemp(parent, "installing-") //nolint:usetesting // a rename needs the same file system
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(work)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(work, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--omit=dev")
	npm.Dir, npm.WaitDelay = work, 10*time.Second
	if out, err := npm.CombinedOutput(); err != nil {
		unavailable(t, "npm ci of oidc-provider: %v\n%s", err, out)
	}
	if err := os.Rename(work, final); err != nil {
		if _, other := os.Stat(modules); other != nil { // else another run was first
			t.Fatal(err)
		}
	}
	return modules
}

// unavailable skips a test whose server cannot be had here; INTEROP_REQUIRE=1 makes that a failure.
func unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("INTEROP_REQUIRE") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
