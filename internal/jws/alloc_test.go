//go:build !race

// Under the race detector sync.Pool drops things at random, so that allocations cannot be counted.

package jws_test

import (
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/jws"
)

// TestAllocations counts what is ours on top of the standard library's verification.
func TestAllocations(t *testing.T) {
	raw := sign(t, "RS256", `{"alg":"RS256","kid":"key-2026-01","typ":"at+jwt"}`, servicePayload)
	key := keys()["rsa"].Public()
	options := jws.Options{Types: []string{"jwt", "at+jwt"}}
	parser := jws.NewParser(options)
	token, err := jws.Parse(raw, options)
	check.NoError(t, err)
	for _, test := range []struct {
		name string
		most float64
		do   func() error
	}{
		{"Parse", 5, func() error { _, err := jws.Parse(raw, options); return err }},
		{"Parser.Parse", 3, func() error { _, err := parser.Parse(raw); return err }},
		{"Verify RS256", 10, func() error { return token.Verify(key) }},
		{"claims", 1, func() error { _, err := claims.Parse(token.Payload); return err }},
	} {
		check.NoError(t, test.do())
		got := testing.AllocsPerRun(100, func() { _ = test.do() })
		check.True(t, got <= test.most, "%s: %v allocations, want at most %v", test.name, got, test.most)
	}
}
