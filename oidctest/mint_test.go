package oidctest_test

import (
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// A provider with many records must not scan them all on each request. Each
// scan reads the clock, so the test counts that.
func TestManyLiveTokens(t *testing.T) {
	t.Parallel()
	var asked int
	now := time.Now()
	p := provider(t, func(c *oidctest.Config) {
		c.OpaqueAccessTokens, c.AccessTokenTTL = true, time.Hour
		c.Now = func() time.Time { asked++; return now }
	})
	const requests = 50
	fill := func(n int) {
		for p.Remembered() < n {
			p.AccessToken(nil)
		}
	}
	issue := func() int {
		asked = 0
		for range requests {
			a := post(t, p, "token", "web:s3cret", "grant_type", "client_credentials")
			check.Equal(t, a.status, 200, "status")
		}
		return asked
	}
	few := issue()
	for _, n := range []int{20_000, 30_000, 45_000} {
		fill(n)
		check.True(t, issue()-few <= 1, "with %d live tokens, %d requests look for ended ones %d times", n, requests, asked-few)
	}
	// Expired records are still removed.
	now = now.Add(3 * time.Hour)
	fill(95_000)
	now = now.Add(3 * time.Hour)
	issue()
	check.Equal(t, p.Remembered(), requests, "tokens remembered") // the first swept before it was issued
}
