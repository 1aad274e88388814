package zitadel

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// serve registers a web application with our login, and an API that it calls.
func (s *suite) serve(t *testing.T, id string, app *interop.App, cfg client.Config) *interop.App {
	t.Helper()
	s.op.Register(t, Client{
		ID: id, Secret: interop.OddSecret, JWT: true, RedirectURIs: []string{app.RedirectURL}, PostLogoutRedirectURIs: []string{app.PostLogoutURL},
	})
	cfg.DiscoveryURL, cfg.ClientID, cfg.ClientSecret = s.op.Issuer, id, interop.OddSecret
	cfg.Scopes = []string{"openid", "offline_access", tenantScope}
	app.Serve(t, cfg, s.api(t, id)+"/tenants/"+id+"/whoami")
	return app
}

func (s *suite) login(t *testing.T) string {
	base := s.serve(t, "app-login", interop.NewApp(t), client.Config{}).Base
	alice := s.alice(t)
	check.Equal(t, alice.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "a script without a session")
	page := alice.Visit(t, base+"/orders", "")
	check.Equal(t, page.URL.String(), base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.Contains(t, page.Body, `"id-of-alice"`)
	check.DeepEqual(t, page.Forms, []string{"Login"}, "forms on the way")
	check.Equal(t, len(alice.Visit(t, base+"/orders", "").Forms), 0, "forms on the second visit")

	// Another browser with her callback: no login of its own waits for it.
	stolen := s.alice(t).Visit(t, base+"/auth/callback?code=c&state=s", "")
	check.Equal(t, stolen.Status, http.StatusBadRequest, "a callback that no flow of this browser waits for")
	return "through its form back to the page she wanted, the API called as her: 200; a stranger's callback: 400"
}

func (s *suite) formPost(t *testing.T) string {
	app := s.serve(t, "app-form-post", interop.NewTLSApp(t), client.Config{ResponseMode: "form_post"})
	alice := s.alice(t).Trust(app.Certificate())
	page := alice.Visit(t, app.Base+"/orders", "")
	check.Equal(t, page.URL.String(), app.Base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.Equal(t, len(page.Forms), 2, "forms on the way")
	check.Equal(t, alice.GetJSON(t, app.RedirectURL+"?code=c&state=s").Status, http.StatusMethodNotAllowed, "the callback by GET")
	stranger := s.alice(t).Trust(app.Certificate()).Post(t, app.RedirectURL, url.Values{"code": {"c"}, "state": {"s"}}, "")
	check.Equal(t, stranger.Status, http.StatusBadRequest, "a callback that no flow of this browser waits for")
	return "its page posts the code back, over https; a GET: 405, a stranger's: 400"
}

func (s *suite) renewal(t *testing.T) string {
	return s.serve(t, "app-renewal", interop.NewApp(t), client.Config{}).RenewAtOnce(t, s.alice(t))
}

func (s *suite) logout(t *testing.T) string {
	base := s.serve(t, "app-logout", interop.NewApp(t), client.Config{}).Base
	alice := s.alice(t)
	check.Equal(t, alice.Visit(t, base+"/orders", "").Status, http.StatusOK, "signed in")
	page := alice.Post(t, base+"/auth/logout", url.Values{}, "")
	check.Equal(t, page.URL.Scheme+"://"+page.URL.Host+page.URL.Path, base+"/bye", "where the logout ends")
	check.Equal(t, alice.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "the session afterwards")
	check.DeepEqual(t, alice.Visit(t, base+"/orders", "").Forms, []string{"Login"}, "forms at the next visit")

	// What the provider does of its own: the tokens it gave for that login are gone.
	rp, tokens := s.signedIn(t, "web")
	s.op.Register(t, Client{ID: "web", Secret: interop.OddSecret, RedirectURIs: []string{interop.Callback}, PostLogoutRedirectURIs: []string{interop.Callback}})
	for uri, want := range map[string]bool{interop.Callback + "-of-another": false, interop.Callback: true} {
		end, err := rp.EndSessionURL(interop.Deadline(t), client.EndSessionRequest{IDTokenHint: tokens.RawIDToken, PostLogoutRedirectURI: uri})
		check.NoError(t, err)
		page := s.alice(t).Visit(t, end, interop.Callback)
		check.Equal(t, page.Status == 0, want, "sent back to "+uri)
	}
	_, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	return "by id_token_hint back to the registered page, not to another; session gone here, refresh token gone there"
}
