package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// short is what tokens are said to live, in seconds, where a test waits for their end.
const short = 2

// request is what the service asks its tokens for.
func (s *suite) request() client.TokenRequest {
	for _, a := range []*API{s.target.JWT, s.target.Introspection} {
		if a != nil {
			return a.Request
		}
	}
	return client.TokenRequest{}
}

// ordered is a token source and the line it is on.
type ordered struct {
	fault  fault
	world  *world
	source *client.TokenSource
	held   *oauth2.Token
	reads  int
}

// service reads tokens that are due for renewal while each fault is on, until they have expired and beyond.
func (s *suite) service(t *testing.T) string {
	if s.target.Service.ClientID == "" {
		return "not offered"
	}
	var all []*ordered
	for _, f := range faults() {
		w := newWorld(t)
		w.gate.lifetime = short
		cfg := s.target.Service
		cfg.RenewBefore = time.Minute // half the lifetime is the most: renewal is due after a second
		all = append(all, &ordered{fault: f, world: w, source: w.client(t, cfg, 2*patience).ClientCredentials(s.request())})
	}
	for _, o := range all {
		eventually(t, 10*time.Second, "the first token", func() (ok bool) {
			var err error
			o.held, err = o.source.TokenContext(interop.Deadline(t))
			return err == nil
		})
		o.fault.set(t, o.world, "client_credentials")
	}
	for expires := all[0].held.Expiry; time.Now().Before(expires); time.Sleep(10 * time.Millisecond) {
		for _, o := range all {
			ctx, cancel := context.WithTimeout(t.Context(), patience/10)
			began := time.Now()
			token, err := o.source.TokenContext(ctx)
			cancel()
			within(t, began, patience/10, o.fault.name)
			if err != nil && time.Now().After(o.held.Expiry) {
				continue
			}
			check.NoError(t, err)
			check.Equal(t, token.AccessToken, o.held.AccessToken, o.fault.name+": the token")
			o.reads++
		}
	}
	reads := 0
	for _, o := range all {
		reads += o.reads
		time.Sleep(time.Until(o.held.Expiry.Add(time.Second)))
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_, err := o.source.TokenContext(ctx)
			cancel()
			unreachable(t, err, o.fault.name+", expired")
		}
		check.True(t, o.world.line.Dials() <= 5, "%s: %d connections for %d reads", o.fault.name, o.world.line.Dials(), o.reads+100)
	}
	for _, o := range all {
		o.world.clear()
	}
	var longest time.Duration
	for _, o := range all {
		longest = max(longest, eventually(t, 5*time.Second, o.fault.name+": a new token", func() bool {
			_, err := o.source.TokenContext(interop.Deadline(t))
			return err == nil
		}))
	}
	return fmt.Sprintf("%d reads of a token that was due gave it until it expired, at most 5 connections; a new one %v after the line was up", reads, longest.Round(10*time.Millisecond))
}
