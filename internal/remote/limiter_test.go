package remote_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l remote.Limiter
		for i, c := range []struct {
			after time.Duration
			due   bool
		}{{0, true}, {0, false}, {9 * time.Second, false}, {time.Second, true}, {time.Second, false}, {time.Hour, true}} {
			time.Sleep(c.after)
			check.Equal(t, l.Due(), c.due, string(rune('0'+i)))
		}
	})
}
