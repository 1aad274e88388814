package faults

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// bounded is a call whose caller waits as long as it takes, to a provider that says nothing more.
type bounded struct {
	name  string
	bound time.Duration
	call  func() error
	took  time.Duration
	err   error
}

// startBounds starts such calls and gives the part that waits for them.
func (s *suite) startBounds(t *testing.T) (wait func(*testing.T) string) {
	t.Helper()
	var all []*bounded
	add := func(name string, bound time.Duration, call func(context.Context) error) {
		all = append(all, &bounded{name: name, bound: bound, call: func() error { return call(context.Background()) }})
	}
	hung := func(warm func(*world)) *world {
		w := newWorld(t)
		if warm != nil {
			warm(w)
		}
		w.line.Hang()
		return w
	}

	var auth *client.Authorization
	var rp *client.Client
	coded := hung(func(w *world) {
		rp = w.client(t, s.target.Login, 0)
		check.NoError(t, rp.Ready(interop.Deadline(t)))
		var err error
		auth, err = rp.Authorize(interop.Deadline(t), s.target.Options...)
		check.NoError(t, err)
	})
	back := s.target.Person.Visit(t, auth.URL, interop.Callback).URL.Query()
	add("a code", 10*time.Second, func(ctx context.Context) error { _, err := rp.Exchange(ctx, back, auth.Transaction); return err })
	cold := hung(nil).client(t, s.target.Login, 0)
	add("metadata", 5*time.Second, func(ctx context.Context) error { return cold.Ready(ctx) })
	if s.target.Service.ClientID != "" {
		source := hung(nil).client(t, s.target.Service, 0).ClientCredentials(s.request())
		add("a service's first token", 15*time.Second, func(ctx context.Context) error { _, err := source.TokenContext(ctx); return err })
	}
	add503 := func(name string, a *API, warm bool, bound time.Duration) {
		if a == nil {
			return
		}
		token := s.fresh(t, a)
		var guard *api
		hung(func(w *world) {
			guard = w.guard(t, a.Config, 0)
			if warm {
				guard.warm(t, s.fresh(t, a), http.StatusOK)
			}
		})
		add(name, bound, func(ctx context.Context) error {
			if got := guard.ask(ctx, token).Code; got != http.StatusServiceUnavailable {
				return nil
			}
			return context.DeadlineExceeded
		})
	}
	add503("an API's first keys", s.target.JWT, false, 5*time.Second)
	add503("introspection", s.target.Introspection, true, 5*time.Second)

	done := make(chan struct{}, len(all))
	for _, b := range all {
		go func() {
			began := time.Now()
			b.err = b.call()
			b.took = time.Since(began)
			done <- struct{}{}
		}()
	}
	eventually(t, patience, "the code's way to the provider", func() bool { return coded.gate.answered("authorization_code") })
	return func(t *testing.T) string {
		for range all {
			<-done
		}
		var seen []string
		for _, b := range all {
			check.True(t, b.err != nil, "%s: an answer came through a line that hangs", b.name)
			check.True(t, b.took < b.bound+slack, "%s took %v, bound %v", b.name, b.took, b.bound)
			seen = append(seen, fmt.Sprintf("%s %v", b.name, b.took.Round(100*time.Millisecond)))
		}
		return strings.Join(seen, ", ")
	}
}
