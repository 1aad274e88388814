package oidc_test

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

// TestSnippetsCompile keeps the documentation honest: each Go snippet of the README and of docs is, to the letter, part of
// an Example (or of a helper beside it), which the compiler has seen.
func TestSnippetsCompile(t *testing.T) {
	t.Parallel()
	var examples strings.Builder
	for _, pattern := range []string{"*/example*_test.go", "examples/*/*.go"} {
		files, err := filepath.Glob(pattern)
		check.NoError(t, err)
		for _, file := range files {
			examples.WriteString(bodies(t, file))
		}
	}

	pages, err := filepath.Glob("docs/*.md")
	check.NoError(t, err)
	fence := regexp.MustCompile("(?s)```go\n(.*?)```")
	snippets := 0
	for _, page := range append(pages, "README.md") {
		text, err := os.ReadFile(page)
		check.NoError(t, err)
		for _, match := range fence.FindAllStringSubmatch(string(text), -1) {
			snippets++
			if !strings.Contains(examples.String(), normalize(match[1])) {
				t.Errorf("%s: this snippet is in no Example:\n%s", page, match[1])
			}
		}
	}
	check.True(t, snippets >= 3, "only %d snippets found: is the pattern still right?", snippets)
}

// bodies returns the normalized bodies of the functions in a Go file.
func bodies(t *testing.T, file string) string {
	t.Helper()
	source, err := os.ReadFile(file)
	check.NoError(t, err)
	source, err = format.Source(source)
	check.NoError(t, err)
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, source, parser.ParseComments)
	check.NoError(t, err)
	var all strings.Builder
	for _, decl := range tree.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
			all.Write(source[set.Position(f.Body.Lbrace).Offset+1 : set.Position(f.Body.Rbrace).Offset])
		}
	}
	return normalize(all.String())
}

// normalize drops what a snippet may lay out differently: indentation, blank lines, and the columns gofmt gives comments.
func normalize(code string) string {
	var lines strings.Builder
	for line := range strings.Lines(code) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines.WriteString(line + "\n")
		}
	}
	return lines.String()
}
