package remote_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

func TestFailureBackoffDoublesFromOneSecondToSixty(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var attempts []time.Time
		s := &server{}
		s.handle = func(w http.ResponseWriter, r *http.Request) {
			attempts = append(attempts, time.Now())
			says(500, "")(w, r)
		}
		d := remote.New(config(s))
		for range 10 * 60 * 10 {
			_, err := d.Get(t.Context())
			e := check.As[*remote.Error](t, err)
			check.Equal(t, e.Kind, remote.Status, "kind")
			check.Equal(t, e.Status, 500, "status")
			check.True(t, e.RetryAfter > 0 && e.RetryAfter <= time.Minute, "RetryAfter %v", e.RetryAfter)
			advance(100 * time.Millisecond)
		}
		check.True(t, len(attempts) >= 14, "%d attempts in ten minutes", len(attempts))
		for i := 1; i < len(attempts); i++ {
			step := min(time.Second<<(i-1), time.Minute)
			gap := attempts[i].Sub(attempts[i-1])
			most := min(step+step/5, time.Minute) + 100*time.Millisecond
			check.True(t, gap >= step && gap <= most, "gap %d is %v, want %v to %v", i, gap, step, most)
		}

		s.handle = says(200, "v1")
		advance(time.Minute)
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		check.Equal(t, d.Backoff(), 0, "backoff after success")
		s.handle = says(500, "")
		_, err = d.Refetch(t.Context())
		check.True(t, check.As[*remote.Error](t, err).RetryAfter < 2*time.Second, "backoff did not start anew")
	})
}

// TestBackoffOfALongOutage: doubling for ever would leave the range of numbers
// after half an hour.
func TestBackoffOfALongOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := remote.New(config(&server{handle: says(500, "")}))
		for i := range 200 {
			_, err := d.Refetch(t.Context())
			check.As[*remote.Error](t, err)
			least := min(time.Second<<min(i, 6), time.Minute)
			check.True(t, d.Backoff() >= least && d.Backoff() <= time.Minute, "backoff %v after %d failures", d.Backoff(), i+1)
			advance(d.Backoff())
		}
	})
}

func TestOneRequestPerBackoffStepWhateverTheCallers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: says(500, "")}
		d := remote.New(config(s))
		for range 2 {
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					if _, err := d.Get(t.Context()); err == nil {
						t.Error("no error")
					}
				})
			}
			wg.Wait()
		}
		check.Equal(t, s.requests.Load(), 1, "requests")
		began := time.Now()
		_, err := d.Refetch(t.Context())
		check.As[*remote.Error](t, err)
		remote.NewNewer(d).Refresh()
		synctest.Wait()
		check.Equal(t, time.Since(began), 0, "time Refetch waited in backoff")
		check.Equal(t, s.requests.Load(), 1, "requests")
	})
}

func TestServersRetryAfterIsHonouredUpToAMinute(t *testing.T) {
	for header, want := range map[string][2]time.Duration{
		"7":     {7 * time.Second, 7 * time.Second},
		"86400": {time.Minute, time.Minute},
		"0":     {time.Second, 1200 * time.Millisecond},
		"later": {time.Second, 1200 * time.Millisecond},
		"-5":    {time.Second, 1200 * time.Millisecond},
	} {
		t.Run(header, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := remote.New(config(&server{handle: says(429, "", "Retry-After", header)}))
				_, err := d.Get(t.Context())
				got := check.As[*remote.Error](t, err).RetryAfter
				check.True(t, got >= want[0] && got <= want[1], "RetryAfter %v", got)
			})
		})
	}
}
