package client

import (
	"math/rand/v2"
	"time"

	"golang.org/x/oauth2"
)

const (
	defaultRenewBefore = time.Minute
	maxUrgent          = 5 * time.Second
	minBackoff         = time.Second
	maxBackoff         = 30 * time.Second
)

// heldToken is an immutable token with its times, in nanoseconds of the wall clock: a machine that slept must not
// take a token for younger than it is.
type heldToken struct {
	token    oauth2.Token
	renewAt  int64 // from here on a reader starts a renewal
	urgentAt int64 // from here on readers wait for it, for the token might expire on its way
	expires  int64
}

func newHeldToken(t *Tokens, renewBefore time.Duration) *heldToken {
	lifetime := max(t.Expiry.Sub(t.Obtained), 0)
	if t.Obtained.IsZero() {
		lifetime = unknownLifetime
	}
	if renewBefore == 0 {
		renewBefore = min(defaultRenewBefore, lifetime/5)
	}
	renewBefore = min(renewBefore, lifetime/2)
	early := renewBefore - jitter(renewBefore/5)
	expires := t.Expiry.UnixNano()
	return &heldToken{
		token:    oauth2.Token{AccessToken: t.AccessToken, TokenType: "Bearer", Expiry: t.Expiry},
		renewAt:  expires - int64(early),
		urgentAt: expires - int64(min(early/2, maxUrgent)),
		expires:  expires,
	}
}

func (h *heldToken) valid(now time.Time) bool { return h != nil && now.UnixNano() < h.expires }

// or returns the token while it is valid, else the error.
func (h *heldToken) or(now time.Time, err error) (*oauth2.Token, error) {
	if h.valid(now) {
		return &h.token, nil
	}
	return nil, err
}

// backoff is a pause that doubles from 1 s to 30 s.
type backoff struct {
	steps int
	until time.Time
}

func (b *backoff) waiting(now time.Time) bool { return now.Before(b.until) }

// idle reports whether the last pause ended long ago.
func (b *backoff) idle(now time.Time) bool { return now.Sub(b.until) > 2*maxBackoff }

// step starts the next pause, which is no shorter than what the provider asked for, up to 30 s.
func (b *backoff) step(now time.Time, asked time.Duration) {
	pause := minBackoff << min(b.steps, 5)
	b.steps++
	pause = max(pause+jitter(pause/5), asked)
	b.until = now.Add(min(pause, maxBackoff))
}

// jitter returns a duration in [0, d).
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
