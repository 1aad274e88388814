package introspect

import (
	"context"
	"fmt"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// line is the calls about one token: at most one on its way, and one that follows it for those whom its answer is too old for.
type line struct{ running, next *flight }

// flight is one call on behalf of all who wait for it. Its fields are guarded by Client.mu, facts and err until done is closed.
type flight struct {
	run       func()
	waiters   int
	began     bool // it has a place; before, it serves everybody
	at        time.Time
	fresh     bool          // it does not look into the shared cache
	dropped   bool          // its answer is not kept, and serves nobody who comes later
	abandoned chan struct{} // closed when all have left before it began
	done      chan struct{}
	facts     *facts // nil: not active
	err       *Error
}

// join gives the flight to wait for; without one, what became known meanwhile (nil: not active).
func (c *Client) join(ctx context.Context, key cache.Key, token string, o *options, now time.Time) (*flight, *facts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[key]
	if l == nil {
		if f, ok := c.held(key, o, now); ok { // a flight ended since we looked
			return nil, f
		}
		l = &line{running: c.newFlight(ctx, key, token, o)}
		c.lines[key] = l
		go l.running.run()
	}
	f := l.running
	switch {
	case !f.began:
		f.fresh = f.fresh || o.limitsAge
	case f.dropped || (o.limitsAge && (!f.fresh || !f.at.After(now.Add(-o.maxAge)))):
		if l.next == nil {
			l.next = c.newFlight(ctx, key, token, o)
		}
		f = l.next
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
	f.run = func() { c.fly(ctx, key, token, f) }
	return f
}

// leave is for a waiter whose context has ended. A flight nobody waits for ends if it has not begun.
func (c *Client) leave(key cache.Key, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiters--; f.waiters > 0 || f.began {
		return
	}
	switch l := c.lines[key]; {
	case l == nil:
	case l.next == f:
		l.next = nil
	case l.running == f:
		close(f.abandoned)
		c.advance(key, l)
	}
}

// fly waits for a place, calls, and tells everybody. Shared cache, discovery and call have a deadline each.
func (c *Client) fly(ctx context.Context, key cache.Key, token string, f *flight) {
	select {
	case c.places <- struct{}{}:
	case <-f.abandoned:
		return
	}
	defer func() { <-c.places }()
	growStack()

	c.mu.Lock()
	if f.waiters == 0 { // all left while it got its place; leave has taken it out
		c.mu.Unlock()
		return
	}
	f.began, f.at = true, time.Now()
	fresh := f.fresh
	c.mu.Unlock()

	a := answer{err: errNoAnswer}
	defer c.caught()
	defer func() { // also when what we call panics or ends the goroutine
		if c.land(key, f, a) {
			c.share(ctx, key, token, a)
		}
	}()
	got := c.ask(ctx, key, token, fresh, f.at)
	if f := got.facts; f != nil {
		if issuer, ok := c.issuer(f.Issuer); ok && f.Issuer != "" {
			f.Issuer = issuer // compared with itself on each hit: nothing of the answer's is looked at
		}
		c.positives.prepare(f)
	}
	a = got
}

var errNoAnswer = unavailable("the call ended without an answer", nil)

// growStack gives a new goroutine the stack that an HTTP call needs while there is little on it yet. Growing it step by
// step, and moving all that is on it each time, was a fifth of what a call cost.
//
//go:noinline
func growStack() byte {
	if !needFrame { // the stack has grown by now, and nothing needs to be cleared
		return 0
	}
	var frame [12 << 10]byte
	return frame[frameEnd]
}

var needFrame, frameEnd = false, 0 // variables: the compiler must not see that nobody needs the frame

// caught keeps a panic of what we call (HTTPClient, Config.Auth, Cache) from taking the process down: nobody
// above this goroutine can. What it panicked with may hold anything: only its type is told.
func (c *Client) caught() {
	if p := recover(); p != nil {
		c.logger.Error("introspection panicked", "panic", fmt.Sprintf("%T", p))
	}
}

// answer is how a flight ends.
type answer struct {
	facts      *facts // nil without err: not active
	err        *Error
	fromShared bool
	sharedMiss bool // the shared cache was asked and has nothing
}

// land keeps the answer, starts the flight that follows and wakes all waiters. It reports whether the answer may be shared.
func (c *Client) land(key cache.Key, f *flight, a answer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	f.facts, f.err = a.facts, a.err
	if l := c.lines[key]; l != nil && l.running == f {
		c.advance(key, l)
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

// advance takes the running flight out of its line and starts the one that follows. It needs mu.
func (c *Client) advance(key cache.Key, l *line) {
	l.running, l.next = l.next, nil
	if l.running == nil {
		delete(c.lines, key)
		return
	}
	go l.running.run()
}

// drop voids what the running flight will say. It needs mu.
func (l *line) drop() {
	if l.running.began {
		l.running.dropped = true
	} else {
		l.running.fresh = true
	}
	if l.next != nil {
		l.next.fresh = true
	}
}
