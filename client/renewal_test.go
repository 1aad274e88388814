package client_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func TestRefreshEndsSession(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault func(*oidctest.Provider)
		kind  client.Kind
		ends  bool
	}{
		"invalid_grant": {func(p *oidctest.Provider) { p.RevokeSubject("alice") }, client.KindRefused, true},
		"another sub":   {func(p *oidctest.Provider) { p.Edit("id_token", func(c map[string]any) { c["sub"] = "eve" }) }, client.KindToken, true},
		"another iss": {func(p *oidctest.Provider) {
			p.Edit("id_token", func(c map[string]any) { c["iss"] = "https://evil.example.test" })
		}, client.KindToken, true},
		"another nonce": {func(p *oidctest.Provider) { p.Edit("id_token", func(c map[string]any) { c["nonce"] = "other" }) }, client.KindToken, true},
		"another aud":   {func(p *oidctest.Provider) { p.Edit("id_token", func(c map[string]any) { c["aud"] = "other" }) }, client.KindToken, true},
		"a second aud": {func(p *oidctest.Provider) {
			p.Edit("id_token", func(c map[string]any) { c["aud"], c["azp"] = []string{"web", "other"}, "web" })
		}, client.KindToken, true},
		"no ID token": {func(p *oidctest.Provider) { p.Edit("token_answer", func(c map[string]any) { delete(c, "id_token") }) }, 0, false},
		"no nonce":    {func(p *oidctest.Provider) { p.Edit("id_token", func(c map[string]any) { delete(c, "nonce") }) }, 0, false},
		"away":        {func(p *oidctest.Provider) { p.Fault("token", oidctest.Reset) }, client.KindUnreachable, false},
		"garbage":     {func(p *oidctest.Provider) { p.Fault("token", oidctest.Garbage) }, client.KindProtocol, false},
		"invalid_client": {func(p *oidctest.Provider) {
			p.Fault("token", func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
				return true
			})
		}, client.KindRefused, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nil)
			b := a.browser()
			b.login("/auth/login", "alice")
			tt.fault(a.op)
			_, err := b.mustSession().Refresh(t.Context())
			if tt.kind == 0 {
				check.NoError(t, err)
			} else {
				check.Equal(t, check.As[*client.Error](t, err).Kind, tt.kind, "kind")
				check.Error(t, err, map[bool]error{true: client.ErrReauthRequired, false: err}[tt.ends])
			}
			check.Equal(t, b.signedIn() == "", tt.ends, "the session has ended")
			if !tt.ends {
				a.op.Clear()
				_, err := b.mustSession().Refresh(t.Context())
				check.NoError(t, err)
			}
		})
	}
}

// A 400 that does not say why asks the user to come back, but is no reason to throw her refresh token away.
func TestSilentRefusalEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		b := a.browser()
		b.login("/auth/login", "alice")
		session := b.mustSession()
		source := session.TokenSource()
		first, err := source.TokenContext(t.Context())
		check.NoError(t, err)
		source.Invalidate(first.AccessToken)

		a.op.Fault("token", answer(http.StatusBadRequest, "", ""))
		_, err = source.TokenContext(t.Context())
		check.Error(t, err, client.ErrReauthRequired)
		_, err = session.Refresh(t.Context())
		check.Error(t, err, client.ErrReauthRequired)
		check.True(t, b.signedIn() != "", "the session has ended")

		a.op.Clear()
		time.Sleep(time.Minute) // past the source's backoff
		second, err := source.TokenContext(t.Context())
		check.NoError(t, err)
		check.True(t, second.AccessToken != first.AccessToken, "the token that was invalidated")
		check.True(t, b.mustSession().Refreshable, "the refresh token is lost")
	})
}

func TestRefreshExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		a.op.Edit("token_answer", func(c map[string]any) { c["refresh_expires_in"] = 1800 })
		b := a.browser()
		b.login("/auth/login", "alice")
		check.True(t, b.mustSession().Refreshable, "not refreshable")
		time.Sleep(31 * time.Minute)
		s := b.mustSession()
		check.True(t, !s.Refreshable, "refreshable after refresh_expires_in")
		_, err := s.TokenSource().TokenContext(t.Context())
		check.Error(t, err, client.ErrReauthRequired)
		_, err = s.Refresh(t.Context())
		check.Error(t, err, client.ErrReauthRequired)
		check.Equal(t, a.op.Requests("token"), 1, "token requests")
		check.Equal(t, b.signedIn(), "alice", "signed in")
	})
}

// The expiry of a refresh token that stays the same stays too, when a later answer does not repeat it.
func TestRefreshExpiryIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, func(cfg *appConfig) { cfg.op.KeepRefreshTokens = true })
		a.op.Edit("token_answer", func(c map[string]any) { c["refresh_expires_in"] = 1800 })
		b := a.browser()
		b.login("/auth/login", "alice")
		a.op.Clear()
		a.op.Edit("token_answer", func(c map[string]any) { delete(c, "scope") })
		time.Sleep(20 * time.Minute)
		s, err := b.mustSession().Refresh(t.Context())
		check.NoError(t, err)
		check.DeepEqual(t, s.Scopes, []string{"openid"}, "scopes, which the answer left out")
		time.Sleep(11 * time.Minute)
		check.True(t, !b.mustSession().Refreshable, "refreshable after refresh_expires_in")

		// A renewed one counts anew.
		b.login("/auth/login", "alice")
		a.op.Edit("token_answer", func(c map[string]any) { c["refresh_expires_in"] = 1800 })
		for range 3 {
			time.Sleep(20 * time.Minute)
			_, err := b.mustSession().Refresh(t.Context())
			check.NoError(t, err)
		}
	})
}

// Every renewal names login's resources again: without them some providers give a token for another audience.
func TestSessionRefreshRepeatsResources(t *testing.T) {
	t.Parallel()
	own := []string{apiResource, otherAPI}
	a := newApp(t, func(cfg *appConfig) { cfg.client.Resources = own })
	b := a.browser()
	b.login("/auth/login", "alice")
	var sent [][]string
	a.op.Fault("token", func(_ http.ResponseWriter, r *http.Request) bool {
		check.NoError(t, r.ParseForm())
		sent = append(sent, r.PostForm["resource"])
		return false
	})
	s, err := b.mustSession().Refresh(t.Context())
	check.NoError(t, err)
	source := s.TokenSource()
	source.Invalidate(heldToken(t, source))
	heldToken(t, source)
	source = source.For(client.TokenRequest{})
	source.Invalidate(heldToken(t, source))
	heldToken(t, source)
	check.DeepEqual(t, sent, [][]string{own, own, own}, "resources sent")
}

func TestNoRefreshToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		a.op.Edit("token_answer", func(c map[string]any) { delete(c, "refresh_token") })
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		check.True(t, !s.Refreshable, "refreshable")
		heldToken(t, s.TokenSource())
		time.Sleep(6 * time.Minute)
		_, err := s.TokenSource().TokenContext(t.Context())
		check.Error(t, err, client.ErrReauthRequired)
		check.Equal(t, a.op.Requests("token"), 1, "token requests")
		check.Equal(t, b.signedIn(), "alice", "signed in")
	})
}

// A logout while a refresh is on its way neither waits for it nor lets it bring the session back.
func TestDeletionDuringRefresh(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"logout", "back-channel logout"} {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, nil)
			b := a.browser()
			b.login("/auth/login", "alice")
			s := b.mustSession()
			a.op.Fault("token", oidctest.Slow(5*time.Second))
			refreshed := make(chan error, 1)
			go func() {
				_, err := s.Refresh(t.Context())
				refreshed <- err
			}()
			time.Sleep(time.Second)
			start := time.Now()
			revoked := a.op.Requests("revoke")
			if how == "logout" {
				check.Equal(t, b.post("/auth/logout", nil).StatusCode, http.StatusSeeOther, "status")
				revoked++
			} else {
				check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusOK, "status")
			}
			check.Equal(t, time.Since(start), 0, "time the logout waited")
			check.Equal(t, b.signedIn(), "", "signed in during the refresh")
			err := <-refreshed
			check.Error(t, err, client.ErrReauthRequired)
			check.Equal(t, b.signedIn(), "", "signed in after the refresh")
			if how != "logout" { // there the refresh token was revoked before it was redeemed
				check.Equal(t, a.op.Requests("revoke"), revoked+1, "revocations: the refresh token that nobody holds now")
			}
		})
	}
}

// The provider has rotated and the store does not take it: the next attempt saves it and does not redeem the spent token.
func TestRotationThatCouldNotBeSaved(t *testing.T) {
	t.Parallel()
	store := newBadStore()
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = store })
	b := a.browser()
	b.login("/auth/login", "alice")
	s := b.mustSession()
	before := heldToken(t, s.TokenSource())
	store.afterUpdate = func() error { return errStoreAway }
	_, err := s.Refresh(t.Context())
	check.Error(t, err, client.ErrStore)
	check.Equal(t, heldToken(t, s.TokenSource()), before, "token, while the new one is not saved")
	_, err = s.Refresh(t.Context())
	check.Error(t, err, client.ErrStore)
	check.Equal(t, a.op.Requests("token"), 2, "token requests")

	store.afterUpdate = nil
	_, err = s.Refresh(t.Context())
	check.NoError(t, err)
	check.Equal(t, a.op.Requests("token"), 2, "token requests")
	check.True(t, heldToken(t, b.mustSession().TokenSource()) != before, "the old token is still handed out")
	_, err = b.mustSession().Refresh(t.Context())
	check.NoError(t, err)
}

// Another replica has renewed since: what could not be saved then is out of date.
func TestUnsavedRotationGivesWay(t *testing.T) {
	t.Parallel()
	store := newBadStore()
	var cfg appConfig
	a := newApp(t, func(c *appConfig) {
		c.login.Store, c.op.KeepRefreshTokens = store, true
		cfg = *c
	})
	b := a.browser()
	b.login("/auth/login", "alice")
	s := b.mustSession()
	store.afterUpdate = func() error { return errStoreAway }
	_, err := s.Refresh(t.Context())
	check.Error(t, err, client.ErrStore)
	store.afterUpdate = nil

	a.start(cfg)
	newer, err := b.mustSession().Refresh(t.Context())
	check.NoError(t, err)
	again, err := s.Refresh(t.Context())
	check.NoError(t, err)
	check.Equal(t, heldToken(t, again.TokenSource()), heldToken(t, newer.TokenSource()), "token")
	check.Equal(t, a.op.Requests("token"), 3, "token requests")
}

// Saved first, handed out then.
func TestRotationIsSavedFirst(t *testing.T) {
	t.Parallel()
	store := newBadStore()
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = store })
	b := a.browser()
	b.login("/auth/login", "alice")
	source := b.mustSession().TokenSource()
	first := heldToken(t, source)
	store.afterUpdate = func() error { return errStoreAway }
	source.Invalidate(first)
	_, err := source.TokenContext(t.Context())
	check.Error(t, err, client.ErrStore)
}
