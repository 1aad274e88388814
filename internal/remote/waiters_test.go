package remote_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

func TestWaiterLeavesOnItsOwnContextAndTheResultIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: after(2*time.Second, says(200, "v1"))}
		d := remote.New(config(s))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := d.Get(ctx)
		check.Error(t, err, context.DeadlineExceeded)
		check.Equal(t, check.As[*remote.Error](t, err).Kind, remote.Unreachable, "kind")
		check.Equal(t, time.Since(began), time.Second, "time waited")
		advance(2 * time.Second)
		v, ok := d.Peek()
		check.True(t, ok && v == "v1", "the result was lost: %q, %v", v, ok)
		check.Equal(t, s.requests.Load(), 1, "requests")
	})
}

func TestACallerThatHasGoneStartsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: says(200, "v1")}
		d := remote.New(config(s))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := d.Get(ctx)
		check.Error(t, err, context.Canceled)
		synctest.Wait()
		check.Equal(t, s.requests.Load(), 0, "requests")
	})
}

func TestAFetchEndsWithItsDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: after(time.Hour, says(200, "v1"))}
		d := remote.New(config(s))
		began := time.Now()
		_, err := d.Get(t.Context())
		check.Equal(t, check.As[*remote.Error](t, err).Kind, remote.Unreachable, "kind")
		check.Error(t, err, context.DeadlineExceeded)
		check.Equal(t, time.Since(began), 5*time.Second, "time waited")
	})
}

func TestWaitersLeaveATransportThatIgnoresItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &server{handle: func(http.ResponseWriter, *http.Request) { <-release }}
		d := remote.New(config(s))
		began := time.Now()
		_, err := d.Get(t.Context())
		check.Error(t, err, context.DeadlineExceeded)
		check.Equal(t, time.Since(began), 5*time.Second, "time waited")
		close(release)
	})
}
