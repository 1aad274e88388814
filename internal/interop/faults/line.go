package faults

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/relyingparty/oidc/internal/check"
)

// Line is the wire to a provider: a toxiproxy on a loopback port, and clients that reach every host through it. A fault
// holds for connections that are open and for new ones, until Clear or another fault.
type Line struct {
	t        testing.TB
	upstream string
	server   *toxiproxy.ApiServer
	dials    atomic.Int64

	mu    sync.Mutex
	proxy *toxiproxy.Proxy
	dial  func(context.Context) (net.Conn, error) // nil: to proxy
}

// NewLine leads to upstreamURL's host and ends with the test.
func NewLine(t testing.TB, upstreamURL string) *Line {
	t.Helper()
	u, err := url.Parse(upstreamURL)
	check.NoError(t, err)
	l := &Line{t: t, upstream: u.Host, server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())}
	l.proxy = l.open()
	return l
}

func (l *Line) open() *toxiproxy.Proxy {
	l.t.Helper()
	proxy := toxiproxy.NewProxy(l.server, "line", "127.0.0.1:0", l.upstream)
	check.NoError(l.t, proxy.Start())
	l.t.Cleanup(proxy.Stop)
	return proxy
}

// Client dials the line whatever the host, and has a pool of connections of its own.
func (l *Line) Client() *http.Client {
	transport := &http.Transport{DialContext: l.dialContext, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}
	l.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// Dials counts the connections that were tried.
func (l *Line) Dials() int { return int(l.dials.Load()) }

func (l *Line) dialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	l.dials.Add(1)
	l.mu.Lock()
	dial, address := l.dial, l.proxy.Listen
	l.mu.Unlock()
	if dial != nil {
		return dial(ctx)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// Latency delays what the provider sends.
func (l *Line) Latency(d time.Duration) { l.toxic("latency", "latency", d.Milliseconds()) }

// Drip passes on what the provider sends a tenth of bytesPerSecond at a time.
func (l *Line) Drip(bytesPerSecond int) {
	l.toxic("slicer", "average_size", max(bytesPerSecond/10, 1), "delay", (100 * time.Millisecond).Microseconds())
}

// Reset lets requests through and resets the connection where the answer should come.
func (l *Line) Reset() { l.toxic("reset_peer", "timeout", 0) }

// Cut ends the connection in the middle of an answer.
func (l *Line) Cut(afterBytes int) { l.toxic("limit_data", "bytes", afterBytes) }

// Hang lets requests through and keeps the answers.
func (l *Line) Hang() { l.toxic("timeout", "timeout", 0) }

// SlowClose tells us late that the provider has closed a connection: the next request meets a dead one.
func (l *Line) SlowClose(d time.Duration) { l.toxic("slow_close", "delay", d.Milliseconds()) }

// Down ends all connections and refuses new ones.
func (l *Line) Down() {
	l.t.Helper()
	l.Clear()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.Stop()
	l.dial = func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:1")
	}
}

// Up ends Down, at another port: nobody can have taken it meanwhile.
func (l *Line) Up() {
	l.t.Helper()
	proxy := l.open()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy, l.dial = proxy, nil
}

// Strand keeps the answers on the connections that are open, for ever, as a NAT does that forgot them; new ones work.
func (l *Line) Strand() {
	l.t.Helper()
	l.Hang()
	l.Up()
}

// NoName is a DNS that does not know the provider; open connections end.
func (l *Line) NoName() {
	l.fail(func(context.Context) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "id.example.com", IsNotFound: true}}
	})
}

// NoRoute is a network that drops what we send to open a connection; open ones end.
func (l *Line) NoRoute() {
	l.fail(func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	})
}

func (l *Line) fail(dial func(context.Context) (net.Conn, error)) {
	l.t.Helper()
	l.Down()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dial = dial
}

// Clear mends the line, whatever was wrong with it. Connections that Hang kept silent end.
func (l *Line) Clear() {
	l.t.Helper()
	l.mu.Lock()
	down := l.dial != nil
	l.mu.Unlock()
	if down {
		l.Up()
		return
	}
	l.proxy.Toxics.ResetToxics(context.Background())
}

// toxic puts the one fault on the line, in the direction from the provider to us.
func (l *Line) toxic(kind string, attributes ...any) {
	l.t.Helper()
	l.Clear()
	var list []string
	for i := 0; i < len(attributes); i += 2 {
		list = append(list, fmt.Sprintf("%q: %v", attributes[i], attributes[i+1]))
	}
	spec := fmt.Sprintf(`{"type": %q, "stream": "downstream", "attributes": {%s}}`, kind, strings.Join(list, ", "))
	_, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(spec))
	check.NoError(l.t, err)
}
