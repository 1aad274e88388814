package middleware

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/relyingparty/oidc/internal/remote"
)

// budgets bound what tokens may make a guard look up before anything in them has been verified, for all its templates
// together. Nothing but the name tells junk from a tenant's first token, so names are kept apart: junk with made-up
// names must not use up what tenants need.
//
// A tenant that configuration lists spends nothing: its source is made once, and stays. All others spend one for each
// source made. That is one request to the provider for a realm that does not exist, and three for one that does: for
// its metadata, its keys, and its keys again when junk names a kid that none of them has.
type budgets struct {
	// known is for tenants that AllowFunc allows, and for those whose source had to go after it had verified a token.
	known budget
	// strangers is for the rest, with AllowAnyTenant. It is as large as a provider can easily bear, so that little
	// junk delays nobody. A tenant spends it once: its first valid token makes it known.
	strangers budget
	// unanswered is what strangers spend too, and get back when the provider answers, be it with a 404. So it limits
	// how many requests wait for a provider that hangs, and how many a provider in trouble gets.
	unanswered budget
}

func newBudgets() *budgets {
	return &budgets{
		known:      budget{room: 1000, every: 10 * time.Millisecond},
		strangers:  budget{room: 30, every: 20 * time.Millisecond},
		unanswered: budget{room: 30, every: time.Second},
	}
}

// takeStranger spends one of each of the two that strangers need, or says when to ask again.
func (b *budgets) takeStranger(now time.Time) (wait time.Duration, ok bool) {
	if wait, ok = b.unanswered.take(now); !ok {
		return wait, false
	}
	if wait, ok = b.strangers.take(now); !ok {
		b.unanswered.giveBack()
	}
	return wait, ok
}

// budget is a token bucket.
type budget struct {
	room  int
	every time.Duration // one comes back

	mu    sync.Mutex
	spent int
	since time.Time // when spent was last reduced
}

// take spends one, or says when one will be there.
func (b *budget) take(now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	back := min(int(now.Sub(b.since)/b.every), b.spent)
	b.spent -= back
	b.since = b.since.Add(time.Duration(back) * b.every)
	if b.spent == 0 {
		b.since = now
	}
	if b.spent >= b.room {
		return b.every - now.Sub(b.since), false
	}
	b.spent++
	return 0, true
}

// giveBack undoes a take.
func (b *budget) giveBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(b.spent-1, 0)
}

// answered is told how a request to the source's provider ended. The first answer settles what the source owes.
func (s *source) answered(err error) {
	if s.owes.CompareAndSwap(true, false) && !troubled(err) {
		s.realms.budgets.unanswered.giveBack()
	}
}

// troubled reports whether a fetch failed for a reason that is the provider's own. Any other answer, a 500 included, may
// be due to the name that was asked for, which a stranger has chosen.
func troubled(err error) bool {
	e, ok := errors.AsType[*remote.Error](err)
	if !ok || e.Kind == remote.Unreachable {
		return ok
	}
	return e.Kind == remote.Status && slices.Contains(trouble, e.Status)
}

var trouble = []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
