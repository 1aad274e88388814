package oidctest

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// FaultFunc sees a request before the endpoint does and answers it by returning true.
type FaultFunc = func(w http.ResponseWriter, r *http.Request) bool

type faults struct {
	mu     sync.Mutex
	faults map[string][]FaultFunc
	edits  map[string][]func(map[string]any)
	counts map[string]int
}

// Requests counts the requests to one endpoint ("discovery", "jwks", "authorize", "token", "userinfo", "introspect", "revoke",
// "end_session") since start, those that a Fault answered included.
func (p *Provider) Requests(endpoint string) int {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	return p.faults.counts[endpoint]
}

// Fault makes an endpoint misbehave until Clear: f sees each request first and answers it by returning true. With several, the first to
// answer wins. Down, Reset, Garbage, Stall, Slow and Times are ready-made.
func (p *Provider) Fault(endpoint string, f func(w http.ResponseWriter, r *http.Request) bool) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	if p.faults.faults == nil {
		p.faults.faults = map[string][]FaultFunc{}
	}
	p.faults.faults[endpoint] = append(p.faults.faults[endpoint], f)
}

// Edit changes each document or token of a kind ("id_token", "access_token", "logout_token", "userinfo", "introspection",
// "token_answer", "discovery", "jwks") before it is signed or sent, until Clear; kind "header" is the JOSE header of every
// token, by the rules of Sign. f may call the provider.
func (p *Provider) Edit(kind string, f func(map[string]any)) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	if p.faults.edits == nil {
		p.faults.edits = map[string][]func(map[string]any){}
	}
	p.faults.edits[kind] = append(p.faults.edits[kind], f)
}

// Clear takes back every Fault and Edit. Tokens already signed stay as they are.
func (p *Provider) Clear() {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.faults, p.faults.edits = nil, nil
}

// count notes a request and reports whether a fault answered it.
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

// Down answers 503 with a body that is no JSON.
func Down(w http.ResponseWriter, _ *http.Request) bool {
	http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
	return true
}

// Reset drops the connection without an answer.
func Reset(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }

// Garbage answers 200 with half a JSON document.
func Garbage(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"access_token": "gar`)
	return true
}

// Stall never answers: it waits until the caller gives up.
func Stall(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Slow waits for d, or until the caller gives up, before the endpoint does its work.
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

// Times lets f misbehave for the first n requests only.
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
