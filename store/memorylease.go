package store

import (
	"context"
	"errors"
	"time"
)

// The numbers of Store's contract.
const (
	leaseTime     = time.Minute
	leasePatience = 30 * time.Second
)

var (
	errLeaseLost = errors.New("the update took longer than its lease, and another one began")
	errLeaseHeld = errors.New("another update of the record took too long to wait for")
)

// memoryLease is the exclusive right to update a record. A function that hangs
// must not lock its record for ever, so the lease ends even if nobody returns it.
type memoryLease struct {
	over chan struct{} // closed when it is returned
	ends time.Time
}

// lease waits for the exclusive right to update id.
func (s *Memory) lease(ctx context.Context, id string) (*memoryLease, error) {
	var patience time.Time
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		now := time.Now()
		s.mu.Lock()
		held := s.leases[id]
		if held == nil || !now.Before(held.ends) {
			mine := &memoryLease{over: make(chan struct{}), ends: now.Add(leaseTime)}
			s.leases[id] = mine
			s.mu.Unlock()
			return mine, nil
		}
		s.mu.Unlock()
		switch {
		case patience.IsZero():
			patience = now.Add(leasePatience)
		case !now.Before(patience):
			return nil, errLeaseHeld
		}
		timer := time.NewTimer(min(held.ends.Sub(now), patience.Sub(now)))
		select {
		case <-held.over:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (s *Memory) release(id string, mine *memoryLease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[id] == mine {
		delete(s.leases, id)
	}
	close(mine.over)
}
