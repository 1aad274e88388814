package endpoint_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/endpoint"
)

// After a timeout the connections nobody uses are not trusted any more: see remote.Ended.
func TestATimeoutEndsIdleConnections(t *testing.T) {
	t.Parallel()
	p := &pool{roundTrip: func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }}
	_, err := endpoint.New(endpoint.Config{HTTPClient: &http.Client{Transport: p}}).Post(t.Context(), target(), nil, nil)
	check.Equal(t, check.As[*endpoint.Error](t, err).Kind, endpoint.Unreachable, "kind")
	check.Equal(t, p.closed, 1, "how often idle connections were closed")
}

// A caller's own deadline says nothing about the connections.
func TestACallersDeadlineEndsNoConnections(t *testing.T) {
	t.Parallel()
	p := &pool{roundTrip: func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}}
	c := endpoint.New(endpoint.Config{HTTPClient: &http.Client{Transport: p}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := c.Post(ctx, target(), nil, nil)
	check.Error(t, err, context.DeadlineExceeded)
	check.Equal(t, p.closed, 0, "how often idle connections were closed")
}

type pool struct {
	roundTrip
	closed int
}

func (p *pool) CloseIdleConnections() { p.closed++ }

// A server closes a kept connection just as it is used. Nobody knows whether it has seen the request: a code must not be
// sent again, a question about a token may be.
func TestOnlyAnIdempotentRequestIsSentAgain(t *testing.T) {
	t.Parallel()
	assertion := auth(t, endpoint.AuthConfig{Auth: oidc.PrivateKeyJWT{Key: edKey(t)}})
	for _, test := range []struct {
		idempotent bool
		auth       *endpoint.Authenticator
		again      bool
	}{
		{false, nil, false},
		{true, nil, true},
		{true, assertion, false}, // its jti is for one request
	} {
		var requests atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Values("Idempotency-Key") != nil {
				t.Error("Idempotency-Key was sent")
			}
			if first := r.Context().Value(connKey{}).(*atomic.Bool); !first.CompareAndSwap(false, true) {
				requests.Add(1)
				panic(http.ErrAbortHandler)
			}
			requests.Add(1)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{}`))
		}))
		server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, new(atomic.Bool))
		}
		server.Start()
		t.Cleanup(server.Close)
		c := endpoint.New(endpoint.Config{HTTPClient: server.Client()})
		to := target()
		to.URL, to.Idempotent = server.URL, test.idempotent
		_, err := c.Post(t.Context(), to, test.auth, nil)
		check.NoError(t, err)
		_, err = c.Post(t.Context(), to, test.auth, nil)
		if !test.again {
			check.Equal(t, check.As[*endpoint.Error](t, err).Kind, endpoint.Unreachable, "kind")
			check.Equal(t, requests.Load(), 2, "requests")
			continue
		}
		check.NoError(t, err)
		check.Equal(t, requests.Load(), 3, "requests")
	}
}

type connKey struct{}
