package client_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) { cfg.client.Scopes = []string{"openid", "email"} })
	b := a.browser()

	resp := b.get("/page?x=1")
	check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status")
	to := resp.Header.Get("Location")
	check.Equal(t, to, "/auth/login?return_to=%2Fpage%3Fx%3D1", "RequireLogin leads to")
	check.Equal(t, b.login(to, "alice"), "/page?x=1", "login leads to")
	check.Equal(t, pageText(t, b.get("/page?x=1")), "alice at /page?x=1", "page")

	check.Equal(t, len(b.cookies), 1, "cookies after login")
	s, err := b.session()
	check.NoError(t, err)
	check.Equal(t, s.Subject, "alice", "subject")
	check.Equal(t, s.Issuer, a.op.Issuer(), "issuer")
	check.DeepEqual(t, s.Scopes, []string{"openid", "email"}, "scopes")
	check.True(t, s.SID != "" && s.Refreshable && !s.AuthTime.IsZero(), "session %+v", s)
	check.Equal(t, s.Expires.Sub(s.Created), 12*time.Hour, "idle time")
	var claims struct{ Email string }
	check.NoError(t, s.Decode(&claims))
	check.Equal(t, claims.Email, "alice@example.test", "email")
}

func TestReturnToThroughLogin(t *testing.T) {
	t.Parallel()
	b := newApp(t, func(cfg *appConfig) { cfg.login.DefaultReturnTo = "/home" }).browser()
	for to, want := range map[string]string{
		"": "/home", "?return_to=": "/home", "?return_to=/a%3Fb%3Dc%23d": "/a?b=c#d",
		"?return_to=//evil.example.test": "/home", "?return_to=https://evil.example.test/": "/home", "?return_to=/%5Cevil.example.test": "/home",
		"?return_to=/auth/login": "/home", "?return_to=/auth/logout%3Fx": "/home", "?return_to=/auth/./login": "/home", "?return_to=/a%252F..%252F/b": "/home",
		"?return_to=/a&return_to=//evil.example.test": "/a",
	} {
		check.Equal(t, b.login("/auth/login"+to, "alice"), want, "login"+to+" leads to")
	}
}

// Everything but return_to is for the server's code to say.
func TestQueryCannotSteer(t *testing.T) {
	t.Parallel()
	b := newApp(t, nil).browser()
	plain, err := url.Parse(b.begin("/auth/login"))
	check.NoError(t, err)
	to, err := url.Parse(b.begin("/auth/login?prompt=none&max_age=0&acr_values=x&login_hint=eve&scope=admin&resource=https://x.example.test&redirect_uri=https://evil.example.test&client_id=other&state=known&ui_locales=x&claims=%7B%7D&ReturnTo=//x"))
	check.NoError(t, err)
	got, want := to.Query(), plain.Query()
	for _, fresh := range []string{"state", "nonce", "code_challenge"} {
		check.True(t, got.Get(fresh) != want.Get(fresh), "%s is the same twice", fresh)
		got.Del(fresh)
		want.Del(fresh)
	}
	check.DeepEqual(t, got, want, "authorization request")
}

func TestStepUp(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	a.mux.HandleFunc("/transfer", func(w http.ResponseWriter, r *http.Request) {
		a.login.Start(w, r, client.ACRValues("gold"), client.MaxAge(0))
	})
	a.mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) {
		a.login.Start(w, r, client.ReturnTo("//evil.example.test"))
	})
	a.mux.HandleFunc("/chosen", func(w http.ResponseWriter, r *http.Request) {
		a.login.Start(w, r, client.ReturnTo("/there"))
	})
	b := a.browser()
	b.login("/auth/login", "alice")
	before := b.named("oidc-session")[0]

	to := b.begin("/transfer?amount=5")
	check.Contains(t, to, "acr_values=gold", "max_age=0")
	check.Equal(t, b.finish(b.signIn(to, "alice")).Header.Get("Location"), "/transfer?amount=5", "step-up leads to")
	s, err := b.session()
	check.NoError(t, err)
	var claims struct{ ACR string }
	check.NoError(t, s.Decode(&claims))
	check.Equal(t, claims.ACR, "gold", "acr")
	check.True(t, b.named("oidc-session")[0].Value != before.Value, "the session id stayed")

	a.op.Edit("id_token", func(c map[string]any) { c["acr"] = "bronze" })
	check.Equal(t, b.finish(b.signIn(b.begin("/transfer"), "alice")).StatusCode, http.StatusBadRequest, "status with a lesser acr")
	check.Equal(t, check.As[*client.Error](t, a.lastError()).Claim, "acr", "claim")
	a.op.Clear()

	check.Equal(t, b.login("/elsewhere", "alice"), "/", "an unsafe ReturnTo leads to")
	check.Equal(t, b.login("/chosen", "alice"), "/there", "ReturnTo leads to")
	resp := b.post("/transfer", nil)
	check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status of a POST")
	check.Equal(t, b.finish(b.signIn(resp.Header.Get("Location"), "alice")).Header.Get("Location"), "/", "step-up of a POST leads to")
}

func TestPromptNone(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	a.mux.HandleFunc("/silently", func(w http.ResponseWriter, r *http.Request) { a.login.Start(w, r, client.Prompt("none")) })
	b := a.browser()
	check.Equal(t, b.finish(b.signIn(b.begin("/silently?x=1"), "alice")).StatusCode, http.StatusBadRequest, "status")
	err := a.lastError()
	check.Error(t, err, client.ErrLoginRequired)
	check.Equal(t, check.As[*client.AuthorizationError](t, err).Code, "login_required", "code")
	check.Equal(t, err.ReturnTo, "/silently?x=1", "ReturnTo")

	b.login("/auth/login", "alice")
	check.Equal(t, b.login("/silently", "nobody is asked"), "/silently", "a silent login leads to")
}

func TestErrorPage(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) { cfg.page = true })
	resp := a.browser().get("/auth/callback?state=canary-state&code=canary-code")
	page := pageText(t, resp)
	check.Golden(t, "login/error-page.html", []byte(page))
	check.Equal(t, resp.StatusCode, http.StatusBadRequest, "status")
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	} {
		check.Equal(t, resp.Header.Get(name), want, name)
	}
	resp = a.browser().get("/auth/callback?state=canary-state", "Accept", "*/*")
	check.Equal(t, pageText(t, resp), "Bad Request\n", "answer to a tool")
}

var (
	pageAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	pageField  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// Answers of the handler hold codes, states and sign-ins: no cache keeps one, no
// page they lead to learns its address.
func TestHandlerHeaders(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	b := a.browser()
	callback := b.signIn(b.begin("/auth/login"), "alice")
	for name, tt := range map[string]struct {
		method, target string
		status         int
	}{
		"login":        {http.MethodGet, "/auth/login", http.StatusSeeOther},
		"callback":     {http.MethodGet, callback.String(), http.StatusSeeOther},
		"bad callback": {http.MethodGet, "/auth/callback?code=c&state=s", http.StatusBadRequest},
		"logout":       {http.MethodPost, "/auth/logout", http.StatusSeeOther},
		"back channel": {http.MethodPost, "/auth/backchannel-logout", http.StatusBadRequest},
		"method":       {http.MethodGet, "/auth/logout", http.StatusMethodNotAllowed},
		"unknown path": {http.MethodGet, "/auth/unknown", http.StatusNotFound},
	} {
		h := b.request(tt.method, tt.target, nil)
		check.Equal(t, h.StatusCode, tt.status, name)
		for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
			check.Equal(t, h.Header.Get(header), want, name+": "+header)
		}
	}
}

func TestLoginByPost(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "POST-query"} {
		a := newApp(t, func(cfg *appConfig) { cfg.client.AuthorizationMethod = method })
		b := a.browser()
		resp := b.get("/auth/login?return_to=/here")
		check.Equal(t, resp.StatusCode, http.StatusOK, "status")
		check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", "Cache-Control")
		page := pageText(t, resp)
		action, form := pageAction.FindStringSubmatch(page), url.Values{}
		check.Equal(t, len(action), 2, "forms of the page")
		for _, field := range pageField.FindAllStringSubmatch(page, -1) {
			form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, html.UnescapeString(action[1]), strings.NewReader(form.Encode()))
		check.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		callback, err := b.person.Do(r, "alice")
		check.NoError(t, err)
		check.Equal(t, b.finish(callback).Header.Get("Location"), "/here", "login leads to")
		check.Equal(t, b.signedIn(), "alice", "signed in")
	}
}
