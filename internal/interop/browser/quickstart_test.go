package browser_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/browser"
)

// TestQuickstart presses what a visitor of examples/quickstart can press, as each of its people.
func TestQuickstart(t *testing.T) {
	tab := browser.New(t).Tab(t)
	program := interop.Program(t, filepath.Join(interop.Build(t, "quickstart"), "quickstart"), nil, "-addr", "127.0.0.1:0")
	said := strings.Fields(program.Line(t, patience))
	check.True(t, len(said) > 1 && said[0] == "open", "the first line is not: open URL")
	base := said[1]

	tab.Go(base)
	tab.Screenshot("signed-out")
	for _, person := range []struct{ id, name, tenant string }{
		{"grace", "Grace Hopper", "globex"},
		{"ada", "Ada Lovelace", "acme"},
	} {
		tab.Click(`a[href="/auth/login"]`)
		tab.Screenshot("people")
		tab.Click(`button[value="` + person.id + `"]`)
		tab.WaitURL(base + "/")
		check.Equal(t, tab.Text("#who"), person.name, "who is signed in")
		check.Equal(t, tab.Text(".tenant"), person.tenant, "tenant")
		for _, press := range []struct{ button, title, status string }{
			{"right-tenant", "Right tenant", "200"},
			{"no-token", "No token", "401"},
			{"expired-token", "Expired token", "401"},
			{"wrong-tenant", "Wrong tenant", "403"},
		} {
			tab.Click(`button[value="` + press.button + `"]`)
			check.Equal(t, tab.Text("#answer .status"), press.status, press.title)
			check.Equal(t, tab.Text(`button[aria-current="true"] strong`), press.title, "the button that is marked")
		}
		looks(t, tab)
		tab.Click(`form[action="/auth/logout"] button`)
		tab.WaitURL(base + "/")
		check.True(t, !tab.Has("#who"), "still signed in")
	}
	check.DeepEqual(t, tab.Complaints(""), nil, "complaints of the browser")
	for _, r := range tab.Requests("") {
		local := []string{"http://127.0.0.1:", "about:", "data:"}
		check.True(t, slices.ContainsFunc(local, func(prefix string) bool { return strings.HasPrefix(r.URL, prefix) }), "a request to %s", r.URL)
	}
	check.Contains(t, policy(t, base), "default-src 'none'", "frame-ancestors 'none'")
}

const patience = 20 * time.Second

// looks takes pictures by day and by night, at a desk and on the way: the page must fit.
func looks(t *testing.T, tab *browser.Tab) {
	t.Helper()
	for _, look := range []struct {
		name, scheme string
		width        int64
	}{{"dark-narrow", "dark", 420}, {"dark", "dark", 1100}, {"light-narrow", "light", 420}, {"light", "light", 1100}} {
		tab.Prefer(look.scheme, look.width)
		check.True(t, browser.Eval[bool](tab, "document.documentElement.scrollWidth <= innerWidth"), "the page is wider than %d px", look.width)
		tab.Screenshot(look.name)
	}
}

// policy is the Content-Security-Policy of a page.
func policy(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	check.NoError(t, err)
	resp, err := (&http.Client{Timeout: patience}).Do(req)
	check.NoError(t, err)
	defer resp.Body.Close()
	return resp.Header.Get("Content-Security-Policy")
}
