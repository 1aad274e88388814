package middleware

import (
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// Remembers reports whether token is known, as one that was verified or introspected.
func (g *Guard) Remembers(token string) bool { return g.cached(cache.Digest(token), time.Now()) != nil }

// Rewrite changes what is remembered of token, as no clock or configuration can.
func (g *Guard) Rewrite(token string, expiry, notBefore time.Time, audience string) {
	key := cache.Digest(token)
	f := *g.cached(key, time.Now())
	f.expiry, f.notBefore = expiry, notBefore
	g.lists(&f, []string{audience}, nil)
	g.tokens.Set(key, f, time.Minute)
}

// NotBefore is from when on a remembered token is valid.
func (g *Guard) NotBefore(token string) time.Time {
	return g.cached(cache.Digest(token), time.Now()).notBefore
}
