package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// provider is the least that all libraries can talk to: metadata, keys, tokens and introspection, each request counted.
// It is an http.RoundTripper without a network, and an http.Handler.
type provider struct {
	issuer string
	down   atomic.Bool // the token endpoint answers 503
	delay  time.Duration

	mu     sync.Mutex
	keys   []*signer
	counts map[string]int
}

func newProvider(issuer string, keys ...*signer) *provider {
	return &provider{issuer: issuer, keys: keys, counts: make(map[string]int)}
}

func (p *provider) client() *http.Client { return &http.Client{Transport: p} }

// publish replaces the keys.
func (p *provider) publish(keys ...*signer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
}

// requests counts those to one endpoint: the end of its path.
func (p *provider) requests(endpoint string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[endpoint]
}

// total counts them all.
func (p *provider) total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, count := range p.counts {
		n += count
	}
	return n
}

func (p *provider) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.counts)
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	if p.delay > 0 {
		select {
		case <-time.After(p.delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	status, body := p.answer(r.URL.Path)
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: r,
	}, nil
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, body := p.answer(r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// serve puts p on loopback.
func (p *provider) serve() (stop func()) {
	server := httptest.NewServer(p)
	p.issuer = server.URL
	return server.Close
}

func (p *provider) answer(path string) (status int, body []byte) {
	endpoint := path[strings.LastIndexByte(path, '/')+1:]
	p.mu.Lock()
	p.counts[endpoint]++
	keys := p.keys
	p.mu.Unlock()
	switch {
	case endpoint == "token" && p.down.Load():
		return http.StatusServiceUnavailable, []byte(`{"error":"temporarily_unavailable"}`)
	case endpoint == "openid-configuration":
		base := p.issuer + strings.TrimSuffix(strings.TrimSuffix(path, "/.well-known/openid-configuration"), "/v2.0")
		return http.StatusOK, marshal(object{
			"issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
			"jwks_uri": base + "/jwks", "introspection_endpoint": base + "/introspect",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "EdDSA"},
		})
	case endpoint == "jwks":
		set := []object{}
		for _, k := range keys {
			set = append(set, k.jwk())
		}
		return http.StatusOK, marshal(object{"keys": set})
	case endpoint == "token":
		return http.StatusOK, []byte(`{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":3600}`)
	case endpoint == "introspect":
		return http.StatusOK, activeAnswer
	}
	return http.StatusNotFound, []byte(`{}`)
}

// activeAnswer is what introspection says about any token.
var activeAnswer = marshal(object{
	"active": true, "sub": "alice", "aud": []string{audience}, "client_id": "web", "scope": "notes:read notes:write",
	"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "tenant": tenant, "username": "alice", "token_type": "Bearer",
})
