package introspect

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/endpoint"
	"github.com/relyingparty/oidc/internal/redact"
	"github.com/relyingparty/oidc/internal/remote"
)

const maxToken = 16 << 10

// Client asks one introspection endpoint. It is safe for concurrent use, owns no goroutine beyond running calls and
// needs no Close.
type Client struct {
	redact.All

	source   *discovery.Source
	auth     *endpoint.Authenticator
	caller   *endpoint.Caller
	identity string // what keys of the shared cache know the endpoint by: no I/O is needed to find an entry
	override string // Config.Endpoint

	shared           Cache
	ttl, negativeTTL time.Duration // <= 0: off
	skew             time.Duration
	allowMissing     bool
	logger           *slog.Logger
	observer         oidc.Observer

	positives store
	negatives *cache.Cache[time.Time] // when the provider was asked
	ended     *cache.Cache[time.Time] // what the shared cache holds from before is void

	breaker breaker

	callWarned, sharedWarned remote.Limiter

	mu     sync.Mutex
	lines  map[cache.Key]*line
	purged time.Time
	places chan struct{}
}

// Introspect gives what the provider says about token. The error is an *Error; errors.Is knows ErrInactive,
// ErrUnavailable and ErrProtocol. ctx bounds this caller's wait, not the shared call. A token larger than 16 KiB, or
// with characters no token has, is refused without asking.
func (c *Client) Introspect(ctx context.Context, token string, opts ...Option) (*Result, error) {
	f, err := c.verdict(ctx, cache.Digest(token), token, resolve(opts))
	if err != nil {
		return nil, err
	}
	issuer, _ := c.issuer(f.Issuer)
	return f.result(issuer), nil
}

// verdict gives the facts of a token that is active and passes o. key is the digest of
// token: the local caches hold answers of one endpoint to one client.
func (c *Client) verdict(ctx context.Context, key cache.Key, token string, o *options) (*facts, error) {
	if err := checkToken(token); err != nil {
		return nil, err
	}
	now := time.Now()
	if known, ok := c.held(key, o, now); ok {
		return c.judge(known, o, now)
	}
	if err := ctx.Err(); err != nil {
		return nil, unavailable("the caller's context has ended", err)
	}
	f, known := c.join(ctx, key, token, o, now)
	if f == nil {
		return c.judge(known, o, now)
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		c.leave(key, f)
		return nil, unavailable("the caller's context ended while waiting", ctx.Err())
	}
	if f.err != nil {
		own := *f.err
		return nil, &own
	}
	return c.judge(f.facts, o, time.Now())
}

// Invalidate forgets what is known about token, also what calls on their way will say. With a shared cache it waits for
// that one, a second at most.
func (c *Client) Invalidate(token string) {
	if checkToken(token) != nil {
		return
	}
	key := cache.Digest(token)
	c.mu.Lock()
	c.positives.remove(key)
	c.negatives.Delete(key)
	if l := c.lines[key]; l != nil {
		l.drop()
	}
	if c.shared != nil {
		c.ended.Set(key, time.Now(), c.ttl+c.skew)
	}
	c.mu.Unlock()
	c.forgetShared(context.Background(), token)
}

// Purge forgets everything, also what calls on their way will say. A shared cache keeps its entries, but this client
// does not believe those from before.
func (c *Client) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.positives.purge()
	c.negatives.Purge()
	for _, l := range c.lines {
		l.drop()
	}
	c.purged = time.Now()
}

// Ready is nil when the endpoint is known (it asks discovery, within its backoff) and the breaker closed, or due for
// the call that may close it: somebody has to send that one. The error is an *Error.
func (c *Client) Ready(ctx context.Context) error {
	t, err := c.target(ctx)
	if err != nil {
		return err
	}
	if err := c.auth.Check(t); err != nil {
		return ofCall(err)
	}
	if wait, open := c.breaker.open(time.Now()); open {
		e := unavailable("the breaker is open after failed calls", nil)
		e.RetryAfter = wait
		return e
	}
	return nil
}

// checkToken holds a token to RFC 6749 appendix A.12, without the space.
func checkToken(token string) error {
	if len(token) > maxToken {
		return &Error{Reason: TooLarge, detail: "the token is larger than 16 KiB"}
	}
	if token == "" {
		return &Error{Reason: Malformed, detail: "the token is empty"}
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return &Error{Reason: Malformed, detail: "the token holds characters no token has"}
		}
	}
	return nil
}

// held gives what is in the local caches, if it is recent enough; nil facts mean not active.
func (c *Client) held(key cache.Key, o *options, now time.Time) (*facts, bool) {
	if f := c.positives.find(key, now); f != nil && !o.old(f.FetchedAt, now) {
		return f, true
	}
	if fetched, ok := c.negatives.Get(key); ok && !o.old(fetched, now) {
		return nil, true
	}
	return nil, false
}

// judge applies what is policy: it runs on every answer, cached or not.
func (c *Client) judge(f *facts, o *options, now time.Time) (*facts, error) {
	if f == nil {
		return nil, inactive()
	}
	if err := f.set.CheckTimes(now, c.skew, false); err != nil {
		return nil, ofClaims(err, Protocol)
	}
	if expected, ok := c.issuer(f.Issuer); !ok {
		return nil, ofClaims(f.set.CheckIssuer(expected), IssuerUntrusted)
	}
	if o.checksAud {
		err := f.set.CheckAudience(o.audience...)
		if e, ok := errors.AsType[*claims.Error](err); ok && e.Problem == claims.Missing && c.allowMissing {
			err = nil
		}
		if err != nil {
			return nil, ofClaims(err, AudienceMismatch)
		}
	}
	return f, nil
}

// issuer is whose answer it is that names this issuer: the endpoint's own when it
// names none. ok is false when it names another one than expected.
func (c *Client) issuer(named string) (issuer string, ok bool) {
	issuers := c.source.Issuers()
	if len(issuers) == 0 {
		return named, true
	}
	if named == "" {
		return issuers[0], true
	}
	for _, issuer := range issuers {
		if issuer == named {
			return issuer, true
		}
	}
	return issuers[0], false
}

// failed logs a failed call, at most one each ten seconds.
func (c *Client) failed(err *Error) {
	if c.callWarned.Due() {
		c.logger.Warn("introspection failed", "error", err)
	}
}
