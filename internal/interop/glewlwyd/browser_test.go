package glewlwyd

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/interop/browser"
)

// browser is a person at the server's own page, which is a program that speaks to its REST interface. What the client may know
// was granted before. The issuer is the one that does not name itself in the callback, for which form_post works.
func (s *suite) browser(t *testing.T) string {
	return browser.Login(t, browser.Story{
		Provider: s.server.Base + "/login.html",
		Register: func(t *testing.T, redirectURL, postLogoutURL string) map[string]string {
			base := strings.TrimSuffix(postLogoutURL, "/")
			id := "browser-" + base[strings.LastIndex(base, ":")+1:] // the port: one client an app
			s.server.Register(t, Client{
				ID: id, Confidential: true, Secret: plainSecret, AuthMethods: []string{"client_secret_basic"},
				RedirectURIs: []string{redirectURL}, Grants: []string{"code", "refresh_token"}, Scopes: []string{"read"},
				PostLogoutURIs: []string{postLogoutURL}, RefreshOnce: "1", BackChannelURI: base + "/auth/backchannel-logout",
			})
			bob := s.server.Person(t, "bob")
			s.server.signIn(t, bob)
			s.server.ok(t, bob, http.MethodPut, "/auth/grant/"+url.PathEscape(id), map[string]string{"scope": "read"})
			return map[string]string{
				"OIDC_DISCOVERY_URL": s.globex, "OIDC_CLIENT_ID": id, "OIDC_CLIENT_SECRET": plainSecret, "OIDC_SCOPES": "openid read",
			}
		},
		Name: "#username", Password: "#password", SignIn: "#loginbut", Confirm: ".card-footer button.btn-success",
		User: "bob", Secret: password,
		NoLogout: true, // it asks its own REST interface for the session's clients, is answered 400, and stays blank
	})
}
