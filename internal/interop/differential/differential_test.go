package differential

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

// The differential tests hand the same mutated input to this module and to go-jose and compare what they say. Inputs
// follow from the seed alone, which is printed: DIFFERENTIAL_SEED=n runs the same ones again, DIFFERENTIAL_COUNT=n more
// or fewer of them.

// campaign reads or draws the seed, and says how many inputs to try.
func campaign(t *testing.T, count int) (seed uint64, n int) {
	t.Helper()
	seed, n = rand.Uint64N(1<<32), count
	if text := os.Getenv("DIFFERENTIAL_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		check.NoError(t, err)
	}
	if text := os.Getenv("DIFFERENTIAL_COUNT"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		check.NoError(t, err)
	}
	t.Logf("DIFFERENTIAL_SEED=%d, %d inputs", seed, n)
	return seed, n
}

// parallel calls do with 0 to n-1, on all processors. A panic becomes do's failure.
func parallel(n int, do func(i int) (failure string)) (failures []string) {
	failures = make([]string, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	one := func(i int) {
		defer func() {
			if p := recover(); p != nil {
				failures[i] = fmt.Sprintf("input %d: panic: %v\n%s", i, p, stack())
			}
		}()
		failures[i] = do(i)
	}
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				one(i)
			}
		})
	}
	wg.Wait()
	return failures
}

func stack() []byte {
	room := make([]byte, 8<<10)
	return room[:runtime.Stack(room, false)]
}

// rule is one reason for which this module and go-jose may disagree. explains looks at the input, not at what our code
// says about it.
type rule[C any] struct {
	name, why string
	explains  func(C) bool
}

// ledger counts inputs by what became of them. Its list of rules is closed.
type ledger[C any] struct {
	them             string    // go-jose, when empty
	stricter, looser []rule[C] // they accept and we refuse, we accept and they refuse

	mu     sync.Mutex
	counts map[string]int
}

// record files one input. It returns an objection when the sides disagree and no rule explains it.
func (l *ledger[C]) record(c C, ours, theirs error) string {
	var class string
	switch {
	case ours == nil && theirs == nil:
		class = "both accept"
	case ours != nil && theirs != nil:
		class = "both refuse"
	case ours != nil:
		if class = explain(l.stricter, c); class == "" {
			return fmt.Sprintf("%s: accepted there, refused here, and no rule says why: %v", l.other(), ours)
		}
	default:
		if class = explain(l.looser, c); class == "" {
			return fmt.Sprintf("%s: refused there, accepted here: %v", l.other(), theirs)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[string]int{}
	}
	l.counts[class]++
	return ""
}

func (l *ledger[C]) other() string { return cmp.Or(l.them, "go-jose") }

func explain[C any](rules []rule[C], c C) string {
	for _, r := range rules {
		if r.explains(c) {
			return r.name
		}
	}
	return ""
}

// close prints the ledger. A rule that explained nothing is a failure, unless fewer inputs than usual were tried: the
// list says what is so, not what might be.
func (l *ledger[C]) close(t *testing.T, complete bool) {
	t.Helper()
	var b strings.Builder
	for _, class := range []string{"both accept", "both refuse"} {
		fmt.Fprintf(&b, "\n%7d  %s", l.counts[class], class)
		check.True(t, !complete || l.counts[class] > 0, "no input: %s", class)
	}
	for _, list := range []struct {
		title string
		rules []rule[C]
	}{{"accepted by " + l.other() + ", refused by us", l.stricter}, {"refused by " + l.other() + ", accepted by us", l.looser}} {
		fmt.Fprintf(&b, "\n         %s:", list.title)
		for _, r := range list.rules {
			fmt.Fprintf(&b, "\n%7d    %s: %s", l.counts[r.name], r.name, r.why)
			if complete && l.counts[r.name] == 0 {
				t.Errorf("the rule %q explained no disagreement: strike it off the list", r.name)
			}
		}
	}
	t.Log(b.String())
}

// report fails the test with the first failures.
func report(t *testing.T, failures []string) {
	t.Helper()
	shown := 0
	for _, failure := range failures {
		if failure == "" {
			continue
		}
		if shown++; shown <= 5 {
			t.Error(failure)
		}
	}
	if shown > 5 {
		t.Errorf("and %d more", shown-5)
	}
}
