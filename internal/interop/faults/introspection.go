package faults

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// introspection breaks the line to an API that asks the provider about each token: what it knows holds for as long as it
// may, what it does not know is a 503, and the breaker closes again.
func (s *suite) introspection(t *testing.T) string {
	if s.target.Introspection == nil {
		return ""
	}
	target := s.target.Introspection
	type asked struct {
		fault fault
		world *world
		api   *api
		retry time.Duration
	}
	var all []*asked
	known, unseen, most := s.fresh(t, target), s.fresh(t, target), 0
	for _, f := range faults() {
		w := newWorld(t)
		one := &asked{fault: f, world: w, api: w.guard(t, target.Config, patience)}
		all = append(all, one)
		one.api.warm(t, known, http.StatusOK)
		one.api.warm(t, "inactive", http.StatusUnauthorized) // the shorter answer: cut in its middle, the other is cut too
		f.set(t, w, introspectionKind)
		was, came := w.line.Dials(), w.gate.requests(introspectionKind)

		one.api.undecided(t.Context(), t, unseen, f.name+": a new token", patience)
		began := time.Now()
		check.Equal(t, flood(func(i int) int { return one.api.status(fmt.Sprintf("invented-%d", i)) }, http.StatusServiceUnavailable), "", f.name+": a flood")
		within(t, began, 3*patience, f.name+": a flood")
		one.api.accepts(t, known, f.name+": a token seen before")
		one.api.refuses(t, "inactive", f.name+": an invented token seen before")
		one.retry = one.api.undecided(t.Context(), t, unseen, f.name+": a new token again", patience)
		most = max(most, w.line.Dials()-was, w.gate.requests(introspectionKind)-came)
	}
	for _, one := range all {
		one.world.clear()
	}
	var longest time.Duration
	for _, one := range all {
		longest = max(longest, eventually(t, one.retry, one.fault.name+": 200", func() bool { return one.api.status(unseen) == http.StatusOK }))
		one.api.warm(t, "invented again", http.StatusUnauthorized)
	}
	check.True(t, most <= 64+10, "%d connections or requests for a flood", most) // what may be on its way at once, and probes
	return fmt.Sprintf("answers seen before hold, new tokens get 503; a flood of %d cost %d connections at most; up after %v",
		floods, most, longest.Round(10*time.Millisecond))
}

// stranded fills the pool of connections and lets them die in silence, as when a firewall forgets them. Each costs its
// caller a timeout at most once: the provider is there for whoever opens a new one.
func (s *suite) stranded(t *testing.T) string {
	if s.target.Introspection == nil {
		return ""
	}
	const pooled = 6
	w := newWorld(t)
	a := w.guard(t, s.target.Introspection.Config, 2*patience)
	a.warm(t, s.fresh(t, s.target.Introspection), http.StatusOK)
	w.line.Latency(patience / 2)
	answers := make(chan int, pooled)
	for i := range pooled {
		go func() { answers <- a.status(fmt.Sprintf("pooled-%d", i)) }()
	}
	for range pooled {
		check.Equal(t, <-answers, http.StatusUnauthorized, "an invented token")
	}
	check.True(t, w.line.Dials() >= pooled, "only %d connections", w.line.Dials())
	w.line.Strand()
	lost := 0
	took := eventually(t, 2*time.Second, "a verdict", func() bool {
		if a.status(fmt.Sprintf("stranded-%d", lost)) == http.StatusUnauthorized {
			return true
		}
		lost++
		return false
	})
	check.True(t, lost <= 1, "%d of %d dead connections had to be tried", lost, pooled)

	// The provider has closed an idle connection, and we use it before we are told. The question can be asked again.
	w.line.SlowClose(patience / 4)
	w.gate.hangUp()
	a.refuses(t, "on-a-closed-connection", "a connection closed by the provider")
	return fmt.Sprintf("%d of %d dead connections was tried, %v lost; one that the provider had closed costs nothing",
		lost, pooled, took.Round(10*time.Millisecond))
}
