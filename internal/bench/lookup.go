package main

import (
	"fmt"

	"github.com/relyingparty/oidc/middleware"
)

// mostKeys is how many keys of a set are read.
const mostKeys = 100

// ring is a set of n keys.
func ring(alg string, n int) []*signer {
	keys := make([]*signer, n)
	for i := range keys {
		keys[i] = newSigner(alg, fmt.Sprintf("key-%03d", i))
	}
	return keys
}

// realms is where the issuers of many tenants begin.
const realms = issuer + "/realms/"

func realm(i int) string { return fmt.Sprintf("tenant-%03d", i) }

// ofRealm are the claims of a token of the i-th tenant's issuer.
func ofRealm(i int) object {
	return with(standard(), object{"iss": realms + realm(i), "tenant": realm(i)})
}

// listing is a guard with n issuers, listed one by one, that verifies tokens anew each time.
func listing(p *provider, n int) *middleware.Guard {
	list := make([]middleware.IssuerConfig, n)
	for i := range list {
		list[i].DiscoveryURL = realms + realm(i)
	}
	g, err := guard(p, -1, func(c *middleware.Config) {
		c.DiscoveryURL, c.Issuers = "", list
		c.Tenant.AllowSharedTenants = true // every issuer here signs for the same tenant
	})
	must(err)
	return g
}

// inTurn calls f with 0 to n-1, one a call, over and over.
func inTurn(n int, f func(i int)) func() {
	i := 0
	return func() {
		f(i)
		i = (i + 1) % n
	}
}

// lookup measures tokens verified anew among as many keys as a set may hold, and among many issuers.
func (b *bench) lookup() *section {
	s := &section{title: "Key lookup: a token verified anew (ES256)"}
	keys := ring("ES256", mostKeys)
	var subjects []subject
	for _, n := range []int{1, mostKeys} {
		g, err := guard(newProvider(issuer, keys[:n]...), -1)
		must(err)
		tokens := make([]string, n)
		for i := range tokens {
			tokens[i] = keys[i].sign(standard())
		}
		subjects = append(subjects, subject{
			name: plural(n, "key"), do: inTurn(n, func(i int) { authenticate(b.ctx, g, tokens[i]) }),
		})
	}
	p := newProvider(issuer, keys[0])
	for _, n := range []int{1, 100, 1000} {
		g := listing(p, n)
		tokens := make([]string, n)
		for i := range tokens {
			tokens[i] = keys[0].sign(ofRealm(i))
			authenticate(b.ctx, g, tokens[i]) // the issuer's keys are in memory from here on
		}
		subjects = append(subjects, subject{
			name: plural(n, "issuer") + ", one key each", do: inTurn(n, func(i int) { authenticate(b.ctx, g, tokens[i]) }),
		})
	}
	s.figures(b.plan.measure(subjects...))
	s.narrow()
	s.note("tokens of all keys, or of all issuers, in turns; the issuers are listed one by one")
	s.note("there are never 1e5 keys: of a set the first %d are read, and 1e5 tenants are one template, which keeps the keys of the 100 issuers used last", mostKeys)
	return s
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
