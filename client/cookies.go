package client

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

const (
	maxFlows = 5
	// maxExpired bounds the cookies that one answer takes away: whatever a browser brings, proxies have little room for headers.
	maxExpired = 10
	// maxCookie is what every browser stores of a name and its value together.
	maxCookie = 4096
	// flowSlack is how long a flow's mark outlives it: the clocks of replicas differ.
	flowSlack = time.Minute
)

// cookies names and writes a Login's cookies. They ignore ports and, without a prefix, anybody on the domain
// can set them: names carry a hash of the client, values are random or sealed.
type cookies struct {
	session  string // name
	flow     string // prefix of the names
	secure   bool
	formPost bool
}

func newCookies(namespace string, https, formPost bool) cookies {
	c := cookies{secure: https, formPost: formPost}
	c.session = "oidc-session-" + namespace[:12]
	c.flow = "oidc-flow-" + namespace[:12] + "-"
	if https {
		c.session, c.flow = "__Host-"+c.session, "__Host-"+c.flow
	}
	return c
}

// flowName is the name of the cookie of the flow with this state.
func (c cookies) flowName(state string) string { return c.flow + digest("flow", state)[:16] }

func (c cookies) set(w http.ResponseWriter, cookie http.Cookie, life time.Duration) {
	cookie.Path, cookie.HttpOnly = "/", true
	if cookie.SameSite == 0 {
		cookie.SameSite = http.SameSiteLaxMode
	}
	cookie.MaxAge = -1
	if life > 0 {
		cookie.MaxAge = int((life + time.Second - 1) / time.Second)
	}
	http.SetCookie(w, &cookie)
}

func (c cookies) setSession(w http.ResponseWriter, value string, life time.Duration) {
	c.set(w, http.Cookie{Name: c.session, Value: value, Secure: c.secure}, life)
}

func (c cookies) setFlow(w http.ResponseWriter, name, value string, life time.Duration) {
	cookie := http.Cookie{Name: name, Value: value, Secure: c.secure}
	if c.formPost {
		// The answer is another site's POST. SameSite=None must be Secure, on loopback too.
		cookie.SameSite, cookie.Secure = http.SameSiteNoneMode, true
	}
	c.set(w, cookie, life)
}

// sessionValue returns the session cookie's value, "" if there is none.
func (c cookies) sessionValue(r *http.Request) string {
	cookie, err := r.Cookie(c.session)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// makeRoom expires the oldest flows of this browser, and those that no longer open, so that one more may be added.
func (l *Login) makeRoom(w http.ResponseWriter, r *http.Request) {
	type flow struct {
		name    string
		started time.Time
	}
	var (
		flows  []flow
		broken []string
	)
	for _, cookie := range r.Cookies() {
		if !strings.HasPrefix(cookie.Name, l.cookies.flow) {
			continue
		}
		if tx, _, err := l.openFlow(cookie.Name, cookie.Value); err == nil {
			flows = append(flows, flow{cookie.Name, tx.Started})
			continue
		}
		broken = append(broken, cookie.Name)
	}
	slices.SortFunc(flows, func(a, b flow) int {
		return cmp.Or(a.started.Compare(b.started), strings.Compare(a.name, b.name))
	})
	var gone []string
	for ; len(flows) >= maxFlows; flows = flows[1:] {
		gone = append(gone, flows[0].name)
	}
	gone = append(gone, broken...)
	for _, name := range gone[:min(len(gone), maxExpired)] {
		l.cookies.setFlow(w, name, "", 0)
	}
}

// sealFlow makes the value of a flow's cookie: the transaction and, where the session cookie will not come
// with the callback (form_post), the id of the session that is to be replaced.
func (l *Login) sealFlow(name string, tx *Transaction, replaces string) (string, error) {
	value, err := tx.seal(l.ring, name)
	if err != nil {
		return "", err
	}
	if replaces != "" {
		value += "." + l.ring.SealString(name+" replaces", []byte(replaces))
	}
	if len(name)+len(value) > maxCookie {
		return "", configError("login", "", "the transaction is larger than a cookie may be: ask for fewer resources or scopes")
	}
	return value, nil
}

func (l *Login) openFlow(name, value string) (tx *Transaction, replaces string, err error) {
	value, second, two := strings.Cut(value, ".")
	if tx, err = openTransaction(l.ring, name, value); err != nil {
		return nil, "", err
	}
	if two {
		id, err := l.ring.OpenString(name+" replaces", second)
		if err != nil {
			return nil, "", callbackError("callback", ErrTransactionInvalid, "")
		}
		replaces = string(id)
	}
	return tx, replaces, nil
}

// digest is how everything is named in a store and in cookies: by a hash of what it is about.
func digest(parts ...string) string {
	key := cache.Digest(parts...)
	return base64.RawURLEncoding.EncodeToString(key[:])
}
