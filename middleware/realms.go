package middleware

import (
	"container/list"
	"errors"
	"sync"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

const (
	maxSources = 100 // per template, unless it lists more tenants
	maxMissing = 1000
	missingFor = 30 * time.Second
	maxProven  = 10_000
	provenFor  = 24 * time.Hour // after the last source of the tenant is evicted
)

var (
	errBudget  = errors.New("too many new tenants without a valid token")
	errNoRealm = errors.New("the issuer has no discovery document")
)

// realms are the sources that a template has made, in LRU order.
type realms struct {
	budgets *budgets
	missing *cache.Cache[struct{}] // tenants whose discovery document was a 404
	proven  *cache.Cache[struct{}] // tenants that had a valid token; they outlive their sources
	max     int                    // number of sources

	mu      sync.Mutex
	sources map[string]*list.Element // each holds a *source; by tenant
	order   *list.List               // most recently used first
}

// newRealms returns realms without sources, with room for all listed tenants.
func newRealms(b *budgets, listed int) realms {
	return realms{
		budgets: b, max: max(maxSources, listed), missing: cache.New[struct{}](max(maxMissing, listed)),
		proven: cache.New[struct{}](maxProven), sources: make(map[string]*list.Element), order: list.New(),
	}
}

// source returns the tenant's source, or makes one if the budgets allow. The
// caller has checked that the policy allows the tenant.
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
	unproven, wait, ok := t.spend(tenant, time.Now())
	if !ok {
		return nil, &Error{Reason: ReasonProviderUnavailable, RetryAfter: wait, cause: errBudget}
	}
	src, err := t.create(t.fill(tenant))
	if err != nil {
		return nil, refuseFor(ReasonIssuerUntrusted, err)
	}
	src.realms, src.tenant, src.introspect, src.vouching = r, tenant, t.introspect, t.vouching
	src.owes.Store(unproven)
	if len(r.sources) >= r.max {
		r.evict()
	}
	r.sources[tenant] = r.order.PushFront(src)
	return src, nil
}

// spend takes the budget for a new source of tenant. The source of an unproven
// tenant owes one of budgets.unanswered.
func (t *template) spend(tenant string, now time.Time) (unproven bool, wait time.Duration, ok bool) {
	b := t.realms.budgets
	switch {
	case holds(t.sorted, tenant):
		return false, 0, true
	case t.asks || t.realms.provenBefore(tenant):
		wait, ok = b.known.take(now)
		return false, wait, ok
	}
	wait, ok = b.takeUnproven(now)
	return true, wait, ok
}

// provenBefore reports whether the tenant had a valid token, even if its source
// is gone.
func (r *realms) provenBefore(tenant string) bool {
	_, ok := r.proven.Get(cache.Digest(tenant))
	return ok
}

// prove records that one of the source's keys verified a signature.
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

// evict removes the least recently used source that never verified a signature,
// or else the least recently used source. The caller holds mu.
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
		r.remember(gone.tenant) // provenFor starts now
	}
}

// use reports whether the source is still in use, and marks it as most recently
// used.
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

// forget removes a source that has no discovery document, and remembers the
// tenant as missing for a while.
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
