package middleware

import (
	"container/list"
	"errors"
	"sync"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

const (
	maxSources   = 100
	maxMissing   = 1000
	missingFor   = 30 * time.Second
	budgetRoom   = 30 // unproven issuers that may be fetched at once, for all templates of a guard together
	budgetRefill = time.Second
)

var (
	errBudget  = errors.New("too many issuers that no valid token has come from yet")
	errNoRealm = errors.New("the issuer has no discovery document")
)

// realms are the sources a template has made, the least recently used going first.
type realms struct {
	budget  *budget
	missing *cache.Cache[struct{}] // tenants without a discovery document

	mu      sync.Mutex
	sources map[string]*list.Element // of *source, by tenant
	order   *list.List               // most recently used first
}

// source returns the tenant's source, or makes one if the budget for issuers nobody has heard of allows.
func (t *template) source(tenant string) (*source, *Error) {
	r := &t.realms
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.sources[tenant]; ok {
		r.order.MoveToFront(e)
		return e.Value.(*source), nil
	}
	if _, ok := r.missing.Get(cache.Digest(tenant)); ok {
		return nil, refuseFor(IssuerUntrusted, errNoRealm)
	}
	if wait, ok := r.budget.take(time.Now()); !ok {
		return nil, &Error{Reason: IDPUnavailable, RetryAfter: wait, cause: errBudget}
	}
	src, err := t.create(t.fill(tenant))
	if err != nil {
		return nil, refuseFor(IssuerUntrusted, err)
	}
	src.realms, src.tenant, src.introspect, src.vouching = r, tenant, t.introspect, t.vouching
	if len(r.sources) >= maxSources {
		r.evict()
	}
	r.sources[tenant] = r.order.PushFront(src)
	return src, nil
}

// evict makes room: the least recently used of those that have never been of use goes, else of all. mu is held.
func (r *realms) evict() {
	victim := r.order.Back()
	for e := victim; e != nil; e = e.Prev() {
		if !e.Value.(*source).proven.Load() {
			victim = e
			break
		}
	}
	delete(r.sources, r.order.Remove(victim).(*source).tenant)
}

// use reports whether a source is still in use, and marks it as recently used.
func (s *source) use() bool {
	if s.realms == nil {
		return true
	}
	s.realms.mu.Lock()
	defer s.realms.mu.Unlock()
	e, ok := s.realms.sources[s.tenant]
	if !ok || e.Value.(*source) != s {
		return false
	}
	s.realms.order.MoveToFront(e)
	return true
}

// forget drops a source without a discovery document and remembers that for a while.
func (s *source) forget() {
	r := s.realms
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.sources[s.tenant]; ok && e.Value.(*source) == s {
		r.order.Remove(e)
		delete(r.sources, s.tenant)
		r.missing.Set(cache.Digest(s.tenant), struct{}{}, missingFor)
	}
}

// budget is a token bucket.
type budget struct {
	mu    sync.Mutex
	spent int
	since time.Time // when spent was last reduced
}

// take spends one, or says when one will be there.
func (b *budget) take(now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	back := min(int(now.Sub(b.since)/budgetRefill), b.spent)
	b.spent -= back
	b.since = b.since.Add(time.Duration(back) * budgetRefill)
	if b.spent == 0 {
		b.since = now
	}
	if b.spent >= budgetRoom {
		return budgetRefill - now.Sub(b.since), false
	}
	b.spent++
	return 0, true
}
