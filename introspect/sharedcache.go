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

// Cache is a cache that replicas share. A client asks it after its local cache
// and before the provider. It contains active answers only.
//
// Keys are hex digests and reveal nothing. Values are the answers of the
// provider in plain text. Everyone who can write to the cache can make a token
// active, so it needs the same protection as the provider's responses.
//
// The methods are called concurrently, each with a deadline of one second. An
// error counts as a cache miss.
type Cache interface {
	// Get returns the value of key. ok is false if there is none or if it has
	// expired.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Set stores value for ttl, which is positive. It must copy value.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Delete removes key. It is no error if there is no such key.
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

var errEnvelope = errors.New("the value was not written by this package")

// sharedFacts reads and checks a value of the shared cache. miss reports that
// the cache has no entry.
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
			c.logger.Warn("the shared introspection cache contains an invalid value", "error", err)
		}
		return nil, false
	}
	now := time.Now()
	if f.FetchedAt.After(now) {
		if f.FetchedAt.Sub(now) > c.skew {
			return nil, false
		}
		f.FetchedAt = now // the clock of another replica is slightly ahead
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

// openEnvelope checks all of a value, because others may use the same store.
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

// void reports whether the token has become inactive, or was invalidated, since
// then.
func (c *Client) void(key cache.Key, fetched time.Time) bool {
	if ended, ok := c.ended.Get(key); ok && !fetched.After(ended) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.purged.IsZero() && !fetched.After(c.purged)
}

// share writes a new answer to the shared cache, or removes an answer that is
// no longer true.
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

// sharedName returns the key of a token in the shared cache, which other
// endpoints and clients may use too.
func (c *Client) sharedName(token string) string {
	key := cache.Digest(c.identity, c.auth.ClientID(), token)
	return hex.EncodeToString(key[:])
}

func (c *Client) unshared(err error) {
	if c.sharedWarned.Due() {
		c.logger.Warn("the shared introspection cache cannot be written", "error", err)
	}
}
