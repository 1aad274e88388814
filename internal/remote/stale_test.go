package remote_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

func TestStaleIsServedWhileRefreshFailsAndThenNot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: says(200, "v1", "Cache-Control", "max-age=3600")}
		cfg := config(s)
		cfg.StaleFor = 24 * time.Hour
		d := remote.New(cfg)
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		s.handle = says(503, "")
		for range 24 {
			advance(time.Hour)
			v, err := d.Get(t.Context())
			check.NoError(t, err)
			check.Equal(t, v, "v1", "stale value")
		}
		check.True(t, !d.Fresh(), "fresh although refreshing fails")
		advance(time.Minute)
		before := s.requests.Load()
		for range 600 {
			_, err = d.Get(t.Context())
			check.NoError(t, err)
			advance(100 * time.Millisecond)
		}
		check.True(t, s.requests.Load() <= before+2, "%d attempts in a minute of stale reads", s.requests.Load()-before)
		advance(time.Hour)
		_, err = d.Get(t.Context())
		check.Equal(t, check.As[*remote.Error](t, err).Status, 503, "status in the error past the stale end")

		s.handle = says(200, "v2")
		advance(time.Minute)
		v, err := d.Get(t.Context())
		check.NoError(t, err)
		check.Equal(t, v, "v2", "value once the server is back")
	})
}

func TestStaleForEver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: says(200, "v1")}
		d := remote.New(config(s))
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		s.handle = says(500, "")
		for range 30 {
			advance(24 * time.Hour)
			v, err := d.Get(t.Context())
			check.NoError(t, err)
			check.Equal(t, v, "v1", "value")
		}
		synctest.Wait()
	})
}
