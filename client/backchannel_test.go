package client_test

import (
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
)

// tell is the provider's request.
func (a *app) tell(logoutToken string) *http.Response {
	a.t.Helper()
	return a.browser().post("/auth/backchannel-logout", url.Values{"logout_token": {logoutToken}}, "Sec-Fetch-Site", "", "Sec-Fetch-Mode", "", "Accept", "")
}

func TestBackChannelLogout(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	phone, laptop, bob := a.browser(), a.browser(), a.browser()
	phone.login("/auth/login", "alice")
	laptop.login("/auth/login", "alice")
	bob.login("/auth/login", "bob")
	s, err := phone.session()
	check.NoError(t, err)
	heldToken(t, a.login.TokenSource(s.ID()))

	resp := a.tell(a.op.LogoutToken("web", "alice", s.SID))
	check.Equal(t, resp.StatusCode, http.StatusOK, "status")
	check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", "Cache-Control")
	check.Equal(t, phone.signedIn(), "", "signed in on the phone")
	_, err = a.login.TokenSource(s.ID()).TokenContext(t.Context()) // not one that this process still holds
	check.Error(t, err, client.ErrReauthRequired)
	check.Equal(t, laptop.signedIn(), "alice", "signed in on the laptop, by another sid")

	phone.login("/auth/login", "alice")
	check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusOK, "status")
	check.Equal(t, phone.signedIn()+laptop.signedIn(), "", "signed in after the logout of the subject")
	check.Equal(t, bob.signedIn(), "bob", "signed in, the other person")

	s, err = bob.session()
	check.NoError(t, err)
	check.Equal(t, a.tell(a.op.LogoutToken("web", "", s.SID)).StatusCode, http.StatusOK, "status")
	check.Equal(t, bob.signedIn(), "", "signed in after the logout of the sid")
	check.Equal(t, a.tell(a.op.LogoutToken("web", "carol", "unknown")).StatusCode, http.StatusOK, "status for a session we do not have")
}

// A provider without sids at login still ends the subject's sessions with a token that has both.
func TestBackChannelLogoutWithoutSID(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	a.op.Edit("id_token", func(c map[string]any) { delete(c, "sid") })
	b := a.browser()
	b.login("/auth/login", "alice")
	check.Equal(t, a.tell(a.op.LogoutToken("web", "bob", "some")).StatusCode, http.StatusOK, "status")
	check.Equal(t, b.signedIn(), "alice", "signed in")
	check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "some")).StatusCode, http.StatusOK, "status")
	check.Equal(t, b.signedIn(), "", "signed in")
}

func TestBackChannelLogoutReplay(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	b := a.browser()
	token := a.op.LogoutToken("web", "alice", "")
	check.Equal(t, a.tell(token).StatusCode, http.StatusOK, "status")
	b.login("/auth/login", "alice")
	resp := a.tell(token)
	check.Equal(t, resp.StatusCode, http.StatusBadRequest, "status of the replay")
	check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", "Cache-Control")
	check.Equal(t, pageText(t, resp), `{"error":"invalid_request"}`, "answer")
	check.Equal(t, b.signedIn(), "alice", "signed in")
}

// A logout token without exp, as Ory Hydra sends it, counts for two minutes and a clock skew; its mark is kept for longer.
func TestBackChannelLogoutWithoutExp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		b := a.browser()
		b.login("/auth/login", "alice")
		a.op.Edit("logout_token", func(c map[string]any) { delete(c, "exp") })
		used, late := a.op.LogoutToken("web", "alice", ""), a.op.LogoutToken("web", "alice", "")
		check.Equal(t, a.tell(used).StatusCode, http.StatusOK, "status")
		check.Equal(t, b.signedIn(), "", "signed in")

		b.login("/auth/login", "alice")
		for range 5 {
			check.Equal(t, a.tell(used).StatusCode, http.StatusBadRequest, "status of the replay")
			time.Sleep(30 * time.Second)
		}
		time.Sleep(time.Second)
		check.Equal(t, a.tell(late).StatusCode, http.StatusBadRequest, "status after two and a half minutes")
		check.Equal(t, b.signedIn(), "alice", "signed in")
	})
}

func TestBackChannelLogoutRefuses(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	b := a.browser()
	b.login("/auth/login", "alice")
	event := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
	claims := func(edit func(map[string]any)) string {
		c := map[string]any{"iss": a.op.Issuer(), "aud": "web", "sub": "alice", "jti": "x", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "events": event}
		edit(c)
		return a.op.Sign(map[string]any{"typ": "logout+jwt"}, c)
	}
	good := claims(func(map[string]any) {})
	for name, form := range map[string]url.Values{
		"no token":            {},
		"two tokens":          {"logout_token": {good, good}},
		"garbage":             {"logout_token": {"garbage"}},
		"an ID token":         {"logout_token": {a.op.IDToken(nil)}},
		"another issuer":      {"logout_token": {claims(func(c map[string]any) { c["iss"] = "https://evil.example.test" })}},
		"another audience":    {"logout_token": {claims(func(c map[string]any) { c["aud"] = "other" })}},
		"expired":             {"logout_token": {claims(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() })}},
		"a nonce":             {"logout_token": {claims(func(c map[string]any) { c["nonce"] = "x" })}},
		"no event":            {"logout_token": {claims(func(c map[string]any) { delete(c, "events") })}},
		"no iat":              {"logout_token": {claims(func(c map[string]any) { delete(c, "iat") })}},
		"no jti":              {"logout_token": {claims(func(c map[string]any) { delete(c, "jti") })}},
		"neither sub nor sid": {"logout_token": {claims(func(c map[string]any) { delete(c, "sub") })}},
		"signed by nobody":    {"logout_token": {good[:strings.LastIndex(good, ".")+1] + "AAAA"}},
	} {
		resp := b.post("/auth/backchannel-logout", form)
		check.Equal(t, resp.StatusCode, http.StatusBadRequest, name)
		check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", name+": Cache-Control")
		check.Equal(t, resp.Header.Get("Content-Type"), "application/json", name+": Content-Type")
		check.Equal(t, pageText(t, resp), `{"error":"invalid_request"}`, name)
	}
	check.Contains(t, a.log.String(), "iat is missing")
	check.Equal(t, b.get("/auth/backchannel-logout?logout_token="+good).StatusCode, http.StatusMethodNotAllowed, "status of a GET")
	check.Equal(t, b.post("/auth/backchannel-logout?logout_token="+good, nil).StatusCode, http.StatusBadRequest, "status with the token in the query")
	check.Equal(t, b.signedIn(), "alice", "signed in")
	check.Equal(t, a.tell(good).StatusCode, http.StatusOK, "status of the good one")
}

func TestBackChannelLogoutOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newBadStore()
		var cfg appConfig
		a := newApp(t, func(c *appConfig) { c.login.Store = store; cfg = *c })
		b := a.browser()
		b.login("/auth/login", "alice")
		token := a.op.LogoutToken("web", "alice", "")

		store.fail("Marked")
		resp := a.tell(token)
		check.Equal(t, resp.StatusCode, http.StatusServiceUnavailable, "status without Marked")
		check.Equal(t, resp.Header.Get("Retry-After"), "5", "Retry-After")
		check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", "Cache-Control")

		// Not every provider tries again: we insist.
		store.fail("DeleteByIndex")
		time.AfterFunc(500*time.Millisecond, func() { store.fail() })
		check.Equal(t, a.tell(token).StatusCode, http.StatusOK, "status when the store comes back")
		check.Equal(t, b.signedIn(), "", "signed in")

		store.fail("DeleteByIndex")
		start := time.Now()
		check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusServiceUnavailable, "status when it does not")
		check.True(t, time.Since(start) <= 5*time.Second, "it took %v", time.Since(start))
		store.fail()

		// A process that has never seen the keys.
		a.op.Fault("jwks", oidctest.Down)
		cfg.client.HTTPClient = a.op.HTTPClient()
		var err error
		a.rp, err = client.New(cfg.client)
		check.NoError(t, err)
		a.start(cfg)
		check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusServiceUnavailable, "status without keys")
	})
}

func TestBackChannelLogoutNeedsKeys(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) {
		cfg.client.DiscoveryURL, cfg.client.Issuer, cfg.client.SkipIDTokenSignature = "", oidctest.DefaultIssuer, true
		cfg.client.Endpoints = client.Endpoints{Authorization: oidctest.DefaultIssuer + "/authorize", Token: oidctest.DefaultIssuer + "/token"}
	})
	check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusNotFound, "status at a static provider without keys")
	check.Equal(t, a.browser().get("/auth/backchannel-logout").StatusCode, http.StatusNotFound, "status of a GET")

	a = newApp(t, func(cfg *appConfig) { cfg.client.SkipIDTokenSignature = true })
	a.op.Edit("discovery", func(d map[string]any) { delete(d, "jwks_uri") })
	check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusNotFound, "status at a discovered provider without keys")
}

// The whole way: the provider tells us by itself.
func TestProviderEndsSession(t *testing.T) {
	t.Parallel()
	var a *app
	a = newApp(t, func(cfg *appConfig) {
		cfg.op.Clients[0].BackChannelLogoutURI = appOrigin + "/auth/backchannel-logout"
		cfg.op.HTTPClient = &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			a.mux.ServeHTTP(w, r)
			return w.Result(), nil
		})}
	})
	b := a.browser()
	b.login("/auth/login", "alice")
	a.op.RevokeSubject("alice")
	check.Equal(t, b.signedIn(), "", "signed in")
}
