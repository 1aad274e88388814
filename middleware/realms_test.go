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

// TestProvenRealmIsNoLie: when the discovery document of a realm whose tokens were verified is a 404, that is an outage.
// The realm is there, and a 401 would sign its users out.
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

// TestTokensOfAnEvictedSource: a token that was verified by a source which has gone is verified again, by the source that
// is in its place. The old one would go on with keys that nobody refreshes.
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
		first.RotateKeys() // the key of old is withdrawn
		check.Equal(t, all.try(t, guard, "t0"), "", "reason for a token of the new key")
		check.Equal(t, first.Requests("discovery"), 2, "discovery of t0, whose source had gone")
		wantReason(t, guard, old, middleware.ReasonKeyUnknown)
	})
}

// TestMissingBeforeItsSuccessor: a source that has gone, and learns late that its realm had no document, says nothing
// about the source that is in its place.
func TestMissingBeforeItsSuccessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, names := crowd(101)
		var asked atomic.Int64
		cfg := all.config(anyTenant())
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			switch {
			case !strings.Contains(r.URL.Path, "/t100/"):
			case asked.Add(1) == 1: // before the realm was made
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
		(&flood{tb: t, guard: guard}).send(1) // its source goes
		ask()
		check.Equal(t, <-answers, middleware.ReasonIssuerUntrusted, "reason before the realm was made")
		check.Equal(t, <-answers, "", "reason after")
		check.Equal(t, all.try(t, guard, "t100"), "", "reason for the next token")
		check.Equal(t, asked.Load(), 3, "requests to the realm")
	})
}
