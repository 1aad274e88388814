package oidcprovider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/middleware"
)

// authorizationByPost is VoxKey's way: the parameters in a form that our page submits.
func (s *suite) authorizationByPost(t *testing.T) string {
	config := func(method string) client.Config {
		return client.Config{
			DiscoveryURL: s.byPost.Issuer, ClientID: "spa", AuthorizationMethod: method,
			Scopes: []string{"openid", "read"}, Resources: []string{ordersAPI},
		}
	}
	api := interop.API(t, middleware.Config{
		DiscoveryURL: s.byPost.Issuer, Audience: []string{ordersAPI}, Tenant: middleware.RequireTenant("tenant"),
	})
	for _, method := range []string{"GET", "POST"} {
		tokens, auth, _ := interop.SignIn(t, interop.NewClient(t, config(method)), s.alice(t))
		check.Equal(t, auth.Method, method, "method")
		check.Equal(t, interop.Call(t, api+"/whoami", tokens.AccessToken).Status, http.StatusOK, "status after "+method)
	}
	for issuer, status := range map[string]int{s.byPost.Issuer: http.StatusBadRequest, s.op.Issuer: http.StatusNotFound} {
		cfg := config("POST-query")
		cfg.DiscoveryURL = issuer
		auth, err := interop.NewClient(t, cfg).Authorize(interop.Deadline(t))
		check.NoError(t, err)
		check.Equal(t, s.alice(t).Authorize(t, auth, interop.Callback).Status, status, "a POST with the parameters in the query")
	}
	return "signed in by GET, and through a page of ours that posts; the server does not read the query of a POST (400), and without its setting for it knows no POST (404)"
}

// pushedRequests shows that a provider's offer of RFC 9126 changes nothing for our client, which does not take it.
func (s *suite) pushedRequests(t *testing.T) string {
	var metadata struct {
		Endpoint string `json:"pushed_authorization_request_endpoint"`
		Required bool   `json:"require_pushed_authorization_requests"`
	}
	answer := s.alice(t).GetJSON(t, s.op.Issuer+"/.well-known/openid-configuration")
	check.NoError(t, json.Unmarshal([]byte(answer.Body), &metadata))
	check.Equal(t, metadata.Endpoint, s.op.Issuer+"/par", "pushed_authorization_request_endpoint")
	check.True(t, !metadata.Required, "the server requires pushed requests")

	rp := s.relyingParty(t, client.Config{ClientID: "pushed"})
	auth, err := rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	_, err = rp.Exchange(interop.Deadline(t), s.alice(t).Authorize(t, auth, interop.Callback).URL.Query(), auth.Transaction)
	refusal := check.As[*client.AuthorizationError](t, err)
	check.Equal(t, refusal.Code, "invalid_request", "a client that must push its requests")
	return "the metadata offers PAR and sign-in goes on without; a client registered to need it gets " + refusal.Code
}

func (s *suite) formPost(t *testing.T) string {
	app := interop.NewTLSApp(t)
	registered := registration(app, "app-form-post")
	s.byPost.Register(t, registered)
	api := interop.API(t, middleware.Config{
		DiscoveryURL: s.byPost.Issuer, Audience: []string{ordersAPI}, Tenant: middleware.RequireTenant("tenant"),
	})
	app.Serve(t, client.Config{
		DiscoveryURL: s.byPost.Issuer, ClientID: registered.ID, ClientSecret: registered.Secret, Scopes: []string{"openid", "read"},
		Resources: []string{ordersAPI}, AuthorizationMethod: "POST", ResponseMode: "form_post",
	}, api+"/whoami")
	alice := s.alice(t).Trust(app.Certificate())
	page := alice.Visit(t, app.Base+"/orders", "")
	check.Equal(t, page.URL.String(), app.Base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.DeepEqual(t, page.Forms, []string{"Signing in", "Sign in", "Allow access?", "Submitting Callback"}, "forms on the way")

	// The callback comes as another site's POST: only a cookie with SameSite=None is sent along with that.
	sameSite := map[string]http.SameSite{"__Host-oidc-flow-": http.SameSiteNoneMode, "__Host-oidc-session-": http.SameSiteLaxMode}
	for prefix, want := range sameSite {
		cookie := page.Cookies[cookieNamed(t, page, prefix)]
		check.Equal(t, cookie.SameSite, want, "SameSite of "+prefix)
		check.True(t, cookie.Secure && cookie.HttpOnly && cookie.Path == "/" && cookie.Domain == "", "%s is not as its name demands", prefix)
	}

	check.Equal(t, alice.GetJSON(t, app.RedirectURL+"?code=c&state=s").Status, http.StatusMethodNotAllowed, "the callback by GET")
	stranger := s.alice(t).Trust(app.Certificate()).Post(t, app.RedirectURL, url.Values{"code": {"c"}, "state": {"s"}}, "")
	check.Equal(t, stranger.Status, http.StatusBadRequest, "a callback that no flow of this browser waits for")

	rp := s.relyingParty(t, client.Config{ClientID: "web", ResponseMode: "form_post"})
	_, auth, back := interop.SignIn(t, rp, s.alice(t))
	check.Equal(t, back.Get("iss"), s.op.Issuer, "iss in the form")
	_, err := rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	check.Equal(t, check.As[*client.Error](t, err).Code, "invalid_grant", "code used twice")
	return "our page posts, the provider's page posts back, over https with __Host- cookies (flow: SameSite=None; session: Lax); a GET: 405, a stranger's: 400"
}

// cookieNamed is the place of the first cookie with this prefix among those set on the way.
func cookieNamed(t *testing.T, page *interop.Page, prefix string) int {
	t.Helper()
	for i, cookie := range page.Cookies {
		if strings.HasPrefix(cookie.Name, prefix) {
			return i
		}
	}
	t.Fatalf("no cookie %s was set", prefix)
	return 0
}
