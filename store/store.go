// Package store keeps what a login must remember beyond a request: sessions, and
// marks that something was used.
//
// [Memory] serves one process. Replicas share a [Store] of their own, and
// package storetest holds it to the contract, which is the interface's comment.
package store

import (
	"context"
	"errors"
	"time"
)

// Store keeps what a Login must remember beyond a request: sessions, and marks
// that something was used. It never sees a secret: data is sealed before it
// arrives, and ids and keys are digests.
//
// This comment is the whole contract that keeps rotating refresh tokens safe, in
// one process and across replicas. A Memory serves one process; replicas
// share a store of their own.
//
// Load sees every write that was completed before it was called, by whichever
// process. Load, DeleteByIndex, Once and Marked never wait for a running Update.
// Every method returns when its context is done. A store that is full still
// deletes. It may drop records to make room, but none without an Index before it
// expires: such a record is a note that somebody will look for. If there is no room
// for one, Update returns an error.
type Store interface {
	// Load returns the record, or nil if there is none or it has expired. The
	// caller may modify what it gets.
	Load(ctx context.Context, id string) (*Record, error)

	// Update replaces a record under an exclusive lease for its id, for every
	// process that shares the store.
	//
	// fn is called at most once, with nil when there is no record. Its result is
	// kept. A nil or expired result deletes the record. Its error leaves
	// everything as it was and comes back unwrapped. fn may modify what it gets
	// and must not call the store.
	//
	// The lease lasts at least 45 and at most 60 seconds: fn asks the provider,
	// which takes up to 30 seconds. Update waits up to 30 seconds for the lease of
	// somebody else to end, or until ctx is done, and then returns an error
	// without calling fn. ctx bounds this wait only: once fn has returned, its
	// result is saved even if ctx is done in the meantime. A save that fails is
	// tried again within the lease.
	//
	// Update returns ErrDeleted only if the record is gone: it was deleted while
	// fn ran and stays deleted, because a deletion wins over a running Update.
	// The caller then revokes the tokens it got. When the lease was lost, the
	// result is dropped too, and the error is any other one.
	Update(ctx context.Context, id string, fn func(*Record) (*Record, error)) error

	// DeleteByIndex deletes every record whose Index holds key, other than those
	// whose id is in except, and returns what it deleted. Of several calls at the
	// same time exactly one returns a record.
	DeleteByIndex(ctx context.Context, key string, except ...string) ([]Record, error)

	// Once marks key as used until the given time and reports whether it was not
	// marked before. Of any number of callers, in any process, exactly one is the
	// first. A time that is past marks nothing: the answer is true every time. A
	// store that cannot remember the mark returns an error.
	//
	// The part of key before its first colon is the mark's kind. A store that
	// bounds the number of marks bounds each kind by itself, so that a flood of
	// one kind leaves room for the others.
	Once(ctx context.Context, key string, until time.Time) (first bool, err error)

	// Marked reports whether Once has marked key. It sets no mark.
	Marked(ctx context.Context, key string) (bool, error)
}

// Lister is what a Store may offer beside its methods. Without it a logout of the
// provider that arrives late also ends the sessions that began after it.
type Lister interface {
	// List returns every record whose Index holds key, in any order. It waits for
	// no running Update. The caller may modify what it gets.
	List(ctx context.Context, key string) ([]Record, error)
}

// Record is what a Store keeps under an id.
type Record struct {
	// ID is the record's own. A store sets it in what it returns and ignores it in
	// what it is given.
	ID string
	// Data is sealed: it means nothing to the store.
	Data []byte
	// Expires is when the record ceases to exist. If zero, it does not exist.
	Expires time.Time
	// Index holds the keys by which DeleteByIndex finds the record: a handful at
	// most. If empty, only its id finds it.
	Index []string
}

// ErrDeleted is what Store.Update returns when the record was deleted while its
// function ran.
var ErrDeleted = errors.New("the record was deleted during its update")

// ErrFull is a Memory's refusal to remember one more mark, or one more record
// without an index.
var ErrFull = errors.New("the store is full")

func (r *Record) clone(id string) *Record {
	return &Record{
		ID:      id,
		Data:    append([]byte(nil), r.Data...),
		Expires: r.Expires,
		Index:   append([]string(nil), r.Index...),
	}
}
