package oidctest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// Without a client and a registered redirect URI, the browser must not be
// redirected.
func TestAuthorizeErrorPages(t *testing.T) {
	t.Parallel()
	p := provider(t)
	for name, address := range map[string]string{
		"unknown client":         authURL(p, "client_id", "nobody"),
		"no client":              authURL(p, "client_id", ""),
		"two clients":            authURL(p) + "&client_id=web",
		"foreign redirect":       authURL(p, "redirect_uri", "https://evil.example.test/callback"),
		"longer redirect":        authURL(p, "redirect_uri", redirectURI+"/x"),
		"redirect with a query":  authURL(p, "redirect_uri", redirectURI+"?x=y"),
		"redirect in upper case": authURL(p, "redirect_uri", strings.ToUpper(redirectURI)),
		"no redirect":            authURL(p, "redirect_uri", ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := get(t, p, address, "")
			check.Equal(t, a.status, http.StatusBadRequest, "status")
			check.Equal(t, a.header.Get("Location"), "", "Location")
			_, err := p.SignIn(address, "alice")
			check.True(t, err != nil, "SignIn must say what the page says")
			check.Contains(t, err.Error(), "The application asked wrongly")
		})
	}
}

func TestAuthorizeErrors(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) { c.Clients[0].Scopes = []string{"profile", "email", "read"} })
	for name, c := range map[string]struct {
		code  string
		pairs []string
	}{
		"no response_type":   {"invalid_request", []string{"response_type", ""}},
		"implicit":           {"unsupported_response_type", []string{"response_type", "id_token"}},
		"hybrid":             {"unsupported_response_type", []string{"response_type", "code id_token"}},
		"scope":              {"invalid_scope", []string{"scope", "openid admin"}},
		"prompt":             {"invalid_request", []string{"prompt", "none login"}},
		"unknown prompt":     {"invalid_request", []string{"prompt", "sing"}},
		"max_age":            {"invalid_request", []string{"max_age", "-1"}},
		"plain PKCE":         {"invalid_request", []string{"code_challenge_method", "plain"}},
		"no PKCE method":     {"invalid_request", []string{"code_challenge_method", ""}},
		"challenge too long": {"invalid_request", []string{"code_challenge", challenge() + "x"}},
		"request":            {"request_not_supported", []string{"request", "ey"}},
		"request_uri":        {"request_uri_not_supported", []string{"request_uri", "https://x.example.test"}},
		"response_mode":      {"invalid_request", []string{"response_mode", "fragment"}},
		"foreign hint":       {"invalid_request", []string{"id_token_hint", "a.b.c"}},
		"nobody signed in":   {"login_required", []string{"prompt", "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := signIn(t, p, c.pairs...)
			check.Equal(t, q.Get("error"), c.code, "error")
			check.Equal(t, q.Get("state"), "state-123", "state")
			check.Equal(t, q.Get("iss"), p.Issuer(), "iss (RFC 9207 wants it on errors too)")
			check.Equal(t, q.Get("code"), "", "code")
		})
	}
	u, err := p.SignIn(authURL(p)+"&nonce=twice", "alice")
	check.NoError(t, err)
	check.Equal(t, u.Query().Get("error"), "invalid_request", "error for a parameter that is there twice")
}

func TestPublicClientNeedsPKCE(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) {
		c.Clients = []oidctest.Client{{ID: "web", RedirectURIs: []string{redirectURI}}}
	})
	check.Equal(t, signIn(t, p, "code_challenge", "", "code_challenge_method", "").Get("error"), "invalid_request", "error")
	a := post(t, p, "token", "", "client_id", "web", "grant_type", "authorization_code", "code", signIn(t, p).Get("code"),
		"redirect_uri", redirectURI, "code_verifier", verifier)
	check.Equal(t, a.status, 200, a.body)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	p := provider(t)
	u, err := p.SignIn(authURL(p), "")
	check.NoError(t, err)
	check.Equal(t, u.Query().Get("error"), "access_denied", "error")
	_, err = p.SignIn(authURL(p), "mallory")
	check.True(t, err != nil, "an unknown user signed in")
	check.Contains(t, err.Error(), "There is no user “mallory” here.")
}

func TestFormPost(t *testing.T) {
	t.Parallel()
	p := provider(t)
	q := signIn(t, p, "response_mode", "form_post", "state", `"><script>x&amp;`)
	check.Equal(t, q.Get("state"), `"><script>x&amp;`, "state")
	check.Equal(t, redeem(t, p, q.Get("code")).status, 200, "status")
}

// An authorization request may be a POST (OIDC Core section 3.1.2.1), with the
// parameters in the body or, as in Authcore, in the query.
func TestAuthorizeByPost(t *testing.T) {
	t.Parallel()
	p := provider(t)
	address, query, _ := strings.Cut(authURL(p), "?")
	body, err := http.NewRequest(http.MethodPost, address, strings.NewReader(query))
	check.NoError(t, err)
	body.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	inQuery, err := http.NewRequest(http.MethodPost, authURL(p), nil)
	check.NoError(t, err)
	for _, r := range []*http.Request{body, inQuery} {
		u, err := p.NewBrowser().Do(r, "alice")
		check.NoError(t, err)
		check.Equal(t, redeem(t, p, u.Query().Get("code")).status, 200, "status")
	}
}

func TestRedirectURIWithQuery(t *testing.T) {
	t.Parallel()
	const uri = "https://app.example.test/callback?tenant=acme"
	p := provider(t, func(c *oidctest.Config) { c.Clients[0].RedirectURIs = []string{uri} })
	u, err := p.SignIn(authURL(p, "redirect_uri", uri), "alice")
	check.NoError(t, err)
	check.Equal(t, u.Query().Get("tenant"), "acme", "the redirect URI's own query")
	check.True(t, u.Query().Get("code") != "", "no code in %s", u)
}

func TestSingleSignOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, func(c *oidctest.Config) { c.Users = []oidctest.User{{Subject: "alice"}, {Subject: "bob"}} })
		b := p.NewBrowser()
		open := func(subject string, pairs ...string) url.Values {
			t.Helper()
			u, err := b.SignIn(authURL(p, pairs...), subject)
			check.NoError(t, err)
			return u.Query()
		}
		id := func(q url.Values) map[string]any {
			t.Helper()
			return payload(t, redeem(t, p, q.Get("code")).text("id_token"))
		}
		check.Equal(t, open("alice", "prompt", "none").Get("error"), "login_required", "error before")
		hint := redeem(t, p, open("alice").Get("code")).text("id_token")
		first := payload(t, hint)
		time.Sleep(time.Hour)

		silent := id(open("bob", "prompt", "none"))
		check.Equal(t, silent["sub"], any("alice"), "sub of a silent sign-in")
		check.Equal(t, silent["auth_time"], first["auth_time"], "auth_time of a silent sign-in")
		check.Equal(t, silent["sid"], first["sid"], "sid of a silent sign-in")
		check.Equal(t, id(open("bob", "max_age", "3600"))["sub"], any("alice"), "sub within max_age")

		// A session that is too old, too weak or of another user shows the page
		// again.
		check.Equal(t, open("alice", "max_age", "3599", "prompt", "none").Get("error"), "login_required", "error past max_age")
		check.Equal(t, open("alice", "acr_values", "gold", "prompt", "none").Get("error"), "login_required", "error for a stronger acr")
		again := id(open("alice", "max_age", "3599"))
		check.Equal(t, again["auth_time"].(float64), first["auth_time"].(float64)+3600, "auth_time after signing in again")
		check.Equal(t, again["sid"], first["sid"], "sid after signing in again")
		check.Equal(t, id(open("alice", "acr_values", "gold silver"))["acr"], any("gold"), "acr")
		check.Equal(t, id(open("bob", "acr_values", "silver gold", "prompt", "none"))["acr"], any("gold"), "acr of the session")
		time.Sleep(time.Minute)
		check.Equal(t, id(open("alice", "prompt", "login"))["auth_time"].(float64), first["auth_time"].(float64)+3660, "auth_time after prompt=login")
		check.Equal(t, id(open("alice", "max_age", "0"))["sub"], any("alice"), "sub after max_age=0")

		bob := id(open("bob", "prompt", "select_account"))
		check.Equal(t, bob["sub"], any("bob"), "sub after choosing another account")
		check.True(t, bob["sid"] != first["sid"], "another person has the same sid")
		check.Equal(t, open("bob", "id_token_hint", hint, "prompt", "none").Get("error"), "login_required", "error for another person's hint")
		check.Equal(t, open("bob", "id_token_hint", hint).Get("error"), "login_required", "error when the wrong person signs in")

		time.Sleep(13 * time.Hour)
		check.Equal(t, open("bob", "prompt", "none").Get("error"), "login_required", "error when the session is over")
	})
}

// The page remains valid until it expires, even with two tabs and the back
// button.
func TestSignInPageLifetime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := provider(t)
		page := get(t, p, authURL(p), "")
		request := between(t, page.body, `name="request" value="`, `"`)
		for range 2 {
			check.Equal(t, post(t, p, "sign_in", "", "request", request, "user", "ALICE@example.test").status, 303, "status")
		}
		time.Sleep(time.Hour)
		check.Equal(t, post(t, p, "sign_in", "", "request", request, "subject", "alice").status, 400, "status when too old")
		check.Equal(t, post(t, p, "sign_in", "", "request", "unknown", "subject", "alice").status, 400, "status of an unknown page")
	})
}

func between(t testing.TB, s, before, after string) string {
	t.Helper()
	_, s, ok := strings.Cut(s, before)
	check.True(t, ok, "%q is missing", before)
	s, _, _ = strings.Cut(s, after)
	return s
}
