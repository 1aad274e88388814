package remote_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/remote"
)

const docURL = "https://id.example.com/doc"

// server answers in memory and counts.
type server struct {
	requests atomic.Int64
	handle   func(w http.ResponseWriter, r *http.Request)
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	w := httptest.NewRecorder()
	s.handle(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// says makes a handler of a fixed answer; headers are pairs.
func says(status int, body string, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// after delays a handler, for as long as the caller stays.
func after(d time.Duration, handle func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), d)
		handle(w, r)
	}
}

// pause lets time pass (in a bubble: at once) or ends with ctx.
func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// config is a document of text, served by s.
func config(s *server) remote.Config[string] {
	return remote.Config[string]{
		Name:       "test document",
		URL:        func(context.Context) (string, error) { return docURL, nil },
		Parse:      func(_ string, body []byte) (string, error) { return string(body), nil },
		HTTPClient: &http.Client{Transport: s},
	}
}

// bubble runs a test on a fake clock; it fails if a goroutine is left.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// advance moves the fake clock and lets what is due happen.
func advance(d time.Duration) {
	pause(context.Background(), d)
	synctest.Wait()
}
