package discovery

import (
	"sync"
	"time"
)

const (
	failuresToRefresh = 3
	outcomeInterval   = time.Minute
)

// outcomes counts the failures in a row of each endpoint. Endpoints are named by us: they are few.
type outcomes struct {
	mu        sync.Mutex
	failures  map[string]int
	refreshed time.Time // when failures last asked for a refresh
}

// Outcome is told how a call to one of the provider's endpoints ended: three failures in a row (connection error, 404,
// 5xx) of one endpoint start a refresh of the metadata (at most once a minute). It does not wait.
func (s *Source) Outcome(endpoint string, failed bool) {
	if s.doc != nil && s.outcomes.count(endpoint, failed) {
		s.cfg.Logger.Info("an endpoint keeps failing: refreshing the discovery document", "endpoint", endpoint)
		s.doc.Refresh()
	}
}

// count reports whether a refresh is due.
func (o *outcomes) count(endpoint string, failed bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !failed {
		delete(o.failures, endpoint)
		return false
	}
	if o.failures == nil {
		o.failures = make(map[string]int)
	}
	o.failures[endpoint]++
	now := time.Now()
	if o.failures[endpoint] < failuresToRefresh || !o.refreshed.IsZero() && now.Sub(o.refreshed) < outcomeInterval {
		return false
	}
	o.refreshed = now
	delete(o.failures, endpoint) // the next refresh takes three more
	return true
}
