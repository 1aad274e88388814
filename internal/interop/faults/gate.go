package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// gate is the provider's end of the line. It passes requests on to the loopback host they name (a provider may have
// several ports), also when we have left meanwhile, and keeps count of them.
type gate struct {
	URL    string
	server *httptest.Server

	mu       sync.Mutex
	came     map[string]int  // requests by kind
	secrets  map[string]int  // requests by the code or refresh token they brought
	sizes    map[string]size // of the last answer of a kind
	chunked  bool            // answers without Content-Length
	lifetime int             // seconds that tokens are said to live; 0: what the provider says
	away     bool            // what a load balancer says when nobody is behind it
	delay    time.Duration   // of each answer
}

type size struct{ head, body int }

func newGate(t testing.TB) *gate {
	t.Helper()
	g := &gate{came: map[string]int{}, secrets: map[string]int{}, sizes: map[string]size{}}
	quiet := log.New(io.Discard, "", 0)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			host, _, err := net.SplitHostPort(r.In.Host)
			if ip := net.ParseIP(host); err != nil || host != "localhost" && !ip.IsLoopback() {
				t.Errorf("the gate was asked for %q", r.In.Host)
			}
			kind := g.count(t, r.Out)
			r.Out = r.Out.WithContext(context.WithValue(context.WithoutCancel(r.Out.Context()), kindKey{}, kind))
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", r.In.Host, r.In.Host
			r.Out.Header.Del("Accept-Encoding")
		},
		Transport:      &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		ModifyResponse: g.measure,
		ErrorLog:       quiet,
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		away, delay := g.away, g.delay
		g.mu.Unlock()
		time.Sleep(delay)
		if away {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html><title>502 Bad Gateway</title></html>")
			return
		}
		forward.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = quiet
	server.Start()
	t.Cleanup(server.Close)
	g.URL, g.server = server.URL, server
	return g
}

type kindKey struct{}

// count says what a request is: a grant type, "introspection", or "GET".
func (g *gate) count(t testing.TB, r *http.Request) string {
	var raw []byte
	if r.Body != nil {
		raw, _ = io.ReadAll(r.Body) // one that was cut arrives cut
		r.Body = io.NopCloser(bytes.NewReader(raw))
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		t.Errorf("the body of a request to %s is no form", r.URL.Path)
	}
	kind := r.Method
	switch {
	case form.Has("grant_type"):
		kind = form.Get("grant_type")
	case form.Has("token"):
		kind = introspectionKind
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.came[kind]++
	for _, name := range []string{"code", "refresh_token"} {
		if form.Has(name) {
			g.secrets[form.Get(name)]++
		}
	}
	return kind
}

const introspectionKind = "introspection"

// measure notes the size of an answer and gives it the framing and the lifetime that are asked for.
func (g *gate) measure(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // read to its end
	g.mu.Lock()
	defer g.mu.Unlock()
	kind, _ := resp.Request.Context().Value(kindKey{}).(string)
	if body, err = g.shorten(body); err != nil {
		return err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	if g.chunked {
		resp.ContentLength = -1
		resp.Header.Del("Content-Length")
	}
	head := len("HTTP/1.1 \r\n\r\n") + len(resp.Status)
	for name, values := range resp.Header {
		for _, v := range values {
			head += len(name) + len(v) + len(": \r\n")
		}
	}
	g.sizes[kind] = size{head, len(body)}
	return nil
}

// shorten gives a token answer the lifetime that is asked for.
func (g *gate) shorten(body []byte) ([]byte, error) {
	var answer map[string]json.RawMessage
	if g.lifetime == 0 || !bytes.Contains(body, []byte(`"expires_in"`)) {
		return body, nil
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	answer["expires_in"] = json.RawMessage(strconv.Itoa(g.lifetime))
	return json.Marshal(answer)
}

// hangUp closes the connections that are open, as a server does with idle ones.
func (g *gate) hangUp() { g.server.CloseClientConnections() }

// set changes how answers are given.
func (g *gate) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

// requests counts those of one kind.
func (g *gate) requests(kind string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.came[kind]
}

// answered reports whether the provider has answered one of a kind.
func (g *gate) answered(kind string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.sizes[kind]
	return ok
}

// sent counts the requests that brought a code or a refresh token.
func (g *gate) sent(secret string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.secrets[secret]
}

// middle is the number of bytes after which half the body of the last answer of a kind was sent.
func (g *gate) middle(t testing.TB, kind string) int {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.sizes[kind]
	check.True(t, ok, "no answer of kind %q to go by", kind)
	if g.chunked {
		s.head += len("Transfer-Encoding: chunked\r\n10\r\n") - len("Content-Length: 16\r\n")
	}
	return s.head + s.body/2
}
