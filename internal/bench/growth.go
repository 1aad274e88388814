package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/relyingparty/oidc/middleware"
)

// growth measures how the cost of a request grows with what a provider or a tenant can make larger.
func (b *bench) growth() ([]*section, []chart) {
	charts := []chart{b.bySize(), b.byClaims(), b.byKeys(), b.byIssuers()}
	s := &section{title: "Growth", head: []string{"", "from", "to", "time", "time"}}
	for _, c := range charts {
		for _, line := range c.lines {
			first, last := line.points[0], line.points[len(line.points)-1]
			s.rows = append(s.rows, []string{
				c.name + ": " + line.name, number(first.x) + " " + c.unit, number(last.x) + " " + c.unit,
				duration(first.y), duration(last.y),
			})
		}
	}
	return []*section{s}, charts
}

// anew and again are the two ways of a request: its token is verified, or has been seen before.
const (
	anew  = "verified anew (ES256)"
	again = "seen before"
	bare  = "standard library alone (ES256)"
)

// cost measures a token both ways, and the floor.
func (b *bench) cost(p *provider, key *signer, token string, x float64, lines []line) {
	off, err := guard(p, -1)
	must(err)
	on, err := guard(p, 0)
	must(err)
	seen, err := serving(on.Wrap, token, corrupt(token))
	must(err)
	list := b.plan.measure(
		subject{do: func() { authenticate(b.ctx, off, token) }},
		subject{do: seen},
		subject{do: rawVerify(key, token)},
	)
	for i := range lines {
		lines[i].points = append(lines[i].points, point{x, list[i].ns})
	}
}

func authenticate(ctx context.Context, g *middleware.Guard, token string) {
	_, err := g.Authenticate(ctx, middleware.Credential{Token: token})
	must(err)
}

func (b *bench) bySize() chart {
	lines := []line{{name: anew}, {name: again}, {name: bare}}
	key := newSigner("ES256", "key-2026-01")
	p := newProvider(issuer, key)
	lean := with(standard(), object{"sid": nil, "realm_access": nil, "email": nil, "name": nil, "jti": nil, "acr": nil, "azp": nil})
	for _, size := range []int{512, 1 << 10, 2 << 10, 4 << 10, 8 << 10, 12 << 10, 16 << 10} {
		token := key.sign(lean)
		if gap := size - len(token); gap > 20 { // base64url makes four of three
			token = key.sign(with(lean, object{"x": strings.Repeat("x", gap*3/4-8)}))
		}
		b.cost(p, key, token, float64(len(token))/1024, lines)
	}
	return chart{name: "size of the token", file: "performance-size.svg", unit: "kB", lines: lines}
}

func (b *bench) byClaims() chart {
	lines := []line{{name: anew}, {name: again}}
	key := newSigner("ES256", "key-2026-01")
	p := newProvider(issuer, key)
	for _, n := range []int{10, 50, 100, 200, 300, 400} {
		claims := standard()
		for i := len(claims); i < n; i++ {
			claims[fmt.Sprintf("claim_%03d", i)] = i
		}
		b.cost(p, key, key.sign(claims), float64(len(claims)), lines)
	}
	return chart{name: "number of claims", file: "performance-claims.svg", unit: "claims", lines: lines}
}

func (b *bench) byKeys() chart {
	lines := []line{{name: anew}, {name: again}}
	keys := ring("ES256", mostKeys)
	for _, n := range []int{1, 10, 25, 50, 75, mostKeys} {
		key := keys[n-1]
		b.cost(newProvider(issuer, keys[:n]...), key, key.sign(standard()), float64(n), lines)
	}
	return chart{name: "number of keys", file: "performance-keys.svg", unit: "keys", lines: lines}
}

// byIssuers measures tokens of many issuers in turns: listed one by one, and as tenants of a template.
func (b *bench) byIssuers() chart {
	lines := []line{{name: "listed, verified anew (ES256)"}, {name: "a template, verified anew"}, {name: "a template, seen before"}}
	key := newSigner("ES256", "key-2026-01")
	p := newProvider(issuer, key)
	template := func(c *middleware.Config) {
		c.DiscoveryURL = realms + "{tenant}"
		c.Tenant = &middleware.TenantPolicy{Claim: []string{"tenant"}, AllowAnyTenant: true}
	}
	off, err := guard(p, -1, template)
	must(err)
	on, err := guard(p, 0, template)
	must(err)
	handler, w := on.Wrap(behind), discard{http.Header{}}

	counts := []int{1, 10, 25, 50, 75, 100}
	if b.quick {
		counts = counts[:3]
	}
	var tokens []string
	var requests []*http.Request
	for _, n := range counts {
		for i := len(tokens); i < n; i++ {
			tokens = append(tokens, key.sign(ofRealm(i)))
			requests = append(requests, request(tokens[i]))
			introduce(b.ctx, tokens[i], off, on)
		}
		listed := listing(p, n)
		figures := b.plan.measure(
			subject{do: inTurn(n, func(i int) { authenticate(b.ctx, listed, tokens[i]) })},
			subject{do: inTurn(n, func(i int) { authenticate(b.ctx, off, tokens[i]) })},
			subject{do: inTurn(n, func(i int) { handler.ServeHTTP(w, requests[i]) })},
		)
		for i := range lines {
			lines[i].points = append(lines[i].points, point{float64(n), figures[i].ns})
		}
	}
	return chart{name: "number of issuers", file: "performance-issuers.svg", unit: "issuers", lines: lines}
}

// introduce shows a token of a new issuer to guards with a template. They let strangers cause few fetches a second, so
// it may take a moment.
func introduce(ctx context.Context, token string, guards ...*middleware.Guard) {
	for _, g := range guards {
		for {
			_, err := g.Authenticate(ctx, middleware.Credential{Token: token})
			refusal, ok := errors.AsType[*middleware.Error](err)
			if !ok || refusal.Reason != middleware.ReasonProviderUnavailable {
				must(err)
				break
			}
			time.Sleep(max(refusal.RetryAfter, 10*time.Millisecond))
		}
	}
}
