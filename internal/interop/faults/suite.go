package faults

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/middleware"
)

// Target is a provider on loopback, and what was registered there. Configurations name no HTTP client: the line is set in.
type Target struct {
	// Service is a client that may use client credentials.
	Service client.Config
	// JWT and Introspection are APIs that accept its tokens; either may be nil.
	JWT, Introspection *API
	// Login is a client whose redirect URI is interop.Callback, Options what its logins need, for a refresh token for
	// instance. Person signs in; she is not behind the line.
	Login   client.Config
	Options []client.AuthOption
	Person  *interop.Person
	// Serial asks the provider for one thing at a time: for one whose store cannot do two.
	Serial bool
}

// API is a resource server, and what the service asks its tokens with. Token gets one nobody has seen, where the service
// cannot.
type API struct {
	Config  middleware.Config
	Request client.TokenRequest
	Token   func(*testing.T) string
}

// Run breaks the line in every way and gives what was seen.
func Run(t *testing.T, target Target) string {
	t.Helper()
	s := &suite{target: target}
	own := s.startBounds(t) // takes as long as the longest bound: the rest goes on meanwhile
	type part struct {
		name string
		run  func(*testing.T) string
	}
	var mu sync.Mutex
	var seen []string
	t.Run("parts", func(t *testing.T) {
		for _, group := range [][]part{ // mostly waiting, so at once; one person does one thing at a time
			{{"code", s.codes}, {"refresh token", s.refreshes}, {"session", s.session}},
			{{"service", s.service}},
			{{"API with keys", s.keys}, {"API that starts while the provider is down", s.coldStart}},
			{{"introspection", s.introspection}, {"connections that died in silence", s.stranded}},
		} {
			t.Run(group[0].name, func(t *testing.T) {
				if !target.Serial {
					t.Parallel()
				}
				for _, p := range group {
					what := p.run(t)
					mu.Lock()
					seen = append(seen, p.name+": "+what)
					mu.Unlock()
				}
			})
		}
	})
	return strings.Join(append(seen, "bounds of our own: "+own(t)), "\n")
}

type suite struct{ target Target }

// patience is what callers of these tests wait for one answer; slack is what a busy machine may add.
const (
	patience = 500 * time.Millisecond
	slack    = 3 * time.Second
)

// fault is one way a line breaks. kind is of the answers that are under way: see gate.count.
type fault struct {
	name    string
	set     func(t testing.TB, w *world, kind string)
	arrives bool // the request reaches the provider, only its answer is lost
}

func faults() []fault {
	cut := func(t testing.TB, w *world, kind string) { w.line.Cut(w.gate.middle(t, kind)) }
	return []fault{
		{"reset", func(_ testing.TB, w *world, _ string) { w.line.Reset() }, true},
		{"cut in the head", func(_ testing.TB, w *world, _ string) { w.line.Cut(20) }, true},
		{"cut in the body", cut, true},
		{"cut in a chunked body", func(t testing.TB, w *world, kind string) {
			w.gate.set(func() { w.gate.chunked = true })
			cut(t, w, kind)
		}, true},
		{"hang", func(_ testing.TB, w *world, _ string) { w.line.Hang() }, true},
		{"drip", func(_ testing.TB, w *world, _ string) { w.line.Drip(100) }, true},
		{"bad gateway", func(_ testing.TB, w *world, _ string) { w.gate.set(func() { w.gate.away = true }) }, false},
		{"down", func(_ testing.TB, w *world, _ string) { w.line.Down() }, false},
		{"no name", func(_ testing.TB, w *world, _ string) { w.line.NoName() }, false},
		{"no route", func(_ testing.TB, w *world, _ string) { w.line.NoRoute() }, false},
	}
}

// world is one line to the provider, with what counts at its end.
type world struct {
	gate *gate
	line *Line
}

func newWorld(t testing.TB) *world {
	t.Helper()
	g := newGate(t)
	return &world{gate: g, line: NewLine(t, g.URL)}
}

var quiet = slog.New(slog.DiscardHandler)

// client is one of ours at this end of the line. A timeout of 0 leaves the library its own bounds.
func (w *world) client(t testing.TB, cfg client.Config, timeout time.Duration) *client.Client {
	t.Helper()
	cfg.HTTPClient, cfg.Logger = w.http(timeout), quiet
	return interop.NewClient(t, cfg)
}

func (w *world) http(timeout time.Duration) *http.Client {
	c := w.line.Client()
	c.Timeout = timeout
	return c
}

// guard is an API at this end of the line.
func (w *world) guard(t testing.TB, cfg middleware.Config, timeout time.Duration) *api {
	t.Helper()
	cfg.HTTPClient, cfg.Logger = w.http(timeout), quiet
	guard, err := middleware.New(cfg)
	check.NoError(t, err)
	return &api{guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))}
}

// clear mends the line and its end.
func (w *world) clear() {
	w.gate.set(func() { w.gate.chunked, w.gate.away, w.gate.delay = false, false, 0 })
	w.line.Clear()
}

// unreachable holds an error to what an outage must look like: nobody said no, and nothing secret is told.
func unreachable(t testing.TB, err error, what string, secrets ...string) {
	t.Helper()
	e := check.As[*client.Error](t, err)
	check.Equal(t, e.Kind, client.KindUnreachable, what+": "+e.Error())
	check.Lacks(t, e.Error(), secrets...)
}

// within fails unless no more than this and the slack of a busy machine has passed.
func within(t testing.TB, began time.Time, bound time.Duration, what string) {
	t.Helper()
	took := time.Since(began)
	check.True(t, took < bound+slack, "%s took %v, bound %v", what, took, bound)
}

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually asks until ok, for bound at most, and says how long that took.
func eventually(t testing.TB, bound time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		within(t, began, bound, what)
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}
