package middleware_test

import (
	"context"
	"fmt"
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

// TestAnswersAreRemembered: an introspection response is cached for CacheTTL,
// for 10 seconds without exp, never past exp, and not at all if caching is off.
// A cached response that is no longer an access token is refused.
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
			wantReason(t, guard, token, middleware.ReasonTypeNotAllowed, middleware.FreshIntrospection(0))
			wantReason(t, guard, token, middleware.ReasonTypeNotAllowed)
		})
	}
}

// TestRememberedAnswersAreJudged: a cached response is checked for times and
// audience on each request.
func TestRememberedAnswersAreJudged(t *testing.T) {
	t.Parallel()
	op, guard := setupOpaque(t)
	now := time.Now()
	for want, c := range map[middleware.Reason]struct {
		expiry, notBefore time.Time
		audience          string
	}{
		"":                                {time.Time{}, now, oidctest.DefaultResource},
		middleware.ReasonTokenExpired:     {now.Add(-time.Hour), now, oidctest.DefaultResource},
		middleware.ReasonTokenNotYetValid: {now.Add(time.Hour), now.Add(time.Hour), oidctest.DefaultResource},
		middleware.ReasonAudienceMismatch: {now.Add(time.Hour), now, "https://other.example.test"},
	} {
		token := op.AccessToken(nil)
		wantReason(t, guard, token, "")
		check.True(t, guard.Remembers(token), "the answer is not remembered")
		guard.Rewrite(token, c.expiry, c.notBefore, c.audience)
		wantReason(t, guard, token, want)
	}
	check.Equal(t, op.Requests("introspect"), 4, "introspection requests")
}

// TestRememberedNotBefore: nbf counts, or else iat.
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

// TestRefusalsAreNotUndone: a request that waited for an older response does
// not make a token valid again that a newer response has found inactive.
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
				check.Equal(t, reasonOf(t, ask(middleware.FreshIntrospection(0))), middleware.ReasonTokenInactive, "reason on a fresh route")
			})
			wg.Wait()
			check.Equal(t, reasonOf(t, ask()), middleware.ReasonTokenInactive, "reason once the token has ended")
			check.Equal(t, op.Requests("introspect"), 2, "introspection requests")
		})
	}
}

// firstSlow delays the first introspection request by a second.
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

// TestHowManyAnswersAreRemembered: as many responses as tokens are cached,
// unless Introspection.MaxEntries is set.
func TestHowManyAnswersAreRemembered(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ size, entries, want int }{{0, 0, 40}, {-1, 0, 40}, {20, 0, 20}, {20, 100, 40}, {100, 20, 20}} {
		op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
		cfg := forProvider(op)
		byIntrospection(&cfg)
		cfg.TokenCacheSize, cfg.Introspection.MaxEntries = c.size, c.entries
		guard := newGuard(t, cfg)
		var tokens []string
		for range 40 {
			tokens = append(tokens, op.AccessToken(nil))
			wantReason(t, guard, tokens[len(tokens)-1], "")
		}
		got := 0
		for _, token := range tokens {
			if guard.Remembers(token) {
				got++
			}
		}
		check.Equal(t, got, c.want, fmt.Sprintf("answers remembered with TokenCacheSize %d and MaxEntries %d", c.size, c.entries))
	}
}

// TestTokensAreToldApart: the cached result of one token never serves another,
// with or without a token cache.
func TestTokensAreToldApart(t *testing.T) {
	t.Parallel()
	for _, size := range []int{-1, 0} {
		for _, mode := range []middleware.Mode{middleware.ModeAuto, middleware.ModeIntrospection, middleware.ModeBoth} {
			for _, opaque := range []bool{true, false} {
				if opaque && mode == middleware.ModeBoth {
					continue
				}
				op := newProvider(oidctest.Config{OpaqueAccessTokens: opaque})
				cfg := forProvider(op)
				byIntrospection(&cfg)
				cfg.Mode, cfg.TokenCacheSize = mode, size
				guard := newGuard(t, cfg)
				tokens := map[string]string{"alice": op.AccessToken(nil), "bob": op.AccessToken(object{"sub": "bob"})}
				for range 2 {
					for subject, token := range tokens {
						p, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token})
						check.NoError(t, err)
						check.Equal(t, p.Subject, subject, "Subject")
						check.Equal(t, principalOf(t, guard, token).Subject, subject, "Subject over HTTP")
					}
				}
				_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: "made-up"})
				check.True(t, err != nil, "a made-up token is accepted")
			}
		}
	}
}

// TestAnswersForNobody: a response counts for the next request, even if the
// caller that caused it has gone when it arrives.
func TestAnswersForNobody(t *testing.T) {
	t.Parallel()
	another := func(member string, value any) func(object) {
		return func(a object) {
			if a[member] = value; value == nil {
				delete(a, member)
			}
		}
	}
	for name, c := range map[string]struct {
		known bool // the token is already cached
		edit  func(object)
		want  middleware.Reason
		asked int // introspection requests after the next request
	}{
		"active":                    {false, func(object) {}, "", 1},
		"active again":              {true, func(object) {}, "", 2},
		"no longer active":          {true, func(a object) { clear(a); a["active"] = false }, middleware.ReasonTokenInactive, 2},
		"not active":                {false, func(a object) { clear(a); a["active"] = false }, middleware.ReasonTokenInactive, 1},
		"another audience":          {false, another("aud", "x"), middleware.ReasonAudienceMismatch, 1},
		"no audience":               {false, another("aud", nil), middleware.ReasonAudienceMismatch, 1},
		"an empty audience":         {false, another("aud", ""), middleware.ReasonAudienceMismatch, 1},
		"no audience any more":      {true, another("aud", nil), middleware.ReasonAudienceMismatch, 2},
		"another issuer":            {false, another("iss", "https://evil.example.test"), middleware.ReasonIssuerUntrusted, 1},
		"another issuer than ever":  {true, another("iss", "https://evil.example.test"), middleware.ReasonIssuerUntrusted, 2},
		"no access token":           {false, another("token_use", "refresh_token"), middleware.ReasonTypeNotAllowed, 1},
		"no access token any more":  {true, another("token_use", "refresh_token"), middleware.ReasonTypeNotAllowed, 2},
		"bound":                     {false, another("cnf", object{"jkt": "x"}), middleware.ReasonBindingMissing, 1},
		"another tenant":            {false, another("tenant", "globex"), middleware.ReasonTenantUnknown, 1},
		"too long a life":           {false, func(a object) { a["exp"] = time.Now().Add(48 * time.Hour).Unix() }, middleware.ReasonTokenMalformed, 1},
		"a garbled answer, unknown": {false, another("active", "true"), "", 2},
		"a garbled answer, known":   {true, another("active", "true"), "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
				cfg := forProvider(op)
				byIntrospection(&cfg)
				cfg.MaxLifetime = 24 * time.Hour
				cfg.Tenant = &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme"}}
				guard := newGuard(t, cfg)
				token := op.AccessToken(object{"tenant": "acme"})
				check.NoError(t, guard.Ready(t.Context()))
				if c.known {
					wantReason(t, guard, token, "")
				}
				op.Edit("introspection", c.edit)
				op.Fault("introspect", oidctest.Slow(time.Second))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
				defer cancel()
				_, err := guard.Authenticate(ctx, middleware.Credential{Token: token}, middleware.FreshIntrospection(0))
				check.Equal(t, reasonOf(t, err), middleware.ReasonProviderUnavailable, "reason for the one who leaves")
				time.Sleep(time.Second)
				op.Clear()
				_, err = guard.Authenticate(t.Context(), middleware.Credential{Token: token})
				check.Equal(t, reasonOf(t, err), c.want, "reason")
				check.Equal(t, op.Requests("introspect"), c.asked, "introspection requests")
				w, _ := serve(guard.Wrap, get(token))
				check.Equal(t, w.Code == http.StatusNoContent, c.want == "", "accepted over HTTP")
			})
		})
	}
}

// TestOutageForgetsNothing: a fresh introspection that gets no response does
// not change what is cached.
func TestOutageForgetsNothing(t *testing.T) {
	t.Parallel()
	op, guard := setupOpaque(t)
	token := op.AccessToken(nil)
	wantReason(t, guard, token, "")
	op.Fault("introspect", oidctest.Down)
	wantReason(t, guard, token, middleware.ReasonProviderUnavailable, middleware.FreshIntrospection(0))
	check.True(t, guard.Remembers(token), "the answer was forgotten")
	wantReason(t, guard, token, "")
}
