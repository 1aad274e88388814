package introspect_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
)

func TestHowLongAnswersAreKept(t *testing.T) {
	t.Parallel()
	none := func(*introspect.Config) {}
	for _, tc := range []struct {
		name    string
		edit    func(*introspect.Config)
		members func() map[string]string // nil means inactive
		want    time.Duration
	}{
		{"30 s", none, func() map[string]string { return map[string]string{} }, 30 * time.Second},
		{"exp comes first", none, func() map[string]string { return map[string]string{"exp": in(12 * time.Second)} }, 12 * time.Second},
		{"no exp", none, func() map[string]string { return map[string]string{"exp": ""} }, 10 * time.Second},
		{"no exp, short TTL", func(c *introspect.Config) { c.CacheTTL = 4 * time.Second }, func() map[string]string { return map[string]string{"exp": ""} }, 4 * time.Second},
		{"own TTL", func(c *introspect.Config) { c.CacheTTL = 50 * time.Second }, func() map[string]string { return map[string]string{} }, 50 * time.Second},
		{"off", func(c *introspect.Config) { c.CacheTTL = -1 }, func() map[string]string { return map[string]string{} }, 0},
		{"within the skew of exp", none, func() map[string]string { return map[string]string{"exp": in(-time.Second)} }, 0},
		{"at exp", none, func() map[string]string { return map[string]string{"exp": in(0)} }, 0},
		{"within the skew of nbf", none, func() map[string]string { return map[string]string{"nbf": in(10 * time.Second)} }, 0},
		{"inactive", none, nil, 5 * time.Second},
		{"inactive, own TTL", func(c *introspect.Config) { c.NegativeCacheTTL = time.Minute }, nil, time.Minute},
		{"inactive, off", func(c *introspect.Config) { c.NegativeCacheTTL = -1 }, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProvider()
				if tc.members == nil {
					p.always(200, `{"active":false}`)
				} else {
					p.always(200, active(tc.members()))
				}
				c := p.client(t, tc.edit)
				_, first := c.Introspect(t.Context(), "tok")
				check.Equal(t, first == nil, tc.members != nil, "verdict")
				if tc.want > 0 {
					time.Sleep(tc.want - time.Nanosecond)
					_, err := c.Introspect(t.Context(), "tok")
					check.Equal(t, err == nil, first == nil, "kept verdict")
					check.Equal(t, p.calls(), 1, "calls while kept")
					time.Sleep(time.Nanosecond)
				}
				_, _ = c.Introspect(t.Context(), "tok")
				check.Equal(t, p.calls(), 2, "calls afterwards")
			})
		})
	}
}

func TestCachesAreCountedApart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t, func(cfg *introspect.Config) { cfg.MaxEntries = 50 })
		for i := range 50 {
			ask(t, c, fmt.Sprint("good-", i))
		}
		p.always(200, `{"active":false}`)
		for i := range 1000 {
			_ = refused(t, c, introspect.Inactive, fmt.Sprint("junk-", i))
		}
		before := p.calls()
		for i := range 1000 {
			_ = refused(t, c, introspect.Inactive, fmt.Sprint("junk-", 999-i))
		}
		check.True(t, p.calls()-before >= 990, "more than a fifth of MaxEntries is kept: %d calls", p.calls()-before)
		before = p.calls()
		for i := range 50 { // many invalid tokens evict no active answer
			ask(t, c, fmt.Sprint("good-", i))
		}
		check.Equal(t, p.calls(), before, "calls")
	})
}

func TestDifferentTokensAreDifferent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		p.say(func(token string) (int, string) { return 200, active(map[string]string{"sub": `"` + token + `"`}) })
		c := p.client(t)
		for _, token := range []string{"a", "b", "A", "a.", "aa"} {
			check.Equal(t, ask(t, c, token).Subject, token, "subject")
			check.Equal(t, ask(t, c, token).Subject, token, "subject")
		}
		check.Equal(t, p.calls(), 5, "calls")
	})
}

func TestInvalidateAndPurge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		for i, forget := range []func(){func() { c.Invalidate("tok") }, c.Purge} {
			ask(t, c, "tok")
			check.Equal(t, p.calls(), 2*i+1, "calls")
			forget()
			p.always(200, `{"active":false}`)
			_ = refused(t, c, introspect.Inactive, "tok")
			check.Equal(t, p.calls(), 2*i+2, "calls after forgetting")
			forget() // inactive answers too
			p.always(200, active(nil))
		}
	})
}

// If a token is invalidated while its call is in flight, the answer is not
// cached and serves no later caller.
func TestForgettingReachesCallsOnTheirWay(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*introspect.Client){
		"Invalidate": func(c *introspect.Client) { c.Invalidate("tok") },
		"Purge":      (*introspect.Client).Purge,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProvider()
				c := p.client(t)
				check.NoError(t, c.Ready(t.Context()))
				p.set(func(p *provider) { p.latency = time.Second })
				p.say(func(string) (int, string) {
					if p.calls() == 1 {
						return 200, active(nil)
					}
					return 200, `{"active":false}`
				})
				var wg sync.WaitGroup
				wg.Go(func() { ask(t, c, "tok") })
				time.Sleep(500 * time.Millisecond)
				forget(c)
				_ = refused(t, c, introspect.Inactive, "tok")
				wg.Wait()
				_ = refused(t, c, introspect.Inactive, "tok")
				check.Equal(t, p.calls(), 2, "calls")
			})
		})
	}
}

// The same, if nobody asks before the answer arrives.
func TestForgottenAnswersAreNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.set(func(p *provider) { p.latency = time.Second })
		var wg sync.WaitGroup
		wg.Go(func() { ask(t, c, "tok") })
		time.Sleep(500 * time.Millisecond)
		c.Invalidate("tok")
		wg.Wait()
		p.always(200, `{"active":false}`)
		_ = refused(t, c, introspect.Inactive, "tok")
	})
}

func TestAnOldVerdictDoesNotOutliveANewerOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t, func(cfg *introspect.Config) { cfg.CacheTTL, cfg.NegativeCacheTTL = time.Second, time.Minute })
		p.always(200, `{"active":false}`)
		_ = refused(t, c, introspect.Inactive, "tok")
		p.always(200, active(nil))
		ask(t, c, "tok", introspect.MaxAge(0))
		time.Sleep(2 * time.Second) // the newer answer has expired
		ask(t, c, "tok")
		check.Equal(t, p.calls(), 3, "calls")
	})
}

func TestMaxAge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		ask(t, c, "tok")
		time.Sleep(10 * time.Second)
		ask(t, c, "tok", introspect.MaxAge(10*time.Second))
		check.Equal(t, p.calls(), 1, "calls for what is young enough")
		ask(t, c, "tok", introspect.MaxAge(10*time.Second-1))
		check.Equal(t, p.calls(), 2, "calls for what is too old")
		ask(t, c, "tok", introspect.MaxAge(0))
		ask(t, c, "tok", introspect.MaxAge(-time.Hour))
		check.Equal(t, p.calls(), 4, "calls for now")
		ask(t, c, "tok")
		check.Equal(t, p.calls(), 4, "calls for anything")

		// A fresh answer replaces the cached one, in both directions.
		p.always(200, `{"active":false}`)
		_ = refused(t, c, introspect.Inactive, "tok", introspect.MaxAge(0))
		_ = refused(t, c, introspect.Inactive, "tok")
		p.always(200, active(nil))
		ask(t, c, "tok", introspect.MaxAge(0))
		ask(t, c, "tok")
		check.Equal(t, p.calls(), 6, "calls")

		// A fresh failure replaces nothing.
		p.always(500, ``)
		_ = refused(t, c, introspect.Unavailable, "tok", introspect.MaxAge(0))
		ask(t, c, "tok")
	})
}
