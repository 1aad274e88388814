package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
)

const (
	clientID     = "api"
	clientSecret = "s3cret"
)

var errInactive = errors.New("not active")

// byHand is an introspection call as one writes it with the standard library; its client has a timeout.
func byHand(p *provider, c *http.Client) verify {
	return func(ctx context.Context, token string) error {
		form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}.Encode()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.issuer+"/introspect", strings.NewReader(form))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "application/json")
		r.SetBasicAuth(clientID, clientSecret)
		resp, err := c.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, 256<<10))
		if err != nil {
			return err
		}
		var answer struct {
			Active   bool     `json:"active"`
			Subject  string   `json:"sub"`
			ClientID string   `json:"client_id"`
			Scope    string   `json:"scope"`
			Audience []string `json:"aud"`
			Expiry   int64    `json:"exp"`
			Tenant   string   `json:"tenant"`
		}
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&answer); err != nil {
			return err
		}
		if !answer.Active || answer.Expiry < time.Now().Unix() {
			return errInactive
		}
		return nil
	}
}

func byZitadel(ctx context.Context, p *provider, c *http.Client) (verify, error) {
	server, err := rs.NewResourceServerClientCredentials(ctx, p.issuer, clientID, clientSecret, rs.WithClient(c))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, token string) error {
		answer, err := rs.Introspect[*zoidc.IntrospectionResponse](ctx, server, token)
		if err == nil && !answer.Active {
			err = errInactive
		}
		return err
	}, nil
}

func introspecting(p *provider, c *http.Client) (*introspect.Client, error) {
	return introspect.New(introspect.Config{
		DiscoveryURL: p.issuer, Endpoint: p.issuer + "/introspect", ClientID: clientID, ClientSecret: clientSecret, HTTPClient: c,
	})
}

// introspection measures whole requests with an opaque token: one known already, and one that has to be asked about.
func (b *bench) introspection() []*section {
	p := newProvider(issuer)
	stop := p.serve()
	defer stop()
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	return []*section{b.introspectionHit(p, c), b.introspectionMiss(p, c), b.introspectionFlood()}
}

func (b *bench) introspectionHit(p *provider, c *http.Client) *section {
	s := &section{title: "Whole middleware, an opaque token introspected before"}
	const token, bad = "mF_9.B5f-4.1JqM.8zTk0oYh2vXw", "mF_9.B5f-4.1JqM\x01"
	g, err := middleware.New(middleware.Config{
		DiscoveryURL: p.issuer, HTTPClient: c, Audience: []string{audience}, Logger: slog.New(slog.DiscardHandler),
		Tenant:        middleware.RequireTenant("tenant", middleware.Header("X-Tenant")),
		Introspection: &introspect.Config{ClientID: clientID, ClientSecret: clientSecret},
	})
	must(err)
	do, err := serving(g.Wrap, token, bad)
	if err != nil {
		s.absent(ours.name, err)
		return s
	}
	subjects := []subject{{name: "floor: a context value", do: contextFloor()}, {name: ours.name, do: do}}
	zitadel, err := byZitadel(b.ctx, p, c)
	if err != nil {
		s.absent("zitadel/oidc v3", err)
		return s
	}
	list := b.plan.measure(append(subjects,
		subject{name: "zitadel/oidc v3 (rs.Introspect, no cache)", do: asking(around(zitadel), token)},
		subject{name: "by hand, no cache", do: asking(around(byHand(p, c)), token)},
	)...)
	s.figures(list)
	s.narrow()
	floor, own, best := list[0], list[1], fastest(list[2:3])
	s.sum("the same, an opaque token introspected before", duration(own.ns), duration(best.ns)+" ("+best.name+")")
	s.atMost("our allocations beyond the floor", own.allocs-floor.allocs, 5, "")
	s.atLeast("the fastest peer ("+best.name+") to ours", best.ratio/own.ratio, 30, "x")
	s.note("%s beyond the floor (the aim is 1 µs; a time, so not counted)", duration(own.ns-floor.ns))
	return s
}

// asking sends one request through a middleware that must let it through.
func asking(protect protection, token string) func() {
	reached := 0
	handler := protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	r := request(token)
	return func() {
		before := reached
		handler.ServeHTTP(discard{http.Header{}}, r)
		if reached == before {
			panic("refused")
		}
	}
}

func (b *bench) introspectionMiss(p *provider, c *http.Client) *section {
	s := &section{title: "One introspection call, on loopback"}
	own, err := introspecting(p, c)
	must(err)
	zitadel, err := byZitadel(b.ctx, p, c)
	if err != nil {
		s.absent("zitadel/oidc v3", err)
		return s
	}
	var n atomic.Int64
	fresh := func(v verify) func() {
		return func() { must(v(b.ctx, "2YotnFZFEjr1zCsicMWpAA-"+strconv.FormatInt(n.Add(1), 10))) }
	}
	list := b.plan.measure(
		subject{name: "by hand", do: fresh(byHand(p, c))},
		subject{name: ours.name, do: fresh(func(ctx context.Context, token string) error {
			_, err := own.Introspect(ctx, token, introspect.Audience(audience))
			return err
		})},
		subject{name: "zitadel/oidc v3", do: fresh(zitadel)},
	)
	s.figures(list)
	s.narrow()
	s.atMost("ours to a call by hand", list[1].ratio, 1.15, "x")
	return s
}

// introspectionFlood counts the calls that a thousand concurrent requests with one unknown token cause.
func (b *bench) introspectionFlood() *section {
	s := &section{title: "1000 concurrent requests, one unknown opaque token", head: []string{"", "calls"}}
	for _, name := range []string{ours.name, "zitadel/oidc v3"} {
		p := newProvider(issuer)
		p.delay = 50 * time.Millisecond
		var accept verify
		var err error
		if name == ours.name {
			var own *introspect.Client
			own, err = introspecting(p, p.client())
			accept = func(ctx context.Context, token string) error {
				_, err := own.Introspect(ctx, token)
				return err
			}
		} else {
			accept, err = byZitadel(b.ctx, p, p.client())
		}
		if err != nil {
			s.absent(name, err)
			continue
		}
		thousand(func() { must(accept(b.ctx, "2YotnFZFEjr1zCsicMWpAA")) })
		calls := p.requests("introspect")
		s.rows = append(s.rows, []string{name, strconv.Itoa(calls)})
		if name == ours.name {
			s.atMost("our calls", float64(calls), 1, "")
		}
	}
	return s
}

// thousand calls f from a thousand goroutines at once.
func thousand(f func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 1000 {
		wg.Go(func() {
			<-start
			f()
		})
	}
	close(start)
	wg.Wait()
}
