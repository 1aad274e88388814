package glewlwyd

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// app is a registered web application with our login.
func (s *suite) app(t *testing.T, id string, app *interop.App, cfg client.Config, edit ...func(*Client)) *interop.App {
	t.Helper()
	c := Client{
		ID: id, Confidential: true, Secret: plainSecret, AuthMethods: []string{"client_secret_basic"},
		RedirectURIs: []string{app.RedirectURL}, Grants: []string{"code", "refresh_token"}, Scopes: []string{"read"},
		PostLogoutURIs: []string{app.PostLogoutURL}, BackChannelURI: app.BackChannelURL, RefreshOnce: "1",
	}
	for _, f := range edit {
		f(&c)
	}
	s.server.Register(t, c)
	if cfg.DiscoveryURL == "" {
		cfg.DiscoveryURL = s.acme
	}
	cfg.ClientID, cfg.ClientSecret = id, plainSecret
	cfg.Scopes, cfg.Resources = []string{"openid", "read"}, []string{ordersAPI}
	app.Serve(t, cfg, s.orders+"/tenants/acme/whoami")
	return app
}

func (s *suite) login(t *testing.T) string {
	base := s.app(t, "app-login", interop.NewApp(t), client.Config{}).Base
	alice := s.server.Person(t, "alice")
	check.Equal(t, alice.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "a script without a session")
	page := alice.Visit(t, base+"/orders", "")
	check.Equal(t, page.URL.String(), base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.Contains(t, page.Body, `"acme"`)
	check.Equal(t, len(alice.Visit(t, base+"/orders", "").Forms), 0, "pages of the provider on the second visit")

	bob := s.server.Person(t, "bob")
	check.Equal(t, bob.Visit(t, base+"/orders", "").Status, http.StatusForbidden, "bob of globex at the page of acme")
	return "through its page back to the page she wanted, the API called as her: 200; as bob of another tenant: 403"
}

// formPost at the issuer that does not name itself in the callback: this server escapes iss in the form as if for a URL.
func (s *suite) formPost(t *testing.T) string {
	app := s.app(t, "app-form-post", interop.NewTLSApp(t), client.Config{DiscoveryURL: s.globex, ResponseMode: "form_post"})
	bob := s.server.Person(t, "bob").Trust(app.Certificate())
	page := bob.Visit(t, app.Base+"/orders", "")
	check.Equal(t, page.URL.String(), app.Base+"/orders", "where he came back to")
	check.DeepEqual(t, page.Forms, []string{"Glewlwyd login", "Glewlwyd"}, "pages on the way")
	check.Equal(t, page.Status, http.StatusUnauthorized, "a token of globex at the API of acme")
	stranger := s.server.Person(t, "bob").Trust(app.Certificate()).Post(t, app.RedirectURL, url.Values{"code": {"c"}, "state": {"s"}}, "")
	check.Equal(t, stranger.Status, http.StatusBadRequest, "a callback that no flow of this browser waits for")

	rp := s.relyingParty(t, client.Config{ClientID: "web", ResponseMode: "form_post"})
	auth, err := rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	back := s.server.Person(t, "alice").Authorize(t, auth, interop.Callback).Form
	check.Equal(t, back.Get("iss"), url.QueryEscape(s.acme), "iss in the form")
	_, err = rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	check.Equal(t, check.As[*client.Error](t, err).Kind, client.KindCallback, "kind")
	check.Contains(t, err.Error(), "iss is", s.acme)
	return "its page posts the code back, over https, where iss is switched off; with iss it is escaped once too often, and refused; a stranger's callback: 400"
}

// renewal: a refresh token used twice would end the session, for the server then takes back the whole chain.
func (s *suite) renewal(t *testing.T) string {
	return s.app(t, "app-renewal", interop.NewApp(t), client.Config{}).RenewAtOnce(t, s.server.Person(t, "alice"))
}

func (s *suite) logout(t *testing.T) string {
	base := s.app(t, "app-logout", interop.NewApp(t), client.Config{}).Base
	alice := s.server.Person(t, "alice")
	check.Equal(t, alice.Visit(t, base+"/orders", "").Status, http.StatusOK, "signed in")
	page := alice.Post(t, base+"/auth/logout", url.Values{}, "")
	check.Equal(t, page.URL.Scheme+"://"+page.URL.Host+page.URL.Path, base+"/bye", "where the logout ends")
	check.DeepEqual(t, page.Forms, []string{"Glewlwyd login"}, "pages of the provider")
	check.Equal(t, alice.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "the session afterwards")
	again := alice.Visit(t, base+"/orders", "")
	check.DeepEqual(t, again.Forms, []string{"Glewlwyd login"}, "pages of the provider at the next visit")
	return "by id_token_hint over the provider's question back to the registered page; session gone here, and there: it asks for the password again"
}

// backChannel: a logout at one application ends the sessions of the others, by a logout token that the provider posts.
func (s *suite) backChannel(t *testing.T) string {
	bySession := s.app(t, "app-by-session", interop.NewApp(t), client.Config{}, func(c *Client) { c.BackChannelSID = "1" })
	bySubject := s.app(t, "app-by-subject", interop.NewApp(t), client.Config{})
	leaver := s.app(t, "app-leaver", interop.NewApp(t), client.Config{}, func(c *Client) { c.BackChannelURI = "" })
	here, elsewhere := s.server.Person(t, "alice"), s.server.Person(t, "alice") // two browsers
	for _, visit := range []struct {
		who *interop.Person
		app *interop.App
	}{{here, bySession}, {here, bySubject}, {here, leaver}, {elsewhere, bySession}, {elsewhere, bySubject}} {
		check.Equal(t, visit.who.Visit(t, visit.app.Base+"/orders", "").Status, http.StatusOK, "signed in")
	}

	_, tokens := s.signedIn(t, "web")
	forged := here.Post(t, bySession.BackChannelURL, url.Values{"logout_token": {tokens.RawIDToken}}, "")
	check.Equal(t, forged.Status, http.StatusBadRequest, "an ID token as logout token")
	check.Equal(t, here.GetJSON(t, bySession.Base+"/orders").Status, http.StatusOK, "the session after that")

	check.Equal(t, here.Post(t, leaver.Base+"/auth/logout", url.Values{}, "").Status, http.StatusOK, "the logout")
	s.awaitEnd(t, "by sid, this browser", here, bySession)
	s.awaitEnd(t, "by sub, this browser", here, bySubject)
	s.awaitEnd(t, "by sub, another browser", elsewhere, bySubject)
	check.Equal(t, elsewhere.GetJSON(t, bySession.Base+"/orders").Status, http.StatusOK, "by sid, another browser")
	return "a logout at another application ends the session of that sid, or all of that sub, by the provider's logout token without exp; an ID token in its place: 400"
}

// awaitEnd waits for the end of a session: the server posts its logout tokens after it has answered.
func (s *suite) awaitEnd(t *testing.T, what string, who *interop.Person, app *interop.App) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); who.GetJSON(t, app.Base+"/orders").Status != http.StatusUnauthorized; {
		if time.Now().After(end) {
			t.Fatalf("%s: the session lives on", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
