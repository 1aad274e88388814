package interop_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// providers are the folders that hold a column, in the order of the matrix, and which of the five each stands for.
var providers = []struct{ folder, as string }{
	{"keycloak", "Docbyte Vault"}, {"hydra", "TokenOS"}, {"oidcprovider", "VoxKey"}, {"zitadel", ""}, {"glewlwyd", ""}, {"fosite", "miQey"},
}

// TestMatrix holds docs/real-providers.md and the README to the columns that the providers' tests compare with their own
// run. -update writes both; run it after the columns are written.
func TestMatrix(t *testing.T) {
	var columns []column
	for _, p := range providers {
		c := readColumn(t, p.folder)
		c.as = p.as
		columns = append(columns, c)
	}
	held(t, filepath.Join("..", "..", "docs", "real-providers.md"), matrix(columns))
	held(t, filepath.Join("..", "..", "README.md"), summary(columns))
}

// column is one provider's testdata/matrix.txt.
type column struct {
	provider string
	as       string   // which of the five providers it stands for
	cells    []string // in the order of interop.Flows
}

func readColumn(t *testing.T, folder string) column {
	t.Helper()
	file, err := os.Open(filepath.Join(folder, "testdata", "matrix.txt"))
	check.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Scan()
	c := column{provider: lines.Text()}
	for _, flow := range interop.Flows() {
		lines.Scan()
		cell, ok := strings.CutPrefix(lines.Text(), string(flow)+": ")
		check.True(t, ok && cell != "", "%s: %q is where %q belongs", folder, lines.Text(), flow)
		c.cells = append(c.cells, cell)
	}
	check.True(t, !lines.Scan(), "%s: more lines than flows", folder)
	return c
}

// matrix is the table with its reasons below, numbered as they are first met.
func matrix(columns []column) string {
	var reasons []string
	cell := func(text string) string {
		why, dash := strings.CutPrefix(text, "- ")
		if !dash {
			return text
		}
		if !slices.Contains(reasons, why) {
			reasons = append(reasons, why)
		}
		return fmt.Sprintf("- %d", 1+slices.Index(reasons, why))
	}
	var b strings.Builder
	b.WriteString("```\n")
	row(&b, "", columns, func(c column) string { name, _, _ := strings.Cut(c.provider, " "); return name })
	row(&b, "", columns, func(c column) string { return version(c.provider) })
	for i, flow := range interop.Flows() {
		row(&b, string(flow), columns, func(c column) string { return cell(c.cells[i]) })
	}
	for i, why := range reasons {
		fmt.Fprintf(&b, "%3d  %s\n", i+1, why)
	}
	b.WriteString("```\n")
	return b.String()
}

func row(b *strings.Builder, head string, columns []column, cell func(column) string) {
	line := fmt.Sprintf("%-29s", head)
	for _, c := range columns {
		line += fmt.Sprintf("%-*s", 3+max(len("9.13.3-"), strings.Index(c.provider+" ", " ")), cell(c))
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

func version(provider string) string {
	_, version, _ := strings.Cut(provider, " ")
	return version
}

// summary is one line a provider: how much of it runs.
func summary(columns []column) string {
	var b strings.Builder
	b.WriteString("| real server | stands for | flows that pass | not offered |\n|---|---|---|---|\n")
	for _, c := range columns {
		passed := 0
		for _, cell := range c.cells {
			if cell == "pass" {
				passed++
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d |\n", c.provider, c.as, passed, len(c.cells)-passed)
	}
	return b.String()
}

const (
	begin = "<!-- real providers: written by the run -->\n"
	end   = "<!-- end -->\n"
)

// held compares what stands between the two marks of a page with want.
func held(t *testing.T, path, want string) {
	t.Helper()
	page, err := os.ReadFile(path)
	check.NoError(t, err)
	head, rest, ok := bytes.Cut(page, []byte(begin))
	got, tail, ok2 := bytes.Cut(rest, []byte(end))
	check.True(t, ok && ok2, "%s lacks the marks %q and %q", path, begin, end)
	if flag.Lookup("update").Value.String() == "true" {
		check.NoError(t, os.WriteFile(path, slices.Concat(head, []byte(begin+want+end), tail), 0o644))
		return
	}
	check.Equal(t, string(got), want, filepath.Base(path)+" (go test -C internal/interop . -update writes it)")
}
