package introspect

import (
	"context"
	"fmt"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// queue holds the calls for one token. At most one is in flight. Another
// follows it if callers need a newer answer.
type queue struct{ running, next *flight }

// flight is one call for all callers that wait for it. Client.mu guards its
// fields. facts and err may be read once done is closed.
type flight struct {
	run       func()
	waiters   int
	began     bool // it has a slot; before that, it serves every caller
	at        time.Time
	fresh     bool          // it skips the shared cache
	dropped   bool          // its answer is not cached and serves no later caller
	abandoned chan struct{} // closed if all callers left before it began
	done      chan struct{}
	facts     *facts // nil if the token is not active
	err       *Error
}

// join returns the flight to wait for. If there is none, it returns the facts
// that became known in the meantime, nil if the token is not active.
func (c *Client) join(ctx context.Context, key cache.Key, token string, o *options, now time.Time) (*flight, *facts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.queues[key]
	if q == nil {
		if f, ok := c.held(key, o, now); ok { // a flight finished in the meantime
			return nil, f
		}
		q = &queue{running: c.newFlight(ctx, key, token, o)}
		c.queues[key] = q
		go q.running.run()
	}
	f := q.running
	switch {
	case !f.began:
		f.fresh = f.fresh || o.limitsAge
	case f.dropped || (o.limitsAge && (!f.fresh || !f.at.After(now.Add(-o.maxAge)))):
		if q.next == nil {
			q.next = c.newFlight(ctx, key, token, o)
		}
		f = q.next
		f.fresh = f.fresh || o.limitsAge
	}
	f.waiters++
	return f, nil
}

func (c *Client) newFlight(ctx context.Context, key cache.Key, token string, o *options) *flight {
	f := &flight{
		fresh:     o.limitsAge || c.shared == nil,
		abandoned: make(chan struct{}),
		done:      make(chan struct{}),
	}
	ctx = context.WithoutCancel(ctx)
	f.run = func() { c.execute(ctx, key, token, f) }
	return f
}

// leave is called for a caller whose context has ended. A flight that has not
// begun ends with its last caller.
func (c *Client) leave(key cache.Key, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiters--; f.waiters > 0 || f.began {
		return
	}
	switch q := c.queues[key]; {
	case q == nil:
	case q.next == f:
		q.next = nil
	case q.running == f:
		close(f.abandoned)
		c.advance(key, q)
	}
}

// execute waits for a slot, makes the call, and wakes all callers. The shared
// cache, discovery and the call each have a deadline.
func (c *Client) execute(ctx context.Context, key cache.Key, token string, f *flight) {
	select {
	case c.slots <- struct{}{}:
	case <-f.abandoned:
		return
	}
	defer func() { <-c.slots }()
	growStack()

	c.mu.Lock()
	if f.waiters == 0 { // all callers have left, and leave has removed the flight
		c.mu.Unlock()
		return
	}
	f.began, f.at = true, time.Now()
	fresh := f.fresh
	c.mu.Unlock()

	a := answer{err: errNoAnswer}
	defer c.caught()
	defer func() { // also if called code panics or ends the goroutine
		if c.finish(key, f, a) {
			c.share(ctx, key, token, a)
		}
	}()
	got := c.ask(ctx, key, token, fresh, f.at)
	if f := got.facts; f != nil {
		if issuer, ok := c.issuer(f.Issuer); ok && f.Issuer != "" {
			f.Issuer = issuer // equal pointers: a cache hit then compares without reading the answer's memory
		}
		c.positives.prepare(f)
	}
	a = got
}

var errNoAnswer = unavailable("the call ended without a response", nil)

// growStack grows the stack of a new goroutine to the size that an HTTP call
// needs, while the stack is still nearly empty. Otherwise it grows in several
// steps, each of which copies it, which took a fifth of the time of a call.
//
//go:noinline
func growStack() byte {
	if !needFrame { // the stack has grown by now; no need to clear the frame
		return 0
	}
	var frame [12 << 10]byte
	return frame[frameEnd]
}

var needFrame, frameEnd = false, 0 // variables, so that the compiler does not remove the frame

// caught recovers from a panic of configured code (HTTPClient, Config.Auth,
// Cache), which would otherwise end the process. It logs only the type of the
// panic's value, because the value may contain a secret.
func (c *Client) caught() {
	if p := recover(); p != nil {
		c.logger.Error("introspection panicked", "panic", fmt.Sprintf("%T", p))
	}
}

// answer is the result of a flight.
type answer struct {
	facts      *facts // nil without err: the token is not active
	err        *Error
	fromShared bool
	sharedMiss bool // the shared cache has no entry
}

// finish caches the answer, starts the next flight and wakes all callers. It
// reports whether the answer may be written to the shared cache.
func (c *Client) finish(key cache.Key, f *flight, a answer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	f.facts, f.err = a.facts, a.err
	if q := c.queues[key]; q != nil && q.running == f {
		c.advance(key, q)
	}
	if a.err != nil || f.dropped {
		return false
	}
	now := time.Now()
	if a.facts == nil {
		c.positives.remove(key)
		c.negatives.Set(key, f.at, c.negativeTTL)
		if c.shared == nil || a.sharedMiss {
			return false
		}
		c.ended.Set(key, now, c.ttl+c.skew)
		return true
	}
	ttl := a.facts.lifetime(now, c.ttl)
	if a.fromShared {
		ttl = min(ttl, c.ttl-now.Sub(a.facts.FetchedAt))
		if a.facts.Expiry.IsZero() {
			ttl = min(ttl, withoutExpTTL-now.Sub(a.facts.FetchedAt))
		}
	}
	c.negatives.Delete(key)
	c.positives.set(key, a.facts, ttl)
	return c.shared != nil && !a.fromShared && ttl > 0
}

// advance removes the running flight from its queue and starts the next one.
// The caller holds mu.
func (c *Client) advance(key cache.Key, q *queue) {
	q.running, q.next = q.next, nil
	if q.running == nil {
		delete(c.queues, key)
		return
	}
	go q.running.run()
}

// drop discards the result of the running flight. The caller holds mu.
func (q *queue) drop() {
	if q.running.began {
		q.running.dropped = true
	} else {
		q.running.fresh = true
	}
	if q.next != nil {
		q.next.fresh = true
	}
}
