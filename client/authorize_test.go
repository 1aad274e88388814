package client_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
	"github.com/relyingparty/oidc/pkce"
)

func authorize(t *testing.T, c *client.Client, opts ...client.AuthOption) (*client.Authorization, url.Values) {
	t.Helper()
	a, err := c.Authorize(t.Context(), opts...)
	check.NoError(t, err)
	if a.Form != nil {
		return a, a.Form
	}
	u, err := url.Parse(a.URL)
	check.NoError(t, err)
	return a, u.Query()
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	a, q := authorize(t, c)
	check.Equal(t, a.Method, http.MethodGet, "method")
	check.True(t, strings.HasPrefix(a.URL, p.URL("authorize")+"?"), "URL %s", a.URL)
	tx := a.Transaction
	verifier, err := pkce.Parse(tx.Verifier)
	check.NoError(t, err)
	check.DeepEqual(t, q, url.Values{
		"response_type": {"code"}, "client_id": {"web"}, "redirect_uri": {appCallback}, "scope": {"openid"},
		"state": {tx.State}, "nonce": {tx.Nonce}, "code_challenge": {verifier.Challenge()}, "code_challenge_method": {"S256"},
	}, "parameters")
	check.True(t, len(tx.State) == 43 && len(tx.Nonce) == 43, "state and nonce are short")
	check.Equal(t, tx.Expires.Sub(tx.Started), 10*time.Minute, "lifetime")
	other, _ := authorize(t, c)
	check.True(t, other.Transaction.State != tx.State && other.Transaction.Nonce != tx.Nonce && other.Transaction.Verifier != tx.Verifier, "values repeat")
}

func TestAuthorizeOptions(t *testing.T) {
	t.Parallel()
	c := newClient(t, newProvider(t), func(cfg *client.Config) {
		cfg.Scopes, cfg.Resources = []string{"openid", "email"}, []string{apiResource}
		cfg.ExtraAuthParams = url.Values{"prompt": {"consent"}, "audience": {"a"}}
		cfg.ResponseMode = "form_post"
	})
	a, q := authorize(t, c,
		client.Prompt("login", "consent"), client.MaxAge(90*time.Second+time.Millisecond), client.ACRValues("gold", "silver"),
		client.LoginHint("alice & bob"), client.UILocales("nl", "en"), client.ClaimsRequest(map[string]any{"userinfo": map[string]any{"email": nil}}),
		client.Resource("https://other.example.test", apiResource), client.Scope("profile", "openid"), client.ReturnTo("/there"),
		client.ExtraParam("audience", "b"),
	)
	for name, want := range map[string][]string{
		"prompt": {"login consent"}, "max_age": {"90"}, "acr_values": {"gold silver"}, "login_hint": {"alice & bob"},
		"ui_locales": {"nl en"}, "claims": {`{"userinfo":{"email":null}}`}, "resource": {apiResource, "https://other.example.test"},
		"scope": {"openid email profile"}, "audience": {"a", "b"}, "response_mode": {"form_post"},
	} {
		check.DeepEqual(t, q[name], want, name)
	}
	check.Lacks(t, a.URL, "+") // spaces as %20
	tx := a.Transaction
	check.Equal(t, tx.ReturnTo, "/there", "return to")
	check.Equal(t, *tx.MaxAge, 90*time.Second, "max age")
	check.DeepEqual(t, tx.ACRValues, []string{"gold", "silver"}, "acr")
	check.DeepEqual(t, tx.Resources, q["resource"], "resources")
}

func TestAuthorizeEmptyScope(t *testing.T) {
	t.Parallel()
	c := newClient(t, newProvider(t), func(cfg *client.Config) { cfg.Scopes, cfg.SkipPKCE = []string{}, true })
	a, q := authorize(t, c)
	check.DeepEqual(t, q["scope"], []string{""}, "scope")
	check.True(t, !q.Has("code_challenge") && a.Transaction.Verifier == "", "PKCE is not skipped")
}

// What is done to a Transaction changes no later login.
func TestAuthorizeCopiesTheConfiguration(t *testing.T) {
	t.Parallel()
	c := newClient(t, newProvider(t), func(cfg *client.Config) {
		cfg.Scopes, cfg.Resources = []string{"openid", "email"}, []string{apiResource}
	})
	a, _ := authorize(t, c)
	a.Transaction.Scopes[1], a.Transaction.Resources[0] = "admin", "https://other.example.test"
	_, q := authorize(t, c)
	check.DeepEqual(t, q["scope"], []string{"openid email"}, "scope")
	check.DeepEqual(t, q["resource"], []string{apiResource}, "resource")
}

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	c := newClient(t, newProvider(t))
	for name, opt := range map[string]client.AuthOption{
		"reserved state":     client.ExtraParam("state", "x"),
		"reserved request":   client.ExtraParam("request_uri", "https://evil.example.test"),
		"reserved challenge": client.ExtraParam("code_challenge_method", "plain"),
		"prompt none login":  client.Prompt("none", "login"),
		"prompt in one word": client.Prompt("login consent"),
		"negative max age":   client.MaxAge(-time.Second),
		"relative resource":  client.Resource("api"),
		"scopes in one":      client.Scope("a b"),
		"claims not object":  client.ClaimsRequest([]string{"email"}),
		"claims not JSON":    client.ClaimsRequest(func() {}),
		"claims wrong form":  client.ClaimsRequest(map[string]any{"id_token": 1}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Authorize(t.Context(), opt)
			wantError(t, err, client.KindConfig, "")
		})
	}
}

func TestAuthorizeNeeds(t *testing.T) {
	t.Parallel()
	t.Run("a redirect URL", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, newProvider(t), func(cfg *client.Config) { cfg.RedirectURL = "" })
		_, err := c.Authorize(t.Context())
		wantField(t, err, "RedirectURL")
	})
	t.Run("an endpoint", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t)
		p.Edit("discovery", func(doc map[string]any) { delete(doc, "authorization_endpoint") })
		_, err := newClient(t, p).Authorize(t.Context())
		check.Error(t, err, client.ErrEndpointMissing)
		check.Contains(t, err.Error(), "authorization_endpoint", "Config.Endpoints.Authorization")
	})
	t.Run("the provider", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct {
			fault  oidctest.FaultFunc
			kind   client.Kind
			status int
		}{
			"down":      {oidctest.Down, client.KindUnreachable, http.StatusServiceUnavailable},
			"reset":     {oidctest.Reset, client.KindUnreachable, 0},
			"busy":      {answer(429, "", ""), client.KindUnreachable, http.StatusTooManyRequests},
			"not found": {answer(404, "", ""), client.KindProtocol, http.StatusNotFound},
			"garbage":   {oidctest.Garbage, client.KindProtocol, 0},
			"HTML":      {answer(200, "text/html", "<p>"), client.KindProtocol, 0},
			"elsewhere": {redirectFault("https://evil.example.test/"), client.KindProtocol, 0},
		} {
			p := newProvider(t)
			p.Fault("discovery", test.fault)
			_, err := newClient(t, p).Authorize(t.Context())
			check.Equal(t, wantError(t, err, test.kind, "").Status, test.status, "status when "+name)
		}
	})
}

// An endpoint's own query is kept, save what we send ourselves.
func TestAuthorizeEndpointWithQuery(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.Edit("discovery", func(doc map[string]any) {
		doc["authorization_endpoint"] = p.URL("authorize") + "?tenant=a%20b&state=theirs&client_id=theirs"
	})
	a, q := authorize(t, newClient(t, p))
	check.DeepEqual(t, q["tenant"], []string{"a b"}, "tenant")
	check.DeepEqual(t, q["state"], []string{a.Transaction.State}, "state")
	check.DeepEqual(t, q["client_id"], []string{"web"}, "client_id")
}

func TestRespondRedirects(t *testing.T) {
	t.Parallel()
	a, _ := authorize(t, newClient(t, newProvider(t)))
	w := httptest.NewRecorder()
	a.Respond(w, httptest.NewRequest(http.MethodGet, "/auth/login", nil))
	check.Equal(t, w.Code, http.StatusSeeOther, "status")
	check.Equal(t, w.Header().Get("Location"), a.URL, "location")
	check.Equal(t, w.Header().Get("Cache-Control"), "no-store", "cache")
	check.Equal(t, w.Body.String(), "", "body")
}

var (
	inputs  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	scripts = regexp.MustCompile(`(?s)<script>(.*)</script>`)
	actions = regexp.MustCompile(`action="([^"]*)"`)
)

func TestRespondPosts(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "POST-query"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			c := newClient(t, p, func(cfg *client.Config) { cfg.AuthorizationMethod = method })
			const evil = `"><script>alert(1)</script>`
			a, q := authorize(t, c, client.LoginHint(evil))
			check.Equal(t, a.Method, http.MethodPost, "method")
			w := httptest.NewRecorder()
			a.Respond(w, httptest.NewRequest(http.MethodGet, "/auth/login", nil))
			body, h := w.Body.String(), w.Header()

			script := scripts.FindStringSubmatch(body)
			check.True(t, script != nil, "no script in %s", body)
			sum := sha256.Sum256([]byte(script[1]))
			check.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
			check.Lacks(t, h.Get("Content-Security-Policy"), "form-action", "unsafe")
			check.Equal(t, h.Get("Cache-Control"), "no-store", "cache")
			check.Equal(t, strings.Count(body, "<script>"), 1, "scripts")
			check.Contains(t, body, "<noscript><button>")

			action := html.UnescapeString(actions.FindStringSubmatch(body)[1])
			sent := url.Values{}
			for _, m := range inputs.FindAllStringSubmatch(body, -1) {
				sent.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
			}
			if method == "POST-query" {
				check.Equal(t, len(sent), 0, "inputs")
				u, err := url.Parse(action)
				check.NoError(t, err)
				sent = u.Query()
			} else {
				check.Equal(t, action, p.URL("authorize"), "action")
			}
			check.DeepEqual(t, sent, q, "parameters")
		})
	}
}

func TestTransactionSeals(t *testing.T) {
	t.Parallel()
	a, _ := authorize(t, newClient(t, newProvider(t)), client.MaxAge(time.Minute), client.ACRValues("gold"), client.ReturnTo("/there"), client.Resource(apiResource))
	old, key := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("k", 32))
	sealed, err := a.Transaction.Seal(old)
	check.NoError(t, err)
	check.Lacks(t, sealed, a.Transaction.State, a.Transaction.Verifier)
	opened, err := client.OpenTransaction(sealed, key, old)
	check.NoError(t, err)
	check.Equal(t, opened.Started.Equal(a.Transaction.Started) && opened.Expires.Equal(a.Transaction.Expires), true, "times")
	opened.Started, opened.Expires = a.Transaction.Started, a.Transaction.Expires
	check.DeepEqual(t, opened, a.Transaction, "transaction")

	for name, broken := range map[string]string{"empty": "", "cut": sealed[:len(sealed)-2], "altered": sealed[:40] + flipped(sealed[40:]), "junk": "%%%"} {
		_, err := client.OpenTransaction(broken, old)
		check.True(t, err != nil, "%s opens", name)
		check.Error(t, err, client.ErrTransactionInvalid)
	}
	_, err = client.OpenTransaction(sealed, key)
	check.Error(t, err, client.ErrTransactionInvalid)
	_, err = a.Transaction.Seal([]byte("short"))
	wantError(t, err, client.KindConfig, "")
	_, err = client.OpenTransaction(sealed)
	wantError(t, err, client.KindConfig, "")
}

// flipped changes the first character.
func flipped(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}
