package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
)

// crowd returns realms of n tenants: t0, t1 and so on.
func crowd(n int) (all *realms, names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("t", i))
	}
	return newRealms(names...), names
}

// try sends a new token of the tenant's realm.
func (f *realms) try(tb testing.TB, guard *middleware.Guard, tenant string) middleware.Reason {
	tb.Helper()
	_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: f.providers[tenant].AccessToken(object{"tenant": tenant})})
	return reasonOf(tb, err)
}

// flood sends made-up tokens, each with the name of a realm that no token named
// before.
type flood struct {
	tb    testing.TB
	guard *middleware.Guard
	named int
}

func (f *flood) send(n int) (reasons map[middleware.Reason]int) {
	reasons = make(map[middleware.Reason]int)
	for range n {
		f.named++
		_, err := f.guard.Authenticate(context.Background(), middleware.Credential{Token: junkOf(fmt.Sprint("x", f.named))})
		reasons[reasonOf(f.tb, err)]++
	}
	return reasons
}

// junkOf returns a made-up token that names a realm.
func junkOf(tenant string) string {
	return rawToken(`{"alg":"ES256","kid":"x"}`, fmt.Sprintf(`{"iss":%q,"tenant":%q,"exp":%d}`, realmsURL+tenant, tenant, time.Now().Add(time.Hour).Unix()))
}

// TestListedTenantsSpendNothing: all listed tenants are accepted at once, and
// their keys stay.
func TestListedTenantsSpendNothing(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(*realms, []string) middleware.Config{
		"Allow": func(all *realms, names []string) middleware.Config {
			return all.config(&middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: names})
		},
		"Tenants": func(all *realms, names []string) middleware.Config {
			return all.severalIssuers(middleware.TenantPolicy{}, middleware.IssuerConfig{DiscoveryURL: realmsURL + "{tenant}", Tenants: names})
		},
		"both": func(all *realms, names []string) middleware.Config {
			return all.severalIssuers(middleware.TenantPolicy{Allow: names},
				middleware.IssuerConfig{DiscoveryURL: realmsURL + "{tenant}"}, middleware.IssuerConfig{DiscoveryURL: "https://b.example", Tenants: []string{"b"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, names := crowd(150)
				guard := newGuard(t, config(all, names))
				for range 3 {
					for _, tenant := range names {
						check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
					}
				}
				check.Equal(t, all.requests(), 2*len(names), "requests to the provider")
			})
		})
	}
}

// TestJunkDelaysNobody: made-up tokens that name fewer realms than the budget
// permits do not delay a tenant's first token.
func TestJunkDelaysNobody(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]*middleware.TenantPolicy{
		"any tenant": anyTenant(),
		"a function": {Claim: []string{"tenant"}, AllowFunc: func(_ context.Context, _, tenant string) (bool, error) {
			return strings.HasPrefix(tenant, "t"), nil
		}},
	} {
		for _, rate := range []int{20, 49} {
			t.Run(fmt.Sprint(name, " ", rate), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					all, names := crowd(40)
					guard := newGuard(t, all.config(policy))
					junk := &flood{tb: t, guard: guard}
					for _, tenant := range names {
						for range rate {
							junk.send(1)
							time.Sleep(time.Second / time.Duration(rate))
						}
						check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
					}
				})
			})
		}
	}
}

// TestProvenTenantsOutliveTheirSources: a tenant that had a valid token is
// accepted again at once, even if its source was evicted and made-up tokens
// have used up the budget of unproven tenants.
func TestProvenTenantsOutliveTheirSources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, names := crowd(150)
		guard := newGuard(t, all.config(anyTenant()))
		for _, tenant := range names {
			check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
			time.Sleep(100 * time.Millisecond)
		}
		junk := &flood{tb: t, guard: guard}
		for range 3 {
			for _, tenant := range names {
				junk.send(10)
				check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
				time.Sleep(100 * time.Millisecond)
			}
		}
		// A tenant stays known from the time when its source is evicted,
		// however old the source was.
		time.Sleep(25 * time.Hour)
		for i := range 100 { // the latest ones, which are in use
			check.Equal(t, all.try(t, guard, names[149-i]), "", "reason for "+names[149-i])
			time.Sleep(100 * time.Millisecond)
		}
		more, others := crowd(250)
		for _, tenant := range others[150:] {
			all.providers[tenant] = more.providers[tenant]
			check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
			time.Sleep(100 * time.Millisecond)
		}
		junk.send(200)
		for _, tenant := range names[50:] {
			check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant+" a day later")
		}
	})
}

// TestEvictedWhileItVerifies: made-up tokens may evict a source while it
// verifies a tenant's first token. The tenant is known all the same.
func TestEvictedWhileItVerifies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, names := crowd(101)
		cfg := all.config(anyTenant())
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "/t100/") {
				time.Sleep(time.Second)
			}
			return all.RoundTrip(r)
		})}
		guard := newGuard(t, cfg)
		for _, tenant := range names[:100] {
			check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
			time.Sleep(100 * time.Millisecond)
		}
		first := make(chan middleware.Reason)
		go func() { first <- all.try(t, guard, "t100") }()
		synctest.Wait()
		junk := &flood{tb: t, guard: guard}
		junk.send(1)
		check.Equal(t, <-first, "", "reason for the first token of t100")
		check.Equal(t, all.providers["t100"].Requests("discovery"), 1, "discovery of t100")
		junk.send(100)
		check.Equal(t, all.try(t, guard, "t100"), "", "reason for the next token of t100")
		check.Equal(t, all.providers["t100"].Requests("discovery"), 2, "discovery of t100, whose source had gone")
	})
}

// TestJunkLoadIsBounded: time bounds the requests that a flood causes, whatever
// the provider responds.
func TestJunkLoadIsBounded(t *testing.T) {
	t.Parallel()
	status := func(code int) roundTrip {
		return func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
		}
	}
	const seconds, busy, sick = 10, 30 + 10*50, 30 + 10
	for name, c := range map[string]struct {
		answer roundTrip
		most   int
	}{
		"400":          {status(400), busy},
		"404":          {status(404), busy},
		"500":          {status(500), busy}, // the name's doing, perhaps
		"not metadata": {status(200), busy},
		"429":          {status(429), sick},
		"502":          {status(502), sick},
		"503":          {status(503), sick},
		"504":          {status(504), sick},
		"unreachable":  {func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") }, sick},
		"hanging": {func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, sick},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				cfg := newRealms().config(anyTenant())
				cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					asked.Add(1)
					return c.answer(r)
				})}
				guard := newGuard(t, cfg)
				for i := range seconds * 1000 {
					go func() {
						_, _ = guard.Authenticate(t.Context(), middleware.Credential{Token: junkOf(fmt.Sprint("x", i))})
					}()
					time.Sleep(time.Millisecond)
				}
				synctest.Wait()
				got := int(asked.Load())
				check.True(t, got <= c.most && got > c.most-5, "%d requests in %d s of 1000 junk tokens/s, want %d", got, seconds, c.most)
				time.Sleep(10 * time.Second) // for requests that hang
			})
		})
	}
}

// TestTenantsReturnOnce: a source returns what it took when the provider first
// responds, and nothing when it responds again.
func TestTenantsReturnOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newRealms("good")
		var hanging atomic.Int64
		cfg := all.config(anyTenant())
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "/good/") {
				return all.RoundTrip(r)
			}
			hanging.Add(1)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		guard := newGuard(t, cfg)
		name := func(from, to int) {
			for i := from; i < to; i++ {
				go func() {
					_, _ = guard.Authenticate(t.Context(), middleware.Credential{Token: junkOf(fmt.Sprint("x", i))})
				}()
			}
			synctest.Wait()
		}
		name(0, 29)
		check.Equal(t, all.try(t, guard, "good"), "", "reason")
		check.Equal(t, all.requests(), 2, "responses to good")
		time.Sleep(100 * time.Millisecond) // for the other budget
		name(29, 34)
		check.Equal(t, hanging.Load(), 30, "requests that hang")
		time.Sleep(time.Minute)
	})
}

// TestHangingUpSpendsNothing: a caller that does not wait for the response uses
// up no budget that the response would return.
func TestHangingUpSpendsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newRealms("good", "better")
		slow := all.config(anyTenant())
		slow.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(200 * time.Millisecond)
			return all.RoundTrip(r)
		})}
		guard := newGuard(t, slow)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for i := range 200 { // before a request is sent
			_, err := guard.Authenticate(gone, middleware.Credential{Token: junkOf(fmt.Sprint("a", i))})
			check.Error(t, err, context.Canceled)
		}
		check.Equal(t, all.requests(), 0, "requests for those who had gone")
		check.Equal(t, all.try(t, guard, "good"), "", "reason")
		for i := range 60 * 20 { // while the request is in flight
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			_, _ = guard.Authenticate(ctx, middleware.Credential{Token: junkOf(fmt.Sprint("b", i))})
			cancel()
			time.Sleep(40 * time.Millisecond)
		}
		check.Equal(t, all.try(t, guard, "better"), "", "reason after a minute")
		time.Sleep(time.Second)
	})
}

// TestRefusedTokensSpendNothing: a token that can be refused without keys uses
// up no budget.
func TestRefusedTokensSpendNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newRealms("good")
		cfg := all.severalIssuers(middleware.TenantPolicy{AllowAnyTenant: true},
			middleware.IssuerConfig{DiscoveryURL: realmsURL + "{tenant}", AccessTokenAlgs: []string{"ES256"}},
			middleware.IssuerConfig{DiscoveryURL: "https://b.example", Tenants: []string{"b"}})
		guard := newGuard(t, cfg)
		for i := range 200 {
			token := strings.Replace(junkOf(fmt.Sprint("x", i)), rawHeader(`{"alg":"ES256","kid":"x"}`), rawHeader(`{"alg":"RS256","kid":"x"}`), 1)
			wantReason(t, guard, token, middleware.ReasonAlgNotAllowed)
		}
		check.Equal(t, all.requests(), 0, "requests")
		check.Equal(t, all.try(t, guard, "good"), "", "reason")
	})
}

// rawHeader returns the first part of rawToken.
func rawHeader(header string) string {
	first, _, _ := strings.Cut(rawToken(header, ""), ".")
	return first
}

// TestKnownTenantsAreBoundedToo: a function that allows every name still bounds
// the requests, and so do made-up tokens that name known tenants.
func TestKnownTenantsAreBoundedToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newRealms()
		guard := newGuard(t, all.config(&middleware.TenantPolicy{Claim: []string{"tenant"}, AllowFunc: func(context.Context, string, string) (bool, error) { return true, nil }}))
		junk := &flood{tb: t, guard: guard}
		check.DeepEqual(t, junk.send(1500), map[middleware.Reason]int{middleware.ReasonIssuerUntrusted: 1000, middleware.ReasonProviderUnavailable: 500}, "reasons")
		time.Sleep(time.Second)
		junk.send(500)
		check.Equal(t, all.requests(), 1100, "requests")
	})
	synctest.Test(t, func(t *testing.T) {
		all, names := crowd(150)
		guard := newGuard(t, all.config(anyTenant()))
		for _, tenant := range names {
			check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
			time.Sleep(time.Minute)
		}
		before := all.requests()
		for i := range 3000 { // tenants whose sources were evicted, in turn
			_, _ = guard.Authenticate(t.Context(), middleware.Credential{Token: junkOf(names[i%len(names)])})
		}
		// Three requests for each new source: its metadata, its keys, and its
		// keys again for the unknown kid. Up to two for each of the 100
		// existing sources: a refresh that was due, and the unknown kid.
		got := all.requests() - before
		check.True(t, got > 300 && got <= 3*1000+2*100, "%d requests for 3000 junk tokens with the names of tenants", got)
	})
}
