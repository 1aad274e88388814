package middleware

import (
	"sync"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/introspect"
)

// Invalidate removes token from all caches of the guard: its verified
// signature, its introspection response, and the results of requests in flight.
// The guard verifies and introspects the token anew on its next request. Call
// it after a token is revoked, for example at logout. It cannot revoke a token:
// a JWT that is not introspected remains valid until it expires.
//
// If introspection has a shared cache, Invalidate waits for it, for at most a
// second.
func (g *Guard) Invalidate(token string) {
	if token == "" || len(token) > maxToken {
		return
	}
	g.forgotten.Add(1)
	g.tokens.Delete(cache.Digest(token))
	g.forget(func(c *introspect.Client) { c.Invalidate(token) })
}

// Purge removes all tokens from the caches of the guard, as [Guard.Invalidate]
// removes one. The issuers' keys remain. A shared introspection cache keeps its
// entries, but this guard no longer accepts entries from before the call.
func (g *Guard) Purge() {
	g.forgotten.Add(1)
	g.tokens.Purge()
	g.forget((*introspect.Client).Purge)
}

// forget calls f for all introspection clients at once, because each may have
// to wait for its shared cache.
func (g *Guard) forget(f func(*introspect.Client)) {
	var wg sync.WaitGroup
	for _, c := range g.inspects {
		wg.Go(func() { f(c) })
	}
	wg.Wait()
}
