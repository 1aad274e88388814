package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// canaries collects every secret that passes by.
type canaries struct {
	mu   sync.Mutex
	seen map[string]string // secret -> what it is
}

func (c *canaries) add(what string, values ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range values {
		if len(v) >= 8 {
			c.seen[v] = what
		}
	}
}

// watch notes what goes to the provider and comes back.
func (c *canaries) watch(next http.RoundTripper) http.RoundTripper {
	return roundTripFunc(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			form, _ := url.ParseQuery(string(body))
			for _, name := range []string{"code", "code_verifier", "refresh_token", "token", "client_secret"} {
				c.add(name, form[name]...)
			}
		}
		c.add("credentials", strings.TrimPrefix(strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "), "Bearer "))
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body = io.NopCloser(bytes.NewReader(body))
		var answer map[string]any
		if json.Unmarshal(body, &answer) == nil {
			for _, name := range []string{"access_token", "refresh_token", "id_token"} {
				if v, ok := answer[name].(string); ok {
					c.add(name, v, v[strings.LastIndex(v, ".")+1:])
				}
			}
		}
		return resp, err
	})
}

func (c *canaries) check(t *testing.T, where, text string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for secret, what := range c.seen {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows a %s:\n%s", where, what, text)
		}
	}
}

// Every path a login can fail on, with everything it prints, logs and shows searched for every secret that was in play.
func TestLoginShowsNoSecrets(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, run := range []struct {
		name string
		edit func(*appConfig)
		run  func(*app, *browser, func(*http.Response))
	}{
		{"success, refresh, logout", nil, func(a *app, b *browser, see func(*http.Response)) {
			b.login("/auth/login", "alice")
			see(b.get("/page"))
			_, _ = b.mustSession().Refresh(t.Context())
			a.op.Fault("revoke", oidctest.Down)
			b.post("/auth/logout", nil)
		}},
		{"replay", nil, func(a *app, b *browser, see func(*http.Response)) {
			to := b.begin("/auth/login")
			kept := b.named("oidc-flow")[0]
			callback := b.signIn(to, "alice")
			b.finish(callback)
			see(b.finish(callback))
			b.cookies[kept.Name] = kept
			see(b.finish(callback))
		}},
		{"token endpoint", nil, func(a *app, b *browser, see func(*http.Response)) {
			for _, fault := range []oidctest.FaultFunc{oidctest.Down, oidctest.Reset, oidctest.Garbage, echoFault} {
				callback := b.signIn(b.begin("/auth/login"), "alice")
				a.op.Fault("token", fault)
				see(b.finish(callback))
				a.op.Clear()
			}
		}},
		{"ID token", nil, func(a *app, b *browser, see func(*http.Response)) {
			for _, claim := range []string{"sub", "nonce", "exp", "iat", "at_hash", "sid", "azp", "acr", "auth_time"} { // an issuer and audience are shown, quoted
				for _, value := range []any{"canary-claim-value", 7, []string{"canary-claim-value"}} {
					callback := b.signIn(b.begin("/auth/login"), "alice")
					a.op.Edit("id_token", func(c map[string]any) { c[claim] = value })
					see(b.finish(callback))
					a.op.Clear()
				}
			}
		}},
		{"callback", nil, func(a *app, b *browser, see func(*http.Response)) {
			for _, edit := range []func(url.Values){
				func(q url.Values) { q.Set("error", q.Get("code")) },
				func(q url.Values) { q.Set("error", q.Get("state")); q.Del("code") },
				func(q url.Values) { q.Set("iss", "https://"+q.Get("code")+".example.test") },
				func(q url.Values) { q.Add("code", "x") },
				func(q url.Values) { q.Add("state", "x") },
				func(q url.Values) { q.Set("state", q.Get("state")+"x") },
				func(q url.Values) { q.Set("code", q.Get("code")+"x") },
			} {
				callback := b.signIn(b.begin("/auth/login"), "alice")
				q := callback.Query()
				edit(q)
				see(b.get("/auth/callback?" + q.Encode()))
			}
		}},
		{"store", func(cfg *appConfig) { cfg.login.Store = newBadStore() }, func(a *app, b *browser, see func(*http.Response)) {
			b.login("/auth/login", "alice")
			s := b.mustSession()
			for _, method := range []string{"Load", "Update", "DeleteByIndex", "Once"} {
				callback := b.signIn(b.begin("/auth/login"), "alice")
				badStoreOf(a).fail(method)
				see(b.get("/page"))
				see(b.finish(callback))
				see(b.post("/auth/logout", nil))
				_, err := s.Refresh(t.Context())
				a.note(err)
				if method != "DeleteByIndex" { // which is insisted on, for seconds
					see(a.tell(a.op.LogoutToken("web", "alice", "")))
				}
				badStoreOf(a).fail()
			}
		}},
		{"refresh", nil, func(a *app, b *browser, see func(*http.Response)) {
			for _, fault := range []oidctest.FaultFunc{oidctest.Down, oidctest.Reset, oidctest.Garbage, echoFault} {
				b.login("/auth/login", "alice")
				s := b.mustSession()
				a.op.Fault("token", fault)
				_, err := s.Refresh(t.Context())
				a.note(err)
				a.op.Clear()
			}
		}},
		{"back-channel logout", nil, func(a *app, b *browser, see func(*http.Response)) {
			b.login("/auth/login", "alice")
			for _, edit := range []string{"sub", "sid", "jti", "exp", "events", "nonce"} {
				a.op.Edit("logout_token", func(c map[string]any) { c[edit] = "canary-claim-value" })
				see(a.tell(a.op.LogoutToken("web", "alice", "x")))
				a.op.Clear()
			}
			see(a.tell(a.op.IDToken(nil)))
		}},
	} {
		t.Run(run.name, func(t *testing.T) {
			c := &canaries{seen: map[string]string{}}
			c.add("key", string(loginKey))
			c.add("client secret", "web-secret")
			c.add("claim", "canary-claim-value")
			var op *oidctest.Provider
			var cfg appConfig
			a := newApp(t, func(conf *appConfig) {
				if run.edit != nil {
					run.edit(conf)
				}
				conf.client.HTTPClient = &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
					return c.watch(op.Transport()).RoundTrip(r)
				})}
				cfg = *conf
				if conf.login.Store != nil {
					stores.Store(t.Name(), conf.login.Store)
				}
			})
			op = a.op
			for _, page := range []bool{false, true} {
				cfg.page = page
				a.start(cfg)
				b := a.browser()
				run.run(a, b, func(resp *http.Response) {
					body := pageText(t, resp)
					for _, cookie := range b.all {
						c.add("cookie", strings.Split(cookie, ".")...)
					}
					resp.Header.Del("Set-Cookie")
					if strings.HasPrefix(resp.Header.Get("Location"), a.op.URL("end_session")) {
						resp.Header.Del("Location") // the hint is for the provider, which made it
					}
					c.check(t, "an answer", fmt.Sprint(resp.Status, resp.Header, body))
				})
				for _, cookie := range b.all {
					c.add("cookie", strings.Split(cookie, ".")...)
				}
				if s, err := b.session(); err == nil {
					raw, err := json.Marshal(s)
					check.NoError(t, err)
					c.check(t, "a session", fmt.Sprintf("%v %+v %#v %s", s, s, *s, raw))
				}
			}
			check.True(t, len(c.seen) > 8, "only %d secrets came by", len(c.seen))
			c.check(t, "the log", a.log.String())
			a.mu.Lock()
			defer a.mu.Unlock()
			for _, err := range a.errs {
				c.check(t, "an error", fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err))
				for e := err; e != nil; e = firstCause(e) {
					c.check(t, "an error's cause", fmt.Sprintf("%v %+v %#v", e, e, e))
				}
			}
			kinds = append(kinds, run.name)

			var printed strings.Builder
			log := slog.New(slog.NewJSONHandler(&printed, nil))
			log.Info("all", "config", cfg.login, "pointer", &cfg.login, "login", a.login)
			raw, err := json.Marshal(cfg.login)
			check.NoError(t, err)
			fmt.Fprintf(&printed, "%v %+v %#v %s %q %x %v %+v %#v %s", cfg.login, cfg.login, cfg.login, cfg.login, cfg.login, cfg.login, &cfg.login, a.login, a.login, raw)
			c.check(t, "a printed configuration", printed.String())
			check.Lacks(t, printed.String(), strings.Trim(fmt.Sprintf("%d", loginKey), "[]"), fmt.Sprintf("%x", loginKey))
		})
	}
	check.Equal(t, len(kinds), 8, "runs")
}

var stores sync.Map // test name -> its store

func badStoreOf(a *app) *badStore {
	s, _ := stores.Load(a.t.Name())
	return s.(*badStore)
}

// note keeps an error to be searched.
func (a *app) note(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.errs = append(a.errs, err)
	}
}

func firstCause(err error) error {
	if e, ok := err.(interface{ Unwrap() []error }); ok && len(e.Unwrap()) > 0 {
		return e.Unwrap()[0]
	}
	return errors.Unwrap(err)
}

// echoFault is an endpoint that answers with everything it was sent, as an error.
func echoFault(w http.ResponseWriter, r *http.Request) bool {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	form, _ := url.ParseQuery(string(body))
	code := form.Get("code") + form.Get("refresh_token")
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": string(body) + r.Header.Get("Authorization")})
	return true
}
