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

// Client asks one introspection endpoint. It is safe for concurrent use, starts
// no background goroutines beyond requests in flight, and needs no Close.
type Client struct {
	redact.All

	source   *discovery.Source
	auth     *endpoint.Authenticator
	caller   *endpoint.Caller
	identity string // the endpoint in keys of the shared cache, known without I/O
	override string // Config.Endpoint

	shared           Cache
	ttl, negativeTTL time.Duration // if not positive, nothing is cached
	skew             time.Duration
	allowMissing     bool
	logger           *slog.Logger
	observer         oidc.Observer

	positives store
	negatives *cache.Cache[time.Time] // the time when the provider was asked
	ended     *cache.Cache[time.Time] // older entries of the shared cache are void

	breaker breaker

	callWarned, sharedWarned remote.Limiter

	mu     sync.Mutex
	queues map[cache.Key]*queue
	purged time.Time
	slots  chan struct{}
}

// Introspect returns what the provider says about token. It uses cached
// answers, and concurrent calls for the same token share one request. ctx
// bounds how long this caller waits, not the shared request. It refuses a token
// that is larger than 16 KiB or contains characters that no token has without
// asking the provider.
//
// The error is an *[Error]. It matches [ErrInactive], [ErrUnavailable],
// [ErrProtocol] or none of them.
func (c *Client) Introspect(ctx context.Context, token string, opts ...Option) (*Result, error) {
	f, err := c.verdict(ctx, cache.Digest(token), token, resolve(opts))
	if err != nil {
		return nil, err
	}
	issuer, _ := c.issuer(f.Issuer)
	return f.result(issuer), nil
}

// verdict returns the facts of a token that is active and meets o. key is the
// digest of token alone, because the local caches belong to one client at one
// endpoint.
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

// Invalidate removes token from the caches, and discards the results of its
// requests in flight. If there is a shared cache, it waits for it, for at most
// a second.
func (c *Client) Invalidate(token string) {
	if checkToken(token) != nil {
		return
	}
	key := cache.Digest(token)
	c.mu.Lock()
	c.positives.remove(key)
	c.negatives.Delete(key)
	if q := c.queues[key]; q != nil {
		q.drop()
	}
	if c.shared != nil {
		c.ended.Set(key, time.Now(), c.ttl+c.skew)
	}
	c.mu.Unlock()
	c.forgetShared(context.Background(), token)
}

// Purge removes all tokens from the local caches, and discards the results of
// all requests in flight. A shared cache keeps its entries, but this client no
// longer accepts entries from before the call.
func (c *Client) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.positives.purge()
	c.negatives.Purge()
	for _, q := range c.queues {
		q.drop()
	}
	c.purged = time.Now()
}

// Ready reports whether the endpoint can be called. The endpoint must be known,
// which may need a discovery request, and the client's authentication must fit.
// The breaker must be closed or due for a probe, because otherwise no request
// would be sent that could close it. The error is an *[Error].
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

// checkToken checks the characters of RFC 6749 appendix A.12, without the
// space.
func checkToken(token string) error {
	if len(token) > maxToken {
		return &Error{Reason: TooLarge, detail: "the token is larger than 16 KiB"}
	}
	if token == "" {
		return &Error{Reason: Malformed, detail: "the token is empty"}
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return &Error{Reason: Malformed, detail: "the token contains characters that no token has"}
		}
	}
	return nil
}

// held returns a local cache entry that is recent enough. Nil facts mean that
// the token is not active.
func (c *Client) held(key cache.Key, o *options, now time.Time) (*facts, bool) {
	if f := c.positives.find(key, now); f != nil && !o.old(f.FetchedAt, now) {
		return f, true
	}
	if fetched, ok := c.negatives.Get(key); ok && !o.old(fetched, now) {
		return nil, true
	}
	return nil, false
}

// judge makes the checks whose result may change. It checks every answer,
// cached or not.
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

// issuer returns the issuer of an answer that names this one. If it names none,
// that is the endpoint's own. ok is false if it names an unexpected issuer.
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

// failed logs a failed call, at most one in ten seconds.
func (c *Client) failed(err *Error) {
	if c.callWarned.Due() {
		c.logger.Warn("introspection failed", "error", err)
	}
}
