//go:build !race

// Under the race detector sync.Pool drops things at random, so that allocations cannot be counted.

package claims_test

import (
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
)

func TestAllocations(t *testing.T) {
	raw := []byte(payload)
	s := parse(t, payload)
	now := time.Unix(1_800_000_000, 0)
	for _, test := range []struct {
		name string
		most float64
		do   func() error
	}{
		{"Parse of bytes", 2, func() error { _, err := claims.Parse(raw); return err }},
		{"Parse of a string", 1, func() error { _, err := claims.Parse(payload); return err }},
		{"String", 0, func() error { _, _, err := s.String("sub"); return err }},
		{"Has", 0, func() error { s.Has("at_hash"); return nil }},
		{"Lookup", 0, func() error { _, _, err := s.Lookup("resource_access", "account", "roles"); return err }},
		{"CheckTimes", 0, func() error { return s.CheckTimes(now, 0, true) }},
		{"CheckIssuer", 0, func() error { return s.CheckIssuer("https://id.example.com/realms/acme") }},
		{"CheckAudience", 0, func() error { return s.CheckAudience("other", "account") }},
		{"Scopes", 1, func() error { _, err := s.Scopes(); return err }},
	} {
		check.NoError(t, test.do())
		got := testing.AllocsPerRun(100, func() { _ = test.do() })
		check.True(t, got <= test.most, "%s: %v allocations, want at most %v", test.name, got, test.most)
	}
}
