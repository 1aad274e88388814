package client_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
	"github.com/relyingparty/oidc/store"
)

func TestCookies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, redirect, mode string
		prefix               string
		flowSecure           bool
	}{
		{"https", appOrigin + "/auth/callback", "query", "__Host-", true},
		{"https, form_post", appOrigin + "/auth/callback", "form_post", "__Host-", true},
		{"loopback", "http://127.0.0.1:8080/auth/callback", "query", "", false},
		{"loopback, form_post", "http://localhost:8080/auth/callback", "form_post", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, func(cfg *appConfig) {
				cfg.op.Clients[0].RedirectURIs = []string{tt.redirect}
				cfg.client.RedirectURL, cfg.client.ResponseMode = tt.redirect, tt.mode
			})
			b := a.browser()
			callback := b.signIn(b.begin("/auth/login"), "alice")
			flow := b.named("oidc-flow")[0]
			check.True(t, strings.HasPrefix(flow.Name, tt.prefix+"oidc-flow-"), "flow cookie %s", flow.Name)
			check.Equal(t, flow.Secure, tt.flowSecure, "Secure")
			check.Equal(t, flow.MaxAge, 600, "Max-Age")
			if tt.mode == "form_post" {
				b.post("/auth/callback", callback.Query(), "Sec-Fetch-Site", "cross-site")
			} else {
				b.finish(callback)
			}
			session := b.named("oidc-session")
			check.Equal(t, len(session), 1, "session cookies")
			check.True(t, strings.HasPrefix(session[0].Name, tt.prefix+"oidc-session-"), "session cookie %s", session[0].Name)
			check.Equal(t, session[0].Secure, tt.prefix != "", "Secure")
			check.Equal(t, session[0].SameSite, http.SameSiteLaxMode, "SameSite")
			check.Equal(t, session[0].MaxAge, 7*24*3600, "Max-Age")
			check.Equal(t, len(session[0].Value), 43, "length of the value")
		})
	}
	// Cookies ignore ports: two applications on localhost must not share a name.
	names := map[string]bool{}
	for _, redirect := range []string{"http://localhost:8080/auth/callback", "http://localhost:8081/auth/callback"} {
		a := newApp(t, func(cfg *appConfig) {
			cfg.op.Clients[0].RedirectURIs = []string{redirect}
			cfg.client.RedirectURL = redirect
		})
		b := a.browser()
		b.login("/auth/login", "alice")
		names[b.named("oidc-session")[0].Name] = true
	}
	check.Equal(t, len(names), 2, "names of two applications' cookies")
}

// Two applications with one store and one key: a session of one is none of the
// other, whatever name the browser sends its value under.
func TestSessionOfAnotherApplication(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(0)
	start := func(id string) *browser {
		return newApp(t, func(cfg *appConfig) {
			cfg.login.Store, cfg.client.ClientID, cfg.op.Clients[0].ID = kept, id, id
		}).browser()
	}
	web, other := start("web"), start("other")
	web.login("/auth/login", "alice")
	other.login("/auth/login", "bob")
	check.Equal(t, other.signedIn(), "bob", "signed in")
	other.named("oidc-session")[0].Value = web.named("oidc-session")[0].Value
	check.Equal(t, other.signedIn(), "", "signed in with the session of another application")
	check.Equal(t, web.signedIn(), "alice", "signed in")
}

func TestFlowLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		b := a.browser()
		garbage := "__Host-oidc-flow-" + strings.Repeat("x", 30)
		var urls []string
		for i := range 7 {
			urls = append(urls, b.begin("/auth/login"))
			check.Equal(t, len(b.named("oidc-flow")), min(i+1, 5), "flows")
			time.Sleep(time.Second)
		}
		own := b.named("oidc-flow")[0]
		b.cookies[garbage] = &http.Cookie{Name: garbage, Value: "x"} // another client's
		stale := own.Name[:len(own.Name)-16] + strings.Repeat("y", 16)
		b.cookies[stale] = &http.Cookie{Name: stale, Value: own.Value} // sealed for another name
		urls = append(urls, b.begin("/auth/login"))
		check.Equal(t, len(b.named("oidc-flow")), 6, "flows, and a cookie that is not ours")
		check.True(t, b.cookies[stale] == nil, "a flow that does not open was kept")
		for i, to := range urls {
			want := http.StatusSeeOther
			if i < 3 {
				want = http.StatusBadRequest
			}
			check.Equal(t, b.finish(b.signIn(to, "alice")).StatusCode, want, "status")
		}
	})
}

// However many cookies of ours a browser brings, the answer's headers stay within what a proxy passes on.
func TestManyBrokenFlows(t *testing.T) {
	t.Parallel()
	b := newApp(t, nil).browser()
	b.begin("/auth/login")
	own := b.named("oidc-flow")[0]
	for range 100 {
		name := own.Name[:len(own.Name)-16] + rand.Text()[:16]
		b.cookies[name] = &http.Cookie{Name: name, Value: "x"}
	}
	resp := b.get("/auth/login")
	check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
	check.Equal(t, len(resp.Header["Set-Cookie"]), 11, "cookies that the answer sets")
	check.True(t, b.cookies[own.Name] != nil, "a flow that opens was dropped")
}

// resources are some that together take so many bytes.
func resources(size int) []string {
	var all []string
	for ; size > 0; size -= 100 {
		all = append(all, "https://"+strings.Repeat("x", 60)+".example.test/"+strings.Repeat("y", len(all)))
	}
	return all
}

func TestLargeTransaction(t *testing.T) {
	t.Parallel()
	size := 0
	a := newApp(t, func(cfg *appConfig) {
		cfg.login.AuthOptions = func(*http.Request) []client.AuthOption {
			return []client.AuthOption{client.Resource(resources(size)...)}
		}
	})
	b := a.browser()
	size = 4000
	check.Equal(t, b.get("/auth/login").StatusCode, http.StatusInternalServerError, "status")
	check.Equal(t, check.As[*client.Error](t, a.lastError()).Kind, client.KindConfig, "kind")

	longest := "/?" + strings.Repeat("&", 1022)
	target := "/auth/login?return_to=" + url.QueryEscape(longest)
	size = 0
	check.Equal(t, b.login(target, "alice"), longest, "login leads to")
	// What does not fit is done without.
	size = 2000
	check.Equal(t, b.login(target, "alice"), "/", "login leads to")
}

// Pages of others can begin logins in a person's browser, and a browser restores many tabs: the Cookie header must stay
// within what proxies take.
func TestFlowCookiesStaySmall(t *testing.T) {
	t.Parallel()
	const long = 4096
	for _, mode := range []string{"query", "form_post"} {
		for _, tt := range []struct {
			path, flows, survive int
		}{{300, 5, 5}, {300, 9, 5}, {1024, 9, 2}, {1, 9, 5}} {
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, func(cfg *appConfig) {
					cfg.client.ResponseMode = mode
					cfg.client.Scopes = []string{"openid", "profile", "email", "offline_access"}
					cfg.client.Resources = resources(1000) // said by the configuration: they take no room
				})
				b := a.browser()
				finish := func(to string) *http.Response {
					callback := b.signIn(to, "alice")
					if mode == "query" {
						return b.finish(callback)
					}
					return b.post("/auth/callback", callback.Query(), "Sec-Fetch-Site", "cross-site")
				}
				finish(b.begin("/auth/login")) // form_post's flows also name the session they replace
				var urls, paths []string
				for i := range tt.flows {
					path := "/" + strings.Repeat(string(rune('a'+i)), tt.path-1)
					urls, paths = append(urls, b.begin("/auth/login?return_to="+path)), append(paths, path)
					size := 0
					for _, c := range b.named("oidc-flow") {
						size += len(c.Name) + len(c.Value) + len("=; ")
					}
					check.True(t, size <= long, "%d flows of %d bytes: they take %d bytes", i+1, tt.path, size)
					time.Sleep(time.Second)
				}
				check.Equal(t, len(b.named("oidc-flow")), tt.survive, "flows")
				for i, to := range urls {
					resp, want := finish(to), ""
					if i >= tt.flows-tt.survive {
						want = paths[i]
					}
					check.Equal(t, resp.Header.Get("Location"), want, "where the login leads")
				}
			})
		}
	}
}

func TestSessionFixation(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	attacker, victim := a.browser(), a.browser()
	attacker.login("/auth/login", "bob")
	planted := *attacker.named("oidc-session")[0]
	victim.cookies[planted.Name] = &planted
	victim.login("/auth/login", "alice")
	check.Equal(t, victim.signedIn(), "alice", "signed in")
	check.True(t, victim.cookies[planted.Name].Value != planted.Value, "the planted id became the victim's")
	check.Equal(t, attacker.signedIn(), "", "signed in with the planted id")

	// A made-up id is never adopted.
	made := planted
	made.Value = strings.Repeat("A", 43)
	victim = a.browser()
	victim.cookies[made.Name] = &made
	victim.login("/auth/login", "alice")
	check.True(t, victim.cookies[made.Name].Value != made.Value, "the made-up id became the victim's")

	// A failed login leaves the session alone: it could be anybody's doing.
	callback := victim.signIn(victim.begin("/auth/login"), "alice")
	a.op.Fault("token", oidctest.Down)
	check.Equal(t, victim.finish(callback).StatusCode, http.StatusServiceUnavailable, "status")
	check.Equal(t, victim.signedIn(), "alice", "signed in")
}
