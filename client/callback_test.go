package client_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func TestTwoTabs(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"first tab first", "second tab first"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			b := newApp(t, nil).browser()
			one, two := b.begin("/auth/login?return_to=/one"), b.begin("/auth/login?return_to=/two")
			check.Equal(t, len(b.named("oidc-flow")), 2, "flows")
			tabs := []struct{ url, to string }{{one, "/one"}, {two, "/two"}}
			if order == "second tab first" {
				tabs[0], tabs[1] = tabs[1], tabs[0]
			}
			for _, tab := range tabs {
				resp := b.finish(b.signIn(tab.url, "alice"))
				check.Equal(t, resp.Header.Get("Location"), tab.to, "the tab leads to")
				check.Equal(t, b.signedIn(), "alice", "signed in")
			}
			check.Equal(t, len(b.cookies), 1, "cookies left")
		})
	}
}

func TestBackButton(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	b := a.browser()
	callback := b.signIn(b.begin("/auth/login"), "alice")
	check.Equal(t, b.finish(callback).StatusCode, http.StatusSeeOther, "status")
	check.Equal(t, b.finish(callback).StatusCode, http.StatusBadRequest, "status of the page that was gone back to")
	check.Error(t, a.lastError(), client.ErrStateMismatch)
	check.Equal(t, b.signedIn(), "alice", "signed in")
	check.Equal(t, a.op.Requests("token"), 1, "token requests")
}

// Whoever kept the cookie and the callback, of a login that came to its end or one whose code was sent and refused, can use
// neither again.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"completed", "failed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nil)
			b := a.browser()
			to := b.begin("/auth/login")
			kept := b.named("oidc-flow")[0]
			callback := b.signIn(to, "alice")
			want := http.StatusSeeOther
			if name == "failed" {
				a.op.Fault("token", oidctest.Down)
				want = http.StatusServiceUnavailable
			}
			check.Equal(t, b.finish(callback).StatusCode, want, "status")
			a.op.Clear()
			check.Equal(t, len(b.named("oidc-flow")), 0, "flow cookies left")
			requests := a.op.Requests("token")

			thief := a.browser()
			thief.cookies[kept.Name] = kept
			check.Equal(t, thief.finish(callback).StatusCode, http.StatusBadRequest, "status of the replay")
			check.Error(t, a.lastError(), client.ErrLoginUsed)
			check.Equal(t, a.op.Requests("token"), requests, "token requests")
			check.Equal(t, len(thief.cookies), 0, "the thief's cookies")
		})
	}
}

func TestConcurrentReplay(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	b := a.browser()
	to := b.begin("/auth/login")
	flow := b.named("oidc-flow")
	callback := b.signIn(to, "alice")
	var ok atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			tab := &browser{t: t, app: a, cookies: map[string]*http.Cookie{flow[0].Name: flow[0]}, ends: map[string]time.Time{}}
			if tab.finish(callback).StatusCode == http.StatusSeeOther {
				ok.Add(1)
			}
		})
	}
	all.Wait()
	check.Equal(t, ok.Load(), int32(1), "callbacks that succeeded")
	check.Equal(t, a.op.Requests("token"), 1, "token requests")
}

func TestExpiredTransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		for _, kept := range []bool{false, true} {
			b := a.browser()
			callback := b.signIn(b.begin("/auth/login"), "alice")
			time.Sleep(10 * time.Minute)
			want := client.ErrStateMismatch // the browser has dropped the cookie
			if kept {
				clear(b.ends)
				want = client.ErrTransactionExpired
			}
			check.Equal(t, b.finish(callback).StatusCode, http.StatusBadRequest, "status")
			check.Error(t, a.lastError(), want)
		}
		check.Equal(t, a.op.Requests("token"), 0, "token requests")
	})
}

// An attacker sends the victim's browser to the callback with a code of their own.
func TestLoginCSRF(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	attacker, victim := a.browser(), a.browser()
	forged := attacker.signIn(attacker.begin("/auth/login"), "bob")

	under := victim.begin("/auth/login?return_to=/mine")
	check.Equal(t, victim.finish(forged).StatusCode, http.StatusBadRequest, "status of the forged callback")
	check.Error(t, a.lastError(), client.ErrStateMismatch)
	check.Equal(t, a.op.Requests("token"), 0, "token requests")
	check.Equal(t, victim.finish(victim.signIn(under, "alice")).Header.Get("Location"), "/mine", "the victim's own login leads to")

	check.Equal(t, victim.finish(forged).StatusCode, http.StatusBadRequest, "status of the forged callback")
	check.Equal(t, victim.signedIn(), "alice", "signed in")

	// The attacker's code under the victim's state: PKCE and the nonce tie it to the attacker's own login.
	under = victim.begin("/auth/login")
	mixed := victim.signIn(under, "alice")
	q := mixed.Query()
	q.Set("code", forged.Query().Get("code"))
	mixed.RawQuery = q.Encode()
	check.Equal(t, victim.finish(mixed).StatusCode, http.StatusBadRequest, "status of the injected code")
	check.Equal(t, victim.signedIn(), "alice", "signed in")
}

func TestBadCallbacks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		edit   func(url.Values)
		status int
		want   error
		flow   bool // the flow stays: nobody can tell which it was
	}{
		{"mix-up: another issuer (RFC 9207)", func(q url.Values) { q.Set("iss", "https://evil.example.test") }, 400, nil, false},
		{"mix-up: no issuer", func(q url.Values) { q.Del("iss") }, 400, nil, false},
		{"no state", func(q url.Values) { q.Del("state") }, 400, client.ErrStateMismatch, true},
		{"empty state", func(q url.Values) { q.Set("state", "") }, 400, client.ErrStateMismatch, true},
		{"two states", func(q url.Values) { q.Add("state", q.Get("state")) }, 400, client.ErrStateMismatch, true},
		{"another state", func(q url.Values) { q.Set("state", "other") }, 400, client.ErrStateMismatch, true},
		{"two codes", func(q url.Values) { q.Add("code", q.Get("code")) }, 400, nil, false},
		{"no code", func(q url.Values) { q.Del("code") }, 400, nil, false},
		{"a wrong code", func(q url.Values) { q.Set("code", "wrong") }, 400, nil, false},
		{"refused", func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, 403, nil, false},
		{"login_required", func(q url.Values) { q.Del("code"); q.Set("error", "login_required") }, 400, client.ErrLoginRequired, false},
		{"the provider is busy", func(q url.Values) { q.Del("code"); q.Set("error", "temporarily_unavailable") }, 503, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nil)
			b := a.browser()
			callback := b.signIn(b.begin("/auth/login?return_to=/here"), "alice")
			q := callback.Query()
			tt.edit(q)
			callback.RawQuery = q.Encode()
			check.Equal(t, b.finish(callback).StatusCode, tt.status, "status")
			err := a.lastError()
			check.Equal(t, err.Status, tt.status, "LoginError.Status")
			if tt.want != nil {
				check.Error(t, err, tt.want)
			}
			to := "/here"
			if tt.flow {
				to = "/"
			}
			check.Equal(t, err.ReturnTo, to, "LoginError.ReturnTo")
			check.Equal(t, len(b.named("oidc-flow")) == 1, tt.flow, "the flow stays")
			check.Equal(t, b.signedIn(), "", "signed in")
		})
	}
}

// endless is a body that never ends; it counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 16<<20 {
		return 0, io.ErrUnexpectedEOF
	}
	return copy(p, bytes.Repeat([]byte("x"), len(p))), nil
}

// Anybody can post to these endpoints, as much as the server in front lets through.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	b := a.browser()
	for _, target := range []string{"/auth/backchannel-logout", "/auth/initiate"} {
		body := &endless{}
		r := b.newRequest(http.MethodPost, target, nil)
		r.Body = io.NopCloser(body)
		check.Equal(t, b.send(r).StatusCode, http.StatusBadRequest, target)
		check.True(t, body.read <= 1<<20, "%s read %d bytes of the body", target, body.read)
	}
}

func TestProviderFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		break_ func(*oidctest.Provider)
		status int
	}{
		{"token endpoint down", func(p *oidctest.Provider) { p.Fault("token", oidctest.Down) }, 503},
		{"token endpoint resets", func(p *oidctest.Provider) { p.Fault("token", oidctest.Reset) }, 503},
		{"token endpoint answers garbage", func(p *oidctest.Provider) { p.Fault("token", oidctest.Garbage) }, 502},
		{"keys away", func(p *oidctest.Provider) { p.Fault("jwks", oidctest.Down) }, 503},
		{"another subject's claims", func(p *oidctest.Provider) {
			p.Edit("id_token", func(c map[string]any) { delete(c, "sub") })
		}, 400},
		{"another nonce", func(p *oidctest.Provider) {
			p.Edit("id_token", func(c map[string]any) { c["nonce"] = "other" })
		}, 400},
		{"no ID token", func(p *oidctest.Provider) {
			p.Edit("token_answer", func(c map[string]any) { delete(c, "id_token") })
		}, 502},
		{"sid of a wrong type", func(p *oidctest.Provider) {
			p.Edit("id_token", func(c map[string]any) { c["sid"] = 7 })
		}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nil)
			b := a.browser()
			callback := b.signIn(b.begin("/auth/login"), "alice")
			tt.break_(a.op)
			resp := b.finish(callback)
			check.Equal(t, resp.StatusCode, tt.status, "status")
			check.Equal(t, resp.Header.Get("Retry-After") != "", tt.status == 503, "Retry-After is there")
			check.Equal(t, len(b.cookies), 0, "cookies left")
			check.Equal(t, a.op.Requests("token"), map[bool]int{true: 0, false: 1}[tt.name == "keys away"], "token requests")
		})
	}
	t.Run("provider away at the start", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		a.op.Fault("discovery", oidctest.Down)
		b := a.browser()
		check.Equal(t, b.get("/auth/login").StatusCode, http.StatusServiceUnavailable, "status")
		check.Equal(t, len(b.cookies), 0, "cookies left")
	})
}

// A provider that wants no scope (Authcore) may still say who signed in; one that does not cannot sign anybody in.
func TestLoginWithoutOpenID(t *testing.T) {
	t.Parallel()
	for _, sends := range []bool{true, false} {
		a := newApp(t, func(cfg *appConfig) { cfg.client.Scopes = []string{} })
		a.op.Edit("token_answer", func(c map[string]any) {
			if delete(c, "id_token"); sends {
				c["id_token"] = a.op.IDToken(nil)
			}
		})
		b := a.browser()
		to, err := url.Parse(b.begin("/auth/login"))
		check.NoError(t, err)
		a.op.Edit("id_token", func(c map[string]any) { c["nonce"] = to.Query().Get("nonce") })
		check.Equal(t, b.finish(b.signIn(to.String(), "alice")).StatusCode, map[bool]int{true: http.StatusSeeOther, false: http.StatusBadGateway}[sends], "status")
	}
}

func TestFormPost(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) { cfg.client.ResponseMode = "form_post" })
	b := a.browser()
	var sessions []*http.Cookie
	for range 2 {
		callback := b.signIn(b.begin("/auth/login?return_to=/here"), "alice")
		flow := b.named("__Host-oidc-flow")
		check.Equal(t, len(flow), 1, "flow cookies")
		check.Equal(t, flow[0].SameSite, http.SameSiteNoneMode, "SameSite")
		resp := b.post("/auth/callback", callback.Query(), "Sec-Fetch-Site", "cross-site", "Origin", "https://op.example.test")
		check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
		check.Equal(t, resp.Header.Get("Location"), "/here", "login leads to")
		check.Equal(t, b.signedIn(), "alice", "signed in")
		sessions = append(sessions, b.named("oidc-session")[0])
	}
	// The session cookie does not come with another site's POST, and the first session has ended all the same.
	old := a.browser()
	old.cookies[sessions[0].Name] = sessions[0]
	check.Equal(t, old.signedIn(), "", "signed in with the first session")

	callback := b.signIn(b.begin("/auth/login"), "alice")
	for _, tt := range []struct {
		name, contentType string
		form              url.Values
		query             string
	}{
		{"no form", "application/json", callback.Query(), ""},
		{"everything in the query", "application/x-www-form-urlencoded", nil, callback.RawQuery},
		{"too large", "application/x-www-form-urlencoded", url.Values{"state": callback.Query()["state"], "zzz": {strings.Repeat("x", 65<<10)}}, ""},
	} {
		resp := b.post("/auth/callback?"+tt.query, tt.form, "Content-Type", tt.contentType, "Sec-Fetch-Site", "cross-site")
		check.Equal(t, resp.StatusCode, http.StatusBadRequest, tt.name)
		check.Equal(t, len(b.named("oidc-flow")), 1, tt.name+": flows")
	}
	check.Equal(t, b.post("/auth/callback", callback.Query(), "Sec-Fetch-Site", "cross-site").StatusCode, http.StatusSeeOther, "status")
}

// The flow's cookie names the session that is to be replaced, sealed: a browser cannot name another.
func TestReplacedSessionIsSealed(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) { cfg.client.ResponseMode = "form_post" })
	b := a.browser()
	check.Equal(t, b.post("/auth/callback", b.signIn(b.begin("/auth/login"), "alice").Query()).StatusCode, http.StatusSeeOther, "status")
	callback := b.signIn(b.begin("/auth/login"), "alice")
	flow := b.named("oidc-flow")[0]
	flow.Value = flipped(flow.Value)
	check.Equal(t, b.post("/auth/callback", callback.Query()).StatusCode, http.StatusBadRequest, "status")
	check.Error(t, a.lastError(), client.ErrTransactionInvalid)
	check.Equal(t, a.op.Requests("token"), 1, "token requests")
}
