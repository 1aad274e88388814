package client_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relyingparty/oidc/store"
)

var errStoreAway = errors.New("dial tcp 192.0.2.7:6379: connection refused")

// badStore is a store that can be away, method by method, and counts.
type badStore struct {
	store.Store
	mu      sync.Mutex
	away    map[string]bool
	updates atomic.Int32
	// beforeUpdate runs while the lock is held and before the function.
	beforeUpdate func()
	// afterUpdate runs between the function and the saving of its result; its error keeps that from being saved.
	afterUpdate func() error
	// stale is what Load finds, if not nil: a replica that reads behind.
	stale *store.Record
}

func newBadStore() *badStore {
	return &badStore{Store: store.NewMemory(0), away: map[string]bool{}}
}

func (s *badStore) fail(methods ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.away)
	for _, m := range methods {
		s.away[m] = true
	}
}

func (s *badStore) err(method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away[method] {
		return errStoreAway
	}
	return nil
}

func (s *badStore) Load(ctx context.Context, id string) (*store.Record, error) {
	if err := s.err("Load"); err != nil {
		return nil, err
	}
	if s.stale != nil {
		return s.stale, nil
	}
	return s.Store.Load(ctx, id)
}

func (s *badStore) Update(ctx context.Context, id string, fn func(*store.Record) (*store.Record, error)) error {
	s.updates.Add(1)
	if err := s.err("Update"); err != nil {
		return err
	}
	return s.Store.Update(ctx, id, func(r *store.Record) (*store.Record, error) {
		if s.beforeUpdate != nil {
			s.beforeUpdate()
		}
		out, err := fn(r)
		if err == nil && s.afterUpdate != nil {
			err = s.afterUpdate()
		}
		return out, err
	})
}

func (s *badStore) DeleteByIndex(ctx context.Context, key string, except ...string) ([]store.Record, error) {
	if err := s.err("DeleteByIndex"); err != nil {
		return nil, err
	}
	return s.Store.DeleteByIndex(ctx, key, except...)
}

func (s *badStore) Marked(ctx context.Context, key string) (bool, error) {
	if err := s.err("Marked"); err != nil {
		return false, err
	}
	return s.Store.Marked(ctx, key)
}

func (s *badStore) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	if err := s.err("Once"); err != nil {
		return false, err
	}
	return s.Store.Once(ctx, key, until)
}

// spyStore shows and lets a test change the records; it is for one goroutine.
type spyStore struct {
	store.Store
	records map[string]*store.Record
}

func (s *spyStore) Load(_ context.Context, id string) (*store.Record, error) {
	return s.records[id], nil
}

func (s *spyStore) Update(_ context.Context, id string, fn func(*store.Record) (*store.Record, error)) error {
	out, err := fn(s.records[id])
	if err != nil {
		return err
	}
	if s.records[id] = out; out == nil {
		delete(s.records, id)
	}
	return nil
}
