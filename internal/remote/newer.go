package remote

import (
	"context"
	"sync"
	"time"
)

// newerInterval is the time between refetches that a caller asks for because
// the held document does not have what it looks for.
const newerInterval = 30 * time.Second

// Newer refetches a document when a caller finds that the held one does not
// explain what it sees: a token under an unknown key, for example. Anybody can
// send such a token, so a refetch is paid for from a budget that all callers
// share: one in 30 seconds.
//
// The interval starts at a refetch that succeeded. A failed one taught nobody
// anything, so it must not delay a real rotation: the document's backoff alone
// bounds what follows it.
//
// It is safe for concurrent use.
type Newer[T comparable] struct {
	doc *Document[T]

	mu        sync.Mutex
	refetched time.Time     // when the last refetch that succeeded began
	running   chan struct{} // closed when the refetch in flight is over; nil without one
}

// NewNewer returns the budget of doc. A document has one.
func NewNewer[T comparable](doc *Document[T]) *Newer[T] { return &Newer[T]{doc: doc} }

// Than returns the document that follows tried: the one that has arrived in
// the meantime, or else that of a refetch. Without budget, or when the refetch
// fails, it is tried again.
//
// A document past its soft end is refetched whatever the budget: that fetch
// was due. If it fails, nobody can say what a newer document would hold, and
// Than returns the error. It also returns ctx's error.
func (n *Newer[T]) Than(ctx context.Context, tried T) (T, error) {
	n.mu.Lock()
	// Under the lock, because a refetch stores its document before it says that
	// it is over.
	if held, ok := n.doc.Held(time.Now()); ok && held != tried {
		n.mu.Unlock()
		return held, nil
	}
	switch {
	case n.running != nil:
	case !n.doc.Fresh():
		n.mu.Unlock()
		return n.doc.Refetch(ctx)
	case !n.allowed():
		n.mu.Unlock()
		return tried, nil
	default:
		n.start(ctx)
	}
	running := n.running
	n.mu.Unlock()

	select {
	case <-running:
	case <-ctx.Done():
		return tried, ctx.Err()
	}
	if held, ok := n.doc.Held(time.Now()); ok {
		return held, nil
	}
	return tried, nil
}

// Refresh starts a refetch in the background, if the budget allows one. It does
// not wait.
func (n *Newer[T]) Refresh() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running == nil && n.allowed() {
		n.start(context.Background())
	}
}

// allowed reports whether there is budget for a refetch now; mu is held.
func (n *Newer[T]) allowed() bool {
	return (n.refetched.IsZero() || time.Since(n.refetched) >= newerInterval) && n.doc.Backoff() == 0
}

// start begins a refetch that outlives its caller; mu is held.
func (n *Newer[T]) start(ctx context.Context) {
	n.running = make(chan struct{})
	go n.refetch(context.WithoutCancel(ctx), n.running)
}

// refetch ends with its fetch, which has its own deadline. The document logs a
// failure; here it changes nothing.
func (n *Newer[T]) refetch(ctx context.Context, running chan struct{}) {
	began := time.Now()
	_, err := n.doc.Refetch(ctx)
	n.mu.Lock()
	if err == nil {
		n.refetched = began
	}
	n.running = nil
	n.mu.Unlock()
	close(running)
}
