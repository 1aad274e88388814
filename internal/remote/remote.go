// Package remote keeps one document, fetched over HTTP, fresh: lazily, in one flight, with backoff, stale while the server is away.
package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relyingparty/oidc"
)

const (
	minBackoff = time.Second
	maxBackoff = time.Minute
)

// Config describes the document.
type Config[T any] struct {
	// Name says what the document is, in errors and logs: "key set", "discovery document".
	Name string
	// URL is asked at the start of each flight; when it changes, validators (ETag) are dropped.
	URL func(context.Context) (string, error)
	// Parse turns a 200 body into a value; its error makes the fetch a failed one. url is where it was fetched from.
	Parse                      func(url string, body []byte) (T, error)
	MaxBytes                   int64         // after inflation; 0 = 512 KiB
	Timeout                    time.Duration // of one fetch; 0 = 5 s
	MinTTL, MaxTTL, DefaultTTL time.Duration // clamp of Cache-Control/Age, and what holds without; 0 = 1 min, 1 h, 15 min
	StaleFor                   time.Duration // how long after its soft end a document still serves while refreshing fails; 0 = for ever
	AllowHTTP                  bool          // plain http beyond loopback
	HTTPClient                 *http.Client  // nil = a private client with sane timeouts; redirects are always ours to decide
	Logger                     *slog.Logger  // nil = discard
	// Observer is told of each fetch. If nil, nobody is.
	Observer oidc.Observer
}

// Document is safe for concurrent use; it owns no goroutine beyond a running fetch.
type Document[T any] struct {
	cfg    Config[T]
	client *http.Client
	cur    atomic.Pointer[held[T]]

	mu      sync.Mutex
	flight  *flight[T] // nil when none runs
	fails   int        // in a row
	retryAt time.Time  // no attempt before
	lastErr *Error     // of the last flight; nil after success
}

// held is a fetched value with its times. It is immutable.
type held[T any] struct {
	value        T
	url, etag    string
	cacheControl []string // kept for a 304 without its own
	fetched      time.Time
	refreshAt    time.Time // the first reader past it starts a refresh
	soft         time.Time // fresh until then
	stale        time.Time // usable until then; zero = for ever
}

func (h *held[T]) usable(now time.Time) bool { return h.stale.IsZero() || now.Before(h.stale) }

// flight is one running fetch; value and err may be read once done is closed.
type flight[T any] struct {
	done  chan struct{}
	value T
	err   *Error
}

// New makes a document that is not fetched yet. It does no I/O.
func New[T any](cfg Config[T]) *Document[T] {
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, 512<<10)
	cfg.Timeout = cmp.Or(cfg.Timeout, 5*time.Second)
	cfg.MinTTL = cmp.Or(cfg.MinTTL, time.Minute)
	cfg.MaxTTL = cmp.Or(cfg.MaxTTL, time.Hour)
	cfg.DefaultTTL = cmp.Or(cfg.DefaultTTL, 15*time.Minute)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Observer = Observer(cfg.Observer, cfg.Logger)
	return &Document[T]{cfg: cfg, client: sameOriginClient(cfg.HTTPClient, cfg.AllowHTTP)}
}

// Get returns the document, without I/O while one is held that is not past its stale end; past 80 % of its soft
// lifetime the first reader starts a refresh in the background. Without one it waits for the shared flight.
func (d *Document[T]) Get(ctx context.Context) (T, error) {
	if h := d.current(ctx, time.Now()); h != nil {
		return h.value, nil
	}
	return d.fetchNow(ctx, false)
}

// Refetch joins or starts a fetch now, unless failures have put it into backoff (then the held error).
func (d *Document[T]) Refetch(ctx context.Context) (T, error) { return d.fetchNow(ctx, true) }

// Held is Get for those who must not wait and know what time it is: what is held and usable now. It, too, may start a
// refresh in the background.
func (d *Document[T]) Held(now time.Time) (v T, ok bool) {
	if h := d.current(context.Background(), now); h != nil {
		return h.value, true
	}
	return v, false
}

// Peek returns what is held and usable, without any I/O.
func (d *Document[T]) Peek() (v T, ok bool) {
	if h := d.cur.Load(); h != nil && (h.stale.IsZero() || h.usable(time.Now())) { // what serves for ever needs no clock
		return h.value, true
	}
	return v, false
}

// Fresh reports whether a document is held that is not past its soft end.
func (d *Document[T]) Fresh() bool {
	h := d.cur.Load()
	return h != nil && time.Now().Before(h.soft)
}

// Backoff is the time until failures allow the next attempt; 0 = now.
func (d *Document[T]) Backoff() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(0, time.Until(d.retryAt))
}

// current returns what is held and usable, and starts a refresh when it is due. It never waits.
func (d *Document[T]) current(ctx context.Context, now time.Time) *held[T] {
	h := d.cur.Load()
	if h == nil {
		return nil
	}
	if now.Before(h.refreshAt) {
		return h
	}
	if !h.usable(now) {
		return nil
	}
	if d.mu.TryLock() { // whoever has the lock is about to start, or has just ended, a flight
		if d.flight == nil && !now.Before(d.retryAt) && !now.Before(d.cur.Load().refreshAt) {
			d.start(ctx)
		}
		d.mu.Unlock()
	}
	return h
}

// fetchNow joins or starts a flight and waits for its result, for the caller's context or Timeout. Unless forced, a
// value that has arrived meanwhile will do.
func (d *Document[T]) fetchNow(ctx context.Context, forced bool) (v T, err error) {
	if err := ctx.Err(); err != nil {
		return v, d.gaveUp(err)
	}
	d.mu.Lock()
	now := time.Now()
	if h := d.cur.Load(); !forced && h != nil && h.usable(now) {
		d.mu.Unlock()
		return h.value, nil
	}
	f := d.flight
	switch {
	case f != nil:
	case now.Before(d.retryAt):
		e := *d.lastErr
		e.RetryAfter = d.retryAt.Sub(now)
		d.mu.Unlock()
		return v, &e
	default:
		f = d.start(ctx)
	}
	d.mu.Unlock()

	timer := time.NewTimer(d.cfg.Timeout)
	defer timer.Stop()
	select {
	case <-f.done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = context.DeadlineExceeded
	}
	select {
	case <-f.done: // a result wins over a simultaneous timeout
		if f.err != nil {
			return v, f.err
		}
		return f.value, nil
	default:
		return v, d.gaveUp(err)
	}
}

func (d *Document[T]) gaveUp(cause error) *Error {
	return &Error{Kind: Unreachable, Name: d.cfg.Name, Err: fmt.Errorf("gave up waiting: %w", cause)}
}

// start begins a flight; mu is held. It outlives its caller, not its own deadline.
func (d *Document[T]) start(ctx context.Context) *flight[T] {
	f := &flight[T]{done: make(chan struct{})}
	d.flight = f
	go d.run(context.WithoutCancel(ctx), f)
	return f
}

// run fetches, keeps the result and wakes the waiters, also when something panics (or ends the goroutine) on the way.
func (d *Document[T]) run(ctx context.Context, f *flight[T]) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	var (
		h    *held[T]
		err  = &Error{Kind: Invalid, Name: d.cfg.Name, Err: errors.New("the fetch was aborted")}
		from = &source{}
	)
	defer func() {
		if p := recover(); p != nil { // its value may hold what was fetched: only its type is told
			err = &Error{Kind: Invalid, Name: d.cfg.Name, URL: from.url, Err: fmt.Errorf("panic of type %T while fetching or parsing", p)}
		}
		d.keep(f, h, err)
		defer close(f.done)
		d.report(ctx, from, err)
	}()
	h, err = d.fetch(ctx, from)
}

// keep makes the flight's outcome the document's.
func (d *Document[T]) keep(f *flight[T], h *held[T], err *Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flight = nil
	if err == nil {
		d.cur.Store(h)
		d.fails, d.retryAt, d.lastErr = 0, time.Time{}, nil
		f.value = h.value
		return
	}
	// When the document that names the URL failed, its backoff is ours: this one made no attempt.
	wait := err.RetryAfter
	if !err.inner || wait <= 0 {
		wait = max(backoff(d.fails), wait)
		d.fails++
	}
	err.RetryAfter = wait
	d.retryAt, d.lastErr, f.err = time.Now().Add(wait), err, err
}

// backoff doubles from 1 s to 60 s and adds up to a fifth, within those bounds.
func backoff(fails int) time.Duration {
	step := min(minBackoff<<min(fails, 6), maxBackoff)
	return min(step+rand.N(step/5), maxBackoff)
}

// report logs and observes a flight's outcome.
func (d *Document[T]) report(ctx context.Context, from *source, err *Error) {
	var failure error
	if err != nil {
		failure = err
		d.cfg.Logger.Warn("fetch failed", "document", d.cfg.Name, "error", failure, "next_attempt_in", err.RetryAfter)
	} else {
		d.cfg.Logger.Debug("fetched", "document", d.cfg.Name, "url", Quote(from.url))
	}
	if d.cfg.Observer != nil && !from.began.IsZero() {
		d.cfg.Observer(ctx, oidc.Event{
			Kind: oidc.EventRequest, Operation: d.cfg.Name, Outcome: err.outcome(),
			URL: from.url, Duration: time.Since(from.began), Err: failure,
		})
	}
}
