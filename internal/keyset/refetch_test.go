package keyset_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/keyset"
)

func TestUnknownKidRefetchesAndRetriesInTheSameRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, fresh := newSigner(t, "ES256", "old"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, old)}
		s := newSource(srv)
		accepted(t, s, old.token(t, nil)) // the first fetch does not count:
		srv.body = publish(t, old, fresh)
		accepted(t, s, fresh.token(t, nil)) // rotated right after start-up
		check.Equal(t, srv.requests.Load(), 2, "requests")
	})
}

func TestAThousandUnknownKidsFetchOnceInThirtySeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newSigner(t, "ES256", "k")
		srv := &server{body: publish(t, k), delay: 100 * time.Millisecond}
		s := newSource(srv)
		accepted(t, s, k.token(t, nil))
		for i := range 10 { // 300 s, less than 80 % of the lifetime: no scheduled refresh
			began := time.Now()
			var wg sync.WaitGroup
			for n := range 100 {
				junk := k.token(t, map[string]any{"kid": fmt.Sprint("junk ", i, n)})
				wg.Go(func() {
					if _, err := s.Verify(t.Context(), junk); !errors.Is(err, keyset.ErrKeyUnknown) {
						t.Errorf("error %v", err)
					}
				})
			}
			wg.Wait()
			check.Equal(t, srv.requests.Load(), int64(2+i), "requests")
			for n := range 100 { // no sleeping: the budget is spent, so the answer comes at once
				unknown(t, s, k.token(t, map[string]any{"kid": fmt.Sprint("late ", i, n)}))
			}
			check.Equal(t, time.Since(began), 100*time.Millisecond, "time taken")
			check.Equal(t, srv.requests.Load(), int64(2+i), "requests")
			advance(30*time.Second - 100*time.Millisecond)
		}
	})
}

func TestJunkKidsCannotStopARotation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, fresh := newSigner(t, "ES256", "old"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, old)}
		s := newSource(srv)
		accepted(t, s, old.token(t, nil))
		n := 0
		attack := func() {
			n++
			unknown(t, s, old.token(t, map[string]any{"kid": fmt.Sprint("junk ", n)}))
		}
		for range 100 {
			attack()
			advance(700 * time.Millisecond)
		}
		srv.body = publish(t, old, fresh)
		rotated := time.Now()
		for {
			attack()
			if _, err := s.Verify(t.Context(), fresh.token(t, nil)); err == nil {
				break
			}
			check.True(t, time.Since(rotated) <= 30*time.Second, "the new key is not accepted after %v", time.Since(rotated))
			advance(100 * time.Millisecond)
		}
	})
}

func TestAThousandBadSignaturesFetchNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, forger := newSigner(t, "ES256", "k"), newSigner(t, "ES256", "k")
		srv := &server{body: publish(t, k)}
		s := newSource(srv)
		accepted(t, s, k.token(t, nil))
		forged := forger.token(t, nil)
		for range 1000 {
			invalid(t, s, forged)
		}
		synctest.Wait()
		check.Equal(t, srv.requests.Load(), 1, "requests")
	})
}

func TestConcurrentTokensOfANewKeyShareOneRefetch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, fresh := newSigner(t, "ES256", "old"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, old)}
		s := newSource(srv)
		accepted(t, s, old.token(t, nil))
		srv.body, srv.delay = publish(t, old, fresh), time.Second
		token := fresh.token(t, nil)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				<-time.After(time.Duration(i) * 2 * time.Millisecond) // before, during and after the refetch
				if _, err := s.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		check.Equal(t, srv.requests.Load(), 2, "requests")
	})
}

func TestATokenWhoseKeyArrivedWhileItWasJudgedIsAccepted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, fresh := newSigner(t, "ES256", "old"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, old)}
		s := newSource(srv)
		accepted(t, s, old.token(t, nil))
		goOn := s.Begin(fresh.token(t, nil))
		srv.body = publish(t, old, fresh)
		accepted(t, s, fresh.token(t, nil)) // spends the budget
		_, err := goOn(t.Context())
		check.NoError(t, err)
		check.Equal(t, srv.requests.Load(), 2, "requests")
	})
}

func TestABackoffSpendsNoBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, fresh := newSigner(t, "ES256", "old"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, old)}
		s := newSource(srv)
		accepted(t, s, old.token(t, nil))
		srv.status = 503
		advance(14 * time.Minute)
		accepted(t, s, old.token(t, nil)) // starts a refresh, which fails; the set is fresh for another minute
		synctest.Wait()
		unknown(t, s, fresh.token(t, nil))
		check.Equal(t, srv.requests.Load(), 2, "requests")
		srv.status, srv.body = 0, publish(t, fresh)
		advance(1200 * time.Millisecond)
		accepted(t, s, fresh.token(t, nil))
	})
}

// A refetch that failed proves nothing about the keys: the backoff alone
// decides when a rotated key is found.
func TestAFailedRefetchDoesNotSpendTheBudget(t *testing.T) {
	for name, fail := range map[string]func(*server){
		"down":     func(srv *server) { srv.status = 503 },
		"gone":     func(srv *server) { srv.status = 404 },
		"garbage":  func(srv *server) { srv.body = "<html>" },
		"no keys":  func(srv *server) { srv.body = `{"keys":[]}` },
		"too slow": func(srv *server) { srv.delay = time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				old, fresh := newSigner(t, "ES256", "old"), newSigner(t, "ES256", "new")
				srv := &server{body: publish(t, old)}
				s := newSource(srv)
				accepted(t, s, old.token(t, nil))
				fail(srv)
				unknown(t, s, fresh.token(t, nil))
				check.Equal(t, srv.requests.Load(), 2, "requests")
				synctest.Wait() // the fetch that was given up reads the server too
				srv.status, srv.delay, srv.body = 0, 0, publish(t, old, fresh)
				unknown(t, s, fresh.token(t, nil)) // within the backoff
				check.Equal(t, srv.requests.Load(), 2, "requests within the backoff")
				advance(1200 * time.Millisecond)
				accepted(t, s, fresh.token(t, nil))
				check.Equal(t, srv.requests.Load(), 3, "requests")
				unknown(t, s, fresh.token(t, map[string]any{"kid": "junk"})) // this refetch succeeded, and counts
				check.Equal(t, srv.requests.Load(), 3, "requests after a refetch that succeeded")
			})
		})
	}
}

func TestJunkKidsFetchOncePerBackoffStepWhileTheEndpointFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newSigner(t, "ES256", "k")
		srv := &server{body: publish(t, k)}
		srv.header = http.Header{"Cache-Control": {"max-age=3600"}} // no scheduled refresh meanwhile
		s := newSource(srv)
		accepted(t, s, k.token(t, nil))
		srv.status = 503
		began := time.Now()
		var at []time.Duration // of the failed fetches
		for i := range 1000 {  // for five minutes
			unknown(t, s, k.token(t, map[string]any{"kid": fmt.Sprint("junk ", i)}))
			if n := int(srv.requests.Load()) - 1; n > len(at) {
				check.Equal(t, n, len(at)+1, "fetches at once")
				at = append(at, time.Since(began))
			}
			advance(300 * time.Millisecond)
		}
		for i, least := 1, time.Second; i < len(at); i, least = i+1, min(2*least, time.Minute) {
			check.True(t, at[i]-at[i-1] >= least, "fetch %d came %v after the one before, want at least %v", i, at[i]-at[i-1], least)
		}
		check.True(t, len(at) >= 8 && len(at) <= 11, "%d fetches in five minutes: %v", len(at), at)
	})
}

func TestReadersDoNotWaitForTheRefetch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newSigner(t, "ES256", "k")
		srv := &server{body: publish(t, k)}
		s := newSource(srv)
		accepted(t, s, k.token(t, nil))
		srv.delay = time.Second
		go func() { _, _ = s.Verify(t.Context(), k.token(t, map[string]any{"kid": "junk"})) }()
		synctest.Wait()
		check.Equal(t, srv.requests.Load(), 2, "requests")
		began := time.Now()
		accepted(t, s, k.token(t, nil))
		check.NoError(t, s.Ready(t.Context()))
		check.Equal(t, time.Since(began), 0, "time waited")
		advance(time.Second)
	})
}

func TestScheduledRefreshesDoNotSpendTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, fresh := newSigner(t, "ES256", "old"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, old)}
		s := newSource(srv)
		accepted(t, s, old.token(t, nil))
		advance(14 * time.Minute)
		accepted(t, s, old.token(t, nil))
		synctest.Wait()
		check.Equal(t, srv.requests.Load(), 2, "requests after the scheduled refresh")
		srv.body = publish(t, fresh)
		accepted(t, s, fresh.token(t, nil))
		check.Equal(t, srv.requests.Load(), 3, "requests")
	})
}

func TestAStaleSetIsRenewedForAnUnknownKidWhateverTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, fresh := newSigner(t, "ES256", "k"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, k)}
		s := newSource(srv)
		accepted(t, s, k.token(t, nil))
		srv.body = publish(t, fresh)
		advance(6 * time.Hour) // nobody came
		accepted(t, s, fresh.token(t, nil))
		check.Equal(t, srv.requests.Load(), 2, "requests")
	})
}

func TestTheCallerLeavesAndTheRefetchIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, fresh := newSigner(t, "ES256", "k"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, k)}
		s := newSource(srv)
		accepted(t, s, k.token(t, nil))
		srv.body, srv.delay = publish(t, fresh), 2*time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Verify(ctx, fresh.token(t, nil))
		check.Error(t, err, keyset.ErrKeyUnknown)
		check.Error(t, err, context.DeadlineExceeded)
		began := time.Now()
		accepted(t, s, fresh.token(t, nil)) // the next one joins it
		check.Equal(t, time.Since(began), time.Second, "time waited")
		check.Equal(t, srv.requests.Load(), 2, "requests")
	})
}
