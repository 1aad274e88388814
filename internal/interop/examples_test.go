package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// build compiles programs of examples/ and gives the folder they are in.
func build(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, "./examples/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return dir
}

// program starts a built example with exactly this environment.
func program(t *testing.T, path string, env map[string]string, args ...string) *Process {
	t.Helper()
	cmd := exec.Command(path, args...) // Start ends it
	cmd.Env = []string{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, name+"="+env[name])
	}
	return Start(t, cmd)
}

// listening reads the line that every server of the examples prints first.
func listening(t *testing.T, p *Process) string {
	t.Helper()
	base, ok := strings.CutPrefix(p.Line(t, 20*time.Second), "listening on ")
	check.True(t, ok, "the first line is not: listening on URL")
	return base
}

func (s *oidcProviderSuite) exampleService(t *testing.T) string {
	dir := build(t, "service", "api")
	api := program(t, filepath.Join(dir, "api"), map[string]string{
		"ADDR": "127.0.0.1:0", "OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": "api", "OIDC_CLIENT_SECRET": oddSecret,
		"OIDC_AUDIENCE": ordersAPI + " " + archiveAPI, "OIDC_TENANT_CLAIM": "tenant", "OIDC_REQUIRED_SCOPES": "read",
	})
	base := listening(t, api)

	calls := func(resource, path string, exit int) (status []int) {
		t.Helper()
		service := program(t, filepath.Join(dir, "service"), map[string]string{
			"OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": "service", "OIDC_CLIENT_SECRET": oddSecret,
			"OIDC_SCOPES": "read", "OIDC_RESOURCES": resource, "API_URL": base + path,
		}, "-n", "2", "-every", "50ms")
		for range 2 {
			var line struct {
				Status         int `json:"status"`
				TokenExpiresIn int `json:"token_expires_in"`
			}
			check.NoError(t, json.Unmarshal([]byte(service.Line(t, 30*time.Second)), &line))
			check.True(t, line.TokenExpiresIn > 200, "the token expires in %d s, 300 were given", line.TokenExpiresIn)
			status = append(status, line.Status)
		}
		check.Equal(t, service.ExitCode(10*time.Second), exit, "exit code of the service for "+resource+path)
		return status
	}
	jwt := calls(ordersAPI, "/tenants/acme/whoami", 0)
	check.DeepEqual(t, jwt, []int{200, 200}, "with a JWT")
	opaque := calls(archiveAPI, "/whoami", 0)
	check.DeepEqual(t, opaque, []int{200, 200}, "with an opaque token")
	tenant := calls(ordersAPI, "/tenants/globex/whoami", 1)
	check.DeepEqual(t, tenant, []int{403, 403}, "at another tenant")
	audience := calls(billingAPI, "/whoami", 1)
	check.DeepEqual(t, audience, []int{401, 401}, "with a token for another API")
	check.Equal(t, api.End(15*time.Second), 0, "exit code of the API")
	return fmt.Sprintf("JWT %v, opaque %v, another tenant %v, another API's token %v", jwt, opaque, tenant, audience)
}

func (s *oidcProviderSuite) exampleLogin(t *testing.T) string {
	dir := build(t, "login")
	base := "http://" + freeAddress(t)
	s.op.Register(t, Client{
		ID: "example-login", Secret: oddSecret, RedirectURIs: []string{base + "/auth/callback"},
		PostLogoutRedirectURIs: []string{base + "/"}, GrantTypes: []string{"authorization_code", "refresh_token"},
		ResponseTypes: []string{"code"}, AlwaysRefresh: true,
	})
	app := program(t, filepath.Join(dir, "login"), map[string]string{
		"ADDR": strings.TrimPrefix(base, "http://"), "OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": "example-login",
		"OIDC_CLIENT_SECRET": oddSecret, "OIDC_REDIRECT_URL": base + "/auth/callback", "OIDC_SCOPES": "openid profile email",
		"OIDC_POST_LOGOUT_URL": base + "/",
	})
	check.Equal(t, listening(t, app), base, "where it listens")

	alice := s.alice(t)
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "before")
	page := alice.Visit(t, base+"/auth/login?return_to=/", "")
	check.Equal(t, page.URL.String(), base+"/", "where she came back to")
	check.Contains(t, page.Body, "alice")

	first := who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, first.Subject, "alice", "subject")
	check.Equal(t, first.Issuer, s.op.Issuer, "issuer")
	check.Equal(t, fmt.Sprint(first.Claims["tenant"]), "acme", "tenant")
	check.Equal(t, fmt.Sprint(first.UserInfo["email"]), "alice@acme.example", "email of userinfo")
	check.True(t, first.Refreshable, "not refreshable")
	check.Equal(t, alice.Post(t, base+"/refresh", url.Values{}, "").URL.String(), base+"/", "where the renewal ends")
	second := who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, second.Subject, "alice", "subject after the renewal")
	check.True(t, !second.ExpiresAt.Before(first.ExpiresAt), "the renewed token expires earlier")

	out := alice.Post(t, base+"/auth/logout", url.Values{}, "")
	check.DeepEqual(t, out.Forms, []string{"Sign out?"}, "forms of the provider at logout")
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "afterwards")
	check.Equal(t, app.End(15*time.Second), 0, "exit code")
	return fmt.Sprintf("signed in as %s of %v, userinfo, renewed, signed out at the provider too", first.Subject, first.Claims["tenant"])
}

// identity is what examples/login answers to a script.
type identity struct {
	Subject     string         `json:"subject"`
	Issuer      string         `json:"issuer"`
	Claims      map[string]any `json:"claims"`
	UserInfo    map[string]any `json:"userinfo"`
	ExpiresAt   time.Time      `json:"expires_at"`
	Refreshable bool           `json:"refreshable"`
}

func who(t *testing.T, page *Page) (who identity) {
	t.Helper()
	check.Equal(t, page.Status, http.StatusOK, page.URL.Path)
	check.NoError(t, json.Unmarshal([]byte(page.Body), &who))
	return who
}

// freeAddress is a loopback address that was free a moment ago: for a program whose redirect URL must be known before it listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
