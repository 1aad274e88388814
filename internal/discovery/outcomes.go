package discovery

import (
	"context"
	"sync"
)

const failuresToRefresh = 3

// outcomes counts the failures in a row of each endpoint. Endpoints are named by us: they are few.
type outcomes struct {
	mu       sync.Mutex
	failures map[string]int
}

// Outcome is told how a call to one of the provider's endpoints ended. From the
// third failure in a row of one endpoint on, each asks for newer metadata, which
// the budget of Newer allows. It does not wait.
func (s *Source) Outcome(endpoint string, failed bool) {
	if s.doc == nil {
		return
	}
	switch n := s.outcomes.count(endpoint, failed); {
	case n == failuresToRefresh:
		s.cfg.Logger.Info("an endpoint keeps failing: refreshing the discovery document", "endpoint", endpoint)
		fallthrough
	case n > failuresToRefresh:
		s.newer.Refresh()
	}
}

// count returns the endpoint's failures in a row.
func (o *outcomes) count(endpoint string, failed bool) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !failed {
		delete(o.failures, endpoint)
		return 0
	}
	if o.failures == nil {
		o.failures = make(map[string]int)
	}
	o.failures[endpoint]++
	return o.failures[endpoint]
}

// Newer returns the metadata that follows tried, which does not explain what a
// caller sees: the one that has arrived in the meantime, or else that of a
// refetch, one in 30 seconds for all callers and for Outcome. Without budget, or
// when the refetch fails, it is tried again.
func (s *Source) Newer(ctx context.Context, tried *Metadata) (*Metadata, error) {
	if s.doc == nil {
		return tried, nil
	}
	doc, ok := s.doc.Peek()
	if !ok || &doc.Metadata != tried {
		return s.Metadata(ctx)
	}
	doc, err := s.newer.Than(ctx, doc)
	if err != nil {
		return nil, err
	}
	return &doc.Metadata, nil
}
