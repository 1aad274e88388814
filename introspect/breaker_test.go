package introspect_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
)

func TestBreaker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		log := &logBuffer{}
		c := p.client(t, log.to, func(cfg *introspect.Config) { cfg.CacheTTL = time.Hour })
		p.always(200, active(map[string]string{"exp": in(time.Hour)}))
		ask(t, c, "kept")
		p.always(503, ``)
		n := p.calls()
		fail := func(calls int) *introspect.Error {
			t.Helper()
			e := refused(t, c, introspect.Unavailable, "tok")
			check.Equal(t, p.calls()-n, calls, "calls")
			return e
		}
		for i := range 5 {
			check.NoError(t, c.Ready(t.Context()))
			_ = fail(i + 1)
		}
		calls := 5
		for _, seconds := range []int{1, 2, 4, 8, 16, 30, 30} {
			pause := time.Duration(seconds) * time.Second
			e := fail(calls) // open: no call
			check.Equal(t, e.RetryAfter, pause, "RetryAfter")
			check.Contains(t, e.Error(), "the breaker is open")
			check.Equal(t, reason(t, c.Ready(t.Context()), introspect.Unavailable).RetryAfter, pause, "RetryAfter of Ready")
			ask(t, c, "kept") // what is kept still serves
			time.Sleep(pause - 1)
			_ = fail(calls)
			time.Sleep(time.Nanosecond)
			check.NoError(t, c.Ready(t.Context())) // or nobody would send the call that closes it
			calls++
			_ = fail(calls)
		}
		time.Sleep(30 * time.Second)
		p.always(200, active(nil))
		ask(t, c, "tok")
		check.NoError(t, c.Ready(t.Context()))
		check.Contains(t, log.String(), "the breaker is open", "for=30s")

		p.always(503, ``) // closed as if nothing had been
		n = p.calls()
		c.Invalidate("tok")
		for i := range 5 {
			_ = fail(i + 1)
		}
		check.Equal(t, fail(5).RetryAfter, time.Second, "first pause")
	})
}

func TestBreakerSendsOneCallToFindOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		p.always(0, ``)
		for range 5 {
			_ = refused(t, c, introspect.Unavailable, "tok")
		}
		time.Sleep(time.Second)
		p.set(func(p *provider) { p.latency = time.Second })
		p.always(200, active(nil))
		n := p.calls()
		var wg sync.WaitGroup
		var good atomic.Int64
		for i := range 50 {
			wg.Go(func() {
				if _, err := c.Introspect(context.Background(), fmt.Sprint(i)); err == nil {
					good.Add(1)
				} else if !errors.Is(err, introspect.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
		time.Sleep(500 * time.Millisecond)
		_ = reason(t, c.Ready(t.Context()), introspect.Unavailable) // not known yet
		wg.Wait()
		check.Equal(t, p.calls()-n, 1, "calls while nobody knows")
		check.Equal(t, good.Load(), 1, "answers")
		check.NoError(t, c.Ready(t.Context()))
	})
}

func TestWhatTheBreakerCounts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		body   string
		counts bool
	}{
		{0, "", true}, {500, "", true}, {502, "<html>", true}, {429, "", true}, {401, "", true}, {401, `{"error":"invalid_client"}`, true},
		{400, "", false}, {400, `{"error":"invalid_request"}`, false}, {403, "", false}, {404, "", false},
		{200, "<html>", false}, {200, "{}", false}, {302, "", false}, {200, `{"active":false}`, false},
	} {
		t.Run(fmt.Sprint(tc.status, tc.body), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProvider()
				c := p.client(t, func(cfg *introspect.Config) { cfg.NegativeCacheTTL = -1 })
				p.always(tc.status, tc.body)
				for range 20 {
					_, err := c.Introspect(t.Context(), "tok")
					check.True(t, err != nil, "no error")
				}
				want := 20
				if tc.counts {
					want = 5
				}
				check.Equal(t, p.calls(), want, "calls")

				// In a row means in a row.
				p, i := newProvider(), 0
				c = p.client(t, func(cfg *introspect.Config) { cfg.CacheTTL = -1 })
				p.say(func(string) (int, string) {
					if i++; i%5 == 0 {
						return 200, active(nil)
					}
					return tc.status, tc.body
				})
				for range 20 {
					_, _ = c.Introspect(t.Context(), "tok", introspect.MaxAge(0))
				}
				check.Equal(t, p.calls(), 20, "calls with one good in five")
			})
		})
	}
}

// One flood of failures, sent before the breaker opened, opens it once: it does not double the pause with each.
func TestBreakerCountsAFloodOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.set(func(p *provider) { p.latency = time.Second })
		p.always(503, ``)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() { _, _ = c.Introspect(context.Background(), fmt.Sprint(i)) })
		}
		wg.Wait()
		check.Equal(t, refused(t, c, introspect.Unavailable, "x").RetryAfter, time.Second, "pause")
		time.Sleep(2 * time.Second) // the failures had the metadata refreshed
	})
}
