package middleware

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/relyingparty/oidc/internal/remote"
)

// budgets bound the requests that tokens can cause before the guard has
// verified anything in them, for all templates together. Only the tenant's name
// distinguishes a made-up token from a tenant's first token. Therefore tenants
// that are known have a budget of their own, which made-up names cannot use up.
//
// A tenant that the configuration lists costs nothing, because its source is
// made once and stays. Every other source that is made costs one. It causes one
// request to the provider if the tenant does not exist, and at most three if it
// does: for the metadata, for the keys, and for the keys again when a token
// names an unknown kid.
type budgets struct {
	// known is for tenants that AllowFunc allows, and for tenants that had a
	// valid token but whose source was evicted.
	known budget
	// unproven is for all other tenants, with AllowAnyTenant. It is as large as
	// a provider can easily bear, so that a few made-up names delay no tenant.
	// A tenant costs one only once, because its first valid token makes it
	// known.
	unproven budget
	// unanswered is a second budget for unproven tenants. They return it when
	// the provider responds, even with a 404. Thus it limits the requests that
	// wait for a provider that hangs, and the requests that reach a provider in
	// trouble.
	unanswered budget
}

func newBudgets() *budgets {
	return &budgets{
		known:      budget{room: 1000, every: 10 * time.Millisecond},
		unproven:   budget{room: 30, every: 20 * time.Millisecond},
		unanswered: budget{room: 30, every: time.Second},
	}
}

// takeUnproven takes one from both budgets of unproven tenants, or returns how
// long to wait.
func (b *budgets) takeUnproven(now time.Time) (wait time.Duration, ok bool) {
	if wait, ok = b.unanswered.take(now); !ok {
		return wait, false
	}
	if wait, ok = b.unproven.take(now); !ok {
		b.unanswered.giveBack()
	}
	return wait, ok
}

// budget is a token bucket.
type budget struct {
	room  int
	every time.Duration // the interval at which one is added

	mu    sync.Mutex
	spent int
	since time.Time // when spent was last reduced
}

// take takes one, or returns how long to wait for the next.
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

// answered handles the result of a request to the source's provider. The first
// response settles what the source owes.
func (s *source) answered(err error) {
	if s.owes.CompareAndSwap(true, false) && !troubled(err) {
		s.realms.budgets.unanswered.giveBack()
	}
}

// troubled reports whether the provider itself caused a fetch to fail. Every
// other response, including a 500, may be due to the tenant's name, which an
// attacker can choose.
func troubled(err error) bool {
	e, ok := errors.AsType[*remote.Error](err)
	if !ok || e.Kind == remote.Unreachable {
		return ok
	}
	return e.Kind == remote.Status && slices.Contains(trouble, e.Status)
}

var trouble = []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
