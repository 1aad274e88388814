package hydra

import (
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/browser"
)

// browser is a person at the pages that Hydra's operator has to bring; the cookies, the redirects and the form that posts the
// response are Hydra's.
func (s *suite) browser(t *testing.T) string {
	return browser.Login(t, browser.Story{
		Provider: s.op.pages.URL("/"),
		Register: func(t *testing.T, redirectURL, postLogoutURL string) map[string]string {
			id := "browser " + redirectURL
			s.register(t, Client{
				ID: id, Secret: interop.OddSecret, RedirectURIs: []string{redirectURL}, PostLogoutRedirectURIs: []string{postLogoutURL},
			})
			return map[string]string{
				"OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": id, "OIDC_CLIENT_SECRET": interop.OddSecret,
				"OIDC_AUTH_METHOD": "client_secret_basic", "OIDC_SCOPES": "openid offline_access email",
			}
		},
		Name: `input[name="name"]`, Password: `input[name="password"]`, SignIn: "form button", Confirm: "form button",
		User: "alice", Secret: "wonder land",
		OneLogin: true, // request_forbidden: its cookie against forged logins is one for each client
	})
}
