package client

import (
	"context"
	"time"
)

const storeDeadline = 5 * time.Second

// boundedStore gives each call to a Store its deadline, because a store that
// accepts connections and never answers would otherwise hold every request.
type boundedStore struct{ Store }

func (s boundedStore) Load(ctx context.Context, id string) (*Record, error) {
	ctx, cancel := context.WithTimeout(ctx, storeDeadline)
	defer cancel()
	return s.Store.Load(ctx, id)
}

// Update bounds the wait for the lease. The lease itself bounds what follows.
func (s boundedStore) Update(ctx context.Context, id string, fn func(*Record) (*Record, error)) error {
	ctx, cancel := context.WithTimeout(ctx, leasePatience)
	defer cancel()
	return s.Store.Update(ctx, id, fn)
}

func (s boundedStore) DeleteByIndex(ctx context.Context, key string, except ...string) ([]Record, error) {
	ctx, cancel := context.WithTimeout(ctx, storeDeadline)
	defer cancel()
	return s.Store.DeleteByIndex(ctx, key, except...)
}

func (s boundedStore) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeDeadline)
	defer cancel()
	return s.Store.Once(ctx, key, until)
}

func (s boundedStore) Marked(ctx context.Context, key string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeDeadline)
	defer cancel()
	return s.Store.Marked(ctx, key)
}

// list is Lister's, where the store offers it; ok tells whether it does.
func (s boundedStore) list(ctx context.Context, key string) (records []Record, ok bool, err error) {
	lister, ok := s.Store.(Lister)
	if !ok {
		return nil, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeDeadline)
	defer cancel()
	records, err = lister.List(ctx, key)
	return records, true, err
}
