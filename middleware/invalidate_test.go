package middleware_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// forgets are the ways to remove a token from the caches.
var forgets = map[string]func(*middleware.Guard, string){
	"Invalidate": (*middleware.Guard).Invalidate,
	"Purge":      func(g *middleware.Guard, _ string) { g.Purge() },
}

// TestForgetting removes verified and introspected tokens.
func TestForgetting(t *testing.T) {
	t.Parallel()
	for name, forget := range forgets {
		for _, mode := range []middleware.Mode{middleware.ModeAuto, middleware.ModeIntrospection, middleware.ModeBoth} {
			for _, opaque := range []bool{true, false} {
				if opaque && mode == middleware.ModeBoth {
					continue
				}
				op := newProvider(oidctest.Config{OpaqueAccessTokens: opaque})
				cfg := forProvider(op)
				byIntrospection(&cfg)
				cfg.Mode = mode
				guard := newGuard(t, cfg)
				token, other := op.AccessToken(nil), op.AccessToken(nil)
				wantReason(t, guard, token, "")
				wantReason(t, guard, other, "")
				check.True(t, guard.Remembers(token), "nothing is remembered")
				op.RevokeSubject("alice")
				wantReason(t, guard, token, "")
				forget(guard, token)
				check.True(t, !guard.Remembers(token), "%s: the token is remembered", name)
				check.Equal(t, guard.Remembers(other), name == "Invalidate", name+": another token is remembered")
				want := middleware.ReasonTokenInactive
				if mode == middleware.ModeAuto && !opaque { // no introspection request
					want = ""
				}
				wantReason(t, guard, token, want)
			}
		}
	}
}

// TestForgettingNothing: an unknown token, or what is no token, changes
// nothing.
func TestForgettingNothing(t *testing.T) {
	t.Parallel()
	op, guard := setupOpaque(t)
	known := op.AccessToken(nil)
	wantReason(t, guard, known, "")
	for _, token := range []string{"", " ", "other", known + "x", strings.Repeat("a", 1<<20)} {
		guard.Invalidate(token)
	}
	check.True(t, guard.Remembers(known), "the token was forgotten")
	_, jwts := setup(t)
	jwts.Invalidate("other")
	jwts.Purge()
}

// TestForgettingReachesCallsUnderWay: the result of a request in flight is not
// cached if its token is invalidated.
func TestForgettingReachesCallsUnderWay(t *testing.T) {
	t.Parallel()
	for name, forget := range forgets {
		for _, opaque := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				op := newProvider(oidctest.Config{OpaqueAccessTokens: opaque})
				cfg := forProvider(op)
				if opaque {
					byIntrospection(&cfg)
				}
				guard := newGuard(t, cfg)
				token := op.AccessToken(nil)
				op.Fault("jwks", oidctest.Slow(time.Second))
				op.Fault("introspect", oidctest.Slow(time.Second))
				var wg sync.WaitGroup
				wg.Go(func() {
					_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token})
					check.NoError(t, err)
				})
				time.Sleep(time.Second / 2)
				forget(guard, token)
				wg.Wait()
				check.True(t, !guard.Remembers(token), "%s: what was on its way is remembered", name)
				op.Clear()
				wantReason(t, guard, token, "")
				check.True(t, guard.Remembers(token), "%s: nothing is remembered any more", name)
			})
		}
	}
}

// slowToForget is a slow shared cache.
type slowToForget struct{ introspect.Cache }

func (slowToForget) Get(context.Context, string) ([]byte, bool, error)        { return nil, false, nil }
func (slowToForget) Set(context.Context, string, []byte, time.Duration) error { return nil }
func (slowToForget) Delete(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestForgettingWaitsOnce: the shared caches of all issuers are called
// concurrently.
func TestForgettingWaitsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newRealms("a", "b", "c")
		cfg := middleware.Config{
			HTTPClient: &http.Client{Transport: all}, Audience: []string{oidctest.DefaultResource}, Mode: middleware.ModeBoth,
		}
		for _, op := range all.providers {
			cfg.Issuers = append(cfg.Issuers, middleware.IssuerConfig{
				DiscoveryURL:  op.Issuer(),
				Introspection: &introspect.Config{ClientID: "api", ClientSecret: "s3cret", Cache: slowToForget{}},
			})
		}
		guard := newGuard(t, cfg)
		began := time.Now()
		guard.Invalidate("token")
		check.Equal(t, time.Since(began), time.Second, "wait for three shared caches")
	})
}
