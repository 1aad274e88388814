package oidctest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

const (
	redirectURI = "https://app.example.test/callback"
	verifier    = "0123456789abcdefghijklmnopqrstuvwxyz-0123456789"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// provider returns a provider with a confidential client "web" and the cheapest
// keys.
func provider(t testing.TB, edit ...func(*oidctest.Config)) *oidctest.Provider {
	t.Helper()
	cfg := oidctest.Config{Alg: "ES256", Clients: []oidctest.Client{web()}}
	for _, f := range edit {
		f(&cfg)
	}
	return oidctest.New(cfg)
}

func web() oidctest.Client {
	return oidctest.Client{
		ID: "web", Secret: "s3cret", RedirectURIs: []string{redirectURI},
		PostLogoutRedirectURIs: []string{"https://app.example.test/bye"},
	}
}

// answer is the response of an endpoint.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answer) text(name string) string {
	s, _ := a.json[name].(string)
	return s
}

func do(t testing.TB, p *oidctest.Provider, r *http.Request) answer {
	t.Helper()
	c := p.HTTPClient()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(r)
	check.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check.NoError(t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		check.NoError(t, json.Unmarshal(body, &a.json))
	}
	return a
}

// post sends a form of name, value pairs. basic is id:secret or empty.
func post(t testing.TB, p *oidctest.Provider, endpoint, basic string, pairs ...string) answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.URL(endpoint), strings.NewReader(values(pairs...).Encode()))
	check.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id, secret, ok := strings.Cut(basic, ":"); ok {
		r.SetBasicAuth(id, secret)
	}
	return do(t, p, r)
}

func get(t testing.TB, p *oidctest.Provider, address, bearer string) answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	check.NoError(t, err)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return do(t, p, r)
}

func values(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

// authURL returns an authorization request of "web". Pairs replace and add
// parameters, and an empty value removes one.
func authURL(p *oidctest.Provider, pairs ...string) string {
	q := values("response_type", "code", "client_id", "web", "redirect_uri", redirectURI, "scope", "openid profile email", "state", "state-123",
		"nonce", "nonce-123", "code_challenge", challenge(), "code_challenge_method", "S256")
	over := values(pairs...)
	for name, list := range over {
		if list[0] == "" {
			q.Del(name)
			continue
		}
		q[name] = list
	}
	return p.URL("authorize") + "?" + q.Encode()
}

func signIn(t testing.TB, p *oidctest.Provider, pairs ...string) url.Values {
	t.Helper()
	u, err := p.SignIn(authURL(p, pairs...), "alice")
	check.NoError(t, err)
	return u.Query()
}

// redeem sends the token request for a code.
func redeem(t testing.TB, p *oidctest.Provider, code string, pairs ...string) answer {
	t.Helper()
	form := values("grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI, "code_verifier", verifier)
	var flat []string
	for name, list := range values(pairs...) {
		form.Del(name)
		for _, v := range list {
			flat = append(flat, name, v)
		}
	}
	for name := range form {
		flat = append(flat, name, form.Get(name))
	}
	return post(t, p, "token", "web:s3cret", flat...)
}

// login makes a complete sign-in.
func login(t testing.TB, p *oidctest.Provider, pairs ...string) answer {
	t.Helper()
	a := redeem(t, p, signIn(t, p, pairs...).Get("code"))
	check.Equal(t, a.status, http.StatusOK, "status of "+a.body)
	return a
}

func payload(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	check.Equal(t, len(parts), 3, "parts of the token")
	return decode(t, parts[1])
}

func header(t testing.TB, token string) map[string]any {
	t.Helper()
	return decode(t, strings.Split(token, ".")[0])
}

func decode(t testing.TB, part string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	check.NoError(t, err)
	var m map[string]any
	check.NoError(t, json.Unmarshal(raw, &m))
	return m
}

func active(t testing.TB, p *oidctest.Provider, token string) bool {
	t.Helper()
	a := post(t, p, "introspect", "web:s3cret", "token", token)
	check.Equal(t, a.status, http.StatusOK, "status of introspection")
	return a.json["active"] == true
}

func TestLogin(t *testing.T) {
	t.Parallel()
	p := provider(t)
	callback := signIn(t, p)
	check.Equal(t, callback.Get("state"), "state-123", "state")
	check.Equal(t, callback.Get("iss"), p.Issuer(), "iss")
	a := redeem(t, p, callback.Get("code"))
	check.Equal(t, a.status, http.StatusOK, a.body)
	id := payload(t, a.text("id_token"))
	check.Equal(t, id["nonce"], any("nonce-123"), "nonce")
	check.Equal(t, id["tenant"], any("acme"), "tenant")
	check.Equal(t, id["email"], any("alice@example.test"), "email")
	info := get(t, p, p.URL("userinfo"), a.text("access_token"))
	check.Equal(t, info.text("sub"), "alice", "sub at userinfo")
	check.True(t, active(t, p, a.text("access_token")), "the access token is not active")
	b := post(t, p, "token", "web:s3cret", "grant_type", "refresh_token", "refresh_token", a.text("refresh_token"))
	check.Equal(t, b.status, http.StatusOK, b.body)
	check.True(t, b.text("refresh_token") != a.text("refresh_token"), "the refresh token was not replaced")
}
