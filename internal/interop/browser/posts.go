package browser

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

// anotherSite: pages of other origins post to the app. The first is the same site to a browser, which sends the session's
// cookie along: what refuses it is the app. From the other comes no cookie.
func (a *app) anotherSite(t *testing.T, b *Browser) {
	tab := b.Tab(t)
	a.signIn(t, tab)
	session := a.cookie(t, tab, sessionCookie)
	for _, other := range []struct {
		host string
		sent bool
	}{{"evil.example.test", true}, {"evil.test", false}} {
		evil := Site(t, other.host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<form method="post" action="%s%s"><button>Win a prize</button></form>`, a.Base, r.URL.Path)
		}))
		for _, path := range []string{"/auth/logout", "/refresh"} {
			tab.Go(evil + path)
			tab.Click("button")
			check.Equal(t, withoutQuery(tab.URL().String()), a.Base+path, "where the form went")
			check.Equal(t, tab.Status(), http.StatusForbidden, path+" posted from "+other.host)
			_, err := a.front.last(t, "POST "+path).Cookie(session.Name)
			check.Equal(t, err == nil, other.sent, "the session's cookie was sent by "+other.host)
		}
		tab.Go(a.Base + "/")
		a.signedIn(t, tab, true)
	}
	check.True(t, a.cookie(t, tab, sessionCookie) == session, "the session's cookie is another one")
}

// formPost: the provider's page posts the response, across sites, which needs another cookie for the flow. The next login
// replaces the session although its cookie does not come with that post.
func (a *app) formPost(t *testing.T, b *Browser) {
	tab := b.Tab(t)
	tab.Go(a.login)
	tab.WaitURL(a.story.Provider)
	a.guarded(t, a.cookie(t, tab, flowCookie), "None")
	a.through(t, tab)
	a.signedIn(t, tab, true)
	session := a.cookie(t, tab, sessionCookie)
	a.guarded(t, session, "Lax")
	a.cookies(t, tab, flowCookie, 0)

	a.signIn(t, tab)
	a.signedIn(t, tab, true)
	came := a.front.last(t, "POST /auth/callback")
	check.Equal(t, came.Header.Get("Sec-Fetch-Site"), "cross-site", "Sec-Fetch-Site of the callback")
	check.Equal(t, came.URL.RawQuery, "", "query of the callback")
	_, err := came.Cookie(session.Name)
	check.Error(t, err, http.ErrNoCookie)
	check.True(t, a.cookie(t, tab, sessionCookie).Value != session.Value, "the session was kept over a login")
	check.DeepEqual(t, tab.Complaints(a.Base), nil, "complaints of the browser")
}

// plainFormPost: the same without https. Chromium takes a Secure cookie from http on this machine, and sends it there.
func (a *app) plainFormPost(t *testing.T, b *Browser) {
	tab := b.Tab(t)
	tab.Go(a.login)
	tab.WaitURL(a.story.Provider)
	a.guarded(t, a.cookie(t, tab, "oidc-flow-"), "None")
	a.through(t, tab)
	a.signedIn(t, tab, true)
	a.guarded(t, a.cookie(t, tab, "oidc-session-"), "Lax")
	a.cookies(t, tab, "oidc-flow-", 0)
	check.DeepEqual(t, tab.Complaints(a.Base), nil, "complaints of the browser")
}
