package middleware_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

type object = map[string]any

// newProvider returns a provider with cheap keys and one client that may
// introspect.
func newProvider(cfg oidctest.Config) *oidctest.Provider {
	cfg.Alg = "ES256"
	cfg.Clients = append(cfg.Clients, oidctest.Client{ID: "api", Secret: "s3cret"})
	return oidctest.New(cfg)
}

// forProvider returns the configuration of an API behind op.
func forProvider(op *oidctest.Provider) middleware.Config {
	return middleware.Config{DiscoveryURL: op.Issuer(), HTTPClient: op.HTTPClient(), Audience: []string{oidctest.DefaultResource}}
}

func newGuard(tb testing.TB, cfg middleware.Config) *middleware.Guard {
	tb.Helper()
	guard, err := middleware.New(cfg)
	check.NoError(tb, err)
	return guard
}

// setup returns a provider and a guard for it. The edits change the guard's
// configuration.
func setup(tb testing.TB, edits ...func(*middleware.Config)) (*oidctest.Provider, *middleware.Guard) {
	tb.Helper()
	op := newProvider(oidctest.Config{})
	cfg := forProvider(op)
	for _, edit := range edits {
		edit(&cfg)
	}
	return op, newGuard(tb, cfg)
}

// setupOpaque is setup for a provider with opaque access tokens.
func setupOpaque(tb testing.TB) (*oidctest.Provider, *middleware.Guard) {
	tb.Helper()
	op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
	cfg := forProvider(op)
	byIntrospection(&cfg)
	return op, newGuard(tb, cfg)
}

// get returns a request with a token, or without one if it is empty.
func get(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// serve sends r through protect. It returns the response and the principal that
// the handler saw, nil if the request did not reach it.
func serve(protect func(http.Handler) http.Handler, r *http.Request) (*httptest.ResponseRecorder, *middleware.Principal) {
	var seen *middleware.Principal
	w := httptest.NewRecorder()
	protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen, _ = middleware.FromContext(r.Context())
		if seen == nil {
			seen = &middleware.Principal{}
		}
		w.WriteHeader(http.StatusNoContent)
	})).ServeHTTP(w, r)
	return w, seen
}

// wantReason requires that the guard refuses the token for this reason, with
// and without HTTP. If want is empty, the guard must accept the token.
func wantReason(tb testing.TB, guard *middleware.Guard, token string, want middleware.Reason, p ...middleware.Policy) {
	tb.Helper()
	_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: token}, p...)
	check.Equal(tb, reasonOf(tb, err), want, "reason of Authenticate: "+fmt.Sprint(err))
	status := http.StatusNoContent
	if err != nil {
		status = check.As[*middleware.Error](tb, err).Status()
	}
	w, seen := serve(guard.Require(p...), get(token))
	check.Equal(tb, w.Code, status, "status")
	check.Equal(tb, seen != nil, want == "", "handler reached")
}

func reasonOf(tb testing.TB, err error) middleware.Reason {
	tb.Helper()
	if err == nil {
		return ""
	}
	return check.As[*middleware.Error](tb, err).Reason
}

// with returns base with the members of over.
func with(base, over object) object {
	m := maps.Clone(base)
	maps.Copy(m, over)
	return m
}

// standard returns the claims of an access token for the API.
func standard(op *oidctest.Provider) object {
	now := time.Now()
	return object{
		"iss": op.Issuer(), "sub": "alice", "aud": oidctest.DefaultResource, "client_id": "web", "jti": "1",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
}

// rawToken returns a compact JWS with exactly these parts and an invalid
// signature.
func rawToken(header, payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(payload)) + "." + enc([]byte("not a signature"))
}

// junk returns a token that looks like one of op, but that another key signed
// under this kid.
func junk(tb testing.TB, op *oidctest.Provider, kid string, claims object) string {
	tb.Helper()
	payload, err := json.Marshal(with(standard(op), claims))
	check.NoError(tb, err)
	header, err := json.Marshal(object{"alg": "ES256", "kid": kid})
	check.NoError(tb, err)
	enc := base64.RawURLEncoding.EncodeToString
	return enc(header) + "." + enc(payload) + "." + enc(bytes.Repeat([]byte{7}, 64))
}

// fetches returns the number of all requests to the provider.
func fetches(op *oidctest.Provider) int {
	n := 0
	for _, endpoint := range []string{"discovery", "jwks", "introspect", "token", "userinfo"} {
		n += op.Requests(endpoint)
	}
	return n
}

// records is a log in memory.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *records) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *records) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *records) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// roundTrip is a function as a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// realms are providers at one origin, one per tenant, below
// https://id.example.test/realms/.
type realms struct {
	providers map[string]*oidctest.Provider

	mu    sync.Mutex
	paths []string
}

const realmsURL = "https://id.example.test/realms/"

func newRealms(tenants ...string) *realms {
	f := &realms{providers: make(map[string]*oidctest.Provider)}
	for _, tenant := range tenants {
		f.providers[tenant] = newProvider(oidctest.Config{Issuer: realmsURL + tenant})
	}
	return f
}

func (f *realms) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.paths = append(f.paths, r.URL.Path)
	f.mu.Unlock()
	tenant, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/realms/"), "/")
	if op := f.providers[tenant]; op != nil && r.URL.Host == "id.example.test" {
		return op.Transport().RoundTrip(r)
	}
	return &http.Response{
		Status: "404 Not Found", StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader("no such realm")), Request: r,
	}, nil
}

// requests returns the number of requests to the origin.
func (f *realms) requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.paths)
}

// config returns the configuration of an API for all of them.
func (f *realms) config(policy *middleware.TenantPolicy) middleware.Config {
	return middleware.Config{
		DiscoveryURL: realmsURL + "{tenant}", HTTPClient: &http.Client{Transport: f},
		Audience: []string{oidctest.DefaultResource}, Tenant: policy,
	}
}
