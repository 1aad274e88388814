package hydra

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// serve registers a web application with our login and starts it; it calls the orders API as the person.
func (s *suite) serve(t *testing.T, app *interop.App, id string, cfg client.Config) {
	t.Helper()
	s.register(t, Client{
		ID: id, Secret: interop.OddSecret, RedirectURIs: []string{app.RedirectURL}, PostLogoutRedirectURIs: []string{app.PostLogoutURL},
		BackChannelURL: app.BackChannelURL, BackChannelSession: true,
	})
	cfg.DiscoveryURL, cfg.ClientID, cfg.ClientSecret = s.op.Issuer, id, interop.OddSecret
	cfg.Scopes, cfg.ExtraAuthParams = []string{"openid", "offline_access", "read"}, url.Values{"audience": {ordersAPI}}
	app.Serve(t, cfg, s.orders+"/tenants/acme/whoami")
}

func (s *suite) login(t *testing.T) string {
	app := interop.NewApp(t)
	s.serve(t, app, "app-login", client.Config{})
	alice := s.op.Person(t, "alice")
	check.Equal(t, alice.GetJSON(t, app.Base+"/orders").Status, http.StatusUnauthorized, "a script without a session")
	page := alice.Visit(t, app.Base+"/orders", "")
	check.Equal(t, page.URL.String(), app.Base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.Contains(t, page.Body, `"alice"`, `"acme"`)
	check.Equal(t, len(alice.Visit(t, app.Base+"/orders", "").Forms), 0, "forms on the second visit")

	// Another application finds her signed in at the provider.
	other := interop.NewApp(t)
	s.serve(t, other, "app-other", client.Config{})
	check.DeepEqual(t, alice.Visit(t, other.Base+"/orders", "").Forms, []string{"Allow?"}, "forms of the second application")

	check.Equal(t, s.op.Person(t, "bob").Visit(t, app.Base+"/orders", "").Status, http.StatusForbidden, "bob of globex at the page of acme")
	return fmt.Sprintf("through %q back to the page she wanted, the API called as her: 200; a second application asks no password; bob of another tenant: 403", page.Forms)
}

func (s *suite) formPost(t *testing.T) string {
	app := interop.NewTLSApp(t)
	s.serve(t, app, "app-form-post", client.Config{ResponseMode: "form_post"})
	alice := s.op.Person(t, "alice").Trust(app.Certificate())
	page := alice.Visit(t, app.Base+"/orders", "")
	check.Equal(t, page.URL.String(), app.Base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.DeepEqual(t, page.Forms, []string{"Sign in", "Allow?", "Submit This Form"}, "forms on the way")
	check.Equal(t, alice.GetJSON(t, app.RedirectURL+"?code=c&state=s").Status, http.StatusMethodNotAllowed, "the callback by GET")
	stranger := s.op.Person(t, "alice").Trust(app.Certificate()).Post(t, app.RedirectURL, url.Values{"code": {"c"}, "state": {"s"}}, "")
	check.Equal(t, stranger.Status, http.StatusBadRequest, "a callback that no flow of this browser waits for")
	return fmt.Sprintf("through %q, the last of which posts the code to us over https; by GET: 405; a stranger's: 400", page.Forms)
}

func (s *suite) renewal(t *testing.T) string {
	app := interop.NewApp(t)
	s.serve(t, app, "app-renewal", client.Config{})
	return app.RenewAtOnce(t, s.op.Person(t, "alice"))
}

func (s *suite) logout(t *testing.T) string {
	app := interop.NewApp(t)
	s.serve(t, app, "app-logout", client.Config{})
	alice := s.op.Person(t, "alice")
	check.Equal(t, alice.Visit(t, app.Base+"/orders", "").Status, http.StatusOK, "signed in")
	page := alice.Post(t, app.Base+"/auth/logout", url.Values{}, "")
	check.Equal(t, origin(page.URL)+page.URL.Path, app.PostLogoutURL, "where the logout ends")
	check.DeepEqual(t, page.Forms, []string{"Sign out?"}, "forms of the provider")
	check.Equal(t, alice.GetJSON(t, app.Base+"/orders").Status, http.StatusUnauthorized, "the session afterwards")
	again := alice.Visit(t, app.Base+"/orders", "")
	check.True(t, slices.Contains(again.Forms, "Sign in"), "the provider still knows her: %q", again.Forms)

	// An address that is not registered is not gone to.
	rp := s.relyingParty(t, client.Config{ClientID: "spa"})
	tokens, _, _ := interop.SignIn(t, rp, alice)
	target, err := rp.EndSessionURL(interop.Deadline(t), client.EndSessionRequest{
		IDTokenHint: tokens.RawIDToken, PostLogoutRedirectURI: "https://elsewhere.example.com/",
	})
	check.NoError(t, err)
	lost := alice.Visit(t, target, "https://elsewhere.example.com/")
	check.Equal(t, origin(lost.URL)+"/", s.op.Issuer, "where an unregistered address ends")
	check.Equal(t, lost.URL.Query().Get("error"), "invalid_request", "error there")
	return "by id_token_hint over the provider's question back to the registered page; session gone here, and there: it asks for the password again; an unregistered page: invalid_request at the provider"
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// backChannel: she signs out at one application, and the provider tells the other.
func (s *suite) backChannel(t *testing.T) string {
	here, there := interop.NewApp(t), interop.NewApp(t)
	s.serve(t, here, "app-here", client.Config{})
	s.serve(t, there, "app-there", client.Config{})
	alice, bystander := s.op.Person(t, "alice"), s.op.Person(t, "alice")
	for _, who := range []*interop.Person{alice, bystander} {
		check.Equal(t, who.Visit(t, there.Base+"/orders", "").Status, http.StatusOK, "signed in there")
	}
	check.Equal(t, alice.Visit(t, here.Base+"/orders", "").Status, http.StatusOK, "signed in here")

	forged := alice.Post(t, there.BackChannelURL, url.Values{"logout_token": {"e30.e30.c2ln"}}, "")
	check.Equal(t, forged.Status, http.StatusBadRequest, "a forged logout token")
	check.Equal(t, alice.GetJSON(t, there.Base+"/orders").Status, http.StatusOK, "the session after it")

	alice.Post(t, here.Base+"/auth/logout", url.Values{}, "")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status := alice.GetJSON(t, there.Base+"/orders").Status
		if status == http.StatusUnauthorized {
			break
		}
		check.True(t, time.Now().Before(deadline), "the session there still lives: %d", status)
	}
	check.Equal(t, bystander.GetJSON(t, there.Base+"/orders").Status, http.StatusOK, "her session in another browser")
	return "signed out at one application, the session at the other is gone; that in another browser (another sid) lives; a forged logout token: 400"
}
