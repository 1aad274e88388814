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
	"sync/atomic"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/remote"
)

// staleFor is how long keys still serve while fetching newer ones fails.
const staleFor = 24 * time.Hour

// Config describes a source.
type Config struct {
	// URL gives the jwks_uri (asked at the start of each fetch).
	URL        func(context.Context) (string, error)
	AllowHTTP  bool
	HTTPClient *http.Client
	Logger     *slog.Logger
	Observer   oidc.Observer
}

// Source is safe for concurrent use.
type Source struct {
	doc   *remote.Document[*set]
	newer *remote.Newer[*set] // refetches for tokens that no key fits; scheduled fetches do not count
}

// ErrKeyUnknown: the keys are reachable and none fits. It does not prove that the token is forged: it may be signed with a key published moments ago.
var ErrKeyUnknown = errors.New("keyset: no key fits the token")

// ErrKeyUnfit is the ErrKeyUnknown of a kid that is known, whose keys are not for the token's algorithm.
var ErrKeyUnfit = fmt.Errorf("%w: its kid is that of a key for another algorithm", ErrKeyUnknown)

// New makes a source whose keys are not fetched yet. It does no I/O.
func New(cfg Config) *Source {
	logger := cfg.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	var told atomic.Pointer[string] // what was logged last: a set is fetched again and again, and mostly the same
	s := &Source{doc: remote.New(remote.Config[*set]{
		Name: oidc.OperationKeySet,
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
		AllowHTTP: cfg.AllowHTTP, HTTPClient: cfg.HTTPClient, Logger: cfg.Logger, Observer: cfg.Observer,
	})}
	s.newer = remote.NewNewer(s.doc)
	return s
}

// Verify checks t's signature, by these rules: an unknown kid costs one shared
// refetch in 30 s, counted from one that succeeded, and is refused at once
// otherwise; without a kid at most 8 keys are tried.
//
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
	newer, failure := s.newer.Than(ctx, keys)
	if failure != nil {
		if _, ok := errors.AsType[*remote.Error](failure); !ok { // ctx's: the held keys are fresh, and none fits
			failure = fmt.Errorf("%w (gave up waiting for newer keys: %w)", ErrKeyUnknown, failure)
		}
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
