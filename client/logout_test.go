package client_test

import (
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

func TestLogout(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) { cfg.login.PostLogoutRedirectURL = appOrigin + "/bye" })
	b := a.browser()
	b.login("/auth/login", "alice")
	session := b.named("oidc-session")[0]

	resp := b.post("/auth/logout", nil)
	check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
	to, err := url.Parse(resp.Header.Get("Location"))
	check.NoError(t, err)
	check.True(t, strings.HasPrefix(to.String(), a.op.URL("end_session")+"?"), "logout leads to %s", to)
	q := to.Query()
	check.Equal(t, q.Get("client_id"), "web", "client_id")
	check.Equal(t, q.Get("post_logout_redirect_uri"), appOrigin+"/bye", "post_logout_redirect_uri")
	check.True(t, q.Get("id_token_hint") != "", "no id_token_hint")
	check.Equal(t, len(b.cookies), 0, "cookies left")
	check.Equal(t, a.op.Requests("revoke"), 1, "revocations")

	b.cookies[session.Name] = session
	check.Equal(t, b.signedIn(), "", "signed in with the old cookie")

	end, err := b.person.SignOut(to.String())
	check.NoError(t, err)
	check.True(t, len(q.Get("state")) >= 43, "state is %q", q.Get("state"))
	check.Equal(t, end, appOrigin+"/bye?state="+q.Get("state"), "the provider's logout leads to")
	a.mux.HandleFunc("/silently", func(w http.ResponseWriter, r *http.Request) { a.login.Start(w, r, client.Prompt("none")) })
	check.Equal(t, b.finish(b.signIn(b.begin("/silently"), "alice")).StatusCode, http.StatusBadRequest, "status of a silent login afterwards")
}

func TestLogoutEverywhereElse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		post string // PostLogoutRedirectURL
		op   func(*oidctest.Provider)
		want string // where it leads: a prefix
	}{
		{"no end_session_endpoint", "", func(p *oidctest.Provider) {
			p.Edit("discovery", func(d map[string]any) { delete(d, "end_session_endpoint") })
		}, "/home"},
		{"no end_session_endpoint, a page of ours", appOrigin + "/bye", func(p *oidctest.Provider) {
			p.Edit("discovery", func(d map[string]any) { delete(d, "end_session_endpoint") })
		}, appOrigin + "/bye"},
		{"no revocation_endpoint", "", func(p *oidctest.Provider) {
			p.Edit("discovery", func(d map[string]any) { delete(d, "revocation_endpoint") })
		}, "https://op.example.test/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, func(cfg *appConfig) { cfg.login.PostLogoutRedirectURL, cfg.login.DefaultReturnTo = tt.post, "/home" })
			tt.op(a.op)
			b := a.browser()
			b.login("/auth/login", "alice")
			resp := b.post("/auth/logout", nil)
			check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
			check.True(t, strings.HasPrefix(resp.Header.Get("Location"), tt.want), "logout leads to %s", resp.Header.Get("Location"))
			check.Equal(t, b.signedIn(), "", "signed in")
		})
	}
}

func TestLogoutWhileTheProviderIsAway(t *testing.T) {
	t.Parallel()
	for _, fault := range []oidctest.FaultFunc{oidctest.Down, oidctest.Reset, oidctest.Stall} {
		synctest.Test(t, func(t *testing.T) {
			var cfg appConfig
			kept := store.NewMemory(0)
			a := newApp(t, func(c *appConfig) { c.login.Store = kept; cfg = *c })
			b := a.browser()
			b.login("/auth/login", "alice")
			a.op.Fault("revoke", fault)
			a.op.Fault("discovery", fault)
			// A process that has not yet seen the provider.
			cfg.client.HTTPClient = a.op.HTTPClient()
			var err error
			a.rp, err = client.New(cfg.client)
			check.NoError(t, err)
			a.start(cfg)
			start := time.Now()
			resp := b.post("/auth/logout", nil)
			check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
			check.Equal(t, resp.Header.Get("Location"), "/", "logout leads to")
			check.True(t, time.Since(start) <= 8*time.Second, "logout took %v", time.Since(start))
			check.Equal(t, b.signedIn(), "", "signed in")
		})
	}
}

func TestLogoutIsNotForOtherSites(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	b := a.browser()
	b.login("/auth/login", "alice")
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example.test"},
	} {
		check.Equal(t, b.post("/auth/logout", nil, headers...).StatusCode, http.StatusForbidden, "status")
		check.Equal(t, b.signedIn(), "alice", "signed in")
	}
	// A proxy changed Host, and the browser is too old to say more than its origin: the redirect URL's is ours.
	check.Equal(t, b.post("/auth/logout", nil, "Sec-Fetch-Site", "", "Origin", appOrigin).StatusCode, http.StatusSeeOther, "status")
	check.Equal(t, b.signedIn(), "", "signed in")
}

func TestLogoutWithoutSession(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	resp := a.browser().post("/auth/logout", nil)
	check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
	to, err := url.Parse(resp.Header.Get("Location"))
	check.NoError(t, err)
	check.Equal(t, to.Query().Get("client_id"), "web", "client_id")
	check.True(t, !to.Query().Has("id_token_hint") && !to.Query().Has("logout_hint"), "a hint out of nothing")
	check.True(t, !to.Query().Has("state"), "a state that comes back to nobody")
	check.Equal(t, a.op.Requests("revoke"), 0, "revocations")
}

func TestLogoutWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	kept := newBadStore()
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
	b := a.browser()
	b.login("/auth/login", "alice")
	kept.fail("DeleteByIndex")
	check.Equal(t, b.post("/auth/logout", nil).StatusCode, http.StatusServiceUnavailable, "status")
	check.Error(t, a.lastError(), client.ErrStore)
	check.Equal(t, len(b.cookies), 1, "cookies left")
	kept.fail()
	check.Equal(t, b.post("/auth/logout", nil).StatusCode, http.StatusSeeOther, "status")
	check.Equal(t, b.signedIn(), "", "signed in")
}
