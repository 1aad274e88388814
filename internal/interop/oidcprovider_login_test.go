package interop

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
)

// app is a web application with our login, registered at the provider.
func (s *oidcProviderSuite) app(t *testing.T, id string) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	s.op.Register(t, Client{
		ID: id, Secret: oddSecret, RedirectURIs: []string{base + "/auth/callback"}, PostLogoutRedirectURIs: []string{base + "/bye"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, AlwaysRefresh: true,
	})
	rp := s.relyingParty(t, client.Config{
		ClientID: id, RedirectURL: base + "/auth/callback", Scopes: []string{"openid", "read"}, Resources: []string{ordersAPI},
	})
	login, err := rp.NewLogin(client.LoginConfig{
		Keys: [][]byte{[]byte("thirty-two bytes for this test..")}, PostLogoutRedirectURL: base + "/bye",
	})
	check.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/auth/", login)
	mux.HandleFunc("GET /bye", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "bye") })
	mux.Handle("GET /orders", login.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := client.SessionFromContext(r.Context())
		if r.URL.Query().Has("renew") {
			if _, err := session.Refresh(r.Context()); err != nil {
				t.Error(err)
			}
		}
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s.orders+"/tenants/acme/whoami", nil)
		if err == nil {
			var resp *http.Response
			if resp, err = session.TokenSource().HTTPClient(s.orders).Do(req); err == nil {
				defer resp.Body.Close()
				w.WriteHeader(resp.StatusCode)
				_, err = io.Copy(w, resp.Body)
			}
		}
		if err != nil {
			t.Error(err)
		}
	})))
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return base
}

func (s *oidcProviderSuite) login(t *testing.T) string {
	base := s.app(t, "app-login")
	alice := s.alice(t)
	check.Equal(t, alice.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "a script without a session")
	page := alice.Visit(t, base+"/orders", "")
	check.Equal(t, page.URL.String(), base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.Contains(t, page.Body, `"alice"`, `"acme"`)
	check.Equal(t, len(alice.Visit(t, base+"/orders", "").Forms), 0, "forms on the second visit")

	bob := NewPerson(t, "bob", "builder", s.op.Issuer)
	check.Equal(t, bob.Visit(t, base+"/orders", "").Status, http.StatusForbidden, "bob of globex at the page of acme")
	return fmt.Sprintf("through %q back to the page she wanted, the API called as her: 200; as bob of another tenant: 403", page.Forms)
}

func (s *oidcProviderSuite) renewal(t *testing.T) string {
	base := s.app(t, "app-renewal")
	alice := s.alice(t)
	check.Equal(t, alice.Visit(t, base+"/orders", "").Status, http.StatusOK, "signed in")
	// A refresh token used twice would end the session: this server takes back the whole chain.
	const rounds, requests = 3, 8
	for range rounds {
		t.Run("at once", func(t *testing.T) {
			for range requests {
				t.Run("request", func(t *testing.T) {
					t.Parallel()
					check.Equal(t, alice.GetJSON(t, base+"/orders?renew").Status, http.StatusOK, "status")
				})
			}
		})
	}
	page := alice.Visit(t, base+"/orders?renew", "")
	check.Equal(t, page.Status, http.StatusOK, "afterwards")
	check.Equal(t, len(page.Forms), 0, "forms of the provider afterwards")
	return fmt.Sprintf("%d times %d requests renew the rotating token at once: 200 each time, the session lives on", rounds, requests)
}

func (s *oidcProviderSuite) logout(t *testing.T) string {
	base := s.app(t, "app-logout")
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
