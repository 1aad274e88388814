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

// outcome is what a call means for the breaker.
type outcome uint8

const (
	neutral outcome = iota // no request was made, or its answer is unknown
	good                   // the endpoint answered
	bad                    // the endpoint is overloaded or does not know us
	silent                 // no answer came: bad, unless others were answered in the meantime
)

// breaker stops calls after five bad ones in a row, for a second at first and
// then doubling. After each pause one call finds out whether the endpoint is
// back. The zero value is closed.
//
// Anyone can send a token, so no answer that a token alone can cause may count
// as bad or leave the breaker half open: an endpoint that chokes on one token
// would be off for all. Whatever was answered is good unless it says that the
// endpoint is overloaded or does not know us. A timeout counts, because nothing
// tells a token that makes the endpoint hang from an endpoint that hangs,
// except an answer to somebody else in the meantime.
type breaker struct {
	mu       sync.Mutex
	failures int
	until    time.Time // zero: closed
	pause    time.Duration
	probing  bool
	epoch    uint64 // calls of an earlier one say nothing about this
	answers  uint64 // good calls so far
}

// ticket is for the outcome of a call that was allowed.
type ticket struct{ epoch, answers uint64 }

// allow gives a ticket for done, or says how long to wait.
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

// done takes the outcome of a call that was allowed. It returns for how long
// that opens the breaker.
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

// open reports whether calls are being refused, and for how long.
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
