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
	neutral outcome = iota // it says nothing
	good                   // the endpoint works
	bad                    // the endpoint is away, overloaded or does not know us
)

// breaker stops calls after five bad ones in a row, for a second at first and then doubling; after each pause one call
// finds out. Its zero value is closed.
type breaker struct {
	mu       sync.Mutex
	failures int
	until    time.Time // zero: closed
	pause    time.Duration
	probing  bool
	epoch    uint64 // calls of an earlier one say nothing about this
}

// allow gives a ticket for done, or says how long to wait.
func (b *breaker) allow(now time.Time) (ticket uint64, wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return b.epoch, 0, true
	}
	if now.Before(b.until) {
		return 0, b.until.Sub(now), false
	}
	if b.probing {
		return 0, firstPause, false
	}
	b.probing = true
	return b.epoch, 0, true
}

// done takes the outcome of a call that was allowed. It returns for how long that opens the breaker.
func (b *breaker) done(ticket uint64, o outcome) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ticket != b.epoch {
		return 0
	}
	b.probing = false
	switch o {
	case good:
		b.failures = 0
		if !b.until.IsZero() {
			b.until, b.pause = time.Time{}, 0
			b.epoch++
		}
	case bad:
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
