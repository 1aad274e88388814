package introspect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
)

// store is a shared cache that can fail.
type store struct {
	mu     sync.Mutex
	values map[string][]byte
	ttls   map[string]time.Duration
	err    error
	hang   bool
	slow   time.Duration
	log    []string
}

func newStore() *store {
	return &store{values: map[string][]byte{}, ttls: map[string]time.Duration{}}
}

func (s *store) step(ctx context.Context, what string) error {
	s.mu.Lock()
	s.log = append(s.log, what)
	hang, err, slow := s.hang, s.err, s.slow
	s.mu.Unlock()
	time.Sleep(slow)
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (s *store) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := s.step(ctx, "get"); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[key]
	return v, ok, nil
}

func (s *store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := s.step(ctx, "set"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[key], s.ttls[key] = slices.Clone(value), ttl
	return nil
}

func (s *store) Delete(ctx context.Context, key string) error {
	if err := s.step(ctx, "delete"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, key)
	return nil
}

// settle waits for the writes after an answer. The function it returns ends the
// access.
func (s *store) settle() func() {
	synctest.Wait()
	s.mu.Lock()
	return s.mu.Unlock
}

func (s *store) count() int {
	defer s.settle()()
	return len(s.values)
}

func (s *store) put(key string, value []byte) {
	defer s.settle()()
	s.values[key] = value
}

func (s *store) calls() []string {
	defer s.settle()()
	out := s.log
	s.log = nil
	return out
}

func (s *store) ttl(key string) time.Duration {
	defer s.settle()()
	return s.ttls[key]
}

func (s *store) only(t testing.TB) (string, []byte) {
	t.Helper()
	defer s.settle()()
	check.Equal(t, len(s.values), 1, "shared values")
	for k, v := range s.values {
		return k, v
	}
	return "", nil
}

func with(s introspect.Cache) func(*introspect.Config) {
	return func(cfg *introspect.Config) { cfg.Cache = s }
}

func TestSharedCacheServesReplicas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s := newProvider(), newStore()
		one, two := p.client(t, with(s)), p.client(t, with(s))
		ask(t, one, "CANARY-token")
		time.Sleep(time.Second)
		r := ask(t, two, "CANARY-token", introspect.Audience(apiA))
		check.Equal(t, r.Subject, "alice", "subject")
		check.Equal(t, time.Since(r.FetchedAt), time.Second, "age")
		_ = refused(t, two, introspect.AudienceMismatch, "CANARY-token", introspect.Audience("x"))
		check.Equal(t, p.calls(), 1, "calls")
		key, value := s.only(t)
		check.True(t, regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(key), "key %q", key)
		check.Lacks(t, string(value), "CANARY")
		check.Equal(t, s.ttl(key), 30*time.Second, "ttl")

		// The shared cache does not extend the life of an answer.
		time.Sleep(29*time.Second - 1)
		ask(t, two, "CANARY-token")
		check.Equal(t, p.calls(), 1, "calls")
		time.Sleep(time.Nanosecond)
		ask(t, two, "CANARY-token")
		check.Equal(t, p.calls(), 2, "calls")
		// Other clients, issuers and endpoints do not share entries.
		ask(t, p.client(t, with(s), func(cfg *introspect.Config) { cfg.ClientID = "other" }), "CANARY-token")
		ask(t, p.client(t, with(s), func(cfg *introspect.Config) { cfg.Endpoint = endpoint }), "CANARY-token")
		check.Equal(t, p.calls(), 4, "calls")
	})
}

// An answer without exp is cached for ten seconds from when the provider was
// asked, not from when a replica read it.
func TestSharedAnswerWithoutExpLivesOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s := newProvider(), newStore()
		p.always(200, active(map[string]string{"exp": ""}))
		one, two := p.client(t, with(s)), p.client(t, with(s))
		ask(t, one, "tok")
		time.Sleep(6 * time.Second)
		ask(t, two, "tok")
		time.Sleep(4*time.Second - 1)
		ask(t, two, "tok")
		check.Equal(t, p.calls(), 1, "calls")
		time.Sleep(time.Nanosecond)
		ask(t, two, "tok")
		check.Equal(t, p.calls(), 2, "calls")
	})
}

func TestSharedCacheHoldsActiveAnswersOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s := newProvider(), newStore()
		c := p.client(t, with(s))
		p.always(200, `{"active":false}`)
		for i := range 10 {
			_ = refused(t, c, introspect.Inactive, fmt.Sprint("junk", i))
		}
		p.always(500, ``)
		_ = refused(t, c, introspect.Unavailable, "x")
		p.always(200, active(map[string]string{"exp": in(-time.Second)}))
		ask(t, c, "within the skew"[:6])
		check.Equal(t, s.count(), 0, "shared values")
		check.True(t, !slices.Contains(s.calls(), "delete"), "a flood of junk makes deletions")

		off := p.client(t, with(s), func(cfg *introspect.Config) { cfg.CacheTTL = -1 })
		p.always(200, active(nil))
		ask(t, off, "tok")
		check.Equal(t, len(s.calls()), 0, "use of the shared cache while caching is off")
	})
}

func TestBrokenSharedCacheIsAMiss(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*store){
		"errors": func(s *store) { s.err = errors.New("redis is away") },
		"hangs":  func(s *store) { s.hang = true },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p, s := newProvider(), newStore()
				breakIt(s)
				log := &logBuffer{}
				c := p.client(t, with(s), log.to)
				start := time.Now()
				for i := range 5 {
					ask(t, c, fmt.Sprint("tok", i))
				}
				check.True(t, time.Since(start) <= 5*time.Second, "took %s", time.Since(start))
				c.Invalidate("tok0")
				check.True(t, time.Since(start) <= 7*time.Second, "took %s", time.Since(start))
				check.Contains(t, log.String(), "shared introspection cache cannot be read")
				check.Equal(t, strings.Count(log.String(), "\n"), 1, "messages in ten seconds")
			})
		})
	}
}

func TestSharedValuesAreChecked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s := newProvider(), newStore()
		ask(t, p.client(t, with(s)), "tok")
		key, good := s.only(t)
		edit := func(f func(map[string]any)) []byte {
			var m map[string]any
			check.NoError(t, json.Unmarshal(good, &m))
			f(m)
			out, err := json.Marshal(m)
			check.NoError(t, err)
			return out
		}
		now := time.Now().UnixMilli()
		cases := map[string][]byte{
			"empty":                nil,
			"garbage":              []byte("\x00\x01"),
			"null":                 []byte("null"),
			"array":                []byte("[]"),
			"cut":                  good[:len(good)-1],
			"too large":            edit(func(m map[string]any) { m["x"] = strings.Repeat("x", 300<<10) }),
			"other version":        edit(func(m map[string]any) { m["v"] = 2 }),
			"other key":            edit(func(m map[string]any) { m["key"] = strings.Repeat("0", 64) }),
			"no time":              edit(func(m map[string]any) { delete(m, "fetched") }),
			"from the future":      edit(func(m map[string]any) { m["fetched"] = now + 31_000 }),
			"too old":              edit(func(m map[string]any) { m["fetched"] = now - 30_000 }),
			"not active":           edit(func(m map[string]any) { m["answer"] = map[string]any{"active": false} }),
			"no answer":            edit(func(m map[string]any) { delete(m, "answer") }),
			"answer of no verdict": edit(func(m map[string]any) { m["answer"] = "x" }),
			"wrong types":          edit(func(m map[string]any) { m["answer"] = map[string]any{"active": true, "exp": "x"} }),
			"expired":              edit(func(m map[string]any) { m["answer"] = map[string]any{"active": true, "exp": now/1000 - 1} }),
			"no exp, 11 s old": edit(func(m map[string]any) {
				m["answer"], m["fetched"] = map[string]any{"active": true}, now-11_000
			}),
		}
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			s.put(key, cases[name])
			before := p.calls()
			check.Equal(t, ask(t, p.client(t, with(s)), "tok").Subject, "alice", "subject after "+name)
			check.Equal(t, p.calls(), before+1, "calls after "+name)
		}
		// An entry of a replica whose clock is slightly ahead is accepted, but
		// lives no longer.
		s.put(key, edit(func(m map[string]any) { m["fetched"] = now + 20_000 }))
		before := p.calls()
		c := p.client(t, with(s))
		check.True(t, ask(t, c, "tok").FetchedAt.Equal(time.Now()), "fetched in the future")
		check.Equal(t, p.calls(), before, "calls")
		// This client makes its own checks of an entry from another replica.
		s.put(key, edit(func(m map[string]any) {
			m["answer"] = map[string]any{"active": true, "iss": "https://evil.example", "exp": now/1000 + 60}
		}))
		_ = refused(t, p.client(t, with(s)), introspect.IssuerUntrusted, "tok")
	})
}

func TestWhatHasEndedDoesNotComeBackFromTheSharedCache(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, p *provider, c *introspect.Client){
		"found inactive": func(t *testing.T, p *provider, c *introspect.Client) {
			p.always(200, `{"active":false}`)
			_ = refused(t, c, introspect.Inactive, "tok", introspect.MaxAge(0))
			time.Sleep(5 * time.Second) // until the inactive answer has expired
		},
		"Invalidate": func(_ *testing.T, p *provider, c *introspect.Client) {
			c.Invalidate("tok")
			p.always(200, `{"active":false}`)
		},
		"Purge": func(_ *testing.T, p *provider, c *introspect.Client) {
			c.Purge()
			p.always(200, `{"active":false}`)
		},
	} {
		for _, broken := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", deletion fails ", broken), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					p, s := newProvider(), newStore()
					c := p.client(t, with(s))
					ask(t, c, "tok")
					key, value := s.only(t)
					time.Sleep(time.Second)
					end(t, p, c)
					if broken {
						s.put(key, value)
					}
					_ = refused(t, c, introspect.Inactive, "tok")
				})
			})
		}
	}
}

// A caller that requires a fresh answer does not join a flight that may use the
// shared cache.
func TestFreshDoesNotJoinALookIntoTheSharedCache(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s := newProvider(), newStore()
		ask(t, p.client(t, with(s)), "tok")
		s.count()
		time.Sleep(20 * time.Second)
		c := p.client(t, with(s))
		check.NoError(t, c.Ready(t.Context()))
		s.slow = 500 * time.Millisecond
		var wg sync.WaitGroup
		wg.Go(func() { check.Equal(t, time.Since(ask(t, c, "tok").FetchedAt) > 20*time.Second, true, "shared answer") })
		time.Sleep(100 * time.Millisecond)
		r := ask(t, c, "tok", introspect.MaxAge(5*time.Second))
		check.True(t, time.Since(r.FetchedAt) <= 5*time.Second, "an answer of %s ago", time.Since(r.FetchedAt))
		wg.Wait()
		time.Sleep(time.Second) // the write to the shared cache
	})
}

func TestFreshDoesNotUseTheSharedCache(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s := newProvider(), newStore()
		ask(t, p.client(t, with(s)), "tok")
		time.Sleep(time.Second)
		p.always(200, `{"active":false}`)
		c := p.client(t, with(s))
		_ = refused(t, c, introspect.Inactive, "tok", introspect.MaxAge(0))
		check.Equal(t, s.count(), 0, "shared values")
	})
}
