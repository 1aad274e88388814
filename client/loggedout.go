package client

import (
	"crypto/subtle"
	"html/template"
	"net/http"
	"net/url"

	"github.com/relyingparty/oidc/internal/remote"
)

// serveLoggedOut is the page where a logout ends when PostLogoutRedirectURL is
// that of Paths.LoggedOut. It says "signed out" only to a browser that comes back
// from a logout it began here: anybody can link to it.
func (l *Login) serveLoggedOut(w http.ResponseWriter, r *http.Request) {
	state, ok := one(r.URL.Query(), "state")
	cookie, err := r.Cookie(l.cookies.logout)
	if !ok || err != nil || cookie.Value == "" || subtle.ConstantTimeCompare([]byte(state), []byte(cookie.Value)) != 1 {
		l.fail(w, r, "", callbackError("logout", ErrStateMismatch, ""))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", plainPolicy)
	if r.Method != http.MethodHead {
		_ = loggedOutPage.Execute(w, &url.URL{Path: l.paths.Login})
	}
}

var loggedOutPage = template.Must(template.New("logged out").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Signed out</title></head>
<body>
<h1>You are signed out</h1>
<p>You can close this page, or <a href="{{.}}">sign in again</a>.</p>
</body>
</html>
`))

// fillLoggedOut decides whether there is such a page.
func (l *Login) fillLoggedOut(explicit bool, redirectURL *url.URL) (errs []error) {
	to, err := url.Parse(l.cfg.PostLogoutRedirectURL)
	ours := err == nil && l.cfg.PostLogoutRedirectURL != "" && remote.SameOrigin(l.cfg.PostLogoutRedirectURL, redirectURL.String()) &&
		to.Path == l.paths.LoggedOut && to.RawQuery == "" && to.Fragment == ""
	if ours {
		return nil
	}
	l.paths.LoggedOut = ""
	if explicit {
		errs = append(errs, loginConfigError("Paths.LoggedOut", "needs PostLogoutRedirectURL to be its URL, on the origin of Config.RedirectURL"))
	}
	return errs
}
