package client_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

const appOrigin = "https://app.example.test"

var loginKey = []byte("an application's key of 32 bytes")

// app is a web application with login, and its provider; all in memory.
type app struct {
	t     *testing.T
	op    *oidctest.Provider
	rp    *client.Client
	login *client.Login
	mux   *http.ServeMux
	log   *lockedBuilder

	mu   sync.Mutex
	errs []error // what OnError got
}

type appConfig struct {
	op     oidctest.Config
	client client.Config
	login  client.LoginConfig
	page   bool // the default error page instead of recording errors
}

// newApp starts an application; edit changes what is configured.
func newApp(t *testing.T, edit func(*appConfig)) *app {
	t.Helper()
	a := &app{t: t, log: &lockedBuilder{}, mux: http.NewServeMux()}
	cfg := appConfig{
		op: oidctest.Config{
			Alg:     "ES256",
			Clients: []oidctest.Client{{ID: "web", Secret: "web-secret", RedirectURIs: []string{appOrigin + "/auth/callback"}, PostLogoutRedirectURIs: []string{appOrigin + "/bye"}}},
			Users:   []oidctest.User{{Subject: "alice", Email: "alice@example.test"}, {Subject: "bob"}},
		},
		client: client.Config{
			DiscoveryURL: oidctest.DefaultIssuer, ClientID: "web", ClientSecret: "web-secret",
			RedirectURL: appOrigin + "/auth/callback",
			Logger:      slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		},
		login: client.LoginConfig{Keys: [][]byte{loginKey}},
	}
	if edit != nil {
		edit(&cfg)
	}
	a.op = oidctest.New(cfg.op)
	if cfg.client.HTTPClient == nil {
		cfg.client.HTTPClient = a.op.HTTPClient()
	}
	var err error
	a.rp, err = client.New(cfg.client)
	check.NoError(t, err)
	a.start(cfg)
	return a
}

// start mounts a login; again, it is a restart.
func (a *app) start(cfg appConfig) {
	a.t.Helper()
	if !cfg.page && cfg.login.OnError == nil {
		cfg.login.OnError = a.onError
	}
	var err error
	a.login, err = a.rp.NewLogin(cfg.login)
	check.NoError(a.t, err)
	a.mux = http.NewServeMux()
	a.mux.Handle("/auth/", a.login)
	a.mux.Handle("/", a.login.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := client.SessionFromContext(r.Context())
		check.True(a.t, ok, "no session in the context")
		fmt.Fprintf(w, "%s at %s", s.Subject, r.URL.RequestURI())
	})))
}

func (a *app) onError(w http.ResponseWriter, r *http.Request, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.errs = append(a.errs, err)
	if r.URL.RawQuery != "" || strings.Contains(r.RequestURI, "?") {
		a.t.Errorf("OnError sees the query of %s", r.URL.Path)
	}
	w.WriteHeader(check.As[*client.LoginError](a.t, err).Status)
}

// lastError takes what OnError got last.
func (a *app) lastError() *client.LoginError {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	check.True(a.t, len(a.errs) > 0, "OnError was not called")
	err := a.errs[len(a.errs)-1]
	a.errs = nil
	return check.As[*client.LoginError](a.t, err)
}

// lockedBuilder is a log that is written and read at once.
type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuilder) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// browser is a person's: it keeps cookies by the rules that matter here, and fails the test when one breaks a rule.
type browser struct {
	t       *testing.T
	app     *app
	person  *oidctest.Browser
	cookies map[string]*http.Cookie
	ends    map[string]time.Time
	all     []string // every value ever received
}

func (a *app) browser() *browser {
	return &browser{t: a.t, app: a, person: a.op.NewBrowser(), cookies: map[string]*http.Cookie{}, ends: map[string]time.Time{}}
}

// request sends one to the application, as a navigation unless headers (name, value, ...) say otherwise.
func (b *browser) request(method, target string, form url.Values, headers ...string) *http.Response {
	b.t.Helper()
	return b.send(b.newRequest(method, target, form, headers...))
}

func (b *browser) newRequest(method, target string, form url.Values, headers ...string) *http.Request {
	if !strings.HasPrefix(target, "http") {
		target = appOrigin + target
	}
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.RequestURI = r.URL.RequestURI()
	r.Host = "attacker.example.test" // nothing may be built from it
	r.Header.Set("X-Forwarded-Host", "attacker.example.test")
	r.Header.Set("X-Forwarded-Proto", "gopher")
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	crossPost := method == http.MethodPost && r.Header.Get("Sec-Fetch-Site") == "cross-site"
	for name, c := range b.cookies {
		if end, ok := b.ends[name]; ok && !time.Now().Before(end) {
			continue
		}
		if !crossPost || c.SameSite == http.SameSiteNoneMode {
			r.AddCookie(&http.Cookie{Name: name, Value: c.Value})
		}
	}
	return r
}

func (b *browser) send(r *http.Request) *http.Response {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.app.mux.ServeHTTP(w, r)
	resp := w.Result()
	for _, c := range resp.Cookies() {
		b.take(c)
	}
	check.Lacks(b.t, resp.Header.Get("Location"), "attacker", "gopher")
	return resp
}

func (b *browser) take(c *http.Cookie) {
	b.t.Helper()
	if !c.HttpOnly || c.Path != "/" || c.Domain != "" {
		b.t.Errorf("cookie %s: HttpOnly %v, Path %q, Domain %q", c.Name, c.HttpOnly, c.Path, c.Domain)
	}
	if c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteNoneMode || c.SameSite == http.SameSiteNoneMode && !c.Secure {
		b.t.Errorf("cookie %s: SameSite %v, Secure %v", c.Name, c.SameSite, c.Secure)
	}
	if strings.HasPrefix(c.Name, "__Host-") && !c.Secure {
		b.t.Errorf("cookie %s is not Secure: browsers refuse it", c.Name)
	}
	if len(c.Name)+len(c.Value) > 4096 {
		b.t.Errorf("cookie %s has %d bytes", c.Name, len(c.Name)+len(c.Value))
	}
	delete(b.ends, c.Name)
	if c.MaxAge < 0 {
		delete(b.cookies, c.Name)
		return
	}
	check.True(b.t, c.MaxAge > 0, "cookie %s has no Max-Age", c.Name)
	b.cookies[c.Name] = c
	b.ends[c.Name] = time.Now().Add(time.Duration(c.MaxAge) * time.Second)
	b.all = append(b.all, c.Value)
}

func (b *browser) get(target string, headers ...string) *http.Response {
	b.t.Helper()
	return b.request(http.MethodGet, target, nil, headers...)
}

func (b *browser) post(target string, form url.Values, headers ...string) *http.Response {
	b.t.Helper()
	return b.request(http.MethodPost, target, form, headers...)
}

// begin opens a page that must lead to the provider, and returns the authorization URL.
func (b *browser) begin(target string) string {
	b.t.Helper()
	resp := b.get(target)
	check.Equal(b.t, resp.StatusCode, http.StatusSeeOther, "status of "+target)
	to := resp.Header.Get("Location")
	check.True(b.t, strings.HasPrefix(to, b.app.op.URL("authorize")+"?"), "%s leads to %q", target, to)
	return to
}

// signIn is the person at the provider; it returns the callback.
func (b *browser) signIn(authorizationURL, subject string) *url.URL {
	b.t.Helper()
	callback, err := b.person.SignIn(authorizationURL, subject)
	check.NoError(b.t, err)
	return callback
}

// finish follows the callback.
func (b *browser) finish(callback *url.URL) *http.Response {
	b.t.Helper()
	return b.get(callback.String(), "Sec-Fetch-Site", "cross-site")
}

// login signs in and returns where the browser ends.
func (b *browser) login(target, subject string) string {
	b.t.Helper()
	resp := b.finish(b.signIn(b.begin(target), subject))
	check.Equal(b.t, resp.StatusCode, http.StatusSeeOther, "status of the callback")
	return resp.Header.Get("Location")
}

// signedIn is who the application says is signed in; "" for nobody.
func (b *browser) signedIn() string {
	b.t.Helper()
	resp := b.get("/who")
	if resp.StatusCode != http.StatusOK {
		return ""
	}
	who, _, _ := strings.Cut(pageText(b.t, resp), " ")
	return who
}

// named returns the cookies whose names hold part, sorted by name.
func (b *browser) named(part string) []*http.Cookie {
	var found []*http.Cookie
	for name, c := range b.cookies {
		if strings.Contains(name, part) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(x, y *http.Cookie) int { return strings.Compare(x.Name, y.Name) })
	return found
}

func pageText(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	check.NoError(t, err)
	return string(body)
}

// session returns the browser's session as the application sees it.
func (b *browser) session() (*client.Session, error) {
	r := httptest.NewRequest(http.MethodGet, appOrigin+"/", nil)
	for _, c := range b.named("oidc-session") {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return b.app.login.Session(r.WithContext(b.t.Context()))
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
