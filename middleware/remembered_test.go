package middleware_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// TestAnswersAreRemembered as long as the introspection client does: CacheTTL, 10 s without exp, not past exp, and not at
// all when it is told to remember nothing. What is no longer an access token is not served from memory.
func TestAnswersAreRemembered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer object
		ttl    time.Duration
		size   int
		want   time.Duration
	}{
		"by default":            {nil, 0, 0, 30 * time.Second},
		"CacheTTL":              {nil, time.Minute, 0, time.Minute},
		"without exp":           {object{"exp": nil}, 0, 0, 10 * time.Second},
		"without aud":           {object{"aud": nil}, 0, 0, 30 * time.Second},
		"an empty aud":          {object{"aud": ""}, 0, 0, 30 * time.Second},
		"the client keeps none": {nil, -1, 0, 0},
		"the guard keeps none":  {nil, 0, -1, 30 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
			op.Edit("introspection", func(answer object) {
				for member, value := range c.answer {
					if answer[member] = value; value == nil {
						delete(answer, member)
					}
				}
			})
			cfg := forProvider(op)
			byIntrospection(&cfg)
			cfg.Introspection.CacheTTL, cfg.Introspection.AllowMissingAudience, cfg.TokenCacheSize = c.ttl, true, c.size
			guard := newGuard(t, cfg)
			token := op.AccessToken(nil)
			asks := func(want int, when string) {
				t.Helper()
				before := op.Requests("introspect")
				_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token})
				check.NoError(t, err)
				check.Equal(t, op.Requests("introspect")-before, want, name+": introspection requests "+when)
			}
			asks(1, "at first")
			if c.want > 0 {
				time.Sleep(c.want - time.Nanosecond)
				asks(0, "before the answer is too old")
				time.Sleep(time.Nanosecond)
			}
			asks(1, "once the answer is too old")
			op.Edit("introspection", func(answer object) { answer["token_use"] = "refresh_token" })
			wantReason(t, guard, token, middleware.TypeNotAllowed, middleware.FreshIntrospection(0))
			wantReason(t, guard, token, middleware.TypeNotAllowed)
		})
	}
}

// TestRememberedAnswersAreJudged by time and audience at each request, as tokens are.
func TestRememberedAnswersAreJudged(t *testing.T) {
	t.Parallel()
	op, guard := setupOpaque(t)
	now := time.Now()
	for want, c := range map[middleware.Reason]struct {
		expiry, notBefore time.Time
		audience          string
	}{
		"":                          {time.Time{}, now, oidctest.DefaultResource},
		middleware.TokenExpired:     {now.Add(-time.Hour), now, oidctest.DefaultResource},
		middleware.TokenNotYetValid: {now.Add(time.Hour), now.Add(time.Hour), oidctest.DefaultResource},
		middleware.AudienceMismatch: {now.Add(time.Hour), now, "https://other.example.test"},
	} {
		token := op.AccessToken(nil)
		wantReason(t, guard, token, "")
		check.True(t, guard.Remembers(token), "the answer is not remembered")
		guard.Rewrite(token, c.expiry, c.notBefore, c.audience)
		wantReason(t, guard, token, want)
	}
	check.Equal(t, op.Requests("introspect"), 4, "introspection requests")
}

// TestRememberedNotBefore: nbf counts, and where it is missing iat.
func TestRememberedNotBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setupOpaque(t)
		issued := time.Now()
		without, with := op.AccessToken(nil), op.AccessToken(nil)
		time.Sleep(time.Minute)
		wantReason(t, guard, without, "")
		check.True(t, guard.NotBefore(without).Equal(issued), "iat is remembered as %v", guard.NotBefore(without))
		later := issued.Add(10 * time.Second)
		op.Edit("introspection", func(answer object) { answer["nbf"] = later.Unix() })
		wantReason(t, guard, with, "")
		check.True(t, guard.NotBefore(with).Equal(later), "nbf is remembered as %v", guard.NotBefore(with))
	})
}

// TestRefusalsAreNotUndone: who was woken by an older answer does not make a token valid again, of which a newer question
// has learnt that it has ended.
func TestRefusalsAreNotUndone(t *testing.T) {
	t.Parallel()
	for range 5 {
		synctest.Test(t, func(t *testing.T) {
			op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
			cfg := forProvider(op)
			cfg.HTTPClient.Transport = &firstSlow{RoundTripper: cfg.HTTPClient.Transport}
			byIntrospection(&cfg)
			guard := newGuard(t, cfg)
			token := op.AccessToken(nil)
			ask := func(p ...middleware.Policy) error {
				_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token}, p...)
				return err
			}
			var wg sync.WaitGroup
			for range 500 {
				wg.Go(func() { check.NoError(t, ask()) })
			}
			synctest.Wait()
			op.Edit("introspection", func(answer object) {
				if op.Requests("introspect") > 1 {
					clear(answer)
					answer["active"] = false
				}
			})
			wg.Go(func() {
				check.Equal(t, reasonOf(t, ask(middleware.FreshIntrospection(0))), middleware.TokenInactive, "reason on a fresh route")
			})
			wg.Wait()
			check.Equal(t, reasonOf(t, ask()), middleware.TokenInactive, "reason once the token has ended")
			check.Equal(t, op.Requests("introspect"), 2, "introspection requests")
		})
	}
}

// firstSlow holds the first introspection request up for a second.
type firstSlow struct {
	http.RoundTripper
	asked atomic.Bool
}

func (f *firstSlow) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && !f.asked.Swap(true) {
		time.Sleep(time.Second)
	}
	return f.RoundTripper.RoundTrip(r)
}

// TestOutageForgetsNothing: a fresh route's question that nobody answers is no news about the token.
func TestOutageForgetsNothing(t *testing.T) {
	t.Parallel()
	op, guard := setupOpaque(t)
	token := op.AccessToken(nil)
	wantReason(t, guard, token, "")
	op.Fault("introspect", oidctest.Down)
	wantReason(t, guard, token, middleware.IDPUnavailable, middleware.FreshIntrospection(0))
	check.True(t, guard.Remembers(token), "the answer was forgotten")
	wantReason(t, guard, token, "")
}
