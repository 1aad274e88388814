package browser

import (
	"cmp"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// Story is what a provider's test tells of itself, so that a person can sign in with examples/login and the provider's own pages.
type Story struct {
	Provider string // where its pages are: the prefix of their addresses

	// Register makes a client known for these addresses of an application and gives its environment for examples/login: the
	// provider, the client, the scopes. It is called for several applications.
	Register func(t *testing.T, redirectURL, postLogoutURL string) map[string]string

	// The provider's pages, by CSS selectors: the sign-in form, and the button of any other page it has for a person (consent,
	// the question at the logout); empty when it has none.
	Name, Password, SignIn, Confirm string

	User, Secret string // who signs in

	OneLogin bool // the provider forgets a login when the person begins another one
	NoLogout bool // its own page for the logout does not work
}

// app is examples/login, registered and running.
type app struct {
	Base  string // as the browser sees it
	host  string // without the port
	login string // where a login starts
	story Story
	front *front // what an app behind https is reached through
}

// secure runs the app as it runs for people: behind https, at a name of its own. Its provider is another site.
func (s Story) secure(t *testing.T, programs string, env map[string]string) *app {
	t.Helper()
	const host = "app.example.test"
	address := interop.FreeAddress(t)
	f := newFront(address)
	a := s.start(t, programs, address, Site(t, host, f), env)
	a.host, a.front = host, f
	return a
}

// plain runs it at http://HOST:PORT without anything in front; host is a name of this machine.
func (s Story) plain(t *testing.T, programs, host string, env map[string]string) *app {
	t.Helper()
	address := interop.FreeAddress(t)
	a := s.start(t, programs, address, "http://"+strings.Replace(address, "127.0.0.1", host, 1), env)
	a.host = host
	return a
}

func (s Story) start(t *testing.T, programs, address, base string, env map[string]string) *app {
	t.Helper()
	all := s.Register(t, base+"/auth/callback", base+"/")
	maps.Copy(all, map[string]string{
		"ADDR": address, "OIDC_REDIRECT_URL": base + "/auth/callback", "OIDC_POST_LOGOUT_URL": base + "/",
	})
	maps.Copy(all, env)
	program := interop.Program(t, filepath.Join(programs, "login"), all)
	check.Equal(t, interop.Listening(t, program), "http://"+address, "where the program listens")
	return &app{Base: base, login: base + "/auth/login", story: s}
}

// signIn starts a login and goes through the provider's pages.
func (a *app) signIn(t *testing.T, tab *Tab) {
	t.Helper()
	tab.Go(a.login)
	a.through(t, tab)
}

// through answers the provider's pages until the app's first page is there, and gives how often a password was asked for.
func (a *app) through(t *testing.T, tab *Tab) (asked int) {
	t.Helper()
	asked = a.back(t, tab)
	check.Equal(t, withoutQuery(tab.URL().String()), a.Base+"/", "where the provider sent the browser")
	return asked
}

// back is through for a login that may fail. A page may go on by itself, as one does that notices a login in another tab:
// then what was tried here does not matter.
func (a *app) back(t *testing.T, tab *Tab) (asked int) {
	t.Helper()
	const mostPages = 10
	arrived := "location.href.startsWith(" + strconv.Quote(a.Base+"/") + ")"
	var err error
	for range mostPages {
		tab.Await("a page to answer, or the app's", present(a.story.Password)+"||"+present(a.story.Confirm)+"||"+arrived)
		switch {
		case Eval[bool](tab, arrived):
			return asked
		case !tab.Has(a.story.Password):
			err = tab.attempt(clicking(a.story.Confirm))
		default:
			if err = a.story.signIn(tab); err == nil || !tab.Has(a.story.Password) {
				asked++
			}
		}
	}
	t.Fatalf("the provider still asks after %d pages; the last answer: %v\n%s", mostPages, err, tab.state())
	return asked
}

// signIn fills in the form and sends it. A provider that knows who comes back may not let the name be changed.
func (s Story) signIn(tab *Tab) error {
	form := chromedp.Tasks{typing(s.Password, s.Secret), clicking(s.SignIn)}
	if name := s.Name + ":not([readonly])"; tab.Has(name) {
		form = append(chromedp.Tasks{typing(name, s.User)}, form...)
	}
	return tab.attempt(form)
}

// present is the condition that the page has such an element; an empty selector finds none.
func present(selector string) string {
	return "document.querySelector(" + strconv.Quote(cmp.Or(selector, "none")) + ") !== null"
}
