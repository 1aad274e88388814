package remote

import (
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// TestLimiterAfterTheClockWentBack: a message that was logged in the future, by
// a clock that was wrong then, silences nothing.
func TestLimiterAfterTheClockWentBack(t *testing.T) {
	t.Parallel()
	var l Limiter
	l.last.Store(time.Now().Add(time.Hour).UnixNano())
	check.True(t, l.Due(), "nothing is logged for an hour")
	check.True(t, !l.Due(), "two messages at once")
}
