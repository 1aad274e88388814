package oidcprovider

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// registration makes an application known to the provider.
func registration(app *interop.App, id string) Client {
	return Client{
		ID: id, Secret: interop.OddSecret, RedirectURIs: []string{app.RedirectURL, interop.Callback},
		PostLogoutRedirectURIs: []string{app.PostLogoutURL}, BackChannelLogoutURI: app.BackChannelURL,
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, AlwaysRefresh: true,
	}
}

// app is a registered web application with our login.
func (s *suite) app(t *testing.T, id string, edit ...func(*Client)) *interop.App {
	t.Helper()
	app := interop.NewApp(t)
	c := registration(app, id)
	for _, f := range edit {
		f(&c)
	}
	s.op.Register(t, c)
	app.Serve(t, client.Config{
		DiscoveryURL: s.op.Issuer, ClientID: c.ID, ClientSecret: c.Secret,
		Scopes: []string{"openid", "read"}, Resources: []string{ordersAPI},
	}, s.orders+"/tenants/acme/whoami")
	return app
}

func (s *suite) login(t *testing.T) string {
	base := s.app(t, "app-login").Base
	alice := s.alice(t)
	check.Equal(t, alice.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "a script without a session")
	page := alice.Visit(t, base+"/orders", "")
	check.Equal(t, page.URL.String(), base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.Contains(t, page.Body, `"alice"`, `"acme"`)
	check.Equal(t, len(alice.Visit(t, base+"/orders", "").Forms), 0, "forms on the second visit")

	bob := interop.NewPerson(t, "bob", "builder", s.op.Issuer)
	check.Equal(t, bob.Visit(t, base+"/orders", "").Status, http.StatusForbidden, "bob of globex at the page of acme")
	return fmt.Sprintf("through %q back to the page she wanted, the API called as her: 200; as bob of another tenant: 403", page.Forms)
}

func (s *suite) renewal(t *testing.T) string {
	return s.app(t, "app-renewal").RenewAtOnce(t, s.alice(t))
}

func (s *suite) logout(t *testing.T) string {
	base := s.app(t, "app-logout").Base
	alice := s.alice(t)
	check.Equal(t, alice.Visit(t, base+"/orders", "").Status, http.StatusOK, "signed in")
	page := alice.Post(t, base+"/auth/logout", url.Values{}, "")
	check.Equal(t, page.URL.Scheme+"://"+page.URL.Host+page.URL.Path, base+"/bye", "where the logout ends")
	check.DeepEqual(t, page.Forms, []string{"Sign out?"}, "forms of the provider")
	check.Equal(t, alice.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "the session afterwards")
	again := alice.Visit(t, base+"/orders", "")
	check.True(t, slices.Contains(again.Forms, "Sign in"), "the provider still knows her: %q", again.Forms)
	return "by id_token_hint over the provider's question back to the registered page; session gone here, and there: it asks for the password again"
}

// backChannel: a logout at one application ends the sessions of the others, by a logout token that the provider posts.
func (s *suite) backChannel(t *testing.T) string {
	needsSID := func(c *Client) { c.SessionRequired = true }
	bySession, bySubject, leaver := s.app(t, "app-by-session", needsSID), s.app(t, "app-by-subject"), s.app(t, "app-leaver")
	here, elsewhere := s.alice(t), s.alice(t) // two browsers
	for _, visit := range []struct {
		who *interop.Person
		app *interop.App
	}{{here, bySession}, {here, bySubject}, {here, leaver}, {elsewhere, bySession}, {elsewhere, bySubject}} {
		check.Equal(t, visit.who.Visit(t, visit.app.Base+"/orders", "").Status, http.StatusOK, "signed in")
	}

	// An ID token of the same client is no logout token.
	rp := s.relyingParty(t, client.Config{ClientID: "app-by-session"})
	tokens, _, _ := interop.SignIn(t, rp, s.alice(t))
	forged := s.alice(t).Post(t, bySession.BackChannelURL, url.Values{"logout_token": {tokens.RawIDToken}}, "")
	check.Equal(t, forged.Status, http.StatusBadRequest, "an ID token as logout token")
	check.Equal(t, here.GetJSON(t, bySession.Base+"/orders").Status, http.StatusOK, "the session after that")

	check.Equal(t, here.Post(t, leaver.Base+"/auth/logout", url.Values{}, "").Status, http.StatusOK, "the logout")
	for what, c := range map[string]struct {
		who  *interop.Person
		app  *interop.App
		want int
	}{
		"by sid, this browser":    {here, bySession, 401},
		"by sid, another browser": {elsewhere, bySession, 200},
		"by sub, this browser":    {here, bySubject, 401},
		"by sub, another browser": {elsewhere, bySubject, 401},
	} {
		check.Equal(t, c.who.GetJSON(t, c.app.Base+"/orders").Status, c.want, what)
	}
	return "a logout at another application ends the session of that sid, or all of that sub, by the provider's logout token; an ID token in its place: 400"
}
