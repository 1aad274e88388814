package client

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// RequireLogin lets only requests with a session through, and puts it into their context for SessionFromContext.
//
// A browser that opens a page is sent to sign in and comes back to it; everything else (fetch, forms, tools) gets
// a plain 401; the answer is 503 when the store is away. Around a whole router it serves the login's own endpoints itself.
func (l *Login) RequireLogin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(l.paths.all(), r.URL.Path) {
			l.ServeHTTP(w, r)
			return
		}
		s, err := l.Session(r)
		if err == nil {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, s)))
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		if !errors.Is(err, ErrNoSession) {
			l.fail(w, r, "", err)
			return
		}
		// A dead cookie stays until the next login replaces it: deleted here, by an answer that comes late, it could be that
		// of a login which another tab has finished meanwhile.
		if !navigation(r) {
			http.Error(w, "sign-in required", http.StatusUnauthorized)
			return
		}
		to := url.URL{Path: l.paths.Login}
		if here := requestPath(r); l.returnTo(here) == here && here != l.cfg.DefaultReturnTo {
			to.RawQuery = url.Values{"return_to": {here}}.Encode()
		}
		redirect(w, to.String())
	})
}

// navigation reports whether a person is opening a page: what may be answered with a redirect to another site.
func navigation(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return acceptsHTML(r)
}

// acceptsHTML looks for text/html by name: what takes anything (*/*) is a tool.
func acceptsHTML(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		media, params, err := mime.ParseMediaType(part)
		q, weighted := params["q"]
		if err == nil && media == "text/html" && (!weighted || strings.Trim(q, "0.") != "") {
			return true
		}
	}
	return false
}
