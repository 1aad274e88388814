package oidctest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

const bye = "https://app.example.test/bye"

// roundTrip acts as the clients that receive logout tokens.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func endSession(p *oidctest.Provider, pairs ...string) string {
	return p.URL("end_session") + "?" + values(pairs...).Encode()
}

// signedIn returns a browser in which alice is signed in to "web".
func signedIn(t testing.TB, p *oidctest.Provider, pairs ...string) (*oidctest.Browser, answer) {
	t.Helper()
	b := p.NewBrowser()
	u, err := b.SignIn(authURL(p, pairs...), "alice")
	check.NoError(t, err)
	return b, redeem(t, p, u.Query().Get("code"))
}

func silent(t testing.TB, p *oidctest.Provider, b *oidctest.Browser) url.Values {
	t.Helper()
	u, err := b.SignIn(authURL(p, "prompt", "none"), "")
	check.NoError(t, err)
	return u.Query()
}

func TestLogout(t *testing.T) {
	t.Parallel()
	for name, pairs := range map[string][]string{
		"with a hint":                {"id_token_hint", "HINT", "post_logout_redirect_uri", bye, "state", "s&1"},
		"with a hint and the client": {"id_token_hint", "HINT", "client_id", "web", "post_logout_redirect_uri", bye, "state", "s&1"},
		"after asking":               {"client_id", "web", "post_logout_redirect_uri", bye, "state", "s&1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := provider(t)
			b, a := signedIn(t, p)
			pairs := strings.Split(strings.ReplaceAll(strings.Join(pairs, "\n"), "HINT", a.text("id_token")), "\n")
			to, err := b.SignOut(endSession(p, pairs...))
			check.NoError(t, err)
			check.Equal(t, to, bye+"?state=s%261", "where the browser is sent")
			check.Equal(t, silent(t, p, b).Get("error"), "login_required", "error of a silent sign-in")
			check.True(t, !active(t, p, a.text("access_token")), "the access token outlived the session")
			refused(t, refresh(t, p, a.text("refresh_token")), 400, "invalid_grant")
		})
	}
}

func TestLogoutStaysHere(t *testing.T) {
	t.Parallel()
	p := provider(t)
	b, _ := signedIn(t, p)
	to, err := b.SignOut(p.URL("end_session"))
	check.NoError(t, err)
	check.Equal(t, to, "", "where the browser is sent")
	check.Equal(t, silent(t, p, b).Get("error"), "login_required", "error of a silent sign-in")
}

func TestLogoutRefusals(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) {
		c.Clients = append(c.Clients, oidctest.Client{ID: "other", Secret: "o", PostLogoutRedirectURIs: []string{"https://other.example.test/"}})
	})
	b, a := signedIn(t, p)
	other := oidctest.New(oidctest.Config{Alg: "ES256"})
	kid := map[string]any{"kid": header(t, a.text("id_token"))["kid"]}
	for name, pairs := range map[string][]string{
		"unregistered URI":      {"id_token_hint", a.text("id_token"), "post_logout_redirect_uri", "https://evil.example.test/"},
		"URI of another client": {"id_token_hint", a.text("id_token"), "post_logout_redirect_uri", "https://other.example.test/"},
		"URI for nobody":        {"post_logout_redirect_uri", bye},
		"client differs":        {"id_token_hint", a.text("id_token"), "client_id", "other"},
		"unknown client":        {"client_id", "nobody"},
		"foreign key":           {"id_token_hint", other.IDToken(map[string]any{"aud": "web"})},
		"forged hint":           {"id_token_hint", other.Sign(kid, payload(t, a.text("id_token")))},
		"foreign issuer":        {"id_token_hint", p.Sign(nil, map[string]any{"iss": "https://other.example.test", "aud": "web"})},
		"junk hint":             {"id_token_hint", "x"},
		"two states":            {"state", "a", "state", "b"},
	} {
		_, err := b.SignOut(endSession(p, pairs...))
		check.True(t, err != nil, "%s: accepted", name)
	}
	check.True(t, silent(t, p, b).Has("code"), "a refused logout ended the session")
}

// withCookie sends a request with a session cookie.
func withCookie(t testing.TB, p *oidctest.Provider, method, address, cookie string, pairs ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(values(pairs...).Encode()))
	check.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Cookie", cookie)
	return do(t, p, r)
}

// sessionCookie signs in a user without a Browser.
func sessionCookie(t testing.TB, p *oidctest.Provider, subject, old string) string {
	t.Helper()
	page := withCookie(t, p, http.MethodGet, authURL(p, "prompt", "login"), old)
	request := between(t, page.body, `name="request" value="`, `"`)
	in := withCookie(t, p, http.MethodPost, p.URL("sign_in"), old, "request", request, "subject", subject)
	check.Equal(t, in.status, http.StatusSeeOther, in.body)
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	return cookie
}

// A confirmation belongs to one browser and works once, and "no" ends nothing.
func TestLogoutConfirmation(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) { c.Users = []oidctest.User{{Subject: "alice"}, {Subject: "bob"}} })
	alice, bob := sessionCookie(t, p, "alice", ""), sessionCookie(t, p, "bob", "")
	ask := func() string {
		t.Helper()
		return between(t, withCookie(t, p, http.MethodGet, p.URL("end_session"), alice).body, `name="confirm" value="`, `"`)
	}
	reply := func(cookie, confirm, answer string) int {
		t.Helper()
		return withCookie(t, p, http.MethodPost, p.URL("end_session"), cookie, "confirm", confirm, "answer", answer).status
	}
	signedIn := func(cookie string) bool {
		t.Helper()
		to := withCookie(t, p, http.MethodGet, authURL(p, "prompt", "none"), cookie).header.Get("Location")
		return strings.Contains(to, "code=")
	}
	check.Equal(t, reply(alice, "guess", "yes"), 400, "status of a guessed confirmation")
	check.Equal(t, reply(bob, ask(), "yes"), 400, "status of a confirmation by another browser")
	check.Contains(t, get(t, p, p.URL("end_session"), "").body, "Signed out") // nobody is signed in without a cookie
	confirm := ask()
	check.Equal(t, reply(alice, confirm, "no"), 200, "status of a no")
	check.Equal(t, reply(alice, confirm, "yes"), 400, "status of a second answer")
	check.True(t, signedIn(alice) && signedIn(bob), "somebody was signed out")
	check.Equal(t, reply(alice, ask(), "yes"), 200, "status of a yes")
	check.True(t, !signedIn(alice) && signedIn(bob), "who is signed in after alice's yes")
}

// A second sign-in sets a new cookie value and invalidates the old one.
func TestSessionCookieIsRenewed(t *testing.T) {
	t.Parallel()
	p := provider(t)
	old := sessionCookie(t, p, "alice", "")
	check.True(t, sessionCookie(t, p, "alice", old) != old, "the cookie kept its value")
	to := withCookie(t, p, http.MethodGet, authURL(p, "prompt", "none"), old).header.Get("Location")
	check.Contains(t, to, "error=login_required")
}

func TestOfflineAccessSurvivesLogout(t *testing.T) {
	t.Parallel()
	p := provider(t)
	b, a := signedIn(t, p, "scope", "openid offline_access")
	_, err := b.SignOut(endSession(p, "id_token_hint", a.text("id_token")))
	check.NoError(t, err)
	check.Equal(t, refresh(t, p, a.text("refresh_token")).status, 200, "status of a refresh with offline_access (Core 11)")
}

func TestBackChannelLogout(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	told := map[string]string{}
	p := provider(t, func(c *oidctest.Config) {
		c.Clients[0].BackChannelLogoutURI = "https://app.example.test/backchannel-logout"
		c.Clients = append(c.Clients,
			oidctest.Client{ID: "never-used", BackChannelLogoutURI: "https://never.example.test/"},
			oidctest.Client{ID: "broken", BackChannelLogoutURI: "https://broken.example.test/", RedirectURIs: []string{redirectURI}})
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if r.Method != http.MethodPost || r.ParseForm() != nil {
				return nil, errors.New("not a form")
			}
			told[r.URL.Host] = r.PostForm.Get("logout_token")
			return &http.Response{StatusCode: http.StatusNoContent, Body: io.NopCloser(strings.NewReader(""))}, r.Context().Err()
		})}
	})
	b, a := signedIn(t, p)
	sid := payload(t, a.text("id_token"))["sid"]
	_, err := b.SignIn(authURL(p, "client_id", "broken"), "alice")
	check.NoError(t, err)

	_, err = b.SignOut(endSession(p, "id_token_hint", a.text("id_token")))
	check.NoError(t, err)
	check.Equal(t, len(told), 2, "clients told")
	raw := told["app.example.test"]
	check.Equal(t, header(t, raw)["typ"], any("logout+jwt"), "typ")
	claims := payload(t, raw)
	for name, want := range map[string]any{"iss": p.Issuer(), "aud": "web", "sub": "alice", "sid": sid} {
		check.Equal(t, claims[name], want, name)
	}
	check.True(t, claims["jti"] != nil && claims["exp"] != nil && claims["nonce"] == nil, "claims are %v", claims)
	check.DeepEqual(t, claims["events"], any(map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}), "events")

	clear(told)
	signedIn(t, p)
	p.RevokeSubject("alice")
	check.Equal(t, len(told), 1, "clients told by RevokeSubject")
}

func TestCallerLeavesDuringLogout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		delivered := make(chan error, 1)
		p := provider(t, func(c *oidctest.Config) {
			c.Clients[0].BackChannelLogoutURI = "https://app.example.test/backchannel-logout"
			c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				cancel()
				synctest.Wait()
				delivered <- r.Context().Err()
				return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
			})}
		})
		_, a := signedIn(t, p)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, endSession(p, "id_token_hint", a.text("id_token")), nil)
		check.NoError(t, err)
		_, err = p.HTTPClient().Do(r)
		check.Error(t, err, context.Canceled)
		check.NoError(t, <-delivered)
	})
}
