package middleware_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
)

// TestProvenRealmIsNoLie: if the discovery document of a realm with valid
// tokens becomes a 404, that is an outage. A 401 would sign out its users.
func TestProvenRealmIsNoLie(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, names := crowd(102)
		guard := newGuard(t, all.config(anyTenant()))
		for _, tenant := range names {
			check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
			time.Sleep(time.Second)
		}
		check.Equal(t, all.providers["t0"].Requests("discovery"), 1, "discovery of t0")
		all.providers["t0"].Fault("discovery", func(w http.ResponseWriter, r *http.Request) bool {
			http.NotFound(w, r)
			return true
		})
		for range 2 {
			check.Equal(t, all.try(t, guard, "t0"), middleware.ReasonProviderUnavailable, "reason while its document is a 404")
		}
		check.Equal(t, all.providers["t0"].Requests("discovery"), 2, "discovery of t0, whose source had gone")
		all.providers["t0"].Clear()
		time.Sleep(2 * time.Second)
		check.Equal(t, all.try(t, guard, "t0"), "", "reason after it")
	})
}

// TestTokensOfAnEvictedSource: a token is verified again if its source was
// evicted, because nothing refreshes the keys of that source.
func TestTokensOfAnEvictedSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, names := crowd(102)
		guard := newGuard(t, all.config(anyTenant()))
		first := all.providers["t0"]
		old := first.AccessToken(object{"tenant": "t0", "exp": time.Now().Add(time.Hour).Unix()})
		wantReason(t, guard, old, "")
		for _, tenant := range names[1:] {
			check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
			time.Sleep(time.Second)
		}
		first.RotateKeys() // withdraws the key of old
		check.Equal(t, all.try(t, guard, "t0"), "", "reason for a token of the new key")
		check.Equal(t, first.Requests("discovery"), 2, "discovery of t0, whose source had gone")
		wantReason(t, guard, old, middleware.ReasonKeyUnknown)
	})
}

// TestMissingBeforeItsSuccessor: an evicted source whose document turns out to
// be missing does not affect the source that replaced it.
func TestMissingBeforeItsSuccessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, names := crowd(101)
		var asked atomic.Int64
		cfg := all.config(anyTenant())
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			switch {
			case !strings.Contains(r.URL.Path, "/t100/"):
			case asked.Add(1) == 1: // before the realm exists
				time.Sleep(time.Second)
				r = r.Clone(r.Context())
				r.URL.Path = "/realms/t/"
			case strings.HasSuffix(r.URL.Path, "/jwks"):
				time.Sleep(2 * time.Second)
			}
			return all.RoundTrip(r)
		})}
		guard := newGuard(t, cfg)
		for _, tenant := range names[:100] {
			check.Equal(t, all.try(t, guard, tenant), "", "reason for "+tenant)
			time.Sleep(100 * time.Millisecond)
		}
		answers := make(chan middleware.Reason)
		ask := func() {
			go func() { answers <- all.try(t, guard, "t100") }()
			synctest.Wait()
		}
		ask()
		(&flood{tb: t, guard: guard}).send(1) // evicts its source
		ask()
		check.Equal(t, <-answers, middleware.ReasonIssuerUntrusted, "reason before the realm was made")
		check.Equal(t, <-answers, "", "reason after")
		check.Equal(t, all.try(t, guard, "t100"), "", "reason for the next token")
		check.Equal(t, asked.Load(), 3, "requests to the realm")
	})
}
