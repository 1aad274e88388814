package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/store"
)

func TestRequireLoginAnswers(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	for _, tt := range []struct {
		name, method string
		headers      []string
		status       int
	}{
		{"a page", "GET", nil, 303},
		{"its head", "HEAD", nil, 303},
		{"an old browser's page", "GET", []string{"Sec-Fetch-Mode", ""}, 303},
		{"fetch", "GET", []string{"Sec-Fetch-Mode", "cors"}, 401},
		{"fetch for html", "GET", []string{"Sec-Fetch-Mode", "same-origin", "Accept", "text/html"}, 401},
		{"an image", "GET", []string{"Sec-Fetch-Mode", "no-cors"}, 401},
		{"a tool", "GET", []string{"Sec-Fetch-Mode", "", "Accept", "*/*"}, 401},
		{"a tool that refuses html", "GET", []string{"Sec-Fetch-Mode", "", "Accept", "application/json, text/html;q=0.0"}, 401},
		{"no preference", "GET", []string{"Sec-Fetch-Mode", "", "Accept", ""}, 401},
		{"a form", "POST", nil, 401},
		{"a script's delete", "DELETE", []string{"Sec-Fetch-Mode", "cors"}, 401},
		{"options", "OPTIONS", nil, 401},
	} {
		resp := a.browser().request(tt.method, "/page", nil, tt.headers...)
		check.Equal(t, resp.StatusCode, tt.status, tt.name)
		check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", tt.name+": Cache-Control")
		check.Equal(t, resp.Header.Get("Location") != "", tt.status == 303, tt.name+": Location is there")
		if tt.status == 401 && tt.method != "HEAD" {
			check.Equal(t, pageText(t, resp), "sign-in required\n", tt.name)
		}
	}
}

func TestRequireLoginReturnTo(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	for page, want := range map[string]string{
		"/":                                 "/auth/login",
		"/a?b=c":                            "/auth/login?return_to=%2Fa%3Fb%3Dc",
		"/caf%C3%A9":                        "/auth/login?return_to=%2Fcaf%25C3%25A9",
		"/%2F/evil":                         "/auth/login",
		"/a/%2e%2e/b":                       "/auth/login",
		"/p?x=" + strings.Repeat("y", 1100): "/auth/login",
	} {
		r := httptest.NewRequest(http.MethodGet, page, nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		a.login.RequireLogin(http.NotFoundHandler()).ServeHTTP(w, r)
		check.Equal(t, w.Header().Get("Location"), want, page+" leads to")
	}
	// What a mux stripped is still part of where the browser is.
	r := httptest.NewRequest(http.MethodGet, "/app/page", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	http.StripPrefix("/app", a.login.RequireLogin(http.NotFoundHandler())).ServeHTTP(w, r)
	check.Equal(t, w.Header().Get("Location"), "/auth/login?return_to=%2Fapp%2Fpage", "stripped page leads to")
}

func TestDeadSessionCookie(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	b := a.browser()
	b.login("/auth/login", "alice")
	name := b.named("oidc-session")[0].Name
	for _, value := range []string{strings.Repeat("A", 43), "", "x", strings.Repeat("A", 42) + "=", strings.Repeat("A", 44), strings.Repeat("A", 5000)} {
		b.cookies[name] = &http.Cookie{Name: name, Value: value}
		resp := b.get("/page")
		check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
		// The answer may come after that of a login in another tab: it must not touch the cookie.
		check.Equal(t, len(resp.Cookies()), 0, "cookies set")
		b.login("/auth/login", "alice")
		check.True(t, b.cookies[name].Value != value, "the login left the dead cookie of %d bytes", len(value))
		check.Equal(t, b.signedIn(), "alice", "signed in")
	}
}

func TestStoreOutage(t *testing.T) {
	t.Parallel()
	kept := newBadStore()
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept; cfg.page = true })
	b := a.browser()
	b.login("/auth/login", "alice")
	session := b.named("oidc-session")[0].Value

	kept.fail("Load")
	for _, accept := range []string{"text/html", "*/*"} {
		resp := b.get("/page", "Accept", accept)
		check.Equal(t, resp.StatusCode, http.StatusServiceUnavailable, "status")
		check.Equal(t, resp.Header.Get("Retry-After"), "5", "Retry-After")
		check.Lacks(t, pageText(t, resp), "192.0.2.7", "alice")
	}
	_, err := b.session()
	check.Error(t, err, client.ErrStore)
	check.Error(t, err, errStoreAway)
	check.Equal(t, check.As[*client.Error](t, err).Kind, client.KindUnreachable, "kind")
	kept.fail()
	check.Equal(t, b.signedIn(), "alice", "signed in after the outage")

	// A login during an outage fails before the code is spent, or leaves no session.
	for _, method := range []string{"Once", "Update", "DeleteByIndex"} {
		callback := b.signIn(b.begin("/auth/login"), "alice")
		kept.fail(method)
		before := a.op.Requests("token")
		check.Equal(t, b.finish(callback).StatusCode, http.StatusServiceUnavailable, "status without "+method)
		check.Equal(t, a.op.Requests("token") > before, method != "Once", "the code was spent without "+method)
		kept.fail()
		check.Equal(t, b.named("oidc-session")[0].Value, session, "the session cookie")
		check.Equal(t, b.signedIn(), "alice", "signed in")
	}
}

func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newBadStore()
		a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
		b := a.browser()
		b.login("/auth/login", "alice")
		kept.updates.Store(0)
		for range 9 {
			time.Sleep(time.Minute)
			check.Equal(t, b.signedIn(), "alice", "signed in")
		}
		check.Equal(t, kept.updates.Load(), int32(0), "writes in the first nine minutes")
		time.Sleep(time.Minute)
		for range 5 {
			check.Equal(t, b.signedIn(), "alice", "signed in")
		}
		check.Equal(t, kept.updates.Load(), int32(1), "writes in the tenth minute")

		time.Sleep(12*time.Hour - time.Second)
		check.Equal(t, b.signedIn(), "alice", "signed in just before the idle time is over")
		time.Sleep(12 * time.Hour)
		check.Equal(t, b.signedIn(), "", "signed in when it is")
	})
}

// A session that is in use does not end, however short its idle time, and is written no more than ten times in it.
func TestShortIdleTimeout(t *testing.T) {
	t.Parallel()
	for _, idle := range []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 2 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			kept := newBadStore()
			a := newApp(t, func(cfg *appConfig) { cfg.login.Store, cfg.login.IdleTimeout = kept, idle })
			b := a.browser()
			b.login("/auth/login", "alice")
			kept.updates.Store(0)
			const uses = 60
			for i := range uses {
				time.Sleep(idle / 20)
				check.Equal(t, b.signedIn(), "alice", fmt.Sprintf("idle time of %v: signed in at use %d", idle, i))
			}
			check.True(t, kept.updates.Load() <= uses/2, "%v: %d writes for %d uses", idle, kept.updates.Load(), uses)
			time.Sleep(idle * 9 / 10)
			check.Equal(t, b.signedIn(), "alice", fmt.Sprintf("%v: signed in just before the idle time is over", idle))
			time.Sleep(idle)
			check.Equal(t, b.signedIn(), "", fmt.Sprintf("%v: signed in when it is", idle))
		})
	}
}

// A touch that fails costs nobody their page.
func TestTouchFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newBadStore()
		a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
		b := a.browser()
		b.login("/auth/login", "alice")
		time.Sleep(time.Hour)
		kept.fail("Update")
		check.Equal(t, b.signedIn(), "alice", "signed in")
		kept.fail()
		check.Equal(t, b.signedIn(), "alice", "signed in")
	})
}

// Two replicas note the use of a session at once: one write is enough.
func TestTouchOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newBadStore()
		a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
		b := a.browser()
		b.login("/auth/login", "alice")
		stale, err := kept.Store.Load(t.Context(), b.mustSession().ID())
		check.NoError(t, err)
		time.Sleep(time.Hour)
		kept.stale = stale
		saved := 0
		kept.afterUpdate = func() error { saved++; return nil }
		for range 3 {
			check.Equal(t, b.signedIn(), "alice", "signed in")
		}
		check.Equal(t, saved, 1, "writes")
	})
}

func TestLifetime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, func(cfg *appConfig) { cfg.login.IdleTimeout = time.Hour; cfg.login.Lifetime = 3 * time.Hour })
		b := a.browser()
		b.login("/auth/login", "alice")
		start := time.Now()
		for time.Since(start) < 3*time.Hour-30*time.Minute {
			time.Sleep(30 * time.Minute)
			check.Equal(t, b.signedIn(), "alice", "signed in")
		}
		s, err := b.session()
		check.NoError(t, err)
		check.True(t, s.Expires.Equal(start.Add(3*time.Hour)), "expires %v after login", s.Expires.Sub(start))
		time.Sleep(30 * time.Minute)
		check.Equal(t, b.signedIn(), "", "signed in at the end of its lifetime")
	})
}

// A store cannot lengthen a session, swap two, or change one.
func TestStoreIsNotTrusted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := &spyStore{Store: store.NewMemory(0), records: map[string]*store.Record{}}
		a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
		alice, bob := a.browser(), a.browser()
		alice.login("/auth/login", "alice")
		bob.login("/auth/login", "bob")
		ids := map[string]string{}
		for _, b := range []*browser{alice, bob} {
			s, err := b.session()
			check.NoError(t, err)
			ids[s.Subject] = s.ID()
			check.True(t, s.ID() != b.named("oidc-session")[0].Value, "Session.ID is the cookie's value")
		}
		check.Equal(t, len(kept.records), 2, "records")
		own := kept.records[ids["alice"]]
		for _, r := range kept.records {
			check.Lacks(t, string(r.Data), "alice", "bob", "op.example.test")
			check.Lacks(t, strings.Join(r.Index, " "), "alice", "bob", "op.example.test")
		}

		cookie := alice.named("oidc-session")[0]
		changed := *own
		changed.Data = append([]byte(nil), own.Data...)
		changed.Data[len(changed.Data)/2] ^= 1
		for name, record := range map[string]*store.Record{"swapped": kept.records[ids["bob"]], "changed": &changed, "empty": {}} {
			kept.records[ids["alice"]], alice.cookies[cookie.Name] = record, cookie
			check.Equal(t, alice.signedIn(), "", "signed in with a record that is "+name)
		}
		longer := *own
		longer.Expires = time.Now().Add(1000 * time.Hour)
		kept.records[ids["alice"]], alice.cookies[cookie.Name] = &longer, cookie
		check.Equal(t, alice.signedIn(), "alice", "signed in")
		time.Sleep(13 * time.Hour)
		check.Equal(t, alice.signedIn(), "", "signed in beyond the idle time")
	})
}

func TestRequireLoginAroundEverything(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	inner := a.mux
	a.mux = http.NewServeMux()
	a.mux.Handle("/", a.login.RequireLogin(inner))
	b := a.browser()
	check.Equal(t, b.login("/auth/login?return_to=/page", "alice"), "/page", "login leads to")
	check.Equal(t, b.signedIn(), "alice", "signed in")
}
