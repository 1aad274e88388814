package middleware

import (
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// known is what is remembered of a token, as one that was verified or introspected.
func (g *Guard) known(token string) *facts {
	key, now := cache.Digest(token), time.Now()
	if f := g.cached(key, now); f != nil || g.opaque == nil {
		return f
	}
	return g.opaque.Kept(key, now)
}

// Remembers reports whether token is known.
func (g *Guard) Remembers(token string) bool { return g.known(token) != nil }

// Rewrite changes what is remembered of token, as no clock or configuration can. No request may be under way.
func (g *Guard) Rewrite(token string, expiry, notBefore time.Time, audience string) {
	f := g.known(token)
	f.expiry, f.notBefore = expiry, notBefore
	g.lists(f, []string{audience}, nil)
}

// NotBefore is from when on a remembered token is valid.
func (g *Guard) NotBefore(token string) time.Time { return g.known(token).notBefore }
