package middleware

import (
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// known returns the cached facts of a token, whether verified or introspected.
func (g *Guard) known(token string) *facts {
	key, now := cache.Digest(token), time.Now()
	if f := g.cached(key, now); f != nil || g.opaque == nil {
		return f
	}
	return g.opaque.Kept(key, now)
}

// Remembers reports whether token is cached.
func (g *Guard) Remembers(token string) bool { return g.known(token) != nil }

// Rewrite changes the cached facts of token in ways that no clock or
// configuration can. No request may be in flight.
func (g *Guard) Rewrite(token string, expiry, notBefore time.Time, audience string) {
	f := g.known(token)
	f.expiry, f.notBefore = expiry, notBefore
	g.lists(f, []string{audience}, nil)
}

// NotBefore returns when a cached token becomes valid.
func (g *Guard) NotBefore(token string) time.Time { return g.known(token).notBefore }
