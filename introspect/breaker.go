package introspect

import (
	"sync"
	"time"
)

const (
	failuresToOpen = 5
	firstPause     = time.Second
	longestPause   = 30 * time.Second
)

// outcome is what the result of a call tells the breaker.
type outcome uint8

const (
	neutral outcome = iota // no request was sent, or its result is unknown
	good                   // the endpoint responded
	bad                    // the endpoint is overloaded or does not accept this client
	silent                 // no response: bad, unless other calls succeeded in the meantime
)

// breaker stops calls after five bad ones in a row, first for a second, then
// for twice as long each time. After each pause, a single call probes the
// endpoint. The zero value is closed.
//
// Anyone can send a token. Therefore no response that a token alone can cause
// may count as bad or leave the breaker half open. Otherwise one token that
// breaks the endpoint would stop introspection for all. Every response is good,
// unless it shows that the endpoint is overloaded or does not accept this
// client. A timeout is bad, because a token that makes the endpoint hang looks
// like an endpoint that hangs. Only a response to another call in the meantime
// tells them apart.
type breaker struct {
	mu       sync.Mutex
	failures int
	until    time.Time // zero if closed
	pause    time.Duration
	probing  bool
	epoch    uint64 // calls of an earlier epoch no longer count
	answers  uint64 // number of good calls
}

// ticket belongs to a call that was allowed.
type ticket struct{ epoch, answers uint64 }

// allow returns a ticket for done, or how long to wait.
func (b *breaker) allow(now time.Time) (t ticket, wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t = ticket{b.epoch, b.answers}
	if b.until.IsZero() {
		return t, 0, true
	}
	if now.Before(b.until) {
		return t, b.until.Sub(now), false
	}
	if b.probing {
		return t, firstPause, false
	}
	b.probing = true
	return t, 0, true
}

// done records the outcome of a call that was allowed. If that opens the
// breaker, it returns for how long.
func (b *breaker) done(t ticket, o outcome) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.epoch != b.epoch {
		return 0
	}
	b.probing = false
	switch o {
	case good:
		b.answers++
		b.failures = 0
		if !b.until.IsZero() {
			b.until, b.pause = time.Time{}, 0
			b.epoch++
		}
	case silent, bad:
		if o == silent && t.answers != b.answers {
			return 0
		}
		b.failures++
		if b.until.IsZero() && b.failures < failuresToOpen {
			return 0
		}
		b.pause = min(max(2*b.pause, firstPause), longestPause)
		b.until = time.Now().Add(b.pause)
		b.epoch++
		return b.pause
	case neutral:
	}
	return 0
}

// open reports whether the breaker refuses calls, and for how long.
func (b *breaker) open(now time.Time) (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return 0, false
	case now.Before(b.until):
		return b.until.Sub(now), true
	}
	return firstPause, b.probing
}
