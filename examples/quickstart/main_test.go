package main

import (
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

// TestCheck is `quickstart -check`.
func TestCheck(t *testing.T) {
	t.Parallel()
	check.NoError(t, run(t.Context(), "127.0.0.1:0", true))
}
