package glewlwyd

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
)

// Person has an account here and a browser that runs the login page's program.
func (s *Server) Person(t testing.TB, name string) *interop.Person {
	t.Helper()
	p := interop.NewPerson(t, name, password, s.Base)
	p.Script = s.loginPage
	return p
}

// loginPage does what the program of login.html does: it speaks to the server's REST interface, then goes to where the
// person wanted to be, with a mark that says she has been asked.
func (s *Server) loginPage(t testing.TB, p *interop.Person, page *interop.Page) string {
	t.Helper()
	if page.URL.Path != "/login.html" {
		return ""
	}
	asked := page.URL.Query()
	if asked.Get("prompt") == "end_session" {
		return s.endSession(t, p, asked)
	}
	if !asked.Has("callback_url") {
		return ""
	}
	s.signIn(t, p)
	scopes := strings.Fields(asked.Get("scope"))
	if i := slices.Index(scopes, "openid"); i >= 0 && len(scopes) > 1 {
		scopes = slices.Delete(scopes, i, i+1)
	}
	s.ok(t, p, http.MethodPut, "/auth/grant/"+url.PathEscape(asked.Get("client_id")), map[string]string{"scope": strings.Join(scopes, " ")})
	return asked.Get("callback_url") + "&g_continue"
}

func (s *Server) signIn(t testing.TB, p *interop.Person) {
	t.Helper()
	s.ok(t, p, http.MethodPost, "/auth/", map[string]string{"username": p.Name, "password": p.Password})
}

// endSession is the button "log out" of that page.
func (s *Server) endSession(t testing.TB, p *interop.Person, asked url.Values) string {
	t.Helper()
	s.ok(t, p, http.MethodDelete, "/"+asked.Get("plugin")+"/session/"+url.PathEscape(asked.Get("sid")), nil)
	s.ok(t, p, http.MethodDelete, "/auth/", nil)
	return asked.Get("callback_url")
}

// ok asks the REST interface as p; anything but 200 fails the test.
func (s *Server) ok(t testing.TB, p *interop.Person, method, path string, value any) *interop.Page {
	t.Helper()
	answer := p.SendJSON(t, method, s.Base+"/api"+path, value)
	if answer.Status != http.StatusOK {
		t.Fatalf("glewlwyd: %s %s answers %d: %s", method, path, answer.Status, answer.Body)
	}
	return answer
}
