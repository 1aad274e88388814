package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
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

// A logout that could not be carried out can be delivered again, whichever call to the store failed.
func TestBackChannelLogoutCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		away   string
		before string // who is signed in before the second delivery
	}{{"Marked", "alice"}, {"DeleteByIndex", "alice"}, {"Update", ""}, {"Once", ""}} {
		t.Run(tt.away, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kept := newBadStore()
				a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
				b := a.browser()
				b.login("/auth/login", "alice")
				token := a.op.LogoutToken("web", "alice", "")
				kept.fail(tt.away)
				resp := a.tell(token)
				check.Equal(t, resp.StatusCode, http.StatusServiceUnavailable, "status while the store is away")
				check.Equal(t, resp.Header.Get("Retry-After"), "5", "Retry-After")
				kept.fail()
				check.Equal(t, b.signedIn(), tt.before, "signed in between the deliveries")
				time.Sleep(10 * time.Second)
				check.Equal(t, a.tell(token).StatusCode, http.StatusOK, "status of the second delivery")
				check.Equal(t, b.signedIn(), "", "signed in")
				check.Equal(t, a.tell(token).StatusCode, http.StatusBadRequest, "status of a replay")
			})
		})
	}
}

// hangUpStore ends the request that asks for a mark.
type hangUpStore struct {
	store.Store
	cancel func()
}

func (s *hangUpStore) Marked(ctx context.Context, key string) (bool, error) {
	marked, err := s.Store.Marked(ctx, key)
	s.cancel()
	return marked, err
}

// A provider that does not wait for the answer is obeyed all the same.
func TestBackChannelLogoutOutlivesItsRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	kept := &hangUpStore{store.NewMemory(0), cancel}
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
	b := a.browser()
	b.login("/auth/login", "alice")
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, appOrigin+"/auth/backchannel-logout",
		strings.NewReader(url.Values{"logout_token": {a.op.LogoutToken("web", "alice", "")}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a.mux.ServeHTTP(httptest.NewRecorder(), r)
	check.Error(t, ctx.Err(), context.Canceled)
	check.Equal(t, b.signedIn(), "", "signed in")
}

// Anybody can use up the budget of refetches with junk: a key published meanwhile must not end in a verdict.
func TestBackChannelLogoutDuringRotation(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]func(map[string]any){
		"a kid":  func(map[string]any) {},
		"no kid": func(h map[string]any) { delete(h, "kid") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, nil)
				b := a.browser()
				b.login("/auth/login", "alice")
				time.Sleep(time.Minute)
				junk := a.op.Sign(map[string]any{"kid": "junk", "typ": "logout+jwt"}, map[string]any{"iss": a.op.Issuer()})
				check.Equal(t, a.tell(junk).StatusCode, http.StatusServiceUnavailable, "status of junk under an unknown key")
				a.op.AddKey()
				a.op.Edit("header", header)
				token := a.op.LogoutToken("web", "alice", "")
				resp := a.tell(token)
				check.Equal(t, resp.StatusCode, http.StatusServiceUnavailable, "status")
				check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", "Cache-Control")
				check.Equal(t, b.signedIn(), "alice", "signed in")
				time.Sleep(30 * time.Second)
				check.Equal(t, a.tell(token).StatusCode, http.StatusOK, "status half a minute later")
				check.Equal(t, b.signedIn(), "", "signed in")
			})
		})
	}
}

// A logout that arrives between the code and the session it becomes ends that session.
func TestBackChannelLogoutDuringLogin(t *testing.T) {
	t.Parallel()
	sidOf := func(claims map[string]any) string { sid, _ := claims["sid"].(string); return sid }
	for name, tt := range map[string]struct {
		edit  func(claims map[string]any)
		token func(*app, string) string // for the sid of the login under way
		ends  bool
	}{
		"by subject":              {nil, func(a *app, _ string) string { return a.op.LogoutToken("web", "alice", "") }, true},
		"by sid":                  {nil, func(a *app, sid string) string { return a.op.LogoutToken("web", "", sid) }, true},
		"by both":                 {nil, func(a *app, sid string) string { return a.op.LogoutToken("web", "alice", sid) }, true},
		"by both, login sans sid": {func(c map[string]any) { delete(c, "sid") }, func(a *app, _ string) string { return a.op.LogoutToken("web", "alice", "some") }, true},
		"of another sid":          {nil, func(a *app, _ string) string { return a.op.LogoutToken("web", "alice", "some") }, false},
		"of somebody else":        {nil, func(a *app, _ string) string { return a.op.LogoutToken("web", "bob", "") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, nil)
				sid := ""
				a.op.Edit("id_token", func(c map[string]any) {
					sid = sidOf(c)
					if tt.edit != nil {
						tt.edit(c)
					}
				})
				status := 0
				a.op.Edit("token_answer", func(map[string]any) { status = a.tell(tt.token(a, sid)).StatusCode })
				b := a.browser()
				to := b.begin("/auth/login")
				time.Sleep(time.Minute) // at the provider
				resp := b.finish(b.signIn(to, "alice"))
				check.Equal(t, status, http.StatusOK, "status of the logout")
				if !tt.ends {
					check.Equal(t, b.signedIn(), "alice", "signed in")
					return
				}
				check.Equal(t, resp.StatusCode, http.StatusBadRequest, "status of the callback")
				check.Equal(t, b.signedIn(), "", "signed in")
				check.Equal(t, len(b.cookies), 0, "cookies left")
				check.Equal(t, a.op.Requests("revoke"), 1, "revocations")

				// Whoever begins anew is not meant, however soon.
				a.op.Clear()
				b.login("/auth/login", "alice")
				check.Equal(t, b.signedIn(), "alice", "signed in afterwards")
			})
		})
	}
}

// A token that was a long time on its way says nothing about what began after it was issued.
func TestLateBackChannelLogout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kept  store.Store
		after string // who is signed in by the later login
	}{
		"a store that lists":        {store.NewMemory(0), "alice"},
		"a store that does not":     {newBadStore(), ""},
		"a listing that is refused": {&unlistable{store.NewMemory(0)}, "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, func(cfg *appConfig) { cfg.login.Store = tt.kept })
				before, slow, after := a.browser(), a.browser(), a.browser()
				before.login("/auth/login", "alice")
				slowly := slow.begin("/auth/login")
				token := a.op.LogoutToken("web", "alice", "")
				time.Sleep(31 * time.Second) // the default clock skew, and more
				after.login("/auth/login", "alice")
				slow.finish(slow.signIn(slowly, "alice"))
				check.Equal(t, slow.signedIn(), "alice", "signed in by a login that began before")
				want, gone := http.StatusOK, ""
				if name == "a listing that is refused" {
					want, gone = http.StatusServiceUnavailable, "alice"
				}
				check.Equal(t, a.tell(token).StatusCode, want, "status")
				check.Equal(t, before.signedIn()+slow.signedIn(), gone+gone, "signed in by earlier logins")
				check.Equal(t, after.signedIn(), tt.after, "signed in by a later login")
			})
		})
	}
}

type unlistable struct{ *store.Memory }

func (*unlistable) List(context.Context, string) ([]store.Record, error) { return nil, errStoreAway }

// Later logins are let through while an older logout is still remembered, and a newer one counts beside it.
func TestLogoutNotesKeepTheLatest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		old := a.op.LogoutToken("web", "alice", "")
		time.Sleep(time.Minute)
		during := func(tokens ...string) string {
			b := a.browser()
			a.op.Edit("token_answer", func(map[string]any) {
				for _, token := range tokens {
					check.Equal(t, a.tell(token).StatusCode, http.StatusOK, "status of the logout")
				}
			})
			to := b.begin("/auth/login")
			time.Sleep(time.Second)
			b.finish(b.signIn(to, "alice"))
			a.op.Clear()
			return b.signedIn()
		}
		check.Equal(t, during(old), "alice", "signed in beside a logout of a minute ago")
		old = a.op.LogoutToken("web", "alice", "")
		time.Sleep(time.Minute)
		check.Equal(t, during(a.op.LogoutToken("web", "alice", ""), old), "", "signed in beside a logout and then an older one")
	})
}

// What the ID token of a refresh leaves out is not forgotten.
func TestRefreshWithoutSIDKeepsTheLogins(t *testing.T) {
	t.Parallel()
	for name, sid := range map[string]any{"absent": nil, "another": "other"} {
		a := newApp(t, nil)
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		a.op.Edit("id_token", func(c map[string]any) {
			if c["sid"] = sid; sid == nil {
				delete(c, "sid")
			}
		})
		refreshed, err := s.Refresh(t.Context())
		check.NoError(t, err)
		check.Equal(t, refreshed.SID, s.SID, name+": SID")
		check.Equal(t, a.tell(a.op.LogoutToken("web", "", s.SID)).StatusCode, http.StatusOK, name+": status")
		check.Equal(t, b.signedIn(), "", name+": signed in")
	}
}

// Two clients, or two issuers, may use the same jti: a mark of the one is no replay of the other.
func TestLogoutMarksAreBound(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(0)
	var cfg appConfig
	first := newApp(t, func(c *appConfig) {
		c.login.Store = kept
		c.op.Clients = append(c.op.Clients, oidctest.Client{ID: "other", Secret: "s", RedirectURIs: []string{appOrigin + "/auth/callback"}})
		cfg = *c
	})
	op := first.op
	login := func(edit func(*appConfig)) *app {
		a := &app{t: t, op: op, log: &lockedBuilder{}}
		c := cfg
		c.client.HTTPClient = op.HTTPClient()
		edit(&c)
		var err error
		a.rp, err = client.New(c.client)
		check.NoError(t, err)
		a.start(c)
		return a
	}
	token := func(aud, iss string) string {
		now := time.Now()
		return op.Sign(map[string]any{"typ": "logout+jwt"}, map[string]any{
			"iss": iss, "aud": aud, "sub": "alice", "jti": "1", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		})
	}
	tell := func(a *app, raw string) int {
		return a.browser().post("/auth/backchannel-logout", url.Values{"logout_token": {raw}}).StatusCode
	}
	check.Equal(t, tell(first, token("web", op.Issuer())), http.StatusOK, "status")
	check.Equal(t, tell(login(func(*appConfig) {}), token("web", op.Issuer())), http.StatusBadRequest, "status at another replica")
	other := login(func(c *appConfig) { c.client.ClientID, c.client.ClientSecret = "other", "s" })
	check.Equal(t, tell(other, token("other", op.Issuer())), http.StatusOK, "status at another client")

	// The same discovery URL, whose document has a slash at the end of its issuer by now.
	op.Edit("discovery", func(d map[string]any) { d["issuer"] = op.Issuer() + "/" })
	renamed := login(func(*appConfig) {})
	check.Equal(t, tell(renamed, token("web", op.Issuer()+"/")), http.StatusOK, "status of another issuer's")
	check.Equal(t, tell(renamed, token("web", op.Issuer()+"/")), http.StatusBadRequest, "status of its replay")
}
