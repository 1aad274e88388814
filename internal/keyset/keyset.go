// Package keyset is a provider's JSON Web Key Set (RFC 7517): fetched lazily, kept fresh, parsed key by key. It is the only importer of jwx.
package keyset

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/remote"
)

const (
	refetchInterval = 30 * time.Second // between refetches for tokens no key fits
	staleFor        = 24 * time.Hour
)

// Config describes a source.
type Config struct {
	// URL gives the jwks_uri (asked at the start of each fetch).
	URL        func(context.Context) (string, error)
	AllowHTTP  bool
	HTTPClient *http.Client
	Logger     *slog.Logger
	Observe    func(name, url string, took time.Duration, err error)
}

// Source is safe for concurrent use.
type Source struct {
	doc *remote.Document[*set]

	mu        sync.Mutex
	refetched time.Time     // when the last refetch for a token began; scheduled fetches do not count
	running   chan struct{} // closed when the refetch that runs is over; nil when none does
}

// ErrKeyUnknown: the keys are reachable and none fits. It does not prove that the token is forged: it may be signed with a key published moments ago.
var ErrKeyUnknown = errors.New("keyset: no key fits the token")

// New makes a source whose keys are not fetched yet. It does no I/O.
func New(cfg Config) *Source {
	logger := cfg.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	var told atomic.Pointer[string] // what was logged last: a set is fetched again and again, and mostly the same
	return &Source{doc: remote.New(remote.Config[*set]{
		Name: "key set",
		URL:  cfg.URL,
		Parse: func(url string, body []byte) (*set, error) {
			keys, skipped, err := Parse(body)
			reasons := strings.Join(skipped, "; ")
			if last := told.Swap(&reasons); reasons != "" && (last == nil || *last != reasons) {
				logger.Info("keys were left out of the key set", "url", remote.Quote(url), "reasons", skipped)
			}
			if err != nil {
				return nil, err
			}
			return newSet(keys), nil
		},
		StaleFor:  staleFor,
		AllowHTTP: cfg.AllowHTTP, HTTPClient: cfg.HTTPClient, Logger: cfg.Logger, Observe: cfg.Observe,
	})}
}

// Verify checks t's signature, by these rules (unknown kid: one shared refetch in 30 s, then at once; no kid: at most 8 keys).
// Errors: ErrKeyUnknown, *jws.Error (SignatureInvalid), or a *remote.Error when no usable keys can be had.
func (s *Source) Verify(ctx context.Context, t *jws.Token) (Thumbprint, error) {
	if !slices.Contains(jws.Algs, t.Alg) { // no published key can ever fit
		return Thumbprint{}, ErrKeyUnknown
	}
	keys, err := s.doc.Get(ctx)
	if err != nil {
		return Thumbprint{}, err
	}
	return s.judge(ctx, keys, t)
}

// judge verifies t with keys, and where they cannot judge it with newer ones.
func (s *Source) judge(ctx context.Context, keys *set, t *jws.Token) (Thumbprint, error) {
	thumbprint, rotated, err := keys.verify(t)
	if !rotated {
		return thumbprint, err
	}
	newer, failure := s.newer(ctx, keys)
	if failure != nil {
		return Thumbprint{}, failure
	}
	if newer != keys {
		thumbprint, _, err = newer.verify(t)
	}
	return thumbprint, err
}

// Holds reports whether the key is in the set that is held and usable now; no I/O (but may start a background refresh).
func (s *Source) Holds(t Thumbprint, now time.Time) bool {
	keys, ok := s.doc.Held(now)
	if !ok {
		return false
	}
	_, ok = keys.thumbprints[t]
	return ok
}

// Ready fetches when nothing usable is held (within backoff).
func (s *Source) Ready(ctx context.Context) error {
	_, err := s.doc.Get(ctx)
	return err
}

// newer returns the set after tried, in which no key fitted: the one that has arrived meanwhile, or that of a refetch
// from the budget, which all who ask share; without budget, or when the refetch fails, tried again.
// A set past its soft end is refetched whatever the budget: that fetch was due. If it fails nobody can say whether the
// key exists, and that is the error.
func (s *Source) newer(ctx context.Context, tried *set) (*set, error) {
	s.mu.Lock()
	// Under the lock: a refetch stores its set before it says that it is over.
	if held, ok := s.doc.Held(time.Now()); ok && held != tried {
		s.mu.Unlock()
		return held, nil
	}
	running := s.running
	switch {
	case running != nil:
	case !s.doc.Fresh():
		s.mu.Unlock()
		return s.doc.Refetch(ctx)
	case !s.refetched.IsZero() && time.Since(s.refetched) < refetchInterval, s.doc.Backoff() > 0:
		s.mu.Unlock()
		return tried, nil
	default:
		s.refetched = time.Now()
		running = make(chan struct{})
		s.running = running
		go s.refetch(context.WithoutCancel(ctx), running)
	}
	s.mu.Unlock()

	select {
	case <-running:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w (gave up waiting for newer keys: %w)", ErrKeyUnknown, ctx.Err())
	}
	if held, ok := s.doc.Held(time.Now()); ok {
		return held, nil
	}
	return tried, nil
}

// refetch ends with its fetch, which has its own deadline. A failure is logged there, and here it changes nothing.
func (s *Source) refetch(ctx context.Context, running chan struct{}) {
	defer func() {
		s.mu.Lock()
		s.running = nil
		s.mu.Unlock()
		close(running)
	}()
	_, _ = s.doc.Refetch(ctx)
}
