package middleware

import (
	"container/list"
	"errors"
	"sync"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

const (
	maxSources = 100 // of a template, unless it lists more tenants
	maxMissing = 1000
	missingFor = 30 * time.Second
	maxProven  = 10_000
	provenFor  = 24 * time.Hour // after its last source went
)

var (
	errBudget  = errors.New("too many issuers that no valid token has come from yet")
	errNoRealm = errors.New("the issuer has no discovery document")
)

// realms are the sources a template has made, the least recently used going first.
type realms struct {
	budgets *budgets
	missing *cache.Cache[struct{}] // tenants without a discovery document
	proven  *cache.Cache[struct{}] // tenants that a valid token has come from; they outlive their sources
	max     int                    // sources

	mu      sync.Mutex
	sources map[string]*list.Element // of *source, by tenant
	order   *list.List               // most recently used first
}

// newRealms are without sources yet, with room for all tenants of a list.
func newRealms(b *budgets, listed int) realms {
	return realms{
		budgets: b, max: max(maxSources, listed), missing: cache.New[struct{}](max(maxMissing, listed)),
		proven: cache.New[struct{}](maxProven), sources: make(map[string]*list.Element), order: list.New(),
	}
}

// source returns the tenant's source, or makes one if the budgets allow. It is the caller's business that the policy
// allows the tenant.
func (t *template) source(tenant string) (*source, *Error) {
	r := &t.realms
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.sources[tenant]; ok {
		r.order.MoveToFront(e)
		return e.Value.(*source), nil
	}
	if _, ok := r.missing.Get(cache.Digest(tenant)); ok {
		return nil, refuseFor(ReasonIssuerUntrusted, errNoRealm)
	}
	stranger, wait, ok := t.spend(tenant, time.Now())
	if !ok {
		return nil, &Error{Reason: ReasonProviderUnavailable, RetryAfter: wait, cause: errBudget}
	}
	src, err := t.create(t.fill(tenant))
	if err != nil {
		return nil, refuseFor(ReasonIssuerUntrusted, err)
	}
	src.realms, src.tenant, src.introspect, src.vouching = r, tenant, t.introspect, t.vouching
	src.owes.Store(stranger)
	if len(r.sources) >= r.max {
		r.evict()
	}
	r.sources[tenant] = r.order.PushFront(src)
	return src, nil
}

// spend pays for a new source of tenant. A stranger's source owes one of budgets.unanswered.
func (t *template) spend(tenant string, now time.Time) (stranger bool, wait time.Duration, ok bool) {
	b := t.realms.budgets
	switch {
	case holds(t.sorted, tenant):
		return false, 0, true
	case t.asks || t.realms.provenBefore(tenant):
		wait, ok = b.known.take(now)
		return false, wait, ok
	}
	wait, ok = b.takeStranger(now)
	return true, wait, ok
}

// provenBefore reports whether a valid token has come from the tenant, by a source that may be gone.
func (r *realms) provenBefore(tenant string) bool {
	_, ok := r.proven.Get(cache.Digest(tenant))
	return ok
}

// prove notes that a signature was verified with the source's keys.
func (s *source) prove() {
	if s.proven.Load() {
		return
	}
	s.proven.Store(true)
	if s.realms != nil {
		s.realms.remember(s.tenant)
	}
}

func (r *realms) remember(tenant string) {
	r.proven.Set(cache.Digest(tenant), struct{}{}, provenFor)
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
	gone := r.order.Remove(victim).(*source)
	delete(r.sources, gone.tenant)
	if gone.proven.Load() {
		r.remember(gone.tenant) // from now on
	}
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
