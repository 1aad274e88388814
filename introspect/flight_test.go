package introspect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
)

// logBuffer is a log in memory.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) to(cfg *introspect.Config) { cfg.Logger = slog.New(slog.NewTextHandler(l, nil)) }

func TestOneCallForAThousandAskers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   func() string
		edit   func(*introspect.Config)
		opts   []introspect.Option
	}{
		"active":      {200, func() string { return active(nil) }, nil, nil},
		"inactive":    {200, func() string { return `{"active":false}` }, nil, nil},
		"failing":     {500, func() string { return `` }, nil, nil},
		"without TTL": {200, func() string { return active(nil) }, func(c *introspect.Config) { c.CacheTTL = -1 }, nil},
		"with shared": {200, func() string { return active(nil) }, with(newNoStore()), nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProvider()
				p.set(func(p *provider) { p.latency = 100 * time.Millisecond })
				p.always(tc.status, tc.body())
				c := p.client(t, func(cfg *introspect.Config) {
					if tc.edit != nil {
						tc.edit(cfg)
					}
				})
				var wg sync.WaitGroup
				var good atomic.Int64
				for range 1000 {
					wg.Go(func() {
						if _, err := c.Introspect(t.Context(), "tok", tc.opts...); err == nil {
							good.Add(1)
						}
					})
				}
				wg.Wait()
				check.Equal(t, p.calls(), 1, "calls")
				check.True(t, good.Load() == 0 || good.Load() == 1000, "%d of 1000", good.Load())
			})
		})
	}
}

// noStore is a shared cache without entries.
type noStore struct{}

func newNoStore() introspect.Cache                                       { return noStore{} }
func (noStore) Get(context.Context, string) ([]byte, bool, error)        { return nil, false, nil }
func (noStore) Set(context.Context, string, []byte, time.Duration) error { return nil }
func (noStore) Delete(context.Context, string) error                     { return nil }

// between is a context that runs a function between a caller's look into the
// caches and its join of a flight.
type between struct {
	context.Context
	do func()
}

func (b between) Err() error { b.do(); return nil }

// If a flight finishes before a caller can join it, the caller makes no second
// call.
func TestAFlightThatLandsMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		_, err := c.Introspect(between{t.Context(), func() { ask(t, c, "tok") }}, "tok")
		check.NoError(t, err)
		check.Equal(t, p.calls(), 1, "calls")
	})
}

func TestLateAskersFindTheAnswer(t *testing.T) {
	t.Parallel()
	p := newProvider() // no latency and no fake clock, for a real race
	c := p.client(t)
	check.NoError(t, c.Ready(t.Context()))
	for round := range 50 {
		var wg sync.WaitGroup
		token := fmt.Sprint("tok", round)
		for range 50 {
			wg.Go(func() {
				if _, err := c.Introspect(context.Background(), token); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		check.Equal(t, p.tokens[token], 1, "calls")
	}
}

func TestTheFirstCallerMayLeave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.set(func(p *provider) { p.latency = 2 * time.Second })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			start := time.Now()
			_, err := c.Introspect(ctx, "tok")
			check.Error(t, reason(t, err, introspect.Unavailable), context.DeadlineExceeded)
			check.Equal(t, time.Since(start), time.Second, "wait of the one who leaves")
		})
		synctest.Wait()
		ask(t, c, "tok")
		wg.Wait()
		check.Equal(t, p.calls(), 1, "calls")

		// The answer is cached even if no other caller waits.
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Introspect(ctx, "alone")
		check.Error(t, err, context.DeadlineExceeded)
		time.Sleep(2 * time.Second)
		ask(t, c, "alone")
		check.Equal(t, p.calls(), 2, "calls")
	})
}

func TestCallsHaveADeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.set(func(p *provider) { p.latency = time.Hour })
		start := time.Now()
		check.Error(t, refused(t, c, introspect.Unavailable, "tok"), context.DeadlineExceeded)
		check.Equal(t, time.Since(start), 5*time.Second, "deadline")
	})
}

func TestAtMost64Flights(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.set(func(p *provider) { p.latency = time.Second })
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				if _, err := c.Introspect(context.Background(), fmt.Sprint("tok", i)); err != nil {
					t.Error(err)
				}
			})
		}
		// These callers leave while they wait for a slot, so no call is made
		// for them.
		var left atomic.Int64
		for i := range 100 {
			wg.Go(func() {
				time.Sleep(time.Millisecond)
				ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
				defer cancel()
				if _, err := c.Introspect(ctx, fmt.Sprint("gone", i)); errors.Is(err, context.DeadlineExceeded) {
					left.Add(1)
				}
			})
		}
		start := time.Now()
		wg.Wait()
		check.Equal(t, p.most, 64, "calls at a time")
		check.Equal(t, left.Load(), 100, "askers who left")
		check.Equal(t, p.calls(), 200, "calls")
		check.Equal(t, time.Since(start), 4*time.Second, "time for 200 calls")
		check.Equal(t, p.tokens["gone0"], 0, "calls for nobody")
		ask(t, c, "gone0")
	})
}

// A call that all its callers have left before it began ends at once, not when
// one of the running calls ends: otherwise callers that come and go while the
// provider hangs pile up goroutines. The test counts goroutines, so it runs alone.
func TestAbandonedFlightsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.set(func(p *provider) { p.latency = time.Second })
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() { ask(t, c, fmt.Sprint("tok", i)) })
		}
		synctest.Wait() // as many run as may
		before := runtime.NumGoroutine()
		for i := range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_, err := c.Introspect(ctx, fmt.Sprint("gone", i), introspect.MaxAge(0))
			cancel()
			check.Error(t, err, context.DeadlineExceeded)
		}
		synctest.Wait()
		after := runtime.NumGoroutine()
		wg.Wait()
		// The runtime and the test's own timers have a few goroutines that come and go.
		check.True(t, after < before+20, "%d goroutines, %d before 100 callers came and went", after, before)
	})
}

// Callers that require a fresh answer share a call that begins after they
// called, and never an earlier one.
func TestFreshAskersShareALaterCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.set(func(p *provider) { p.latency = time.Second })
		p.say(func(string) (int, string) {
			return 200, active(map[string]string{"sub": fmt.Sprintf("%q", fmt.Sprint(p.calls()))})
		})
		var wg sync.WaitGroup
		expect := func(sub string, opts ...introspect.Option) {
			wg.Go(func() {
				r, err := c.Introspect(context.Background(), "tok", opts...)
				if err != nil || r.Subject != sub {
					t.Errorf("got %v, %v, want the answer of call %s", r, err, sub)
				}
			})
		}
		expect("1")
		time.Sleep(300 * time.Millisecond)
		for range 100 {
			expect("2", introspect.MaxAge(0))
			expect("1")                                          // an ordinary asker takes what is on its way
			expect("1", introspect.MaxAge(301*time.Millisecond)) // so does one for whom it is young enough
			expect("2", introspect.MaxAge(299*time.Millisecond))
		}
		time.Sleep(time.Second) // the second call is in flight
		for range 100 {
			expect("3", introspect.MaxAge(0))
			expect("1") // kept, and good enough
		}
		wg.Wait()
		check.Equal(t, p.calls(), 3, "calls")
		check.Equal(t, p.most, 1, "calls at a time")
	})
}

func TestNobodyWaitsForTheLaterCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.set(func(p *provider) { p.latency = time.Second })
		var wg sync.WaitGroup
		wg.Go(func() { ask(t, c, "tok") })
		time.Sleep(100 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := c.Introspect(ctx, "tok", introspect.MaxAge(0))
		check.Error(t, err, context.DeadlineExceeded)
		wg.Wait()
		time.Sleep(5 * time.Second)
		check.Equal(t, p.calls(), 1, "calls")
	})
}

func TestNoCallEndsTheGoroutineSilently(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.say(func(string) (int, string) { runtime.Goexit(); return 0, "" })
		_ = refused(t, c, introspect.Unavailable, "tok")
		p.always(200, active(nil))
		ask(t, c, "tok")
	})
}

// TestPanicsOfOthers: a panic of configured code is an error or is ignored, and
// never ends the process.
func TestPanicsOfOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		var log logBuffer
		c := p.client(t, func(cfg *introspect.Config) {
			cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			cfg.Cache = setPanics{}
			cfg.Observer = func(_ context.Context, e oidc.Event) {
				if e.Operation == oidc.OperationIntrospection {
					panic("CANARY of the observer")
				}
			}
		})
		ask(t, c, "tok")
		p.say(func(string) (int, string) { panic("CANARY of the transport") })
		_ = refused(t, c, introspect.Unavailable, "other")
		p.always(200, active(nil))
		ask(t, c, "other")
		synctest.Wait()
		check.Equal(t, strings.Count(log.String(), `msg="introspection panicked" panic=string`), 3, "panics in the log")
		check.Equal(t, strings.Count(log.String(), `msg="the observer panicked" panic=string`), 2, "panics of the observer in the log")
		check.Lacks(t, log.String(), "CANARY")
	})
}

// setPanics is a shared cache that cannot be written to.
type setPanics struct{ introspect.Cache }

func (setPanics) Get(context.Context, string) ([]byte, bool, error) { return nil, false, nil }

func (setPanics) Set(context.Context, string, []byte, time.Duration) error {
	panic("CANARY of the cache")
}

func TestThreeFailuresRefreshDiscovery(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		ask(t, c, "tok")
		time.Sleep(5 * time.Minute)
		p.always(404, ``)
		for range 3 {
			_ = refused(t, c, introspect.Unavailable, "gone")
		}
		synctest.Wait()
		check.Equal(t, p.asked["/.well-known/openid-configuration"], 2, "fetches of the metadata")
	})
}

func TestAllocationsOfAHit(t *testing.T) {
	p := newProvider()
	c := p.client(t, func(cfg *introspect.Config) { cfg.CacheTTL = time.Hour })
	ctx, token := t.Context(), "tok"
	ask(t, c, token)
	measure := func(name string, most float64, opts ...introspect.Option) {
		got := testing.AllocsPerRun(1000, func() {
			if _, err := c.Introspect(ctx, token, opts...); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %.0f allocations", name, got)
		check.True(t, raceEnabled || got <= most, "%s: %.0f allocations, want at most %.0f", name, got, most)
	}
	measure("hit", 4)
	measure("hit with an audience", 5, introspect.Audience(apiA))
	check.Equal(t, p.calls(), 1, "calls")
}

func BenchmarkHit(b *testing.B) {
	p := newProvider()
	c := p.client(b, func(cfg *introspect.Config) { cfg.CacheTTL = time.Hour })
	ask(b, c, "tok")
	aud := introspect.Audience(apiA)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Introspect(b.Context(), "tok", aud); err != nil {
				b.Fatal(err)
			}
		}
	})
}
