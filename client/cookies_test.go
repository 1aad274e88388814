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

func TestLargeTransaction(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) {
		for range 40 {
			cfg.client.Resources = append(cfg.client.Resources, "https://"+strings.Repeat("x", 60)+".example.test/"+strings.Repeat("y", len(cfg.client.Resources)))
		}
	})
	b := a.browser()
	check.Equal(t, b.get("/auth/login").StatusCode, http.StatusInternalServerError, "status")
	check.Equal(t, check.As[*client.Error](t, a.lastError()).Kind, client.KindConfig, "kind")

	longest := "/" + strings.Repeat("z", 1023)
	b = newApp(t, nil).browser()
	check.Equal(t, b.login("/auth/login?return_to="+longest, "alice"), longest, "login leads to")
	// What does not fit is done without.
	check.Equal(t, b.login("/auth/login?return_to="+url.QueryEscape("/?"+strings.Repeat("&", 1022)), "alice"), "/", "login leads to")
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
