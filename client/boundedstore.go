package client

import (
	"context"
	"errors"
	"time"

	"github.com/relyingparty/oidc/store"
)

const (
	storeDeadline = 5 * time.Second
	leasePatience = 30 * time.Second // for the lease of an update
)

// boundedStore gives each call to a Store its deadline, because a store that
// accepts connections and never answers would otherwise hold every request.
type boundedStore struct{ store.Store }

func (s boundedStore) Load(ctx context.Context, id string) (*store.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, storeDeadline)
	defer cancel()
	return s.Store.Load(ctx, id)
}

// Update bounds the wait for the lease. The lease itself bounds what follows.
func (s boundedStore) Update(ctx context.Context, id string, fn func(*store.Record) (*store.Record, error)) error {
	ctx, cancel := context.WithTimeout(ctx, leasePatience)
	defer cancel()
	return s.Store.Update(ctx, id, fn)
}

func (s boundedStore) DeleteByIndex(ctx context.Context, key string, except ...string) ([]store.Record, error) {
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

// list is store.Lister's, where the store offers it; ok tells whether it does.
func (s boundedStore) list(ctx context.Context, key string) (records []store.Record, ok bool, err error) {
	lister, ok := s.Store.(store.Lister)
	if !ok {
		return nil, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeDeadline)
	defer cancel()
	records, err = lister.List(ctx, key)
	return records, true, err
}

// storeError is an outage unless it is already one of our own errors, from inside an update.
func storeError(err error) error {
	var own *Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	return &Error{Kind: KindUnreachable, Op: "session store", Err: &storeFailure{err}}
}

// storeFailure is ErrStore with its cause.
type storeFailure struct{ cause error }

func (e *storeFailure) Error() string   { return ErrStore.Error() + ": " + e.cause.Error() }
func (e *storeFailure) Unwrap() []error { return []error{ErrStore, e.cause} }
