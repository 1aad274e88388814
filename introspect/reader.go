package introspect

import (
	"context"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/claims"
)

// Reader is a Client that converts each active answer to a T, once, and caches
// the T with the answer. Both leave the cache together.
//
// It exists for package middleware, which would otherwise need a second cache
// and could not know when an answer has been replaced.
type Reader[T any] struct {
	*Client
	read func(*claims.Set, string, time.Time) T
	made *cache.Cache[made[T]]
}

// made is a T with the answer that it was made from. The T is part of it, so
// that a cache hit touches only one piece of memory.
type made[T any] struct {
	issuer string
	value  T
	facts  *facts
}

// NewReader returns a Reader with a Client for cfg. read converts an answer:
// its claims, its issuer (the endpoint's own if the answer names none), and
// when the provider was asked. The errors are those of [New].
func NewReader[T any](cfg Config, read func(answer *claims.Set, issuer string, asked time.Time) T) (*Reader[T], error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	r := &Reader[T]{Client: c, read: read, made: cache.New[made[T]](positive(cfg.MaxEntries, defaultMaxEntries))}
	c.positives = r
	return r, nil
}

// Kept returns the cached T of the token with this digest. It returns nil if
// there is none, or if its answer names an unexpected issuer. It never asks the
// provider, and checks neither times nor audience. The caller must not change
// the T.
func (r *Reader[T]) Kept(token cache.Key, now time.Time) *T {
	m := r.made.Find(token, now)
	if m == nil {
		return nil
	}
	if _, ok := r.issuer(m.issuer); !ok {
		return nil
	}
	return &m.value
}

// Ask is [Client.Introspect] for a Reader. key must be the digest of token.
func (r *Reader[T]) Ask(ctx context.Context, key cache.Key, token string, opts ...Option) (*T, error) {
	f, err := r.verdict(ctx, key, token, resolve(opts))
	if err != nil {
		return nil, err
	}
	return f.made.(*T), nil
}

// store is the cache of active answers.
type store interface {
	prepare(f *facts) // called before any other goroutine sees f
	find(k cache.Key, now time.Time) *facts
	set(k cache.Key, f *facts, ttl time.Duration)
	remove(k cache.Key)
	purge()
}

func (r *Reader[T]) prepare(f *facts) {
	issuer, ok := r.issuer(f.Issuer)
	if !ok {
		issuer = f.Issuer
	}
	value := r.read(f.set, issuer, f.FetchedAt)
	f.made = &value
}

func (r *Reader[T]) find(k cache.Key, now time.Time) *facts {
	if m := r.made.Find(k, now); m != nil {
		return m.facts
	}
	return nil
}

func (r *Reader[T]) set(k cache.Key, f *facts, ttl time.Duration) {
	r.made.Set(k, made[T]{issuer: f.Issuer, value: *f.made.(*T), facts: f}, ttl)
}

func (r *Reader[T]) remove(k cache.Key) { r.made.Delete(k) }

func (r *Reader[T]) purge() { r.made.Purge() }

// plain is the store of a Client without a Reader.
type plain struct{ kept *cache.Cache[facts] }

func (p plain) prepare(*facts) {}

func (p plain) find(k cache.Key, now time.Time) *facts { return p.kept.Find(k, now) }

func (p plain) set(k cache.Key, f *facts, ttl time.Duration) { p.kept.Set(k, *f, ttl) }

func (p plain) remove(k cache.Key) { p.kept.Delete(k) }

func (p plain) purge() { p.kept.Purge() }
