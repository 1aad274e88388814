package keycloak

import (
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/browser"
)

// browser is a person at the pages of the realm that rotates its refresh tokens.
func (s *suite) browser(t *testing.T) string {
	return browser.Login(t, browser.Story{
		Provider: s.kc.Base + "/",
		Register: func(t *testing.T, redirectURL, postLogoutURL string) map[string]string {
			base := strings.TrimSuffix(postLogoutURL, "/")
			id := "browser-" + base[strings.LastIndex(base, ":")+1:] // the port: one client an app
			s.kc.RegisterApp(t, Globex, "web", id, &interop.App{
				RedirectURL: redirectURL, PostLogoutURL: postLogoutURL, BackChannelURL: base + "/auth/backchannel-logout",
			})
			return map[string]string{
				"OIDC_DISCOVERY_URL": s.kc.Issuer(Globex), "OIDC_CLIENT_ID": id, "OIDC_CLIENT_SECRET": interop.OddSecret,
				"OIDC_SCOPES": "openid profile email",
			}
		},
		Name: "#username", Password: "#password", SignIn: "#kc-login",
		User: Alice, Secret: Password,
	})
}
