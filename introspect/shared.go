package introspect

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/claims"
)

const sharedTimeout = time.Second

// Cache is a store shared by replicas, asked after the local cache and before the provider. It holds active answers only.
// Keys are hex digests and tell nothing; values are what the provider said about a token, in the clear, so the store
// must be as well guarded as the provider's answers: whoever can write to it can make a token active.
// It is called by several goroutines, each call has a deadline of a second, and an error counts as a miss.
type Cache interface {
	// Get returns the value stored under key; ok is false when there is none or it has expired.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Set stores value for ttl, which is positive. It must not keep value itself.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Delete forgets key. Forgetting what is not there is no error.
	Delete(ctx context.Context, key string) error
}

// envelope is a value of the shared cache.
type envelope struct {
	Version int             `json:"v"`
	Key     string          `json:"key"`     // a value works only where it was put
	Fetched int64           `json:"fetched"` // Unix milliseconds
	Answer  json.RawMessage `json:"answer"`
}

const (
	envelopeVersion = 1
	maxEnvelope     = maxAnswer + 256
)

var errEnvelope = errors.New("the value is not one of ours")

// sharedFacts reads and checks a value of the shared cache. miss: it certainly holds none.
func (c *Client) sharedFacts(ctx context.Context, key cache.Key, token string) (f *facts, miss bool) {
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	name := c.sharedName(token)
	value, ok, err := c.shared.Get(ctx, name)
	if err != nil {
		if c.sharedWarned.Due() {
			c.logger.Warn("the shared introspection cache cannot be read", "error", err)
		}
		return nil, false
	}
	if !ok {
		return nil, true
	}
	if f, err = openEnvelope(value, name); err != nil {
		if c.sharedWarned.Due() {
			c.logger.Warn("the shared introspection cache holds a value that is not ours", "error", err)
		}
		return nil, false
	}
	now := time.Now()
	if f.FetchedAt.After(now) {
		if f.FetchedAt.Sub(now) > c.skew {
			return nil, false
		}
		f.FetchedAt = now // another replica's clock is a little ahead
	}
	most := c.ttl
	if f.Expiry.IsZero() {
		most = min(most, withoutExpTTL)
	}
	if now.Sub(f.FetchedAt) >= most || f.lifetime(now, c.ttl) <= 0 || c.void(key, f.FetchedAt) {
		return nil, false
	}
	return f, false
}

// openEnvelope checks all of a value: the store may be shared with others.
func openEnvelope(value []byte, name string) (*facts, error) {
	if len(value) > maxEnvelope {
		return nil, errEnvelope
	}
	var e envelope
	if json.Unmarshal(value, &e) != nil || e.Version != envelopeVersion || e.Key != name || e.Fetched <= 0 {
		return nil, errEnvelope
	}
	set, err := claims.Parse(e.Answer)
	if err != nil {
		return nil, errEnvelope
	}
	f, err := parseAnswer(set, time.UnixMilli(e.Fetched))
	if err != nil || f == nil {
		return nil, errEnvelope
	}
	return f, nil
}

// void reports whether we have learnt since then that the token has ended, or were told to forget it.
func (c *Client) void(key cache.Key, fetched time.Time) bool {
	if ended, ok := c.ended.Get(key); ok && !fetched.After(ended) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.purged.IsZero() && !fetched.After(c.purged)
}

// share writes a new answer to the shared cache, or takes out what is no longer so.
func (c *Client) share(ctx context.Context, key cache.Key, token string, a answer) {
	if a.facts == nil {
		c.forgetShared(ctx, token)
		return
	}
	ttl := a.facts.lifetime(time.Now(), c.ttl)
	name := c.sharedName(token)
	value, err := json.Marshal(envelope{envelopeVersion, name, a.facts.FetchedAt.UnixMilli(), []byte(a.facts.set.Raw())})
	if err != nil || ttl <= 0 || len(value) > maxEnvelope || c.void(key, a.facts.FetchedAt) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	if err := c.shared.Set(ctx, name, value, ttl); err != nil {
		c.unshared(err)
	}
}

func (c *Client) forgetShared(ctx context.Context, token string) {
	if c.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	if err := c.shared.Delete(ctx, c.sharedName(token)); err != nil {
		c.unshared(err)
	}
}

// sharedName is the key of a token in the shared cache, where other endpoints
// and clients have theirs.
func (c *Client) sharedName(token string) string {
	key := cache.Digest(c.identity, c.auth.ClientID(), token)
	return hex.EncodeToString(key[:])
}

func (c *Client) unshared(err error) {
	if c.sharedWarned.Due() {
		c.logger.Warn("the shared introspection cache cannot be written", "error", err)
	}
}
