package client_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

const (
	appCallback = "https://app.example.test/auth/callback"
	appSecret   = "s3cret of the web client"
	apiResource = "https://api.example.test"
)

var signingKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

// newProvider is an ES256 provider with the confidential client "web"; edit may change its configuration first.
func newProvider(_ testing.TB, edit ...func(*oidctest.Config)) *oidctest.Provider {
	cfg := oidctest.Config{Alg: "ES256", Key: signingKey()}
	for _, f := range edit {
		f(&cfg)
	}
	if cfg.Alg != "ES256" {
		cfg.Key = nil
	}
	p := oidctest.New(cfg)
	p.AddClient(oidctest.Client{ID: "web", Secret: appSecret, RedirectURIs: []string{appCallback}})
	return p
}

// newClient is "web" at p; edit may change its configuration first.
func newClient(t testing.TB, p *oidctest.Provider, edit ...func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{
		DiscoveryURL: p.Issuer(), ClientID: "web", ClientSecret: appSecret, RedirectURL: appCallback, HTTPClient: p.HTTPClient(),
	}
	for _, f := range edit {
		f(&cfg)
	}
	c, err := client.New(cfg)
	check.NoError(t, err)
	return c
}

// startLogin goes as far as the callback: the values the browser brings, and the transaction.
func startLogin(t testing.TB, p *oidctest.Provider, c *client.Client, opts ...client.AuthOption) (url.Values, *client.Transaction) {
	t.Helper()
	a, err := c.Authorize(t.Context(), opts...)
	check.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), a.Method, a.URL, strings.NewReader(a.Form.Encode()))
	check.NoError(t, err)
	if a.Form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	back, err := p.NewBrowser().Do(request, "alice")
	check.NoError(t, err)
	return back.Query(), a.Transaction
}

// logIn is a whole login.
func logIn(t testing.TB, p *oidctest.Provider, c *client.Client, opts ...client.AuthOption) (*client.Tokens, error) {
	t.Helper()
	callback, tx := startLogin(t, p, c, opts...)
	return c.Exchange(t.Context(), callback, tx)
}

// wantError checks an error's kind, and its claim for KindToken.
func wantError(t testing.TB, err error, kind client.Kind, claim string) client.Error {
	t.Helper()
	e := check.As[*client.Error](t, err)
	if e.Kind != kind || e.Claim != claim {
		t.Fatalf("error is of kind %v about claim %q (%v), want %v about %q", e.Kind, e.Claim, e, kind, claim)
	}
	return *e
}

// wantField checks that err is about a field of Config.
func wantField(t testing.TB, err error, field string) {
	t.Helper()
	wantError(t, err, client.KindConfig, "")
	check.Equal(t, check.As[*oidc.ConfigError](t, err).Field, field, "field")
}

// bodyOf reads a form and puts it back.
func bodyOf(r *http.Request) url.Values {
	raw, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(raw))
	form, _ := url.ParseQuery(string(raw))
	return form
}

// logBuffer keeps everything that is logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func isReauth(err error) bool { return errors.Is(err, client.ErrReauthRequired) }
