package hydra

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

func (s *suite) exampleService(t *testing.T) string {
	der, err := x509.MarshalPKCS8PrivateKey(s.ec)
	check.NoError(t, err)
	key := filepath.Join(t.TempDir(), "key.pem")
	check.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))

	dir := interop.Build(t, "service", "api")
	api := func(env map[string]string) (*interop.Process, string) {
		t.Helper()
		env["ADDR"], env["OIDC_DISCOVERY_URL"], env["OIDC_TENANT_CLAIM"] = "127.0.0.1:0", s.op.Issuer, `["ext","tenant"]`
		p := interop.Program(t, filepath.Join(dir, "api"), env)
		return p, interop.Listening(t, p)
	}
	keys, byKeys := api(map[string]string{"OIDC_AUDIENCE": ordersAPI, "OIDC_REQUIRED_SCOPES": "read"})
	asking, byAsking := api(map[string]string{
		"OIDC_AUDIENCE": archiveAPI, "OIDC_MODE": "introspect", "OIDC_CLIENT_ID": "service-opaque", "OIDC_CLIENT_SECRET": interop.OddSecret,
		"OIDC_INTROSPECTION_ENDPOINT": s.op.IntrospectionURL(),
	})

	calls := func(target string, exit int, env map[string]string) []int {
		t.Helper()
		env["OIDC_DISCOVERY_URL"], env["OIDC_SCOPES"], env["API_URL"] = s.op.Issuer, "read", target
		return interop.ServiceCalls(t, dir, env, exit)
	}
	withKey := func(audience string) map[string]string {
		return map[string]string{
			"OIDC_CLIENT_ID": "service-key", "OIDC_ASSERTION_KEY_FILE": key, "OIDC_ASSERTION_KEY_ID": "key-ec",
			"OIDC_ASSERTION_AUDIENCE": "token_endpoint", "OIDC_TOKEN_AUDIENCE": audience,
		}
	}
	jwt := calls(byKeys+"/tenants/acme/whoami", 0, withKey(ordersAPI))
	check.DeepEqual(t, jwt, []int{200, 200}, "with a JWT")
	tenant := calls(byKeys+"/tenants/globex/whoami", 1, withKey(ordersAPI))
	check.DeepEqual(t, tenant, []int{403, 403}, "at another tenant")
	audience := calls(byKeys+"/whoami", 1, withKey(billingAPI))
	check.DeepEqual(t, audience, []int{401, 401}, "with a token for another API")
	opaque := calls(byAsking+"/tenants/acme/whoami", 0, map[string]string{
		"OIDC_CLIENT_ID": "service-opaque", "OIDC_CLIENT_SECRET": interop.OddSecret, "OIDC_TOKEN_AUDIENCE": archiveAPI,
	})
	check.DeepEqual(t, opaque, []int{200, 200}, "with an opaque token")
	for _, p := range []*interop.Process{keys, asking} {
		check.Equal(t, p.End(15*time.Second), 0, "exit code of the API")
	}
	return fmt.Sprintf("JWT %v, another tenant %v, another API's token %v, opaque %v", jwt, tenant, audience, opaque)
}

func (s *suite) exampleLogin(t *testing.T) string {
	dir := interop.Build(t, "login")
	base := "http://" + interop.FreeAddress(t)
	s.register(t, Client{
		ID: "example-login", Secret: interop.OddSecret, RedirectURIs: []string{base + "/auth/callback"}, PostLogoutRedirectURIs: []string{base + "/"},
	})
	app := interop.Program(t, filepath.Join(dir, "login"), map[string]string{
		"ADDR": strings.TrimPrefix(base, "http://"), "OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": "example-login",
		"OIDC_CLIENT_SECRET": interop.OddSecret, "OIDC_AUTH_METHOD": "client_secret_basic", "OIDC_SCOPES": "openid offline_access email",
		"OIDC_REDIRECT_URL": base + "/auth/callback", "OIDC_POST_LOGOUT_URL": base + "/",
	})
	check.Equal(t, interop.Listening(t, app), base, "where it listens")

	alice := s.op.Person(t, "alice")
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "before")
	page := alice.Visit(t, base+"/auth/login?return_to=/", "")
	check.Equal(t, page.URL.String(), base+"/", "where she came back to")
	first := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, first.Subject+" "+first.Issuer, "alice "+s.op.Issuer, "subject and issuer")
	check.Equal(t, fmt.Sprint(first.Claims["tenant"]), "acme", "tenant")
	check.Equal(t, fmt.Sprint(first.UserInfo["email"]), "alice@acme.example", "email of userinfo")
	check.True(t, first.Refreshable, "not refreshable")
	check.Equal(t, alice.Post(t, base+"/refresh", url.Values{}, "").URL.String(), base+"/", "where the renewal ends")
	second := interop.Who(t, alice.GetJSON(t, base+"/"))
	check.Equal(t, second.Subject, "alice", "subject after the renewal")
	const rounding = 2 * time.Second // of expires_in, which Hydra rounds down
	check.True(t, !second.ExpiresAt.Add(rounding).Before(first.ExpiresAt), "the renewed token expires earlier")

	out := alice.Post(t, base+"/auth/logout", url.Values{}, "")
	check.DeepEqual(t, out.Forms, []string{"Sign out?"}, "forms of the provider at logout")
	check.Equal(t, alice.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "afterwards")
	check.Equal(t, app.End(15*time.Second), 0, "exit code")
	return fmt.Sprintf("signed in as %s of %v, userinfo, renewed, signed out at the provider too", first.Subject, first.Claims["tenant"])
}
