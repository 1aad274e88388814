package oidctest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func refused(t testing.TB, a answer, status int, code string) {
	t.Helper()
	check.Equal(t, a.status, status, "status of "+a.body)
	check.Equal(t, a.text("error"), code, "error of "+a.body)
	check.Equal(t, a.header.Get("Cache-Control"), "no-store", "Cache-Control")
}

func TestCodeRefusals(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"wrong redirect_uri":   {"redirect_uri", redirectURI + "/"},
		"no redirect_uri":      {"redirect_uri", ""},
		"wrong verifier":       {"code_verifier", verifier + "x"},
		"short verifier":       {"code_verifier", "short"},
		"no verifier":          {"code_verifier", ""},
		"unknown code":         {"code", "nothing"},
		"code of another case": {"code", "NOTHING"},
	}
	for name, pairs := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := provider(t)
			code := signIn(t, p).Get("code")
			refused(t, redeem(t, p, code, pairs...), 400, "invalid_grant")
			// A wrong attempt does not use up the code.
			check.Equal(t, redeem(t, p, code).status, 200, "status of the right request after the wrong one")
		})
	}
}

func TestCodeVerifierWithoutChallenge(t *testing.T) {
	t.Parallel()
	p := provider(t)
	code := signIn(t, p, "code_challenge", "", "code_challenge_method", "").Get("code")
	refused(t, redeem(t, p, code), 400, "invalid_grant") // RFC 9700 section 4.8.2: no downgrade

	sum := sha256.Sum256([]byte("short"))
	code = signIn(t, p, "code_challenge", base64.RawURLEncoding.EncodeToString(sum[:])).Get("code")
	refused(t, redeem(t, p, code, "code_verifier", "short"), 400, "invalid_grant") // RFC 7636 section 4.1: 43 characters at least
}

func TestCodeReuseRevokesTokens(t *testing.T) {
	t.Parallel()
	p := provider(t)
	code := signIn(t, p).Get("code")
	a := redeem(t, p, code)
	check.True(t, active(t, p, a.text("access_token")), "the first token must be active")
	refused(t, redeem(t, p, code), 400, "invalid_grant")
	check.True(t, !active(t, p, a.text("access_token")), "the access token outlived the reuse of its code")
	check.Equal(t, get(t, p, p.URL("userinfo"), a.text("access_token")).status, 401, "userinfo after the reuse")
	refused(t, post(t, p, "token", "web:s3cret", "grant_type", "refresh_token", "refresh_token", a.text("refresh_token")), 400, "invalid_grant")
}

func TestCodeOfAnotherClient(t *testing.T) {
	t.Parallel()
	p := provider(t)
	p.AddClient(oidctest.Client{ID: "other", Secret: "o", RedirectURIs: []string{redirectURI}})
	code := signIn(t, p).Get("code")
	a := post(t, p, "token", "other:o", "grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI, "code_verifier", verifier)
	refused(t, a, 400, "invalid_grant")
	check.Equal(t, redeem(t, p, code).status, 200, "the rightful client afterwards")
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := provider(t)
		late := signIn(t, p).Get("code")
		time.Sleep(time.Minute - time.Second)
		check.Equal(t, redeem(t, p, late).status, 200, "a code in its last second")
		expired := signIn(t, p).Get("code")
		time.Sleep(time.Minute)
		refused(t, redeem(t, p, expired), 400, "invalid_grant")

		a := login(t, p)
		time.Sleep(5*time.Minute - time.Second)
		check.True(t, active(t, p, a.text("access_token")), "inactive before its time")
		time.Sleep(time.Second)
		check.True(t, !active(t, p, a.text("access_token")), "active after its time")
		info := get(t, p, p.URL("userinfo"), a.text("access_token"))
		check.Equal(t, info.status, http.StatusUnauthorized, "userinfo after expiry")
		check.Contains(t, info.header.Get("WWW-Authenticate"), `error="invalid_token"`)

		time.Sleep(8*time.Hour - 5*time.Minute)
		refused(t, post(t, p, "token", "web:s3cret", "grant_type", "refresh_token", "refresh_token", a.text("refresh_token")), 400, "invalid_grant")
	})
}

func TestTokenRequestShape(t *testing.T) {
	t.Parallel()
	p := provider(t)
	refused(t, post(t, p, "token", "web:s3cret"), 400, "invalid_request")
	refused(t, post(t, p, "token", "web:s3cret", "grant_type", "password"), 400, "unsupported_grant_type")
	refused(t, post(t, p, "token", "web:s3cret", "grant_type", "authorization_code", "grant_type", "authorization_code"), 400, "invalid_request")
	refused(t, post(t, p, "token", "web:s3cret", "grant_type", "authorization_code"), 400, "invalid_request")
	refused(t, post(t, p, "token", "web:s3cret", "grant_type", "refresh_token"), 400, "invalid_request")
	refused(t, post(t, p, "token", "web:s3cret", "junk", string(make([]byte, 70<<10))), 400, "invalid_request")

	r, err := http.NewRequest(http.MethodPost, p.URL("token"), nil)
	check.NoError(t, err)
	r.URL.RawQuery = url.Values{"grant_type": {"client_credentials"}}.Encode()
	r.SetBasicAuth("web", "s3cret")
	refused(t, do(t, p, r), 400, "invalid_request") // parameters in the query do not count

	a := get(t, p, p.URL("token"), "")
	check.Equal(t, a.status, http.StatusMethodNotAllowed, "GET on the token endpoint")
	check.Equal(t, a.header.Get("Allow"), "POST", "Allow")
}

func TestClientGrants(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) { c.Clients[0].Grants = []string{"authorization_code"} })
	a := login(t, p)
	check.True(t, a.json["refresh_token"] == nil, "a refresh token for a client without that grant")
	refused(t, post(t, p, "token", "web:s3cret", "grant_type", "client_credentials"), 400, "unauthorized_client")
	refused(t, post(t, p, "token", "web:s3cret", "grant_type", "refresh_token", "refresh_token", "x"), 400, "unauthorized_client")
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) {
		c.Clients[0].Scopes = []string{"read", "write"}
		c.Clients[0].Claims = map[string]any{"tenant": "acme", "iss": "https://evil.example.test"}
		c.Clients = append(c.Clients, oidctest.Client{ID: "spa", RedirectURIs: []string{redirectURI}})
	})
	a := post(t, p, "token", "web:s3cret", "grant_type", "client_credentials", "scope", "read")
	check.Equal(t, a.status, 200, a.body)
	check.True(t, a.json["refresh_token"] == nil && a.json["id_token"] == nil, "more than an access token: %s", a.body)
	claims := payload(t, a.text("access_token"))
	for name, want := range map[string]any{"sub": "web", "client_id": "web", "tenant": "acme", "scope": "read", "iss": p.Issuer(), "aud": p.Issuer()} {
		check.Equal(t, claims[name], want, name)
	}
	check.Equal(t, header(t, a.text("access_token"))["typ"], any("at+jwt"), "typ")
	check.Equal(t, post(t, p, "token", "web:s3cret", "grant_type", "client_credentials").text("scope"), "read write", "scope when none is asked for")
	refused(t, post(t, p, "token", "web:s3cret", "grant_type", "client_credentials", "scope", "admin"), 400, "invalid_scope")
	refused(t, post(t, p, "token", "", "grant_type", "client_credentials", "client_id", "spa"), 400, "unauthorized_client")
	check.Equal(t, get(t, p, p.URL("userinfo"), a.text("access_token")).status, 403, "userinfo for a service")
}
