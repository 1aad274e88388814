package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

const (
	pass = 256     // requests in a row
	kept = 1 << 16 // tokens of a crowd that are shown again, at most: enough for none to come twice while it is measured
)

// crowd is a guard that has seen many tokens.
type crowd struct {
	handler http.Handler
	size    int
	bytes   float64  // what it holds for each
	tokens  []string // some of them, in no order
	next    int
}

// newCrowd makes n tokens, and shows them to g; what it keeps of them itself is not counted.
func newCrowd(g *middleware.Guard, token func(i int) string, n int) *crowd {
	c := &crowd{handler: g.Wrap(behind), size: n, tokens: make([]string, min(n, kept))}
	every := n / len(c.tokens)
	before := heap()
	spread(n, func(i int) {
		t := token(i)
		authenticate(context.Background(), g, t)
		if at := i / every; i%every == 0 && at < len(c.tokens) {
			c.tokens[at] = t
		}
	})
	own := 0
	for _, t := range c.tokens {
		own += len(t)
	}
	c.bytes = max(0, heap()-before-float64(own)) / float64(n)
	rand.Shuffle(len(c.tokens), func(i, j int) { c.tokens[i], c.tokens[j] = c.tokens[j], c.tokens[i] })
	return c
}

// spread calls f with 0 to n-1, on all cores.
func spread(n int, f func(i int)) {
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}

// requests are those of the next tokens. Their text is new, as that of a request that has just been read.
func (c *crowd) requests() []*http.Request {
	list := make([]*http.Request, pass)
	for i := range list {
		t := c.tokens[c.next]
		c.next = (c.next + 1) % len(c.tokens)
		list[i] = &http.Request{Method: http.MethodGet, Header: http.Header{"Authorization": {"Bearer " + t}}}
	}
	return list
}

// sample is the time of a request, in each of several goroutines at once.
func (c *crowd) sample(workers int) float64 {
	took := make([]float64, workers)
	var wg sync.WaitGroup
	for w := range workers {
		list := c.requests()
		wg.Go(func() {
			start := time.Now()
			for _, r := range list {
				c.handler.ServeHTTP(discard{}, r)
			}
			took[w] = float64(time.Since(start)) / pass
		})
	}
	wg.Wait()
	return mean(took)
}

// crowds measures requests through guards that remember many tokens beside one that remembers one.
func (b *bench) crowds(sizes ...int) *section {
	s := &section{
		title: "Whole middleware, many tokens seen before",
		head:  []string{"tokens", "time", "to one token", "on 2 cores", "to one token", "bytes a token"},
	}
	key := newSigner("EdDSA", "key-2026-01")
	claims := standard()
	claims["padding"] = ""
	missing := len(newSigner("RS256", "key-2026-01").sign(standard())) - len(key.series(claims)(0))
	claims["padding"] = strings.Repeat("x", missing*3/4)
	token := key.series(claims)
	p := newProvider(issuer, key)
	b.remembered(s, "verified", sizes, func(n int) *crowd {
		g, err := guard(p, room(n))
		must(err)
		return newCrowd(g, token, n)
	})
	b.remembered(s, "introspected", sizes, func(n int) *crowd {
		g, err := guard(p, room(n), remembering(n))
		must(err)
		return newCrowd(g, opaque, n)
	})
	s.note("verified tokens are of EdDSA, for a million is soon signed with it, and of %d bytes, as those of RS256 above are", len(token(0)))
	s.note("so little is done for an introspected token that waiting for memory, no longer than for a verified one, is most of it")
	s.note("a time on 2 cores is that of one request while as many go on beside it; bytes: what the guard holds; had it kept the text of the tokens, that would be in it")
	return s
}

// remembering makes a guard introspect, and remember the answers about n tokens.
func remembering(n int) func(*middleware.Config) {
	return func(c *middleware.Config) {
		c.Introspection = &introspect.Config{ClientID: clientID, ClientSecret: clientSecret, MaxEntries: room(n), CacheTTL: time.Hour}
	}
}

func opaque(i int) string { return fmt.Sprintf("mF_9.B5f-4.1JqM.8zTk0oYh2vXw-%08d", i) }

// room is a cache's size for n tokens: its parts are not filled evenly.
func room(n int) int { return n + n/8 + 1024 }

// lifetime is how long a guard relies on what it remembers.
const lifetime = 5 * time.Minute

var errForgotten = errors.New("this machine is too slow: the guard forgot tokens before they were shown again")

// remembered measures crowds of one kind of token, in turns.
func (b *bench) remembered(s *section, kind string, sizes []int, gather func(n int) *crowd) {
	start := time.Now()
	list := make([]*crowd, len(sizes))
	for i, n := range sizes {
		list[i] = gather(n)
	}
	rounds := max(b.plan.rounds, 60)
	times, ratios := make([][2][]float64, len(list)), make([][2][]float64, len(list))
	for range rounds {
		for workers := range 2 {
			for i, c := range list {
				took := c.sample(workers + 1)
				times[i][workers] = append(times[i][workers], took)
				first := times[0][workers]
				ratios[i][workers] = append(ratios[i][workers], took/first[len(first)-1])
			}
		}
	}
	if time.Since(start) > lifetime {
		s.absent(kind, errForgotten)
		return
	}
	for i, c := range list {
		bytes := ""
		if c.size > 1 { // of one token it would be mostly the guard itself
			bytes = number(c.bytes)
		}
		s.rows = append(s.rows, []string{
			fmt.Sprintf("%s, %d", kind, c.size), duration(median(times[i][0])), number(median(ratios[i][0])) + "x",
			duration(median(times[i][1])), number(median(ratios[i][1])) + "x", bytes,
		})
	}
	last := len(list) - 1
	s.atMost(fmt.Sprintf("%s: %d tokens to one", kind, sizes[last]), median(ratios[last][0]), 2, "x")
	runtime.KeepAlive(list)
}

// heap is the size of what lives.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
