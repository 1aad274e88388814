package middleware_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// TestCacheEnds: a verified token is cached until its exp, for five minutes, or
// while its key is published, whichever ends first.
func TestCacheEnds(t *testing.T) {
	t.Parallel()
	t.Run("exp", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			op, guard := setup(t)
			token := op.AccessToken(object{"exp": time.Now().Add(time.Minute).Unix()})
			wantReason(t, guard, token, "")
			time.Sleep(59 * time.Second)
			check.True(t, guard.Remembers(token), "not remembered any more")
			time.Sleep(30 * time.Second) // past exp, but within the skew
			check.True(t, !guard.Remembers(token), "still remembered")
			wantReason(t, guard, token, "")
			check.True(t, !guard.Remembers(token), "remembered although it is accepted within the skew only")
			time.Sleep(time.Second)
			wantReason(t, guard, token, middleware.ReasonTokenExpired)
		})
	})
	t.Run("key withdrawn", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			op, guard := setup(t)
			old := op.AccessToken(object{"exp": time.Now().Add(time.Hour).Unix()})
			wantReason(t, guard, old, "")
			op.RotateKeys()
			wantReason(t, guard, old, "")                 // nobody has told us
			wantReason(t, guard, op.AccessToken(nil), "") // this one's unknown key does
			wantReason(t, guard, old, middleware.ReasonKeyUnknown)
		})
	})
	t.Run("five minutes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			op, guard := setup(t)
			token := op.AccessToken(object{"exp": time.Now().Add(24 * time.Hour).Unix()})
			check.True(t, !guard.Remembers(token), "remembered before it was seen")
			wantReason(t, guard, token, "")
			check.True(t, guard.Remembers(token), "not remembered")
			time.Sleep(5*time.Minute - time.Second)
			check.True(t, guard.Remembers(token), "not remembered any more")
			wantReason(t, guard, token, "") // this does not prolong it
			time.Sleep(time.Second)
			check.True(t, !guard.Remembers(token), "still remembered")
			wantReason(t, guard, token, "")
		})
	})
}

// TestHitsAreChecked: a cache hit still checks times and audience.
func TestHitsAreChecked(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	token := op.AccessToken(nil)
	wantReason(t, guard, token, "")
	soon, past := time.Now().Add(time.Minute), time.Now().Add(-time.Minute)
	for _, c := range []struct {
		expiry, notBefore time.Time
		audience          string
		want              middleware.Reason
	}{
		{soon, past, oidctest.DefaultResource, ""},
		{past, past, oidctest.DefaultResource, middleware.ReasonTokenExpired},
		{soon, soon, oidctest.DefaultResource, middleware.ReasonTokenNotYetValid},
		{soon, past, "elsewhere", middleware.ReasonAudienceMismatch},
	} {
		guard.Rewrite(token, c.expiry, c.notBefore, c.audience)
		wantReason(t, guard, token, c.want)
	}
}

// TestTimePassesWhileKeysAreFetched: the times are checked after the keys are
// fetched.
func TestTimePassesWhileKeysAreFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setup(t)
		op.Fault("jwks", oidctest.Slow(4*time.Second))
		_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: op.AccessToken(object{"exp": time.Now().Add(-27 * time.Second).Unix()})})
		check.Equal(t, reasonOf(t, err), middleware.ReasonTokenExpired, "reason")
	})
}

// TestCacheOff works without a token cache.
func TestCacheOff(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		op := newProvider(oidctest.Config{OpaqueAccessTokens: opaque})
		cfg := forProvider(op)
		byIntrospection(&cfg)
		cfg.TokenCacheSize = -1
		guard := newGuard(t, cfg)
		token := op.AccessToken(nil)
		for range 3 {
			wantReason(t, guard, token, "")
		}
	}
}

// TestCacheHoldsFacts: the cache contains facts about a token, not decisions
// about it.
func TestCacheHoldsFacts(t *testing.T) {
	t.Parallel()
	allowed := true
	asked := 0
	op, guard := setup(t, func(cfg *middleware.Config) {
		cfg.Tenant = &middleware.TenantPolicy{Claim: []string{"tenant"}, AllowFunc: func(context.Context, string, string) (bool, error) {
			asked++
			return allowed, nil
		}, Match: []middleware.TenantSource{middleware.Header("X-Tenant")}}
	})
	token := op.AccessToken(object{"tenant": "acme"})
	ask := func(named string, p ...middleware.Policy) middleware.Reason {
		_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: token, Tenants: []string{named}}, p...)
		return reasonOf(t, err)
	}
	for range 2 {
		check.Equal(t, ask("acme"), middleware.Reason(""), "reason")
		check.Equal(t, ask("globex"), middleware.ReasonTenantMismatch, "reason")
		check.Equal(t, ask("acme", middleware.Scopes("x")), middleware.ReasonInsufficientScope, "reason")
	}
	check.Equal(t, asked, 6, "questions to AllowFunc")
	allowed = false
	check.Equal(t, ask("acme"), middleware.ReasonTenantUnknown, "reason once the tenant is gone")
}
