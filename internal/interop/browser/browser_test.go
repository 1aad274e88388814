package browser_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop/browser"
)

// TestBrowser shows that what the stories rely on is so: the browser trusts the key, keeps people apart, holds cookies to the
// promise of their names and tells what it refuses.
func TestBrowser(t *testing.T) {
	base := browser.Site(t, "app.example.test", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Add("Set-Cookie", "__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax")
		h.Add("Set-Cookie", "__Host-b=1; Path=/; Secure; Domain=example.test")
		h.Add("Set-Cookie", "c=1; Domain=example.test")
		h.Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "<title>T</title><h1>short and stout</h1>") // the browser sees when it is cut
	}))
	b := browser.New(t)
	tab := b.Tab(t)
	tab.Go(base + "/")
	check.Equal(t, tab.Text("h1"), "short and stout", "text")
	check.Equal(t, tab.Status(), http.StatusTeapot, "status")
	want := []browser.Cookie{
		{Name: "__Host-a", Value: "1", Host: "app.example.test", Path: "/", SameSite: "Lax", HostOnly: true, Secure: true, HTTPOnly: true},
		{Name: "c", Value: "1", Host: "example.test", Path: "/"},
	}
	check.DeepEqual(t, tab.Cookies("app.example.test"), want, "cookies")
	check.DeepEqual(t, tab.Another().Cookies("app.example.test"), want, "cookies in another tab")
	check.Equal(t, len(b.Tab(t).Cookies("app.example.test")), 0, "cookies of another person")
	complaints := tab.Complaints("")
	check.True(t, len(complaints) > 0, "no complaint of the browser")
	check.Contains(t, complaints[0].Text, "cookie __Host-b is refused")
	tab.Screenshot("teapot")
}
