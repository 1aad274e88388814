package oidcprovider

import (
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/browser"
)

func (s *suite) browser(t *testing.T) string {
	return browser.Login(t, browser.Story{
		Provider: s.op.Issuer + "/",
		Register: func(t *testing.T, redirectURL, postLogoutURL string) map[string]string {
			s.op.Register(t, Client{
				ID: "browser", Secret: interop.OddSecret, RedirectURIs: []string{redirectURL},
				PostLogoutRedirectURIs: []string{postLogoutURL}, GrantTypes: []string{"authorization_code", "refresh_token"},
				ResponseTypes: []string{"code"}, AlwaysRefresh: true,
			})
			return map[string]string{
				"OIDC_DISCOVERY_URL": s.op.Issuer, "OIDC_CLIENT_ID": "browser", "OIDC_CLIENT_SECRET": interop.OddSecret,
				"OIDC_SCOPES": "openid profile email",
			}
		},
		Name: `input[name="login"]`, Password: `input[name="password"]`, SignIn: "form button", Confirm: "form button",
		User: "alice", Secret: "wonder land",
	})
}
