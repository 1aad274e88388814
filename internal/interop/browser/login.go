package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// The parts of examples/login that a person presses, and what its pages say.
const (
	startButton  = `a[href$="/auth/login"]`
	renewButton  = `form[action$="/refresh"] button`
	logoutButton = `form[action$="/auth/logout"] button`

	nobody = "Nobody is signed in"
	failed = "Signing in did not work"
)

// Prefixes of the cookies' names, over https.
const (
	sessionCookie = "__Host-oidc-session-"
	flowCookie    = "__Host-oidc-flow-"
)

// Login tells the whole story with one browser: part of interop.Browser for a provider with pages of its own.
func Login(t *testing.T, s Story) string {
	t.Helper()
	b := New(t)
	programs := interop.Build(t, "login")
	a := s.secure(t, programs, nil)
	formPost := map[string]string{"OIDC_RESPONSE_MODE": "form_post"}
	var told []string
	for _, chapter := range []struct {
		name string
		run  func(t *testing.T, b *Browser)
	}{
		{"session", a.session},
		{"two tabs at once", a.twoTabs},
		{"used code", a.usedCode},
		{"another site", a.anotherSite},
		{"logout", a.logout},
		{"form_post", func(t *testing.T, b *Browser) { s.secure(t, programs, formPost).formPost(t, b) }},
		{"form_post to http of one site", func(t *testing.T, b *Browser) {
			s.plain(t, programs, "127.0.0.1", formPost).plainFormPost(t, b)
		}},
		{"form_post to http of another site", func(t *testing.T, b *Browser) {
			s.plain(t, programs, "localhost", formPost).plainFormPost(t, b)
		}},
	} {
		if s.NoLogout && chapter.name == "logout" {
			continue
		}
		if !t.Run(chapter.name, func(t *testing.T) { chapter.run(t, b) }) {
			t.FailNow()
		}
		told = append(told, chapter.name)
	}
	return "by the provider's own page into an https app of another site: " + strings.Join(told, ", ")
}

// session: the login, the cookies on the way and after it, a reload, another tab, the renewal.
func (a *app) session(t *testing.T, b *Browser) {
	tab := b.Tab(t)
	tab.Go(a.Base + "/")
	check.Equal(t, tab.Text("h1"), nobody, "before")
	tab.Screenshot("signed-out")
	tab.Click(startButton)
	tab.WaitURL(a.story.Provider)
	tab.Await("the sign-in form", present(a.story.Password))
	tab.Screenshot("provider")
	a.guarded(t, a.cookie(t, tab, flowCookie), "Lax")
	a.cookies(t, tab, sessionCookie, 0)

	check.Equal(t, a.through(t, tab), 1, "times the password was asked for")
	tab.Screenshot("signed-in")
	a.signedIn(t, tab, true)
	person := tab.Text("h1")
	session := a.cookie(t, tab, sessionCookie)
	a.guarded(t, session, "Lax")
	a.cookies(t, tab, flowCookie, 0)
	check.Equal(t, Eval[string](tab, "document.cookie"), "", "cookies that a script can read")

	tab.Reload()
	check.Equal(t, tab.Text("h1"), person, "after a reload")
	other := tab.Another()
	other.Go(a.Base + "/")
	check.Equal(t, other.Text("h1"), person, "in another tab")

	before := tab.Text("time")
	const mostTimes = 500
	for range mostTimes { // the page shows whole seconds
		tab.Click(renewButton)
		check.Equal(t, tab.URL().String(), a.Base+"/", "where the renewal ends")
		if tab.Text("time") != before {
			break
		}
	}
	check.True(t, tab.Text("time") > before, "the token of %s was followed by one of %s", before, tab.Text("time"))
	check.Equal(t, tab.Text("h1"), person, "after the renewal")
	check.True(t, a.cookie(t, tab, sessionCookie) == session, "the renewal changed the session's cookie")
	check.DeepEqual(t, tab.Complaints(a.Base), nil, "complaints of the browser")
}

// twoTabs: one person starts two logins before finishing either.
func (a *app) twoTabs(t *testing.T, b *Browser) {
	first := b.Tab(t)
	second := first.Another()
	tabs := []*Tab{first, second}
	for _, tab := range tabs {
		tab.Go(a.login)
		tab.WaitURL(a.story.Provider)
	}
	a.cookies(t, first, flowCookie, len(tabs))
	if a.story.OneLogin {
		a.back(t, first)
		check.Equal(t, first.Text("h1"), failed, "the login that the provider forgot")
	} else {
		a.through(t, first)
		a.signedIn(t, first, true)
	}
	a.through(t, second)
	a.signedIn(t, second, true)
	if a.story.OneLogin {
		first.Click(startButton)
		a.through(t, first)
	}
	first.Reload()
	a.signedIn(t, first, true)
	a.cookies(t, first, flowCookie, 0)
	a.cookie(t, first, sessionCookie)
}

// usedCode: the address with the code is opened again, by the person and by somebody else; and the way back.
func (a *app) usedCode(t *testing.T, b *Browser) {
	tab := b.Tab(t)
	a.signIn(t, tab)
	callbacks := tab.Requests(a.Base + "/auth/callback?")
	check.Equal(t, len(callbacks), 1, "callbacks")
	used := callbacks[0].URL
	check.Contains(t, used, "code=")
	session := a.cookie(t, tab, sessionCookie)

	tab.Go(used)
	check.Equal(t, tab.Text("h1"), failed, "a used code")
	check.Equal(t, tab.Status(), http.StatusBadRequest, "its status")
	tab.Screenshot("failed")
	tab.Reload()
	check.Equal(t, tab.Text("h1"), failed, "a used code, once more")
	tab.Back()
	check.Equal(t, tab.URL().String(), a.Base+"/", "the page before")
	a.signedIn(t, tab, true)
	tab.Back() // to the provider's form, which has served its time
	tab.Go(a.Base + "/")
	a.signedIn(t, tab, true)
	check.True(t, a.cookie(t, tab, sessionCookie) == session, "the session's cookie is another one")

	stranger := b.Tab(t)
	stranger.Go(used)
	check.Equal(t, stranger.Text("h1"), failed, "a used code at a stranger's")
	stranger.Go(a.Base + "/")
	a.signedIn(t, stranger, false)
}

// logout: by the page's button to the provider and back, in every tab and at the provider.
func (a *app) logout(t *testing.T, b *Browser) {
	tab := b.Tab(t)
	a.signIn(t, tab)
	other := tab.Another()
	other.Go(a.Base + "/")
	a.signedIn(t, other, true)

	tab.Click(logoutButton)
	a.through(t, tab)
	a.signedIn(t, tab, false)
	a.cookies(t, tab, sessionCookie, 0)
	other.Reload()
	a.signedIn(t, other, false)

	other.Click(startButton)
	check.Equal(t, a.through(t, other), 1, "times the password was asked for afterwards")
	a.signedIn(t, other, true)
}

// signedIn looks at the page that is there.
func (a *app) signedIn(t *testing.T, tab *Tab, want bool) {
	t.Helper()
	title := tab.Text("h1")
	check.Equal(t, title != nobody && title != failed, want, "signed in ("+title+")")
}

// cookies are the app's with this prefix, of which there must be n.
func (a *app) cookies(t *testing.T, tab *Tab, prefix string, n int) (cookies []Cookie) {
	t.Helper()
	for _, c := range tab.Cookies(a.host) {
		if strings.HasPrefix(c.Name, prefix) {
			cookies = append(cookies, c)
		}
	}
	check.Equal(t, len(cookies), n, "cookies "+prefix)
	return cookies
}

func (a *app) cookie(t *testing.T, tab *Tab, prefix string) Cookie {
	t.Helper()
	return a.cookies(t, tab, prefix, 1)[0]
}

// guarded checks everything that keeps a cookie away from others; over https that is what __Host- promises.
func (a *app) guarded(t *testing.T, c Cookie, sameSite string) {
	t.Helper()
	c.Value = "" // secret
	want := Cookie{
		Name: c.Name, Host: a.host, Path: "/", SameSite: sameSite, HostOnly: true, HTTPOnly: true,
		Secure: a.front != nil || sameSite == "None",
	}
	check.Equal(t, c, want, "what the browser keeps")
}
