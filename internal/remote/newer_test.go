package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

// newerBench is a document whose first version is held, and its budget.
func newerBench(t *testing.T) (s *server, d *remote.Document[string], n *remote.Newer[string]) {
	t.Helper()
	s = &server{handle: says(200, "v1", "Cache-Control", "max-age=3600")}
	d = remote.New(config(s))
	_, err := d.Get(t.Context())
	check.NoError(t, err)
	return s, d, remote.NewNewer(d)
}

// than asks for what follows tried, and wants this after so many requests.
func than(t *testing.T, s *server, n *remote.Newer[string], tried, want string, requests int64) {
	t.Helper()
	v, err := n.Than(t.Context(), tried)
	check.NoError(t, err)
	check.Equal(t, v, want, "document after "+tried)
	check.Equal(t, s.requests.Load(), requests, "requests")
}

func TestNewerIsFetchedOnceInThirtySeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, n := newerBench(t)
		s.handle = says(200, "v2")
		than(t, s, n, "v1", "v2", 2)
		s.handle = says(200, "v3")
		than(t, s, n, "v1", "v2", 2) // it has arrived
		than(t, s, n, "v2", "v2", 2)
		advance(30*time.Second - 1)
		than(t, s, n, "v2", "v2", 2)
		n.Refresh()
		synctest.Wait()
		check.Equal(t, s.requests.Load(), 2, "requests of a refresh without budget")
		advance(1)
		n.Refresh()
		synctest.Wait()
		than(t, s, n, "v2", "v3", 3)
		than(t, s, n, "v3", "v3", 3) // the refresh spent the budget
	})
}

func TestNewerThatFailedSpendsNoBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, n := newerBench(t)
		for requests, step := int64(2), time.Second; requests < 10; requests, step = requests+1, min(2*step, time.Minute) {
			s.handle = says(503, "")
			than(t, s, n, "v1", "v1", requests)
			than(t, s, n, "v1", "v1", requests)
			n.Refresh()
			synctest.Wait()
			advance(step - 1)
			than(t, s, n, "v1", "v1", requests) // within the backoff
			advance(step/5 + 1)
		}
		s.handle = says(200, "v2")
		than(t, s, n, "v1", "v2", 10)
	})
}

func TestNewerIsSharedAndOutlivesWhoAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, n := newerBench(t)
		s.handle = after(time.Second, says(200, "v2"))
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := n.Than(first, "v1"); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
		synctest.Wait()
		for range 1000 {
			wg.Go(func() {
				if v, err := n.Than(t.Context(), "v1"); err != nil || v != "v2" {
					t.Errorf("%q, error %v", v, err)
				}
			})
		}
		n.Refresh()
		n.Refresh()
		leave()
		began := time.Now()
		wg.Wait()
		check.Equal(t, time.Since(began), time.Second, "time taken")
		check.Equal(t, s.requests.Load(), 2, "requests")
	})
}

// Callers who leave at once must not have a refetch each.
func TestNewerCountsWhoeverAskedHasLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, n := newerBench(t)
		s.handle = after(time.Second, says(200, "v2"))
		for range 10 {
			hurried, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_, err := n.Than(hurried, "v1")
			leave()
			check.True(t, err == nil || errors.Is(err, context.DeadlineExceeded), "error %v", err)
			advance(2 * time.Second)
			than(t, s, n, "v2", "v2", 2)
		}
	})
}

func TestNewerOfAStaleDocumentIsDue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, n := newerBench(t)
		s.handle = says(200, "v2", "Cache-Control", "max-age=60")
		than(t, s, n, "v1", "v2", 2)
		advance(10 * time.Second)
		than(t, s, n, "v2", "v2", 2)
		advance(time.Hour)
		s.handle = says(503, "")
		_, err := n.Than(t.Context(), "v2") // nobody can say
		check.Equal(t, check.As[*remote.Error](t, err).Status, 503, "status")
		advance(time.Minute)
		s.handle = says(200, "v3")
		than(t, s, n, "v2", "v3", s.requests.Load()+1)
	})
}

func TestMoved(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		handle func(http.ResponseWriter, *http.Request)
		edit   func(*remote.Config[string])
		want   bool
	}{
		"404":             {says(404, ""), nil, true},
		"500":             {says(500, ""), nil, true},
		"a page":          {says(200, "<p>", "Content-Type", "text/html"), nil, true},
		"a redirect":      {says(301, "", "Location", "https://elsewhere.example/"), nil, true},
		"another content": {says(200, "{}"), func(c *remote.Config[string]) { c.Parse = func(string, []byte) (string, error) { return "", errBoom } }, true},
		"busy":            {says(429, ""), nil, false},
		"not asked":       {nil, func(c *remote.Config[string]) { c.URL = func(context.Context) (string, error) { return "", errBoom } }, false},
		"a URL of ours": {nil, func(c *remote.Config[string]) {
			c.URL = func(context.Context) (string, error) { return "ftp://x", nil }
		}, false},
		"another's failure": {nil, func(c *remote.Config[string]) {
			c.URL = func(context.Context) (string, error) { return "", &remote.Error{Kind: remote.Status, Status: 404} }
		}, false},
	} {
		cfg := config(&server{handle: tc.handle})
		if tc.edit != nil {
			tc.edit(&cfg)
		}
		_, err := remote.New(cfg).Get(t.Context())
		check.Equal(t, remote.Moved(fmt.Errorf("wrapped: %w", err)), tc.want, name)
	}
	check.True(t, !remote.Moved(nil), "no error")
}

var errBoom = errors.New("boom")
