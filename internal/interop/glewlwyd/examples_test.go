package glewlwyd

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

func (s *suite) exampleService(t *testing.T) string {
	dir := interop.Build(t, "service", "api")
	api := interop.Program(t, filepath.Join(dir, "api"), map[string]string{
		"ADDR": "127.0.0.1:0", "OIDC_DISCOVERY_URL": s.acme, "OIDC_AUDIENCE": ordersAPI, "OIDC_TENANT_CLAIM": "tenant",
		"OIDC_REQUIRED_SCOPES": "read",
	})
	base := interop.Listening(t, api)
	calls := func(secret, resource, path string, exit int) []int {
		t.Helper()
		return interop.ServiceCalls(t, dir, map[string]string{
			"OIDC_DISCOVERY_URL": s.acme, "OIDC_CLIENT_ID": "service", "OIDC_CLIENT_SECRET": secret,
			"OIDC_SCOPES": "read", "OIDC_RESOURCES": resource, "API_URL": base + path,
		}, exit)
	}
	good := calls(plainSecret, ordersAPI, "/tenants/acme/whoami", 0)
	check.DeepEqual(t, good, []int{200, 200}, "its own tenant")
	tenant := calls(plainSecret, ordersAPI, "/tenants/globex/whoami", 1)
	check.DeepEqual(t, tenant, []int{403, 403}, "at another tenant")
	audience := calls(plainSecret, billingAPI, "/whoami", 1)
	check.DeepEqual(t, audience, []int{401, 401}, "with a token for another API")
	check.Equal(t, api.End(15*time.Second), 0, "exit code of the API")
	return fmt.Sprintf("%v, another tenant %v, another API's token %v", good, tenant, audience)
}

// exampleApp starts examples/login for a client of that name; its base URL and its registration come back.
func (s *suite) exampleApp(t *testing.T, id string) (string, Client, *interop.Process) {
	t.Helper()
	base := "http://" + interop.FreeAddress(t)
	c := Client{
		ID: id, Confidential: true, Secret: plainSecret, AuthMethods: []string{"client_secret_basic"},
		RedirectURIs: []string{base + "/auth/callback"}, PostLogoutURIs: []string{base + "/"},
		Grants: []string{"code", "refresh_token"}, Scopes: []string{"read"},
	}
	s.server.Register(t, c)
	app := interop.Program(t, filepath.Join(interop.Build(t, "login"), "login"), map[string]string{
		"ADDR": strings.TrimPrefix(base, "http://"), "OIDC_DISCOVERY_URL": s.acme, "OIDC_CLIENT_ID": id,
		"OIDC_CLIENT_SECRET": plainSecret, "OIDC_REDIRECT_URL": base + "/auth/callback", "OIDC_SCOPES": "openid profile email",
		"OIDC_POST_LOGOUT_URL": base + "/",
	})
	check.Equal(t, interop.Listening(t, app), base, "where it listens")
	return base, c, app
}

func (s *suite) exampleLogin(t *testing.T) string {
	base, _, app := s.exampleApp(t, "example-login")
	alice := s.server.Person(t, "alice")
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "before")
	check.Equal(t, alice.Visit(t, base+"/auth/login?return_to=/", "").URL.String(), base+"/", "where she came back to")
	first := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, first.Issuer, s.acme, "issuer")
	check.Equal(t, fmt.Sprint(first.Claims["tenant"]), "acme", "tenant")
	check.Equal(t, fmt.Sprint(first.UserInfo["email"]), "alice@example.com", "email of userinfo")
	check.True(t, first.Refreshable, "not refreshable")
	check.Equal(t, alice.Post(t, base+"/refresh", url.Values{}, "").URL.String(), base+"/", "where the renewal ends")
	second := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, second.Subject, first.Subject, "subject after the renewal")
	check.True(t, !second.ExpiresAt.Before(first.ExpiresAt), "the renewed token expires earlier")

	out := alice.Post(t, base+"/auth/logout", url.Values{}, "")
	check.DeepEqual(t, out.Forms, []string{"Glewlwyd login"}, "pages of the provider at logout")
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "afterwards")
	check.Equal(t, app.End(15*time.Second), 0, "exit code")
	return "signed in as alice of acme, userinfo, renewed, signed out at the provider too"
}

// refreshSurvives: to a refresh with a wrong secret the server says what it says to a refresh token that is gone.
func (s *suite) refreshSurvives(t *testing.T) string {
	base, registered, _ := s.exampleApp(t, "example-survivor")
	alice := s.server.Person(t, "alice")
	check.Equal(t, alice.Visit(t, base+"/auth/login?return_to=/", "").URL.String(), base+"/", "where she came back to")
	before := interop.Who(t, alice.GetJSON(t, base+"/"))

	changed := registered
	changed.Secret = "another-" + plainSecret
	s.server.Change(t, changed)
	asked := alice.SendJSON(t, http.MethodPost, base+"/refresh", nil)
	check.Equal(t, asked.Status, http.StatusUnauthorized, "while the secret is another one")
	check.Contains(t, asked.Body, "login_required")
	check.True(t, interop.Who(t, alice.GetJSON(t, base+"/")).Refreshable, "the refresh token is lost")

	s.server.Change(t, registered)
	renewed := alice.SendJSON(t, http.MethodPost, base+"/refresh", nil)
	check.Equal(t, interop.Who(t, renewed).Subject, before.Subject, "subject, once the secret is right again")
	return "while the client's secret is wrong: 400 without a body, so asked to sign in again; the session and its refresh token stay and work afterwards"
}
