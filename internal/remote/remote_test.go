package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

func TestFirstFetchIsOneSharedFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: after(time.Second, says(200, "v1"))}
		d := remote.New(config(s))
		check.Equal(t, s.requests.Load(), 0, "requests of New")
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				v, err := d.Get(t.Context())
				if err != nil || v != "v1" {
					t.Errorf("got %q, %v", v, err)
				}
			})
		}
		wg.Wait()
		check.Equal(t, s.requests.Load(), 1, "requests")
	})
}

func TestGetDoesNoIOWhileAValueIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: says(200, "v1", "Cache-Control", "max-age=600")}
		d := remote.New(config(s))
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for range 479 { // to just before 80 %
			advance(time.Second)
			v, err := d.Get(cancelled)
			check.NoError(t, err)
			check.Equal(t, v, "v1", "value")
		}
		check.Equal(t, s.requests.Load(), 1, "requests")
	})
}

func TestReadingAllocatesNothing(t *testing.T) {
	s := &server{handle: says(200, "v1")}
	d := remote.New(config(s))
	_, err := d.Get(t.Context())
	check.NoError(t, err)
	check.Equal(t, testing.AllocsPerRun(100, func() { _, _ = d.Get(t.Context()) }), 0, "allocations of Get")
	check.Equal(t, testing.AllocsPerRun(100, func() { _, _ = d.Held(time.Now()) }), 0, "allocations of Held")
	check.Equal(t, testing.AllocsPerRun(100, func() { _, _ = d.Peek() }), 0, "allocations of Peek")
}

func TestRefreshAheadByTheFirstReaderWithoutWaiting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: says(200, "v1", "Cache-Control", "max-age=1000")}
		d := remote.New(config(s))
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		s.handle = after(2*time.Second, says(200, "v2", "Cache-Control", "max-age=1000"))

		advance(799 * time.Second)
		for range 10 {
			_, _ = d.Get(t.Context())
		}
		synctest.Wait()
		check.Equal(t, s.requests.Load(), 1, "requests before 80 %")

		advance(101 * time.Second) // past any jitter
		check.Equal(t, s.requests.Load(), 1, "requests without a reader")
		began := time.Now()
		caller, leave := context.WithCancel(t.Context())
		for range 10 {
			v, err := d.Get(caller)
			check.NoError(t, err)
			check.Equal(t, v, "v1", "value while refreshing")
		}
		leave() // the refresh is not the reader's
		check.Equal(t, time.Since(began), 0, "time readers waited")
		advance(3 * time.Second)
		check.Equal(t, s.requests.Load(), 2, "requests after the refresh")
		v, err := d.Get(t.Context())
		check.NoError(t, err)
		check.Equal(t, v, "v2", "value after the refresh")
	})
}

func TestHeldRefreshesToo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: says(200, "v1")}
		d := remote.New(config(s))
		_, ok := d.Held(time.Now())
		check.True(t, !ok, "held before the first fetch")
		synctest.Wait()
		check.Equal(t, s.requests.Load(), 0, "requests of Held without a value")
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		advance(15 * time.Minute)
		v, ok := d.Held(time.Now())
		check.True(t, ok && v == "v1", "Held gives %q, %v", v, ok)
		synctest.Wait()
		check.Equal(t, s.requests.Load(), 2, "requests")
		check.True(t, d.Fresh(), "not fresh after the refresh")
	})
}

func TestPeekNeverFetches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: says(200, "v1")}
		cfg := config(s)
		cfg.StaleFor = time.Hour
		d := remote.New(cfg)
		_, ok := d.Peek()
		check.True(t, !ok, "something is held before the first fetch")
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		advance(74 * time.Minute)
		v, ok := d.Peek()
		check.True(t, ok && v == "v1", "Peek gives %q, %v", v, ok)
		advance(2 * time.Minute)
		_, ok = d.Peek()
		check.True(t, !ok, "held past its stale end")
		check.Equal(t, s.requests.Load(), 1, "requests")
	})
}

func TestRefetchJoinsARunningFetch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: after(time.Second, says(200, "v1"))}
		d := remote.New(config(s))
		go func() { _, _ = d.Get(t.Context()) }()
		synctest.Wait()
		v, err := d.Refetch(t.Context())
		check.NoError(t, err)
		check.Equal(t, v, "v1", "value")
		check.Equal(t, s.requests.Load(), 1, "requests")
		_, err = d.Refetch(t.Context())
		check.NoError(t, err)
		check.Equal(t, s.requests.Load(), 2, "requests after another Refetch")
	})
}

func TestPanicsBecomeErrors(t *testing.T) {
	const secret = "what was fetched"
	for name, edit := range map[string]func(*remote.Config[string], *server){
		"in Parse": func(c *remote.Config[string], _ *server) {
			c.Parse = func(_ string, body []byte) (string, error) { panic(secret) }
		},
		"in URL": func(c *remote.Config[string], _ *server) {
			c.URL = func(context.Context) (string, error) { panic(secret) }
		},
		"in the transport": func(_ *remote.Config[string], s *server) {
			s.handle = func(http.ResponseWriter, *http.Request) { panic(secret) }
		},
		"Goexit in Parse": func(c *remote.Config[string], _ *server) {
			c.Parse = func(string, []byte) (string, error) { runtime.Goexit(); return "", nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := &server{handle: says(200, "v1")}
				cfg := config(s)
				edit(&cfg, s)
				d := remote.New(cfg)
				_, err := d.Get(t.Context())
				e := check.As[*remote.Error](t, err)
				check.Equal(t, e.Kind, remote.Invalid, "kind")
				check.Lacks(t, e.Error(), secret)
				check.True(t, e.RetryAfter > 0, "no backoff")
			})
		})
	}
}

func TestAPanickingObserverHarmsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := config(&server{handle: says(200, "v1")})
		cfg.Observer = func(context.Context, oidc.Event) { panic("boom") }
		v, err := remote.New(cfg).Get(t.Context())
		check.NoError(t, err)
		check.Equal(t, v, "v1", "value")
	})
}

func TestObserverIsToldOfEachFetch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var told []string
		s := &server{handle: after(time.Second, says(200, "v1"))}
		cfg := config(s)
		down := errors.New("no URL today")
		var urlErr error
		cfg.URL = func(context.Context) (string, error) { return docURL, urlErr }
		cfg.Observer = func(_ context.Context, e oidc.Event) {
			told = append(told, fmt.Sprint(e.Kind, " ", e.Operation, " ", e.Outcome, " ", e.URL, " ", e.Duration, " ", e.Err != nil))
		}
		d := remote.New(cfg)
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		s.handle = says(500, "")
		_, err = d.Refetch(t.Context())
		check.As[*remote.Error](t, err)
		advance(time.Minute)
		urlErr = down // no request, so nothing to tell
		_, err = d.Refetch(t.Context())
		check.Error(t, err, down)
		check.DeepEqual(t, told, []string{"request test document ok " + docURL + " 1s false", "request test document unreachable " + docURL + " 0s true"}, "told")
	})
}
