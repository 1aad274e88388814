package oidcprovider

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
		"ADDR": "127.0.0.1:0", "OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": "api", "OIDC_CLIENT_SECRET": interop.OddSecret,
		"OIDC_AUDIENCE": ordersAPI + " " + archiveAPI, "OIDC_TENANT_CLAIM": "tenant", "OIDC_REQUIRED_SCOPES": "read",
	})
	base := interop.Listening(t, api)

	calls := func(resource, path string, exit int) []int {
		t.Helper()
		return interop.ServiceCalls(t, dir, map[string]string{
			"OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": "service", "OIDC_CLIENT_SECRET": interop.OddSecret,
			"OIDC_SCOPES": "read", "OIDC_RESOURCES": resource, "API_URL": base + path,
		}, exit)
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

func (s *suite) exampleLogin(t *testing.T) string {
	dir := interop.Build(t, "login")
	base := "http://" + interop.FreeAddress(t)
	s.op.Register(t, Client{
		ID: "example-login", Secret: interop.OddSecret, RedirectURIs: []string{base + "/auth/callback"},
		PostLogoutRedirectURIs: []string{base + "/"}, GrantTypes: []string{"authorization_code", "refresh_token"},
		ResponseTypes: []string{"code"}, AlwaysRefresh: true,
	})
	app := interop.Program(t, filepath.Join(dir, "login"), map[string]string{
		"ADDR": strings.TrimPrefix(base, "http://"), "OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": "example-login",
		"OIDC_CLIENT_SECRET": interop.OddSecret, "OIDC_REDIRECT_URL": base + "/auth/callback", "OIDC_SCOPES": "openid profile email",
		"OIDC_POST_LOGOUT_URL": base + "/",
	})
	check.Equal(t, interop.Listening(t, app), base, "where it listens")

	alice := s.alice(t)
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "before")
	page := alice.Visit(t, base+"/auth/login?return_to=/", "")
	check.Equal(t, page.URL.String(), base+"/", "where she came back to")
	check.Contains(t, page.Body, "alice")

	first := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, first.Subject, "alice", "subject")
	check.Equal(t, first.Issuer, s.op.Issuer, "issuer")
	check.Equal(t, fmt.Sprint(first.Claims["tenant"]), "acme", "tenant")
	check.Equal(t, fmt.Sprint(first.UserInfo["email"]), "alice@acme.example", "email of userinfo")
	check.True(t, first.Refreshable, "not refreshable")
	check.Equal(t, alice.Post(t, base+"/refresh", url.Values{}, "").URL.String(), base+"/", "where the renewal ends")
	second := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, second.Subject, "alice", "subject after the renewal")
	check.True(t, !second.ExpiresAt.Before(first.ExpiresAt), "the renewed token expires earlier")

	out := alice.Post(t, base+"/auth/logout", url.Values{}, "")
	check.DeepEqual(t, out.Forms, []string{"Sign out?"}, "forms of the provider at logout")
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "afterwards")
	check.Equal(t, app.End(15*time.Second), 0, "exit code")
	return fmt.Sprintf("signed in as %s of %v, userinfo, renewed, signed out at the provider too", first.Subject, first.Claims["tenant"])
}

// exampleLoginByPost is VoxKey's environment of docs/providers.md.
func (s *suite) exampleLoginByPost(t *testing.T) string {
	dir := interop.Build(t, "login")
	base := "http://" + interop.FreeAddress(t)
	s.byPost.Register(t, Client{
		ID: "example-login", Secret: interop.OddSecret, RedirectURIs: []string{base + "/auth/callback"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, AlwaysRefresh: true,
	})
	app := interop.Program(t, filepath.Join(dir, "login"), map[string]string{
		"ADDR": strings.TrimPrefix(base, "http://"), "OIDC_REDIRECT_URL": base + "/auth/callback",
		"OIDC_DISCOVERY_URL": s.byPost.Issuer, "OIDC_RESOURCES": ordersAPI, "OIDC_AUTHORIZATION_METHOD": "POST",
		"OIDC_CLIENT_ID": "example-login", "OIDC_CLIENT_SECRET": interop.OddSecret,
	})
	check.Equal(t, interop.Listening(t, app), base, "where it listens")
	alice := s.alice(t)
	page := alice.Visit(t, base+"/auth/login?return_to=/", "")
	check.Equal(t, page.URL.String(), base+"/", "where she came back to")
	check.DeepEqual(t, page.Forms, []string{"Signing in", "Sign in", "Allow access?"}, "forms on the way")
	check.Equal(t, alice.Post(t, base+"/refresh", url.Values{}, "").URL.String(), base+"/", "where the renewal ends")
	check.Equal(t, interop.Who(t, alice.GetJSON(t, base+"/")).Subject, "alice", "subject after the renewal")
	check.Equal(t, app.End(15*time.Second), 0, "exit code")
	return "VoxKey's environment: signed in by POST for one API, and renewed"
}
