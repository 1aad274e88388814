package introspect

import (
	"context"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/claims"
)

// Reader is a Client that makes a T of each active answer, once, and keeps it
// with the answer: what ends the one ends the other.
//
// It is for package middleware, which would otherwise have to keep what it reads
// in a second cache, and could not know when an answer has been replaced.
type Reader[T any] struct {
	*Client
	read func(*claims.Set, string, time.Time) T
	made *cache.Cache[made[T]]
}

// made is a T with the answer it was made of. A hit among a million looks at one
// piece of memory only, so the T is in it.
type made[T any] struct {
	issuer string
	value  T
	facts  *facts
}

// NewReader is New, and tells what to make of answers: read gets the claims of an
// answer, its issuer (the endpoint's own when the answer names none), and when the
// provider was asked.
func NewReader[T any](cfg Config, read func(answer *claims.Set, issuer string, asked time.Time) T) (*Reader[T], error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	r := &Reader[T]{Client: c, read: read, made: cache.New[made[T]](positive(cfg.MaxEntries, defaultMaxEntries))}
	c.positives = r
	return r, nil
}

// Kept returns what was made of the answer that is kept about the token with this
// digest, nil when there is none that names the expected issuer. It asks nobody,
// and looks at neither times nor audience. It must not be changed.
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

// Ask is Introspect, and returns what was made of the answer. key is the digest
// of token.
func (r *Reader[T]) Ask(ctx context.Context, key cache.Key, token string, opts ...Option) (*T, error) {
	f, err := r.verdict(ctx, key, token, resolve(opts))
	if err != nil {
		return nil, err
	}
	return f.made.(*T), nil
}

// store keeps active answers.
type store interface {
	prepare(f *facts) // before anybody else sees f
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

// plain keeps answers of which nothing is made.
type plain struct{ kept *cache.Cache[facts] }

func (p plain) prepare(*facts) {}

func (p plain) find(k cache.Key, now time.Time) *facts { return p.kept.Find(k, now) }

func (p plain) set(k cache.Key, f *facts, ttl time.Duration) { p.kept.Set(k, *f, ttl) }

func (p plain) remove(k cache.Key) { p.kept.Delete(k) }

func (p plain) purge() { p.kept.Purge() }
