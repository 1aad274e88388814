package middleware

import (
	"sync"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/introspect"
)

// Invalidate forgets what is known about token, be it that its signature was
// verified or what its issuer said about it, and also what calls under way are
// about to learn. The next request with it is verified, and its issuer asked,
// anew: call it when a token has been revoked, at logout for instance. A JWT that
// is not introspected stays valid until it expires, whatever is forgotten.
//
// With a shared introspection cache it waits for that one, a second at most.
func (g *Guard) Invalidate(token string) {
	if token == "" || len(token) > maxToken {
		return
	}
	g.forgotten.Add(1)
	g.tokens.Delete(cache.Digest(token))
	g.forget(func(c *introspect.Client) { c.Invalidate(token) })
}

// Purge forgets what is known about all tokens, as Invalidate does about one. The
// keys of the issuers are kept. A shared introspection cache keeps its entries,
// but this guard does not believe those from before.
func (g *Guard) Purge() {
	g.forgotten.Add(1)
	g.tokens.Purge()
	g.forget((*introspect.Client).Purge)
}

// forget has all introspection clients forget at once: shared caches make them
// wait.
func (g *Guard) forget(how func(*introspect.Client)) {
	var wg sync.WaitGroup
	for _, c := range g.inspects {
		wg.Go(func() { how(c) })
	}
	wg.Wait()
}
