package keycloak

import (
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// exampleService is docs/providers.md's block of the Docbyte Vault: one API for every realm.
func (s *suite) exampleService(t *testing.T) string {
	dir := interop.Build(t, "service", "api")
	api := interop.Program(t, filepath.Join(dir, "api"), map[string]string{
		"ADDR": "127.0.0.1:0", "OIDC_DISCOVERY_URL": s.kc.Base + "/realms/{tenant}", "OIDC_TENANTS": Acme + " " + Globex,
		"OIDC_TENANT_CLAIM": "tenant", "OIDC_AUDIENCE": OrdersAPI, "OIDC_ERROR_FORMAT": "vault",
	})
	base := interop.Listening(t, api)
	calls := func(realm, id, path string, exit int) []int {
		t.Helper()
		return interop.ServiceCalls(t, dir, map[string]string{
			"OIDC_DISCOVERY_URL": s.kc.Issuer(realm), "OIDC_CLIENT_ID": id, "OIDC_CLIENT_SECRET": interop.OddSecret,
			"OIDC_AUTH_METHOD": "client_secret_post", "OIDC_SCOPES": "openid", "API_URL": base + path,
		}, exit)
	}
	check.DeepEqual(t, calls(Acme, "service", "/whoami", 0), []int{200, 200}, "acme")
	check.DeepEqual(t, calls(Globex, "service", "/tenants/globex/whoami", 0), []int{200, 200}, "globex at its tenant")
	check.DeepEqual(t, calls(Globex, "service", "/tenants/acme/whoami", 1), []int{403, 403}, "globex at acme")
	check.DeepEqual(t, calls(Acme, "service-stray", "/whoami", 1), []int{401, 401}, "without a tenant claim")
	check.Equal(t, api.End(15*time.Second), 0, "exit code of the API")
	return "one API for both realms: 200 at the own tenant, 403 at the other, 401 without a tenant claim"
}

func (s *suite) exampleLogin(t *testing.T) string {
	dir := interop.Build(t, "login")
	base := "http://" + interop.FreeAddress(t)
	s.kc.RegisterApp(t, Acme, "spa", "example-login", &interop.App{
		RedirectURL: base + "/auth/callback", PostLogoutURL: base + "/", BackChannelURL: base + "/auth/backchannel-logout",
	})
	app := interop.Program(t, filepath.Join(dir, "login"), map[string]string{
		"ADDR": strings.TrimPrefix(base, "http://"), "OIDC_DISCOVERY_URL": s.kc.Issuer(Acme), "OIDC_CLIENT_ID": "example-login",
		"OIDC_REDIRECT_URL": base + "/auth/callback", "OIDC_SCOPES": "openid email profile", "OIDC_POST_LOGOUT_URL": base + "/",
	})
	check.Equal(t, interop.Listening(t, app), base, "where it listens")

	alice := s.person(t, Alice)
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "before")
	page := alice.Visit(t, base+"/auth/login?return_to=/", "")
	check.Equal(t, page.URL.String(), base+"/", "where she came back to")
	first := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, first.Issuer, s.kc.Issuer(Acme), "issuer")
	check.Equal(t, fmt.Sprint(first.Claims["tenant"]), Acme, "tenant")
	check.Equal(t, fmt.Sprint(first.UserInfo["email"]), "alice@acme.example", "email of userinfo")
	check.True(t, first.Refreshable, "not refreshable")
	check.Equal(t, alice.Post(t, base+"/refresh", url.Values{}, "").URL.String(), base+"/", "where the renewal ends")
	second := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, second.Subject, first.Subject, "subject after the renewal")

	out := alice.Post(t, base+"/auth/logout", url.Values{}, "")
	check.Equal(t, len(out.Forms), 0, "forms of the provider at logout")
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "afterwards")
	check.Equal(t, len(alice.Visit(t, base+"/auth/login?return_to=/", "").Forms), 1, "forms at the next login")
	check.Equal(t, app.End(15*time.Second), 0, "exit code")
	return "the public client: signed in, userinfo, renewed, signed out at the provider too"
}

func (s *suite) exampleDoctor(t *testing.T) string {
	dir := interop.Build(t, "doctor")
	_, tokens := s.tokens(t, Acme)
	examine := func(token string) (string, error) {
		t.Helper()
		doctor := exec.CommandContext(interop.Deadline(t), filepath.Join(dir, "doctor"), s.kc.Issuer(Acme),
			"-audience", OrdersAPI, "-tenant-claim", "tenant", "-token", "-")
		doctor.Stdin = strings.NewReader(token)
		report, err := doctor.Output()
		return string(report), err
	}
	report, err := examine(tokens.AccessToken)
	check.NoError(t, err)
	check.Lacks(t, report, "problem", "warning")
	report, err = examine(tokens.RawIDToken)
	check.Equal(t, check.As[*exec.ExitError](t, err).ExitCode(), 1, "exit code for the ID token")
	check.Contains(t, report, "problem")
	return "nothing to complain about at the provider nor in its access token; the ID token: exit code 1"
}
