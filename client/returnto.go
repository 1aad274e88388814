package client

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/relyingparty/oidc/internal/remote"
)

// maxReturnTo keeps the transaction's cookie within what browsers store.
const maxReturnTo = 1024

// returnTo gives raw if it is a path on this origin that is safe to redirect to, else the default.
func (l *Login) returnTo(raw string) string {
	if safeReturnTo(raw) && !slices.Contains(l.paths.all(), pathOf(raw)) {
		return raw
	}
	return l.cfg.DefaultReturnTo
}

// targetLink is returnTo for the absolute URL of a third-party initiated login (OpenID Connect Core section 4).
func (l *Login) targetLink(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.IsAbs() {
		if u.User != nil || u.Opaque != "" || !remote.SameOrigin(raw, l.rp.cfg.RedirectURL) {
			return l.cfg.DefaultReturnTo
		}
		u.Scheme, u.Host = "", ""
		if u.Path == "" {
			u.Path = "/"
		}
		raw = u.String()
	}
	return l.returnTo(raw)
}

// safeReturnTo reports whether every browser and every proxy reads raw as a path on the origin it came from.
//
// It is strict rather than clever: printable ASCII, one leading slash, no backslash, and neither the path nor anything it decodes
// to may start with two slashes or hold a backslash, a control character or a dot segment.
func safeReturnTo(raw string) bool {
	if len(raw) > maxReturnTo || !strings.HasPrefix(raw, "/") {
		return false
	}
	if strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' }) {
		return false
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Opaque != "" || u.User != nil || u.Host != "" {
		return false
	}
	rest, _, _ := strings.Cut(raw, "#")
	rest, _, _ = strings.Cut(rest, "?")
	for {
		if !plainPath(rest) {
			return false
		}
		decoded, err := url.PathUnescape(rest)
		if err != nil || decoded == rest {
			// Not even an escape any more: nobody decodes it further.
			return true
		}
		rest = decoded
	}
}

func plainPath(p string) bool {
	if strings.HasPrefix(p, "//") || strings.ContainsFunc(p, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }) {
		return false
	}
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// pathOf is the path of a safe return-to as a server would see it.
func pathOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return path.Clean(u.Path)
}

// requestPath is where the browser is, as it sees it: what a mux strips is not missing.
func requestPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// redirect sends the browser to a path or URL exactly as it is given.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
