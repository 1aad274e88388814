package remote

import (
	"sync/atomic"
	"time"
)

// Limiter lets one message through each ten seconds: an outage must not fill the log. Its zero value lets the next
// one through.
type Limiter struct{ last atomic.Int64 } // Unix nanoseconds

// Due reports whether a message may be logged now, and counts it.
func (l *Limiter) Due() bool {
	const every = 10 * time.Second
	now := time.Now().UnixNano()
	last := l.last.Load()
	since := now - last
	return (since >= int64(every) || since < 0) && l.last.CompareAndSwap(last, now) // < 0: the clock was set back
}
