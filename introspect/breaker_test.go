package introspect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
			e := fail(calls) // the breaker is open, so there is no call
			check.Equal(t, e.RetryAfter, pause, "RetryAfter")
			check.Contains(t, e.Error(), "the breaker is open")
			check.Equal(t, reason(t, c.Ready(t.Context()), introspect.Unavailable).RetryAfter, pause, "RetryAfter of Ready")
			ask(t, c, "kept") // what is kept still serves
			time.Sleep(pause - 1)
			_ = fail(calls)
			time.Sleep(time.Nanosecond)
			check.NoError(t, c.Ready(t.Context())) // otherwise no call would close the breaker
			calls++
			_ = fail(calls)
		}
		time.Sleep(30 * time.Second)
		p.always(200, active(nil))
		ask(t, c, "tok")
		check.NoError(t, c.Ready(t.Context()))
		check.Contains(t, log.String(), "the breaker is open", "for=30s")

		p.always(503, ``) // closed as in the beginning
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

// strange are responses that a token alone can cause.
var strange = []struct {
	status int
	body   string
}{
	{400, ""}, {400, `{"error":"invalid_request"}`}, {403, ""}, {404, ""}, {413, ""}, {500, ""}, {500, `{"error":"server_error"}`}, {501, ""},
	{200, "<html>"}, {200, "{}"}, {200, `{"active":true,"exp":"soon"}`}, {200, `{"active":false}`}, {200, strings.Repeat("x", 300<<10)},
	{204, ""}, {302, ""},
}

func TestWhatTheBreakerCounts(t *testing.T) {
	t.Parallel()
	type answer struct {
		status int
		body   string
		counts bool
	}
	cases := []answer{
		{0, "", true}, {502, "<html>", true}, {503, "", true}, {504, "", true}, {429, "", true}, {401, "", true},
		{401, `{"error":"invalid_client"}`, true},
	}
	for _, s := range strange {
		cases = append(cases, answer{s.status, s.body, false})
	}
	for _, tc := range cases {
		t.Run(fmt.Sprint(tc.status, tc.body[:min(len(tc.body), 40)]), func(t *testing.T) {
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

				// Only failures in a row count.
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

// A response that a token alone can cause does not stop introspection of other
// tokens. It ends a row of failures, and as a probe it closes the breaker.
func TestStrangeAnswersShowThatTheEndpointWorks(t *testing.T) {
	t.Parallel()
	for _, tc := range strange {
		t.Run(fmt.Sprint(tc.status, tc.body[:min(len(tc.body), 40)]), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProvider()
				c := p.client(t, func(cfg *introspect.Config) { cfg.NegativeCacheTTL = -1 })
				says := func(status int, body string) {
					t.Helper()
					p.always(status, body)
					_, err := c.Introspect(t.Context(), "stranger")
					check.True(t, err != nil, "no error")
				}
				for range 3 {
					for range 4 {
						says(503, "")
					}
					says(tc.status, tc.body)
				}
				check.Equal(t, p.calls(), 15, "calls: the answer ends a row of failures")

				for range 5 {
					says(503, "")
				}
				check.Error(t, c.Ready(t.Context()), introspect.ErrUnavailable)
				time.Sleep(time.Second)
				says(tc.status, tc.body)
				check.Equal(t, p.calls(), 21, "calls, with the one that finds out")
				check.NoError(t, c.Ready(t.Context()))
				for range 4 {
					says(503, "")
				}
				p.always(200, active(nil))
				ask(t, c, "own")
				check.Equal(t, p.calls(), 26, "calls: it closed the breaker")
			})
		})
	}
}

// While a probe is slow, other calls wait for its outcome. If it fails because
// of its token, the next call may probe.
func TestASlowStrangerHoldsTheBreakerOpenOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		p.always(503, "")
		for range 5 {
			_ = refused(t, c, introspect.Unavailable, "x")
		}
		time.Sleep(time.Second)
		p.set(func(p *provider) { p.latency = 4 * time.Second })
		p.say(func(token string) (int, string) {
			if token == "own" {
				return 200, active(nil)
			}
			return 500, ""
		})
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() { _, _ = c.Introspect(context.Background(), fmt.Sprint("stranger", i)) })
		}
		synctest.Wait()
		_ = refused(t, c, introspect.Unavailable, "own")
		time.Sleep(4*time.Second + time.Millisecond)
		for i := range 10 {
			wg.Go(func() { _, _ = c.Introspect(context.Background(), fmt.Sprint("stranger", i)) })
		}
		ask(t, c, "own")
		wg.Wait()
	})
}

// Tokens that make the endpoint hang do not open the breaker while other calls
// succeed. If no call succeeds, they do.
func TestTokensThatHang(t *testing.T) {
	t.Parallel()
	for _, traffic := range []bool{true, false} {
		play := func(t *testing.T) {
			p := newProvider()
			c := p.client(t)
			check.NoError(t, c.Ready(t.Context()))
			p.say(func(token string) (int, string) {
				if strings.HasPrefix(token, "poison") {
					time.Sleep(5 * time.Second)
					return 0, "" // as a transport answers when the deadline has passed
				}
				return 200, active(nil)
			})
			var wg sync.WaitGroup
			open := 0
			for second := range 60 {
				for i := range 5 {
					wg.Go(func() { _, _ = c.Introspect(context.Background(), fmt.Sprintf("poison-%d-%d", second, i)) })
				}
				time.Sleep(time.Second / 2)
				if c.Ready(t.Context()) != nil {
					open++
				}
				if time.Sleep(time.Second / 2); traffic {
					ask(t, c, fmt.Sprint("own", second))
				}
			}
			check.Equal(t, open == 0, traffic, fmt.Sprintf("the breaker is never open (it was for %d s)", open))
			wg.Wait()
		}
		t.Run(fmt.Sprint("traffic ", traffic), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, play)
		})
	}
}

// Failures of calls from before the breaker opened open it only once, and do
// not double the pause.
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
		time.Sleep(2 * time.Second) // the failures caused a refresh of the metadata
	})
}
