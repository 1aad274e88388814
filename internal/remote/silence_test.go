package remote_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

// A firewall forgets the connections that are open and drops what is sent on them, new ones work: a caller or two may time
// out, then the provider is reached again.
func TestConnectionsThatDiedInSilence(t *testing.T) {
	for _, c := range []struct {
		protocol string
		most     int // what may be lost
	}{
		{"http/1.1", 1},
		{"h2", 4}, // until a ping is not answered
	} {
		bubbleRun(t, c.protocol, func(t *testing.T) {
			n := newNetwork(t, c.protocol)
			const pooled = 8
			get := func(ctx context.Context) error {
				cfg := config(nil)
				cfg.HTTPClient = n.client
				_, err := remote.New(cfg).Get(ctx)
				return err
			}
			var all sync.WaitGroup
			for range pooled {
				all.Go(func() {
					if err := get(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			n.forget()
			lost, began := 0, time.Now()
			for get(t.Context()) != nil {
				synctest.Wait() // its caller may leave first
				if lost++; lost > pooled {
					break
				}
			}
			check.True(t, lost > 0 && lost <= c.most, "%d requests were lost in %v", lost, time.Since(began))
		})
	}
}

// A caller who left says nothing about the connections.
func TestIdleConnectionsOutliveACallerWhoLeft(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int64{
		nil: 0, context.Canceled: 0, errors.New("reset"): 0, &net.DNSError{IsNotFound: true}: 0, context.DeadlineExceeded: 1, &net.DNSError{IsTimeout: true}: 1,
	} {
		var c closer
		remote.Ended(&http.Client{Transport: &c}, err)
		check.Equal(t, c.closed.Load(), want, "how often idle connections were closed")
	}
}

type closer struct {
	roundTripper
	closed atomic.Int64
}

func (c *closer) CloseIdleConnections() { c.closed.Add(1) }

// network is a server in memory and the private client's transport, which dials it.
type network struct {
	client *http.Client

	mu    sync.Mutex
	wires []*wire
}

func newNetwork(t *testing.T, protocol string) *network {
	t.Helper()
	n := &network{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), time.Second) // long enough for the next request to need a connection of its own
		says(200, "v1")(w, r)
	}))
	accept := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	_ = server.Listener.Close() // a port, which is not used
	server.Listener = accept
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{NextProtos: []string{protocol}}
	server.StartTLS()
	transport := remote.HTTPClient(nil).Transport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "example.com", NextProtos: []string{protocol}}
	transport.TLSClientConfig.RootCAs.AddCert(server.Certificate())
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		w := &wire{Conn: here}
		n.mu.Lock()
		n.wires = append(n.wires, w)
		n.mu.Unlock()
		accept.conns <- there
		return w, nil
	}
	n.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		n.mu.Lock()
		for _, w := range n.wires {
			_ = w.Close() // most are closed already
		}
		n.mu.Unlock()
		server.Close()
		synctest.Wait()
	})
	return n
}

func (n *network) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range n.wires {
		w.dead.Store(true)
	}
}

// wire is a connection that can die without a word: what is sent is lost, nothing more comes.
type wire struct {
	net.Conn
	dead atomic.Bool
}

func (w *wire) Write(p []byte) (int, error) {
	if w.dead.Load() {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

func (w *wire) Read(p []byte) (int, error) {
	for {
		n, err := w.Conn.Read(p)
		if err != nil || !w.dead.Load() {
			return n, err
		}
	}
}

// pipes is a net.Listener of connections that are handed to it.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }
