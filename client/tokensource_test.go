package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func tokenOf(t testing.TB, s oauth2.TokenSource) string {
	t.Helper()
	got, err := s.Token()
	check.NoError(t, err)
	return got.AccessToken
}

func TestTokenSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		var form url.Values
		p.Fault("token", func(_ http.ResponseWriter, r *http.Request) bool { form = bodyOf(r); return false })
		p.Edit("token_answer", func(m map[string]any) { m["refresh_token"], m["id_token"] = "r", "a.b.c" }) // this grant has neither
		c := newClient(t, p, func(cfg *client.Config) { cfg.ExtraTokenParams = url.Values{"vendor": {"x"}, "both": {"config"}} })
		s := c.ClientCredentials(client.TokenRequest{
			Scopes: []string{"read", "write"}, Resources: []string{apiResource, "https://other.example.test"}, Audience: []string{"a"},
			Extra: url.Values{"both": {"request"}},
		})
		check.Equal(t, p.Requests("token"), 0, "requests before the first use")
		first, err := s.TokenContext(t.Context())
		check.NoError(t, err)
		check.DeepEqual(t, form, url.Values{
			"grant_type": {"client_credentials"}, "scope": {"read write"}, "resource": {apiResource, "https://other.example.test"},
			"audience": {"a"}, "vendor": {"x"}, "both": {"request"},
		}, "form")
		check.Equal(t, first.TokenType, "Bearer", "type")
		check.Equal(t, first.RefreshToken, "", "refresh token")
		check.Equal(t, time.Until(first.Expiry), 5*time.Minute, "lifetime")
		check.Equal(t, tokenOf(t, s), first.AccessToken, "token")
		check.Equal(t, p.Requests("token"), 1, "requests")
	})
}

// A token that is due is renewed behind the reader's back; an expired one is waited for.
func TestTokenSourceRenewsEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		s := newClient(t, p).ClientCredentials(client.TokenRequest{})
		first := tokenOf(t, s)
		time.Sleep(3*time.Minute + 59*time.Second) // of five, a minute early
		check.Equal(t, tokenOf(t, s), first, "token before it is due")
		synctest.Wait()
		check.Equal(t, p.Requests("token"), 1, "requests")
		time.Sleep(14 * time.Second)
		check.Equal(t, tokenOf(t, s), first, "token when due")
		synctest.Wait()
		check.Equal(t, p.Requests("token"), 2, "requests")
		second := tokenOf(t, s)
		check.True(t, second != first, "the old token is still served")
		time.Sleep(time.Hour)
		check.True(t, tokenOf(t, s) != second, "an expired token is served")
		check.Equal(t, p.Requests("token"), 3, "requests")
	})
}

// Readers wait for a renewal when the token could expire on its way.
func TestTokenSourceUrgent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		s := newClient(t, p).ClientCredentials(client.TokenRequest{})
		first := tokenOf(t, s)
		p.Fault("token", oidctest.Slow(100*time.Millisecond))
		time.Sleep(5*time.Minute - 3*time.Second)
		check.True(t, tokenOf(t, s) != first, "a token about to expire is served")
		time.Sleep(5*time.Minute - 3*time.Second)
		p.Fault("token", oidctest.Down)
		second := tokenOf(t, s)
		check.Equal(t, tokenOf(t, s), second, "the token that is still valid")
	})
}

func TestTokenSourceKeepsOldWhileRenewalFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		log := new(logBuffer)
		s := newClient(t, p, func(cfg *client.Config) { cfg.Logger = log.logger() }).ClientCredentials(client.TokenRequest{})
		first := tokenOf(t, s)
		p.Fault("token", oidctest.Down)
		time.Sleep(4*time.Minute + 15*time.Second)
		for range 44 {
			check.Equal(t, tokenOf(t, s), first, "token")
			synctest.Wait()
			time.Sleep(time.Second)
		}
		n := p.Requests("token")
		check.True(t, n > 2 && n <= 8, "%d requests in 44 s of failing", n)
		check.Contains(t, log.String(), "could not be renewed")
		time.Sleep(time.Minute)
		_, err := s.Token()
		wantError(t, err, client.KindUnreachable, "")
		p.Clear()
		time.Sleep(30 * time.Second)
		check.True(t, tokenOf(t, s) != first, "the expired token")
	})
}

// 1000 callers, token missing: one request when the endpoint is up, one per backoff step when it is down.
func TestTokenSourceCoalesces(t *testing.T) {
	t.Parallel()
	for _, down := range []bool{false, true} {
		t.Run(fmt.Sprintf("down %t", down), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				p.Fault("token", oidctest.Slow(time.Second))
				if down {
					p.Fault("token", oidctest.Down)
				}
				s := newClient(t, p).ClientCredentials(client.TokenRequest{})
				crowd := func() (failed int64) {
					var wg sync.WaitGroup
					var failures atomic.Int64
					for range 1000 {
						wg.Go(func() {
							if _, err := s.TokenContext(t.Context()); err != nil {
								failures.Add(1)
							}
						})
					}
					wg.Wait()
					return failures.Load()
				}
				want := int64(0)
				if down {
					want = 1000
				}
				check.Equal(t, crowd(), want, "failures")
				check.Equal(t, crowd(), want, "failures within the backoff")
				check.Equal(t, p.Requests("token"), 1, "requests")
				if !down {
					return
				}
				time.Sleep(1200 * time.Millisecond)
				crowd()
				check.Equal(t, p.Requests("token"), 2, "requests after the first backoff step")
				p.Clear()
				time.Sleep(2400 * time.Millisecond)
				check.Equal(t, crowd(), 0, "failures once the endpoint is back")
				check.Equal(t, p.Requests("token"), 3, "requests")
			})
		})
	}
}

// A waiter leaves on its own context; the request goes on for the others.
func TestTokenSourceWaitersLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		p.Fault("token", oidctest.Slow(3*time.Second))
		s := newClient(t, p).ClientCredentials(client.TokenRequest{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.TokenContext(ctx) // the one that started the request
		check.Error(t, err, context.DeadlineExceeded)
		check.Equal(t, time.Since(start), time.Second, "wait")
		wantError(t, err, client.KindUnreachable, "")
		_, err = s.TokenContext(ctx)
		check.Error(t, err, context.DeadlineExceeded)
		tokenOf(t, s)
		check.Equal(t, time.Since(start), 3*time.Second, "wait of the patient one")
		check.Equal(t, p.Requests("token"), 1, "requests")
		_, err = s.TokenContext(ctx) // a valid token needs no waiting
		check.NoError(t, err)
	})
}

func TestTokenSourceStalledEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		p.Fault("token", oidctest.Stall)
		s := newClient(t, p).ClientCredentials(client.TokenRequest{})
		start := time.Now()
		_, err := s.Token()
		wantError(t, err, client.KindUnreachable, "")
		check.Error(t, err, context.DeadlineExceeded)
		check.True(t, time.Since(start) <= 30*time.Second, "waited %v", time.Since(start))
	})
}

func TestTokenSourceRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		p.Fault("token", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		})
		s := newClient(t, p).ClientCredentials(client.TokenRequest{})
		_, err := s.Token()
		check.Equal(t, wantError(t, err, client.KindUnreachable, "").RetryAfter, 20*time.Second, "retry after")
		time.Sleep(19 * time.Second)
		_, err = s.Token()
		check.True(t, err != nil, "no error")
		check.Equal(t, p.Requests("token"), 1, "requests")
		time.Sleep(2 * time.Second)
		_, _ = s.Token()
		check.Equal(t, p.Requests("token"), 2, "requests")
	})
}

func TestTokenSourceFor(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	s := newClient(t, p).ClientCredentials(client.TokenRequest{Resources: []string{apiResource}})
	check.True(t, s.For(client.TokenRequest{Resources: []string{apiResource}}) == s, "not the same source")
	other := s.For(client.TokenRequest{Resources: []string{"https://other.example.test"}})
	check.True(t, other != s, "another request, the same source")
	check.True(t, tokenOf(t, other) != tokenOf(t, s), "the same token for two resources")
	check.Equal(t, tokenOf(t, s.For(client.TokenRequest{Resources: []string{"https://other.example.test"}})), tokenOf(t, other), "token")
	check.Equal(t, p.Requests("token"), 2, "requests")
	for i := range 500 { // no more than a hundred are kept, and the ones handed out go on working
		s.For(client.TokenRequest{Audience: []string{fmt.Sprint(i)}})
	}
	check.Equal(t, tokenOf(t, other.For(client.TokenRequest{Scopes: []string{"x"}})) != "", true, "token")
	check.True(t, tokenOf(t, other) != "", "token of a forgotten source")
	check.Equal(t, p.Requests("token"), 3, "requests")
}

func TestTokenSourceInvalidate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		s := newClient(t, p).ClientCredentials(client.TokenRequest{})
		first := tokenOf(t, s)
		s.Invalidate("another")
		check.Equal(t, tokenOf(t, s), first, "token after another was invalidated")
		s.Invalidate(first)
		second := tokenOf(t, s)
		check.True(t, second != first, "the invalidated token is served")
		s.Invalidate(first)
		s.Invalidate(second) // within the backoff step
		check.Equal(t, tokenOf(t, s), second, "token")
		check.Equal(t, p.Requests("token"), 2, "requests")
		n := 2
		for range 100 { // an API that refuses everything, for 100 s
			time.Sleep(time.Second)
			s.Invalidate(tokenOf(t, s))
		}
		tokenOf(t, s)
		n = p.Requests("token") - n
		check.True(t, n >= 4 && n <= 9, "%d forced renewals in 100 s", n)
	})
}

func TestTokenSourceBadRequest(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	for name, r := range map[string]client.TokenRequest{
		"scope": {Scopes: []string{"a b"}}, "resource": {Resources: []string{"api"}}, "audience": {Audience: []string{""}},
		"reserved": {Extra: url.Values{"grant_type": {"password"}}},
	} {
		_, err := c.ClientCredentials(r).Token()
		check.True(t, err != nil, "%s is accepted", name)
		wantError(t, err, client.KindConfig, "")
	}
	check.Equal(t, p.Requests("token"), 0, "requests")
}

func TestTokenSourceRefused(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	s := newClient(t, p, func(cfg *client.Config) { cfg.ClientSecret = "wr%ng+secret" }).ClientCredentials(client.TokenRequest{})
	_, err := s.Token()
	e := wantError(t, err, client.KindRefused, "")
	check.Equal(t, e.Code, "invalid_client", "code")
	check.Contains(t, e.Error(), "client_secret_post")
	check.Lacks(t, e.Error(), "wr%ng", "wr%25ng")
	check.True(t, !errors.Is(err, client.ErrReauthRequired), "a service has nobody to sign in again")
}

// Some providers ignore resource: it is said, for the API's refusal would be a riddle.
func TestTokenSourceSaysWhenAudienceDiffers(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	log := new(logBuffer)
	c := newClient(t, p, func(cfg *client.Config) { cfg.Logger = log.logger() })
	tokenOf(t, c.ClientCredentials(client.TokenRequest{Resources: []string{apiResource}}))
	check.Lacks(t, log.String(), "aud")
	p.Edit("access_token", set("aud", "account"))
	tokenOf(t, c.ClientCredentials(client.TokenRequest{Resources: []string{apiResource}}))
	check.Contains(t, log.String(), "aud", "account", apiResource)
}

// Once a day for each API, not at every renewal.
func TestTokenSourceSaysSeldomThatAudienceDiffers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		p.Edit("access_token", set("aud", "account"))
		log := new(logBuffer)
		c := newClient(t, p, func(cfg *client.Config) { cfg.Logger = log.logger() })
		s := c.ClientCredentials(client.TokenRequest{Resources: []string{apiResource}})
		said := func(want int) {
			t.Helper()
			tokenOf(t, s)
			tokenOf(t, c.ClientCredentials(client.TokenRequest{Resources: []string{apiResource}}))
			check.Equal(t, strings.Count(log.String(), "lacks what was asked for"), want, "warnings")
		}
		for range 20 {
			said(1)
			time.Sleep(time.Hour)
		}
		tokenOf(t, c.ClientCredentials(client.TokenRequest{Resources: []string{"https://other.example.test"}}))
		said(2)
		time.Sleep(4 * time.Hour)
		said(3)
	})
}

// A valid token is read without allocation.
func TestTokenSourceAllocations(t *testing.T) {
	p := newProvider(t)
	s := newClient(t, p).ClientCredentials(client.TokenRequest{})
	tokenOf(t, s)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = s.TokenContext(ctx) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = s.Token() }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkTokenSource(b *testing.B) {
	p := newProvider(b)
	s := newClient(b, p).ClientCredentials(client.TokenRequest{})
	tokenOf(b, s)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = s.TokenContext(context.Background())
		}
	})
}

func TestTokenSourcePrints(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	s := newClient(t, p).ClientCredentials(client.TokenRequest{Extra: url.Values{"key": {"canary"}}})
	secret := tokenOf(t, s)
	check.Lacks(t, fmt.Sprintf("%v %+v %#v %s", s, s, s, struct{ S *client.TokenSource }{s}), secret, "canary")
	check.True(t, strings.Contains(fmt.Sprint(s), "redacted"), "not redacted")
}
