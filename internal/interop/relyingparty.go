package interop

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
)

// Callback is where a provider sends a browser that has no app behind it: the person stops there.
const Callback = "http://127.0.0.1:1/auth/callback"

// OddSecret holds every character that a careless client encodes wrongly in HTTP Basic.
const OddSecret = "s:+%/&= 20%25?#ecret-of-at-least-32-bytes"

// Deadline bounds one call; a provider on this machine answers in far less.
func Deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// NewClient is client.New with Callback as the redirect URL, unless there is another.
func NewClient(t testing.TB, cfg client.Config) *client.Client {
	t.Helper()
	if cfg.RedirectURL == "" {
		cfg.RedirectURL = Callback
	}
	rp, err := client.New(cfg)
	check.NoError(t, err)
	return rp
}

// SignIn runs the code flow: the person's part in the browser, ours with the package. It gives the callback's parameters
// too, from its query or its form.
func SignIn(t testing.TB, rp *client.Client, who *Person, opts ...client.AuthOption) (*client.Tokens, *client.Authorization, url.Values) {
	t.Helper()
	auth, err := rp.Authorize(Deadline(t), opts...)
	check.NoError(t, err)
	page := who.Authorize(t, auth, Callback)
	back := page.Form
	if back == nil {
		back = page.URL.Query()
	}
	tokens, err := rp.Exchange(Deadline(t), back, auth.Transaction)
	check.NoError(t, err)
	return tokens, auth, back
}

// Trusting is an http.Client for a server with this certificate.
func Trusting(t testing.TB, cert *x509.Certificate) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: trusting(cert)}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// Decode reads a part of a JWT (0 header, 1 claims) into target, unchecked.
func Decode(t testing.TB, token string, part int, target any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if part >= len(parts) {
		t.Fatalf("the token has %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[part])
	check.NoError(t, err)
	check.NoError(t, json.Unmarshal(raw, target))
}

// Query is the query of an address.
func Query(t testing.TB, address string) url.Values {
	t.Helper()
	return parse(t, address).Query()
}
