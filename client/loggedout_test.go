package client_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/store"
)

// manyGroups makes ID tokens of about 13 kB.
func manyGroups(c map[string]any) {
	groups := make([]string, 300)
	for i := range groups {
		groups[i] = fmt.Sprintf("/tenants/acme/groups/team-%03d", i)
	}
	c["groups"] = groups
}

func TestLogoutURLStaysShort(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		edit func(map[string]any)
		long bool
		hint string // logout_hint; "sid" for the session's
	}{
		{"short", func(map[string]any) {}, false, ""},
		{"long", manyGroups, true, "sid"},
		{"long, with a hint of the provider's", func(c map[string]any) { manyGroups(c); c["login_hint"] = "O.CiQw" }, true, "O.CiQw"},
		{"long, with a hint that is none", func(c map[string]any) { manyGroups(c); c["login_hint"] = []int{1} }, true, "sid"},
		{"long, with a hint as long", func(c map[string]any) { manyGroups(c); c["login_hint"] = strings.Repeat("x", 600) }, true, "sid"},
		{"long, without a sid", func(c map[string]any) { manyGroups(c); delete(c, "sid") }, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, func(cfg *appConfig) { cfg.login.PostLogoutRedirectURL = appOrigin + "/bye" })
			a.op.Edit("id_token", tt.edit)
			b := a.browser()
			b.login("/auth/login", "alice")
			if tt.hint == "sid" {
				tt.hint = b.mustSession().SID
			}
			resp := b.post("/auth/logout", nil)
			check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
			to, err := resp.Location()
			check.NoError(t, err)
			check.True(t, len(to.String()) <= 2048, "Location has %d bytes", len(to.String()))
			q := to.Query()
			check.Equal(t, q.Has("id_token_hint"), !tt.long, "id_token_hint is there")
			check.Equal(t, q.Get("logout_hint"), tt.hint, "logout_hint")
			check.Equal(t, q.Get("client_id"), "web", "client_id")
			check.Equal(t, q.Get("post_logout_redirect_uri"), appOrigin+"/bye", "post_logout_redirect_uri")
			check.True(t, q.Get("state") != "", "no state")
		})
	}
	c := newClient(t, newProvider(t))
	to, err := c.EndSessionURL(t.Context(), client.EndSessionRequest{IDTokenHint: strings.Repeat("x", 2048), LogoutHint: "alice"})
	check.NoError(t, err)
	check.Contains(t, to, "logout_hint=alice", "client_id=web")
	check.Lacks(t, to, "id_token_hint")
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

func TestLogoutByPost(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(map[string]any){"short": func(map[string]any) {}, "long": manyGroups} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, func(cfg *appConfig) {
				cfg.login.PostLogoutRedirectURL, cfg.login.LogoutMethod = appOrigin+"/bye", http.MethodPost
			})
			a.op.Edit("id_token", edit)
			b := a.browser()
			b.login("/auth/login", "alice")
			resp := b.post("/auth/logout", nil)
			check.Equal(t, resp.StatusCode, http.StatusOK, "status")
			check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", "Cache-Control")
			check.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'", "frame-ancestors 'none'")
			body := pageText(t, resp)
			check.Contains(t, body, "<title>Signing out</title>", `action="`+a.op.URL("end_session")+`"`, "<noscript><button>")
			form := url.Values{}
			for _, field := range hiddenField.FindAllStringSubmatch(body, -1) {
				form.Add(field[1], html.UnescapeString(field[2]))
			}
			for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"} {
				check.Equal(t, len(form[name]), 1, name)
			}
			check.Equal(t, len(form), 4, "parameters")
			check.Equal(t, b.signedIn(), "", "signed in")
		})
	}
}

// loggedOutURL is the page of ours where a logout may end.
const loggedOutURL = appOrigin + "/auth/logged-out"

func loggedOutApp(t *testing.T) *app {
	return newApp(t, func(cfg *appConfig) {
		cfg.op.Clients[0].PostLogoutRedirectURIs = []string{loggedOutURL}
		cfg.login.PostLogoutRedirectURL, cfg.login.Store = loggedOutURL, store.NewMemory(0)
	})
}

func TestLoggedOutPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := loggedOutApp(t)
		b := a.browser()
		b.login("/auth/login", "alice")
		end, err := b.person.SignOut(b.post("/auth/logout", nil).Header.Get("Location"))
		check.NoError(t, err)
		state := strings.TrimPrefix(end, loggedOutURL+"?state=")
		check.Equal(t, len(state), 43, "length of the state that came back")
		for range 2 { // a page can be reloaded
			resp := b.get(end, "Sec-Fetch-Site", "cross-site")
			check.Equal(t, resp.StatusCode, http.StatusOK, "status")
			check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", "Cache-Control")
			check.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
			check.Contains(t, pageText(t, resp), "You are signed out", `href="/auth/login"`)
		}
		check.Equal(t, b.request(http.MethodHead, end, nil).StatusCode, http.StatusOK, "status of HEAD")
		check.Equal(t, b.post(end, nil).StatusCode, http.StatusMethodNotAllowed, "status of POST")
		check.Equal(t, a.browser().login("/auth/login?return_to=/auth/logged-out", "alice"), "/", "a login to that page leads to")

		// Anybody can link to it.
		stranger := a.browser()
		for _, who := range []*browser{b, stranger} {
			for _, query := range []string{"", "?state=", "?state=" + strings.Repeat("A", 43), "?state=" + state + "&state=" + state} {
				check.Equal(t, who.get(loggedOutURL+query).StatusCode, http.StatusBadRequest, "status with "+query)
				check.Error(t, a.lastError(), client.ErrStateMismatch)
			}
		}
		check.Equal(t, stranger.get(end).StatusCode, http.StatusBadRequest, "status of another browser")
		time.Sleep(10 * time.Minute)
		check.Equal(t, b.get(end).StatusCode, http.StatusBadRequest, "status ten minutes later")
	})
}

// The page also serves a logout that the provider had no part in.
func TestLoggedOutPageWithoutTheProvider(t *testing.T) {
	t.Parallel()
	a := loggedOutApp(t)
	a.op.Edit("discovery", func(d map[string]any) { delete(d, "end_session_endpoint") })
	b := a.browser()
	b.login("/auth/login", "alice")
	resp := b.post("/auth/logout", nil)
	check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
	check.Equal(t, b.get(resp.Header.Get("Location")).StatusCode, http.StatusOK, "status of the page it leads to")
}

// Where logout ends elsewhere the path is the application's, and no cookie is set.
func TestLoggedOutPageIsNotServedUnasked(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"", appOrigin + "/bye", "https://www.example.test/auth/logged-out", loggedOutURL + "?x=1"} {
		a := newApp(t, func(cfg *appConfig) { cfg.login.PostLogoutRedirectURL = to })
		b := a.browser()
		check.Equal(t, b.get("/auth/logged-out?state=x").StatusCode, http.StatusNotFound, "status with "+to)
		b.login("/auth/login", "alice")
		b.post("/auth/logout", nil)
		check.Equal(t, len(b.cookies), 0, "cookies left with "+to)
	}
}
