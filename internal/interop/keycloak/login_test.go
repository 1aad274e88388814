package keycloak

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// app is a web application with our login, registered at a realm like one of its clients.
func (s *suite) app(t *testing.T, realm, like, id string, cfg client.Config) *interop.App {
	t.Helper()
	app := interop.NewApp(t)
	s.kc.RegisterApp(t, realm, like, id, app)
	s.serve(t, app, realm, id, cfg)
	return app
}

func (s *suite) serve(t *testing.T, app *interop.App, realm, id string, cfg client.Config) {
	t.Helper()
	cfg.DiscoveryURL, cfg.ClientID, cfg.ClientSecret = s.kc.Issuer(realm), id, interop.OddSecret
	app.Serve(t, cfg, s.orders+"/tenants/acme/whoami")
}

func (s *suite) formPost(t *testing.T) string {
	rp := s.relyingParty(t, Acme, client.Config{ClientID: "web", ResponseMode: "form_post"})
	_, auth, back := interop.SignIn(t, rp, s.person(t, Alice))
	check.Equal(t, back.Get("iss"), s.kc.Issuer(Acme), "iss in the form")
	_, err := rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	check.Equal(t, check.As[*client.Error](t, err).Code, "invalid_grant", "code used twice")

	app := interop.NewTLSApp(t)
	s.kc.RegisterApp(t, Acme, "web", "app-form-post", app)
	s.serve(t, app, Acme, "app-form-post", client.Config{ResponseMode: "form_post"})
	alice := s.person(t, Alice).Trust(app.Certificate())
	page := alice.Visit(t, app.Base+"/orders", "")
	check.Equal(t, page.URL.String(), app.Base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.Equal(t, alice.GetJSON(t, app.RedirectURL+"?code=c&state=s").Status, http.StatusMethodNotAllowed, "the callback by GET")
	return fmt.Sprintf("through %q, over https with a session; a GET on the callback: 405; the code a second time: invalid_grant", page.Forms)
}

func (s *suite) login(t *testing.T) string {
	app := s.app(t, Acme, "web", "app-login", client.Config{})
	alice := s.person(t, Alice)
	check.Equal(t, alice.GetJSON(t, app.Base+"/orders").Status, http.StatusUnauthorized, "a script without a session")
	page := alice.Visit(t, app.Base+"/orders", "")
	check.Equal(t, page.URL.String(), app.Base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.Contains(t, page.Body, `"acme"`)
	check.Equal(t, len(alice.Visit(t, app.Base+"/orders", "").Forms), 0, "forms on the second visit")

	mallory := s.person(t, Mallory)
	check.Equal(t, mallory.Visit(t, app.Base+"/orders", "").Status, http.StatusForbidden, "a person whose tenant is another")
	return fmt.Sprintf("through %q back to the page she wanted, the API called as her: 200; as a person of another tenant: 403", page.Forms)
}

// asked is what an application may ask of a login.
func (s *suite) asked(t *testing.T) string {
	rp := s.relyingParty(t, Acme, client.Config{ClientID: "web"})
	alice := s.person(t, Alice)
	auth, err := rp.Authorize(interop.Deadline(t), client.Prompt("none"))
	check.NoError(t, err)
	_, err = rp.Exchange(interop.Deadline(t), alice.Authorize(t, auth, interop.Callback).URL.Query(), auth.Transaction)
	check.Error(t, err, client.ErrLoginRequired)
	interop.SignIn(t, rp, alice, client.MaxAge(time.Hour))
	interop.SignIn(t, rp, alice, client.Prompt("none"), client.MaxAge(time.Hour))

	auth, err = rp.Authorize(interop.Deadline(t), client.Prompt("login"))
	check.NoError(t, err)
	check.Equal(t, len(alice.Authorize(t, auth, interop.Callback).Forms), 1, "forms with prompt=login")
	return "prompt=none: ErrLoginRequired before, signed in after; max_age: auth_time is checked; prompt=login: asks again"
}

func (s *suite) renewal(t *testing.T) string {
	app := interop.NewApp(t)
	s.kc.RegisterApp(t, Globex, "web", "app-renewal", app)
	app.Serve(t, client.Config{
		DiscoveryURL: s.kc.Issuer(Globex), ClientID: "app-renewal", ClientSecret: interop.OddSecret,
	}, s.globexAPI(t)+"/tenants/globex/whoami")
	return app.RenewAtOnce(t, s.person(t, Alice)) // globex takes back the whole chain of a refresh token used twice
}

// refreshExpired is a session at the provider that idled too long: refresh_expires_in says so before it is asked.
func (s *suite) refreshExpired(t *testing.T) string {
	var requests atomic.Int32
	app := s.app(t, Acme, "web-brief", "app-brief", client.Config{Observer: func(_ context.Context, e oidc.Event) {
		if e.Operation == "token endpoint" {
			requests.Add(1)
		}
	}})
	alice := s.person(t, Alice)
	check.Equal(t, alice.Visit(t, app.Base+"/orders", "").Status, http.StatusOK, "signed in")
	check.Equal(t, requests.Load(), 1, "token requests of the login")
	check.Equal(t, alice.GetJSON(t, app.Base+"/orders?renew").Status, http.StatusOK, "renewed in time")
	check.Equal(t, requests.Load(), 2, "token requests of the renewal")
	time.Sleep(2100 * time.Millisecond)
	check.Equal(t, alice.GetJSON(t, app.Base+"/orders?renew").Status, http.StatusUnauthorized, "renewed too late")
	check.Equal(t, requests.Load(), 2, "token requests after that")
	return "refresh_expires_in of 2 s passed: ErrReauthRequired without a request"
}

func (s *suite) logout(t *testing.T) string {
	app := s.app(t, Acme, "web", "app-logout", client.Config{})
	alice := s.person(t, Alice)
	check.Equal(t, alice.Visit(t, app.Base+"/orders", "").Status, http.StatusOK, "signed in")
	page := alice.Post(t, app.Base+"/auth/logout", url.Values{}, "")
	check.Equal(t, page.URL.Scheme+"://"+page.URL.Host+page.URL.Path, app.PostLogoutURL, "where the logout ends")
	check.True(t, page.URL.Query().Get("state") != "", "the state did not come back")
	check.Equal(t, len(page.Forms), 0, "forms of the provider")
	check.Equal(t, alice.GetJSON(t, app.Base+"/orders").Status, http.StatusUnauthorized, "the session afterwards")
	again := alice.Visit(t, app.Base+"/orders", "")
	check.Equal(t, len(again.Forms), 1, "the forms at the next login")
	return fmt.Sprintf("by id_token_hint straight back to the registered page; session gone here, and there: %q asks for the password again", again.Forms)
}

// logoutWithoutHint is what is left to an application that does not keep the ID token.
func (s *suite) logoutWithoutHint(t *testing.T) string {
	app := s.app(t, Acme, "web", "app-logout-bare", client.Config{})
	alice := s.person(t, Alice)
	check.Equal(t, alice.Visit(t, app.Base+"/orders", "").Status, http.StatusOK, "signed in")
	rp := s.relyingParty(t, Acme, client.Config{ClientID: "app-logout-bare"})
	end := func(to string) string {
		t.Helper()
		target, err := rp.EndSessionURL(interop.Deadline(t), client.EndSessionRequest{PostLogoutRedirectURI: to, State: "state-1"})
		check.NoError(t, err)
		return target
	}
	refused := alice.Visit(t, end("https://elsewhere.example.com/"), "")
	check.Equal(t, refused.Status, http.StatusBadRequest, "a page that is not registered")
	check.Contains(t, alice.GetJSON(t, end(app.PostLogoutURL)).Body, "Do you want to log out?")
	page := alice.Visit(t, end(app.PostLogoutURL), "")
	check.Equal(t, page.URL.String(), app.PostLogoutURL+"?state=state-1", "where the logout ends")
	check.Equal(t, len(page.Forms), 1, "the provider's question")
	check.Equal(t, alice.GetJSON(t, app.Base+"/orders").Status, http.StatusUnauthorized, "the session, by back-channel logout")
	return fmt.Sprintf("by client_id and post_logout_redirect_uri: the provider asks, and comes back with the state; a page that is not registered: %d", refused.Status)
}

// backChannel is one person at two applications: the provider tells each by a request of its own.
func (s *suite) backChannel(t *testing.T) string {
	first := s.app(t, Acme, "web", "app-first", client.Config{})
	second := s.app(t, Acme, "web", "app-second", client.Config{})
	alice, elsewhere := s.person(t, Alice), s.person(t, Alice)
	for _, visit := range []struct {
		who *interop.Person
		app *interop.App
	}{{alice, first}, {alice, second}, {elsewhere, second}} {
		check.Equal(t, visit.who.Visit(t, visit.app.Base+"/orders", "").Status, http.StatusOK, "signed in")
	}
	alice.Post(t, first.Base+"/auth/logout", url.Values{}, "")
	check.Equal(t, alice.GetJSON(t, second.Base+"/orders").Status, http.StatusUnauthorized, "the session at the other application")
	check.Equal(t, elsewhere.GetJSON(t, second.Base+"/orders").Status, http.StatusOK, "her session at another browser")

	_, tokens := s.tokens(t, Acme)
	forged := elsewhere.Post(t, second.BackChannelURL, url.Values{"logout_token": {tokens.RawIDToken}}, "")
	check.Equal(t, forged.Status, http.StatusBadRequest, "another client's ID token for a logout token")
	check.Equal(t, elsewhere.GetJSON(t, second.Base+"/orders").Status, http.StatusOK, "her session after that")

	// The administrator signs her out everywhere.
	var users []struct{ ID string }
	s.kc.Admin(t, http.MethodGet, Acme, "/users?exact=true&username="+Alice, nil, &users)
	s.kc.Admin(t, http.MethodPost, Acme, "/users/"+users[0].ID+"/logout", nil, nil)
	check.Equal(t, elsewhere.GetJSON(t, second.Base+"/orders").Status, http.StatusUnauthorized, "after the administrator signed her out")
	return "signed out at one application, the session at the other is gone by the provider's request and the one of another browser stays; " +
		"an administrator's logout ends that too; another client's ID token for a logout token: 400"
}
