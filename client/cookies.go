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
	// maxFlowBytes bounds what all flow cookies together add to each request to the application: proxies take 8 KiB of
	// headers. It is also what every browser stores of one cookie.
	maxFlowBytes = 4096
	// flowSlack is how long a flow's mark outlives it: the clocks of replicas differ.
	flowSlack = time.Minute
)

// cookies names and writes a Login's cookies. They ignore ports and, without a prefix, anybody on the domain
// can set them: names carry a hash of the client, values are random or sealed.
type cookies struct {
	session  string // name
	logout   string // name
	flow     string // prefix of the names
	secure   bool
	formPost bool
}

func newCookies(namespace string, https, formPost bool) cookies {
	c := cookies{secure: https, formPost: formPost}
	c.session = "oidc-session-" + namespace[:12]
	c.logout = "oidc-logout-" + namespace[:12]
	c.flow = "oidc-flow-" + namespace[:12] + "-"
	if https {
		c.session, c.logout, c.flow = "__Host-"+c.session, "__Host-"+c.logout, "__Host-"+c.flow
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

// setLogout keeps a logout's state until the browser comes back from the provider.
func (c cookies) setLogout(w http.ResponseWriter, state string) {
	c.set(w, http.Cookie{Name: c.logout, Value: state, Secure: c.secure}, transactionLifetime)
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

// makeRoom expires the oldest flows of this browser, and those that no longer open, so that one more of this size may
// be added.
func (l *Login) makeRoom(w http.ResponseWriter, r *http.Request, size int) {
	type held struct {
		name    string
		size    int
		started time.Time
	}
	var (
		flows  []held
		broken []string
	)
	for _, cookie := range r.Cookies() {
		if !strings.HasPrefix(cookie.Name, l.cookies.flow) {
			continue
		}
		f, err := l.openFlow(cookie.Name, cookie.Value)
		if err != nil {
			broken = append(broken, cookie.Name)
			continue
		}
		flows = append(flows, held{cookie.Name, cookieSize(cookie.Name, cookie.Value), f.tx.Started})
		size += flows[len(flows)-1].size
	}
	slices.SortFunc(flows, func(a, b held) int {
		return cmp.Or(a.started.Compare(b.started), strings.Compare(a.name, b.name))
	})
	var gone []string
	for ; len(flows) > 0 && (len(flows) >= maxFlows || size > maxFlowBytes); flows = flows[1:] {
		gone = append(gone, flows[0].name)
		size -= flows[0].size
	}
	gone = append(gone, broken...)
	for _, name := range gone[:min(len(gone), maxExpired)] {
		l.cookies.setFlow(w, name, "", 0)
	}
}

// cookieSize is what a cookie takes of the Cookie header.
func cookieSize(name, value string) int { return len(name) + len("=") + len(value) + len("; ") }

// sealFlow makes the value of a flow's cookie.
func (l *Login) sealFlow(name string, f flow) (string, error) {
	packed, err := l.packFlow(f)
	if err != nil {
		return "", err
	}
	value := l.ring.SealString(name, packed)
	if cookieSize(name, value) > maxFlowBytes {
		return "", configError("login", "", "the transaction is larger than a cookie may be: ask for fewer resources or scopes")
	}
	return value, nil
}

// openFlow undoes sealFlow: ErrTransactionInvalid.
func (l *Login) openFlow(name, value string) (flow, error) {
	packed, err := l.ring.OpenString(name, value)
	if err == nil {
		if f, ok := l.unpackFlow(packed); ok {
			return f, nil
		}
	}
	return flow{}, callbackError("callback", ErrTransactionInvalid, "")
}

// digest is how everything is named in a store and in cookies: by a hash of what it is about.
func digest(parts ...string) string {
	key := cache.Digest(parts...)
	return base64.RawURLEncoding.EncodeToString(key[:])
}
