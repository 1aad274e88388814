package oidctest

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// FaultFunc handles a request before its endpoint does. If it returns true, it
// has written the response, and the endpoint does not see the request.
type FaultFunc = func(w http.ResponseWriter, r *http.Request) bool

type faults struct {
	mu     sync.Mutex
	faults map[string][]FaultFunc
	edits  map[string][]func(map[string]any)
	counts map[string]int
}

// Requests returns the number of requests to one endpoint since start,
// including those that a Fault answered. The endpoints are "discovery", "jwks",
// "authorize", "token", "userinfo", "introspect", "revoke" and "end_session".
func (p *Provider) Requests(endpoint string) int {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	return p.faults.counts[endpoint]
}

// Fault makes an endpoint misbehave until Clear. f handles each request first,
// as a [FaultFunc] does. If an endpoint has several, the first that returns
// true answers. Down, Reset, Garbage, Stall, Slow and Times are ready-made.
func (p *Provider) Fault(endpoint string, f func(w http.ResponseWriter, r *http.Request) bool) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	if p.faults.faults == nil {
		p.faults.faults = map[string][]FaultFunc{}
	}
	p.faults.faults[endpoint] = append(p.faults.faults[endpoint], f)
}

// Edit calls f with each document or token of a kind before it is signed or
// sent, until Clear. The kinds are "id_token", "access_token", "logout_token",
// "userinfo", "introspection", "token_answer", "discovery" and "jwks". The kind
// "header" is the JOSE header of every token, with the rules of
// [Provider.Sign]. f may call the provider.
func (p *Provider) Edit(kind string, f func(map[string]any)) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	if p.faults.edits == nil {
		p.faults.edits = map[string][]func(map[string]any){}
	}
	p.faults.edits[kind] = append(p.faults.edits[kind], f)
}

// Clear removes every Fault and Edit. Tokens that are already signed do not
// change.
func (p *Provider) Clear() {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.faults, p.faults.edits = nil, nil
}

// count counts a request and reports whether a fault answered it.
func (p *Provider) count(endpoint string, w http.ResponseWriter, r *http.Request) (answered bool) {
	p.faults.mu.Lock()
	if p.faults.counts == nil {
		p.faults.counts = map[string]int{}
	}
	p.faults.counts[endpoint]++
	list := p.faults.faults[endpoint]
	p.faults.mu.Unlock()
	for _, f := range list {
		if f(w, r) {
			return true
		}
	}
	return false
}

func (p *Provider) edit(kind string, m map[string]any) {
	p.faults.mu.Lock()
	list := p.faults.edits[kind]
	p.faults.mu.Unlock()
	for _, f := range list {
		f(m)
	}
}

// Down responds with a 503 whose body is not JSON.
func Down(w http.ResponseWriter, _ *http.Request) bool {
	http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
	return true
}

// Reset closes the connection without a response.
func Reset(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }

// Garbage responds with a 200 and half a JSON document.
func Garbage(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"access_token": "gar`)
	return true
}

// Stall never responds. It waits until the caller gives up.
func Stall(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Slow waits for d, or until the caller gives up, before the endpoint handles
// the request.
func Slow(d time.Duration) FaultFunc {
	return func(_ http.ResponseWriter, r *http.Request) bool {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return false
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// Times calls f for the first n requests only.
func Times(n int, f FaultFunc) FaultFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		n--
		due := n >= 0
		mu.Unlock()
		return due && f(w, r)
	}
}
