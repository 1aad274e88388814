package interop

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

// Column is one provider in the matrix, written by the run. A flow that neither passed nor has a reason is a failure, and so
// is a column that differs from the committed one (testdata/matrix.txt beside the test; -update accepts it).
type Column struct {
	provider string // name and version
	cells    map[Flow]string
	skipped  bool // a part of it, for want of something on this machine
}

const pass = "pass"

// NewColumn checks, at the end of t, that every flow was dealt with.
func NewColumn(t *testing.T, provider string) *Column {
	t.Helper()
	c := &Column{provider: provider, cells: map[Flow]string{}}
	t.Cleanup(func() {
		if t.Skipped() || c.skipped || Partial() {
			return
		}
		for _, flow := range Flows() {
			if _, ok := c.cells[flow]; !ok {
				t.Errorf("%s: %q is blank", provider, flow)
			}
		}
		if !t.Failed() {
			check.Golden(t, "matrix.txt", []byte(c.String()))
		}
	})
	return c
}

// Pass runs the parts of a flow as one subtest; each returns what it saw, for the log.
func (c *Column) Pass(t *testing.T, flow Flow, parts ...func(t *testing.T) string) {
	t.Helper()
	t.Run(string(flow), func(t *testing.T) {
		defer func() { c.skipped = c.skipped || t.Skipped() }()
		for _, part := range parts {
			t.Log(part(t))
		}
		if !t.Failed() {
			c.set(t, flow, pass)
		}
	})
}

// None says why the provider does not offer a flow: "publishes no keys".
func (c *Column) None(t *testing.T, flow Flow, why string) {
	t.Helper()
	c.set(t, flow, "- "+why)
}

func (c *Column) set(t *testing.T, flow Flow, cell string) {
	t.Helper()
	if was, ok := c.cells[flow]; ok {
		t.Errorf("%s: %q is %q already", c.provider, flow, was)
	}
	c.cells[flow] = cell
}

// String is the column as it is committed.
func (c *Column) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, c.provider)
	for _, flow := range Flows() {
		fmt.Fprintf(&b, "%s: %s\n", flow, c.cells[flow])
	}
	return b.String()
}

// Partial tells that a person asked for single flows with -run; .ci/run never does.
func Partial() bool {
	run := flag.Lookup("test.run")
	return os.Getenv("INTEROP_REQUIRE") != "1" && run != nil && strings.Contains(run.Value.String(), "/")
}
