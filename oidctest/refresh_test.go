package oidctest_test

import (
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func refresh(t testing.TB, p *oidctest.Provider, token string, pairs ...string) answer {
	t.Helper()
	return post(t, p, "token", "web:s3cret", append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

func TestRefreshReuseKillsTheChain(t *testing.T) {
	t.Parallel()
	p := provider(t)
	first := login(t, p)
	second := refresh(t, p, first.text("refresh_token"))
	third := refresh(t, p, second.text("refresh_token"))
	check.Equal(t, third.status, 200, third.body)
	check.True(t, active(t, p, third.text("access_token")), "the newest token must be active")

	refused(t, refresh(t, p, first.text("refresh_token")), 400, "invalid_grant")
	refused(t, refresh(t, p, third.text("refresh_token")), 400, "invalid_grant")
	for _, a := range []answer{first, second, third} {
		check.True(t, !active(t, p, a.text("access_token")), "an access token of the chain outlived it")
	}
	check.True(t, active(t, p, login(t, p).text("access_token")), "another login must not suffer")
}

func TestRefreshAnswer(t *testing.T) {
	t.Parallel()
	p := provider(t)
	first := login(t, p)
	second := refresh(t, p, first.text("refresh_token"))
	old, id := payload(t, first.text("id_token")), payload(t, second.text("id_token"))
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "sid"} {
		check.Equal(t, id[name], old[name], name)
	}
	check.True(t, id["nonce"] == nil, "a refreshed ID token should have no nonce (Core 12.2)")
	check.True(t, active(t, p, first.text("access_token")), "the old access token lives on")

	narrow := refresh(t, p, second.text("refresh_token"), "scope", "openid")
	check.Equal(t, narrow.text("scope"), "openid", "narrowed scope")
	check.Equal(t, refresh(t, p, narrow.text("refresh_token")).text("scope"), "openid profile email", "scope when none is asked for")
}

func TestRefreshRefusals(t *testing.T) {
	t.Parallel()
	p := provider(t)
	p.AddClient(oidctest.Client{ID: "other", Secret: "o", RedirectURIs: []string{redirectURI}})
	a := login(t, p)
	refused(t, refresh(t, p, "unknown"), 400, "invalid_grant")
	refused(t, refresh(t, p, a.text("refresh_token"), "scope", "openid admin"), 400, "invalid_scope")
	refused(t, post(t, p, "token", "other:o", "grant_type", "refresh_token", "refresh_token", a.text("refresh_token")), 400, "invalid_grant")
	refused(t, post(t, p, "token", "web:wrong", "grant_type", "refresh_token", "refresh_token", a.text("refresh_token")), 401, "invalid_client")
	check.Equal(t, refresh(t, p, a.text("refresh_token")).status, 200, "none of these spent it")
}

func TestKeepRefreshTokens(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) { c.KeepRefreshTokens = true })
	a := login(t, p)
	for range 3 {
		b := refresh(t, p, a.text("refresh_token"))
		check.Equal(t, b.text("refresh_token"), a.text("refresh_token"), "refresh token")
	}
}

func TestResources(t *testing.T) {
	t.Parallel()
	const one, two, other = "https://one.example.test", "https://two.example.test", "https://other.example.test"
	p := provider(t, func(c *oidctest.Config) { c.Resources = []string{one, two, other} })
	aud := func(a answer) any {
		t.Helper()
		check.Equal(t, a.status, 200, a.body)
		return payload(t, a.text("access_token"))["aud"]
	}
	both := authURL(p) + "&" + values("resource", one, "resource", two).Encode()
	code := func() string {
		t.Helper()
		u, err := p.SignIn(both, "alice")
		check.NoError(t, err)
		return u.Query().Get("code")
	}
	a := redeem(t, p, code())
	check.DeepEqual(t, aud(a), any([]any{one, two}), "aud of both")
	check.Equal(t, aud(redeem(t, p, code(), "resource", two)), any(two), "aud narrowed on the token request")
	refused(t, redeem(t, p, code(), "resource", other), 400, "invalid_target")
	refused(t, redeem(t, p, code(), "resource", "https://unknown.example.test"), 400, "invalid_target")

	b := refresh(t, p, a.text("refresh_token"), "resource", one)
	check.Equal(t, aud(b), any(one), "aud narrowed on refresh")
	refused(t, refresh(t, p, b.text("refresh_token"), "resource", other), 400, "invalid_target")
	check.DeepEqual(t, aud(refresh(t, p, b.text("refresh_token"))), any([]any{one, two}), "aud of a refresh that names none")

	// A resource that only the token request names restricts later refreshes.
	c := redeem(t, p, signIn(t, p).Get("code"), "resource", one)
	check.Equal(t, aud(refresh(t, p, c.text("refresh_token"))), any(one), "aud of the refresh")

	check.DeepEqual(t, aud(post(t, p, "token", "web:s3cret", "grant_type", "client_credentials", "resource", one, "resource", other)), any([]any{one, other}), "aud")
	for _, bad := range []string{"relative", "https://one.example.test#fragment", "https://unknown.example.test", "%zz"} {
		refused(t, post(t, p, "token", "web:s3cret", "grant_type", "client_credentials", "resource", bad), 400, "invalid_target")
		check.Equal(t, signIn(t, p, "resource", bad).Get("error"), "invalid_target", "error of the authorization for "+bad)
	}
}
