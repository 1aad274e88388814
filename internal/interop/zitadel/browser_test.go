package zitadel

import (
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/browser"
)

func (s *suite) browser(t *testing.T) string {
	return browser.Login(t, browser.Story{
		Provider: s.op.Issuer,
		Register: func(t *testing.T, redirectURL, postLogoutURL string) map[string]string {
			s.op.Register(t, Client{
				ID: redirectURL, Secret: interop.OddSecret, RedirectURIs: []string{redirectURL}, PostLogoutRedirectURIs: []string{postLogoutURL},
			})
			return map[string]string{
				"OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": redirectURL, "OIDC_CLIENT_SECRET": interop.OddSecret,
				"OIDC_SCOPES": "openid profile email offline_access",
			}
		},
		Name: "#username", Password: "#password", SignIn: `button[type="submit"]`,
		User: "alice", Secret: password,
	})
}
