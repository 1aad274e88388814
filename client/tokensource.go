package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/relyingparty/oidc/internal/redact"
)

const (
	flightTimeout = 30 * time.Second
	maxShapes     = 100
)

// TokenSource gives a valid access token for one TokenRequest, and is safe for concurrent use. Reading a valid token
// takes no lock and allocates nothing. It is renewed early, by the first reader who comes then; one request to the
// provider serves any number of waiters, and after a failure the next is 1 s to 30 s away.
//
// It is an [oauth2.TokenSource]. It prints as [redacted]; the tokens it gives do not: x/oauth2's type cannot.
type TokenSource struct {
	redact.All

	held  atomic.Pointer[heldToken]
	group *sourceGroup
	req   func() TokenRequest // behind a closure, as is refused: fmt would print them where a TokenSource is unexported

	mu      sync.Mutex // guards what follows, and writing held
	flight  *tokenFlight
	failing backoff       // of the provider
	lastErr error         // why it fails
	ended   error         // ErrReauthRequired: nothing more to be had
	forcing backoff       // renewals forced by Invalidate
	refused func() string // the token that Invalidate dropped; nil if there is none
}

// fetchToken gets one access token for r.
type fetchToken func(ctx context.Context, r TokenRequest) (*Tokens, error)

// newTokenSource caches, renews early and coalesces around fetch, which gets one access token for r.
// fetch runs on a context of its own (30 s, not the caller's) and at most once at a time for the same request.
// renewing(ctx) tells it which access token is being replaced ("" = none): when the store meanwhile holds another
// one that is still good, fetch should give that one instead of asking the provider.
// After ErrReauthRequired, if it is no guess, it is not called again: what is held is served until it expires, then that error.
func newTokenSource(c *Client, r TokenRequest, fetch fetchToken) *TokenSource {
	g := &sourceGroup{client: c, fetch: fetch, sources: map[shape]*sharedSource{}}
	return g.source(r)
}

// Token is TokenContext without a context: it waits as long as a request to the provider may take.
func (s *TokenSource) Token() (*oauth2.Token, error) { return s.TokenContext(context.Background()) }

// TokenContext returns a valid token, which must not be modified. ctx bounds this caller's wait only.
//
// Errors: ErrReauthRequired when a user's tokens cannot be renewed any more; otherwise what the provider's token
// endpoint last failed with, until the next attempt is due.
func (s *TokenSource) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	if h := s.held.Load(); h != nil && time.Now().UnixNano() < h.renewAt {
		return &h.token, nil
	}
	return s.renew(ctx)
}

// For returns the source of tokens for another request. Equal requests share a source, up to a hundred of them.
func (s *TokenSource) For(r TokenRequest) *TokenSource { return s.group.source(r) }

// Invalidate drops a token that an API refused, if it is still the one held, so that the next call gets another.
// At most one renewal is forced per backoff step (1 s to 30 s): an API that refuses every token causes no storm.
func (s *TokenSource) Invalidate(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, now := s.held.Load(), time.Now()
	if h == nil || h.token.AccessToken != accessToken || s.forcing.waiting(now) {
		return
	}
	if s.forcing.idle(now) {
		s.forcing = backoff{}
	}
	s.forcing.step(now, 0)
	s.refused = func() string { return accessToken }
	s.held.Store(nil)
}

// prime puts an already held token for the source's own request into it
// (Obtained should be set: see Tokens), unless an API has just refused that
// one. The token that the source has anyway is no news, and ends no backoff.
func (s *TokenSource) prime(t *Tokens) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held.Load(); h != nil && h.token.AccessToken == t.AccessToken {
		return
	}
	if s.refused == nil || s.refused() != t.AccessToken {
		s.keep(t)
	}
}

// keep makes t the token to serve; s.mu is held.
func (s *TokenSource) keep(t *Tokens) *heldToken {
	h := newHeldToken(t, s.group.client.cfg.RenewBefore)
	s.held.Store(h)
	s.failing, s.lastErr, s.ended, s.refused = backoff{}, nil, nil, nil
	return h
}

// renew is the slow path: no token, an expired one, or one that is due.
func (s *TokenSource) renew(ctx context.Context) (*oauth2.Token, error) {
	s.mu.Lock()
	now := time.Now()
	h := s.held.Load()
	if ctx.Err() != nil {
		s.mu.Unlock()
		return h.or(now, callerLeft(ctx))
	}
	if h != nil && now.UnixNano() < h.renewAt {
		s.mu.Unlock()
		return &h.token, nil
	}
	f := s.flight
	if f == nil {
		if err := s.resting(now); err != nil {
			s.mu.Unlock()
			return h.or(now, err)
		}
		f = s.start(ctx, h)
	}
	s.mu.Unlock()

	var enough <-chan time.Time
	if h.valid(now) {
		if now.UnixNano() < h.urgentAt {
			return &h.token, nil // it is renewed behind this caller's back
		}
		// A provider that is silent must not make a token expire that this caller could have used.
		if half := time.Duration(h.expires-now.UnixNano()) / 2; half >= worthwhile {
			timer := time.NewTimer(half)
			defer timer.Stop()
			enough = timer.C
		}
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return h.or(time.Now(), callerLeft(ctx))
	case <-enough:
		return h.or(time.Now(), errSilent)
	}
	if f.err != nil {
		return h.or(time.Now(), f.err)
	}
	return &f.got.token, nil
}

// worthwhile is how long a token must still live for a caller to get it instead of waiting longer: a shorter one might
// expire on its way to the API.
const worthwhile = time.Second

var errSilent = &Error{Kind: KindUnreachable, Op: "token", detail: "the token expired while the provider did not answer"}

func callerLeft(ctx context.Context) error {
	return &Error{Kind: KindUnreachable, Op: "token", Err: ctx.Err(), detail: "the caller left before a token came"}
}

// resting returns why no request may go out now.
func (s *TokenSource) resting(now time.Time) error {
	if s.ended != nil {
		return s.ended
	}
	if s.failing.waiting(now) {
		return s.lastErr
	}
	return nil
}

// tokenFlight is one request that any number of callers wait for.
type tokenFlight struct {
	done chan struct{}
	got  *heldToken
	err  error
}

var errFetchEnded = &Error{Kind: KindConfig, Op: "token", detail: "getting a token ended without a result"}

// start lets a flight off, which no caller's leaving ends; s.mu is held.
func (s *TokenSource) start(ctx context.Context, h *heldToken) *tokenFlight {
	f := &tokenFlight{done: make(chan struct{}), err: errFetchEnded}
	s.flight = f
	replaced := s.refused
	if h != nil {
		replaced = func() string { return h.token.AccessToken }
	}
	ctx = context.WithValue(context.WithoutCancel(ctx), renewingKey{}, replaced)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, flightTimeout)
		defer cancel()
		var t *Tokens
		defer func() { s.land(ctx, f, t) }() // also when what fetch calls ends the goroutine
		defer s.group.client.caught(ctx, &f.err)
		t, f.err = s.group.fetch(ctx, s.req())
	}()
	return f
}

// land ends a flight.
func (s *TokenSource) land(ctx context.Context, f *tokenFlight, t *Tokens) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(f.done)
	s.flight = nil
	now := time.Now()
	if f.err == nil {
		f.got = s.keep(t)
		return
	}
	if final(f.err) {
		s.ended = f.err
		return
	}
	var asked time.Duration
	if e, ok := errors.AsType[*Error](f.err); ok {
		asked = e.RetryAfter
	}
	s.lastErr = f.err
	s.failing.step(now, asked)
	if s.held.Load().valid(now) {
		s.group.client.log.WarnContext(ctx, "a token could not be renewed; the old one serves until it expires", "error", f.err)
	}
}

type renewingKey struct{}

// renewing returns the access token that a fetch is to replace: because it is due or because an API refused it.
func renewing(ctx context.Context) string {
	// Behind a closure, for contexts print their values.
	if token, _ := ctx.Value(renewingKey{}).(func() string); token != nil {
		return token()
	}
	return ""
}

// sourceGroup is the sources that share a fetch, by what they ask for.
type sourceGroup struct {
	client *Client
	fetch  fetchToken

	mu      sync.Mutex
	sources map[shape]*sharedSource
	clock   uint64
}

type sharedSource struct {
	*TokenSource
	used uint64
}

// source returns the source for r. One that is forgotten for lack of room goes on working for whoever holds it.
func (g *sourceGroup) source(r TokenRequest) *TokenSource {
	key := r.shape()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock++
	if s, ok := g.sources[key]; ok {
		s.used = g.clock
		return s.TokenSource
	}
	if len(g.sources) >= maxShapes {
		oldest, least := key, g.clock
		for k, s := range g.sources {
			if s.used < least {
				oldest, least = k, s.used
			}
		}
		delete(g.sources, oldest)
	}
	own := r.copy()
	s := &sharedSource{&TokenSource{group: g, req: func() TokenRequest { return own }}, g.clock}
	g.sources[key] = s
	return s.TokenSource
}
