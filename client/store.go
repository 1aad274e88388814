package client

import (
	"context"
	"errors"
	"time"
)

// Store keeps what a Login must remember beyond a request: sessions, and marks that something was used.
// It never sees a secret: data is sealed before it arrives, ids and index keys are digests.
//
// These four methods are the whole contract that keeps rotating refresh tokens safe, in one process and across replicas.
// A MemoryStore serves one process; replicas share a store of their own.
type Store interface {
	// Load returns the record, or nil if there is none or it has expired. The caller may modify what it gets.
	Load(ctx context.Context, id string) (*Record, error)

	// Update replaces a record under an exclusive lock for its id, for every process that shares the store.
	//
	// fn is called at most once, with nil when there is no record; what it returns is kept, nil or an expired record deletes,
	// and its error leaves everything as it was and comes back unwrapped. ctx bounds the wait for the lock only: once fn has
	// returned its result is saved even if ctx is done meanwhile. A record that is deleted while fn runs stays deleted:
	// the result is dropped and Update returns ErrDeleted. fn must not call the store. It may ask the provider and take half
	// a minute: a lock that is leased must last as long.
	Update(ctx context.Context, id string, fn func(*Record) (*Record, error)) error

	// DeleteIndexed deletes every record whose Index holds key. It waits for no running Update: it wins over it.
	DeleteIndexed(ctx context.Context, key string) error

	// Once reports whether key is used for the first time; the mark lasts until the given time. Of any number of
	// callers, in any process, exactly one is the first. A store that cannot remember the mark returns an error.
	Once(ctx context.Context, key string, until time.Time) (first bool, err error)
}

// Record is what a Store keeps under an id.
type Record struct {
	Data    []byte    // sealed; opaque to the store
	Expires time.Time // the record does not exist from here on
	Index   []string  // keys DeleteIndexed finds it by; at most a handful
}

// ErrDeleted is what Store.Update returns when the record was deleted while its function ran.
var ErrDeleted = errors.New("the record was deleted during its update")

// ErrStoreFull is a MemoryStore's refusal to remember one more replay mark.
var ErrStoreFull = errors.New("the store holds too many replay marks")

func (r *Record) clone() *Record {
	return &Record{
		Data:    append([]byte(nil), r.Data...),
		Expires: r.Expires,
		Index:   append([]string(nil), r.Index...),
	}
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
