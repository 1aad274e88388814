package interop

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// Matrix is what was seen at one provider, cell by cell. A declared cell that was not run is a failure, so is a cell
// that nobody declared: what the matrix shows is what was run.
type Matrix struct {
	provider string // name and version
	cells    []string
	seen     map[string]string
}

// NewMatrix declares the cells of a provider and, at the end of t, shows them and checks that each was run.
func NewMatrix(t *testing.T, provider string, cells ...string) *Matrix {
	t.Helper()
	m := &Matrix{provider: provider, cells: cells, seen: map[string]string{}}
	t.Cleanup(func() {
		if t.Skipped() {
			return
		}
		t.Log("\n" + m.String())
		if partial() {
			return
		}
		for _, cell := range cells {
			if _, ok := m.seen[cell]; !ok {
				t.Errorf("%s: %q was not run", provider, cell)
			}
		}
	})
	return m
}

// Cell runs one cell; run returns what it saw.
func (m *Matrix) Cell(t *testing.T, name string, run func(t *testing.T) string) {
	t.Helper()
	if !slices.Contains(m.cells, name) {
		t.Errorf("%s: %q is not declared", m.provider, name)
	}
	t.Run(name, func(t *testing.T) {
		defer func() {
			if t.Failed() {
				m.seen[name] = "FAILED"
			}
		}()
		if seen := run(t); !t.Failed() {
			m.seen[name] = seen
			t.Log(seen)
		}
	})
}

// String is the matrix as lines of text.
func (m *Matrix) String() string {
	width := 0
	for _, cell := range m.cells {
		width = max(width, len(cell))
	}
	var b strings.Builder
	fmt.Fprintln(&b, m.provider)
	for _, cell := range m.cells {
		seen, ok := m.seen[cell]
		if !ok {
			seen = "NOT RUN"
		}
		fmt.Fprintf(&b, "  %-*s  %s\n", width, cell, seen)
	}
	return b.String()
}

// partial tells that a person asked for single cells with -run; .ci/run never does.
func partial() bool {
	run := flag.Lookup("test.run")
	return os.Getenv("INTEROP_REQUIRE") != "1" && run != nil && strings.Contains(run.Value.String(), "/")
}
