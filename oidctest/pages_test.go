package oidctest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

const attack = `"><script>alert(1)</script><img src=x onerror='alert(2)'>{{.}}&lt;`

func TestPagesEscape(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) {
		c.Users = []oidctest.User{{Subject: attack, Name: attack, Email: attack}, {Subject: "alice"}}
		c.Clients = append(c.Clients, oidctest.Client{ID: attack, Secret: "s", RedirectURIs: []string{redirectURI}})
	})
	page := get(t, p, authURL(p, "client_id", attack, "login_hint", attack), "")
	request := between(t, page.body, `name="request" value="`, `"`)
	confirm := withCookie(t, p, http.MethodGet, p.URL("end_session"), sessionCookie(t, p, attack, ""))
	check.Contains(t, confirm.body, "Sign out?")
	for name, a := range map[string]answer{
		"sign-in":   page,
		"unknown":   post(t, p, "sign_in", "", "request", request, "user", "x"+attack),
		"error":     get(t, p, authURL(p, "client_id", "x"+attack), ""),
		"not found": get(t, p, p.Issuer()+"/"+url.PathEscape(attack), ""),
		"form post": get(t, p, authURL(p, "response_mode", "form_post", "prompt", "none", "state", attack), ""),
		"confirm":   confirm,
		"home":      get(t, p, p.Issuer()+"/", ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check.Lacks(t, a.body, "<script>alert", "<img", "onerror='", `"><`+"script")
			check.Equal(t, a.header.Get("Content-Type"), "text/html; charset=utf-8", "Content-Type")
			check.Equal(t, a.header.Get("Cache-Control"), "no-store", "Cache-Control")
			check.Equal(t, a.header.Get("X-Content-Type-Options"), "nosniff", "X-Content-Type-Options")
			policy := a.header.Get("Content-Security-Policy")
			check.Contains(t, policy, "default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'")
			check.Lacks(t, policy, "form-action", "unsafe", "http")
		})
	}
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string][]string{
		"https://op.example.test/realms/a": {"HttpOnly", "Secure", "SameSite=None", "Path=/realms/a/"},
		"http://127.0.0.1:4444":            {"HttpOnly", "SameSite=Lax", "Path=/"},
	} {
		p := provider(t, func(c *oidctest.Config) { c.Issuer = issuer })
		request := between(t, get(t, p, authURL(p), "").body, `name="request" value="`, `"`)
		check.Contains(t, post(t, p, "sign_in", "", "request", request, "subject", "alice").header.Get("Set-Cookie"), want...)
	}
}

// Another site cannot sign in a browser.
func TestSignInFromAnotherSite(t *testing.T) {
	t.Parallel()
	p := provider(t)
	request := between(t, get(t, p, authURL(p), "").body, `name="request" value="`, `"`)
	r, err := http.NewRequest(http.MethodPost, p.URL("sign_in"), strings.NewReader(values("request", request, "subject", "alice").Encode()))
	check.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	a := do(t, p, r)
	check.Equal(t, a.status, http.StatusForbidden, "status")
	check.Equal(t, a.header.Get("Set-Cookie"), "", "Set-Cookie")
}

// The provider behaves the same on a real port.
func TestRealServer(t *testing.T) {
	t.Parallel()
	var p *oidctest.Provider
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.ServeHTTP(w, r) }))
	defer server.Close()
	p = provider(t, func(c *oidctest.Config) { c.Issuer = server.URL })
	resp, err := server.Client().Get(p.URL("discovery"))
	check.NoError(t, err)
	defer resp.Body.Close()
	check.Equal(t, resp.StatusCode, 200, "status")
	p.Fault("token", oidctest.Reset)
	_, err = server.Client().PostForm(p.URL("token"), nil)
	check.True(t, err != nil, "Reset answered")
}

func TestConfigurationErrors(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]oidctest.Config{
		"issuer without scheme":  {Issuer: "op.example.test"},
		"issuer with query":      {Issuer: "https://op.example.test?x=y"},
		"alg":                    {Alg: "XX256"},
		"HS256":                  {Alg: "HS256"},
		"client without ID":      {Clients: []oidctest.Client{{Secret: "s"}}},
		"relative redirect":      {Clients: []oidctest.Client{{ID: "c", RedirectURIs: []string{"/callback"}}}},
		"redirect with fragment": {Clients: []oidctest.Client{{ID: "c", RedirectURIs: []string{"https://a.example.test/#x"}}}},
		"method":                 {Clients: []oidctest.Client{{ID: "c", Secret: "s", AuthMethod: "magic"}}},
		"method without secret":  {Clients: []oidctest.Client{{ID: "c", AuthMethod: "client_secret_basic"}}},
		"public with secret":     {Clients: []oidctest.Client{{ID: "c", Secret: "s", AuthMethod: "none"}}},
		"HS256 without secret":   {Clients: []oidctest.Client{{ID: "c", IDTokenAlg: "HS256"}}},
		"user without subject":   {Users: []oidctest.User{{Name: "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check.Contains(t, check.Panics(t, func() { oidctest.New(cfg) }).(string), "oidctest: ")
		})
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) { c.Issuer = "https://op.example.test/realms/a/" })
	a := get(t, p, p.URL("discovery"), "")
	check.Equal(t, a.json["issuer"], any("https://op.example.test/realms/a/"), "issuer")
	check.Equal(t, a.json["token_endpoint"], any("https://op.example.test/realms/a/token"), "token_endpoint")
	for _, address := range []string{
		"https://op.example.test/.well-known/openid-configuration/realms/a",
		"https://op.example.test/.well-known/oauth-authorization-server/realms/a",
		"https://op.example.test/realms/a/.well-known/oauth-authorization-server",
	} {
		check.Equal(t, get(t, p, address, "").body, a.body, address)
	}
	r, err := http.NewRequest(http.MethodGet, p.URL("discovery"), nil)
	check.NoError(t, err)
	r.Header.Set("If-None-Match", a.header.Get("ETag"))
	check.Equal(t, do(t, p, r).status, http.StatusNotModified, "status for the same ETag")
}

func TestNothingSecretPrints(t *testing.T) {
	t.Parallel()
	const secret = "c4n4ry"
	cfg := oidctest.Config{Alg: "ES256", Clients: []oidctest.Client{{ID: "web", Secret: secret}}}
	p := oidctest.New(cfg)
	for _, v := range []any{cfg, &cfg, cfg.Clients[0], cfg.Clients, p, p.NewBrowser()} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		encoded, _ := json.Marshal(v)
		check.Lacks(t, fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v)+string(encoded)+log.String(), secret)
	}
}

func TestLoggerHearsOfFailedDelivery(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := provider(t, func(c *oidctest.Config) {
		c.Clients[0].BackChannelLogoutURI = "https://app.example.test/backchannel-logout"
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.HTTPClient = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{Status: "400 Bad Request", StatusCode: http.StatusBadRequest, Body: http.NoBody}, nil
		})}
	})
	signedIn(t, p)
	p.RevokeSubject("alice")
	check.Contains(t, log.String(), "back-channel logout failed", "client_id=web", "400 Bad Request")
}
