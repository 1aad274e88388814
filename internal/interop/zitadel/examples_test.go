package zitadel

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
		"ADDR": "127.0.0.1:0", "OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_AUDIENCE": "service",
		"OIDC_TENANT_CLAIM": `["custom_claim","client"]`,
	})
	base := interop.Listening(t, api)
	calls := func(id, path string, exit int) []int {
		t.Helper()
		return interop.ServiceCalls(t, dir, map[string]string{
			"OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": id, "OIDC_CLIENT_SECRET": interop.OddSecret,
			"OIDC_SCOPES": tenantScope, "API_URL": base + path,
		}, exit)
	}
	good := calls("service", "/tenants/service/whoami", 0)
	check.DeepEqual(t, good, []int{200, 200}, "its own tenant")
	tenant := calls("service", "/tenants/globex/whoami", 1)
	check.DeepEqual(t, tenant, []int{403, 403}, "at another tenant")
	audience := calls("other-service", "/whoami", 1)
	check.DeepEqual(t, audience, []int{401, 401}, "with a token for another API")
	check.Equal(t, api.End(15*time.Second), 0, "exit code of the API")
	return fmt.Sprintf("%v, another tenant %v, a token for another API %v", good, tenant, audience)
}

func (s *suite) exampleLogin(t *testing.T) string {
	base := "http://" + interop.FreeAddress(t)
	s.op.Register(t, Client{
		ID: "example-login", Secret: interop.OddSecret, RedirectURIs: []string{base + "/auth/callback"}, PostLogoutRedirectURIs: []string{base + "/"},
	})
	app := interop.Program(t, filepath.Join(interop.Build(t, "login"), "login"), map[string]string{
		"ADDR": strings.TrimPrefix(base, "http://"), "OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": "example-login",
		"OIDC_CLIENT_SECRET": interop.OddSecret, "OIDC_REDIRECT_URL": base + "/auth/callback",
		"OIDC_SCOPES": "openid profile email offline_access", "OIDC_POST_LOGOUT_URL": base + "/",
	})
	check.Equal(t, interop.Listening(t, app), base, "where it listens")

	alice := s.alice(t)
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "before")
	check.Equal(t, alice.Visit(t, base+"/auth/login?return_to=/", "").URL.String(), base+"/", "where she came back to")
	first := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, first.Subject, "id-of-alice", "subject")
	check.Equal(t, first.Issuer, s.op.Issuer, "issuer")
	check.Equal(t, fmt.Sprint(first.UserInfo["email"]), "alice@example.com", "email of userinfo")
	check.True(t, first.Refreshable, "not refreshable")
	check.Equal(t, alice.Post(t, base+"/refresh", url.Values{}, "").URL.String(), base+"/", "where the renewal ends")
	second := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, second.Subject, first.Subject, "subject after the renewal")
	check.True(t, !second.ExpiresAt.Before(first.ExpiresAt), "the renewed token expires earlier")

	check.Equal(t, alice.Post(t, base+"/auth/logout", url.Values{}, "").URL.Path, "/", "where the logout ends")
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "afterwards")
	check.Equal(t, app.End(15*time.Second), 0, "exit code")
	return "signed in, userinfo, renewed, signed out"
}
