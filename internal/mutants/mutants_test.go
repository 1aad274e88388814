package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// TestEachMutantMatches holds the lists to the source: each mutant replaces
// text that is there once, and compiles.
func TestEachMutantMatches(t *testing.T) {
	t.Parallel()
	mod, err := load(t.Context(), ".")
	check.NoError(t, err)
	types, err := newTypeChecker(t.Context(), mod)
	check.NoError(t, err)
	for _, m := range all() {
		if err := types.check(m); err != nil {
			t.Errorf("%s: %v", m.id(), err)
		}
	}

	for _, test := range []struct{ name, old, replacement, want string }{
		{"a body", "err != io.EOF {", "err != eof {", "undefined: eof"},
		{"an import that nothing uses now", "err != io.EOF {", "err == nil {", `"io" imported and not used`},
		{"what another file calls", "func Parse(body []byte) (", "func Parse(body string) (", "cannot use body"},
		{"the end of a body", "\treturn keys, nil\n", "}\n\nfunc more() {\n", "missing return"},
		{"a broken file", "func Parse(", "func Parse((", "expected"},
	} {
		m := change(test.name, "parse.go", test.old, test.replacement)
		m.Package = "internal/keyset"
		err := types.check(m)
		check.True(t, err != nil, "%s: it compiles", test.name)
		check.Contains(t, err.Error(), test.want)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	ids, changes := map[string]bool{}, map[string]string{}
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for _, m := range all() {
		check.True(t, name.MatchString(m.Name), "%s: a name is words of lower case with hyphens between them", m.id())
		check.True(t, !ids[m.id()], "%s is there twice", m.id())
		ids[m.id()] = true
		made := m.path() + "\x00" + m.Old + "\x00" + m.New
		check.True(t, changes[made] == "", "%s is %s again", m.id(), changes[made])
		changes[made] = m.id()
		check.True(t, !strings.HasSuffix(m.File, "_test.go"), "%s changes a test", m.id())
	}
	check.True(t, len(ids) >= 250, "only %d mutants", len(ids))
}

// TestPage holds docs/mutants.md to the lists.
func TestPage(t *testing.T) {
	t.Parallel()
	check.Golden(t, "../../../docs/mutants.md", []byte(page(all())))
}

func TestApply(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, source, old, replacement, want string
		err                                  error
	}{
		{"once", "if a && b {", " && b", "", "if a {", nil},
		{"lines", "a\nb\nc\n", "a\nb\n", "d\n", "d\nc\n", nil},
		{"gone", "if a {", " && b", "", "", errAbsent},
		{"twice", "a && b || a && b", " && b", "", "", errRepeated},
		{"same", "a", "a", "a", "", errSame},
	} {
		got, err := change(test.name, "a.go", test.old, test.replacement).apply([]byte(test.source))
		check.Equal(t, string(got), test.want, test.name)
		check.Equal(t, err, test.err, test.name)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, out, want string }{
		{"test", "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\nFAIL\n", "TestA"},
		{"parallel tests", "ok\n    --- FAIL: TestA/b (0.00s)\nFAIL", "TestA/b"},
		{"panic in a goroutine", "panic: boom\n\ngoroutine 7 [running]:\nFAIL\tm/a\t0.1s\n", "a panic"},
		{"all goroutines asleep", "fatal error: all goroutines are asleep - deadlock!\n", "a panic"},
		{"timeout", "panic: test timed out after 1s\n\trunning tests:\n\t\tTestA (1s)\n", "timeout"},
		{"exit", "FAIL\tm/a\t0.1s\n", "a failure without a test's name"},
	} {
		got, err := verdict([]byte(test.out))
		check.NoError(t, err)
		check.Equal(t, got, test.want, test.name)
	}
	_, err := verdict([]byte("# m/a\na/a.go:3:1: undefined: x\nFAIL\tm/a [build failed]\nFAIL\n"))
	check.Error(t, err, errDoesNotCompile)
	_, err = verdict([]byte("FAIL\tm/a [setup failed]\n"))
	check.Error(t, err, errDoesNotCompile)
}

// TestRun runs mutants of a small module, whose package b depends on a.
func TestRun(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(root, name)
		check.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		check.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	source := "package a\n\nfunc Small(n int) bool { return n < 3 }\n\nfunc Positive(n int) bool { return n > 0 }\n\n" +
		"func Count(n int) (c int) {\n\tfor ; n > 0; n-- {\n\t\tc++\n\t}\n\treturn c\n}\n"
	write("go.mod", "module example.com/m\n\ngo 1.26\n")
	write("a/a.go", source)
	write("a/a_test.go", "package a\n\nimport \"testing\"\n\nfunc TestSmall(t *testing.T) {\n\tif Small(3) || Count(2) != 2 {\n\t\tt.Fail()\n\t}\n}\n")
	write("b/b.go", "package b\n\nimport \"example.com/m/a\"\n\nfunc Both(n int) bool { return a.Small(n) && a.Positive(n) }\n")
	write("b/b_test.go", "package b\n\nimport \"testing\"\n\nfunc TestBoth(t *testing.T) {\n\tif Both(0) {\n\t\tt.Fail()\n\t}\n}\n")
	mod, err := load(t.Context(), root)
	check.NoError(t, err)
	check.DeepEqual(t, mod.dependents("a"), []string{"b"}, "dependents")

	in := func(m mutant) mutant { m.Package = "a"; return m }
	mutants := []mutant{
		in(change("off-by-one", "a.go", "n < 3", "n <= 3")),
		in(change("zero", "a.go", "n > 0 }", "n >= 0 }")),
		in(change("one", "a.go", "n > 0 }", "n > 1 }")),
		in(change("same", "a.go", "n < 3", "n <= 2").equivalent("Integers.")),
		in(change("not-equivalent", "a.go", "n < 3", "n < 4").equivalent("It is not.")),
		in(change("for-ever", "a.go", "; n-- {", "; n++ {")),
		in(change("broken", "a.go", "n < 3", "m < 3")),
		in(change("gone", "a.go", "n < 30", "true")),
	}
	file := filepath.Join(t.TempDir(), "kept", "progress.json")
	run := func(mutants []mutant) (code int, out string) {
		notes, err := openProgress(file)
		check.NoError(t, err)
		var printed bytes.Buffer
		r := &runner{module: mod, progress: notes, timeout: 3 * time.Second, out: &printed}
		return r.runAll(t.Context(), mutants, 2), printed.String()
	}
	code, out := run(mutants)
	check.Equal(t, code, 1, "exit code")
	check.Contains(t, out,
		"a/off-by-one: killed by TestSmall of a (",
		"a/zero: killed by TestBoth of b (",
		"a/one: SURVIVED a, b (",
		"a/same: survived as explained: Integers. (",
		"a/not-equivalent: killed by TestSmall of a, although it is explained",
		"a/for-ever: killed by timeout of a (",
		"a/broken: it does not compile: ",
		"a/gone: its old text is not in the file any more",
		"8 mutants: 3 killed, 1 survived as explained\n",
		"1 survived without an explanation, 1 were killed in spite of one, 2 could not run\n",
	)
	left, err := os.ReadFile(filepath.Join(root, "a", "a.go"))
	check.NoError(t, err)
	check.Equal(t, string(left), source, "the tree")

	// What is known is not asked again, until what it depends on changes.
	good := []mutant{mutants[0], mutants[1], mutants[3]}
	code, out = run(good)
	check.Equal(t, code, 0, "exit code")
	check.Equal(t, strings.Count(out, "(known)"), 3, "outcomes known")
	write("b/c_test.go", "package b\n\nimport \"testing\"\n\nfunc TestThree(t *testing.T) {\n\tif Both(3) {\n\t\tt.Fail()\n\t}\n}\n")
	code, out = run(good)
	check.Equal(t, code, 0, "exit code")
	check.Equal(t, strings.Count(out, "(known)"), 1, "outcomes known")
	check.Contains(t, out, "a/off-by-one: killed by TestSmall of a (known)")

	// Tests that fail by themselves kill nothing.
	write("a/b_test.go", "package a\n\nimport \"testing\"\n\nfunc TestWrong(t *testing.T) { t.Fail() }\n")
	code, out = run(good[:1])
	check.Equal(t, code, 1, "exit code")
	check.Contains(t, out, "a/off-by-one: a: the tests fail without any mutant: TestWrong")
}

func TestCommand(t *testing.T) {
	t.Parallel()
	run := func(args ...string) (code int, out string) {
		var stdout, stderr bytes.Buffer
		code = command(t.Context(), args, &stdout, &stderr)
		return code, stdout.String() + stderr.String()
	}
	code, out := run("-list")
	check.Equal(t, code, 0, "exit code")
	check.Equal(t, strings.Count(out, "\n"), len(all()), "lines")
	code, out = run("-list", "-only", "internal/jws/crit$")
	check.Equal(t, code, 0, "exit code")
	check.Equal(t, out, "internal/jws/crit\tjws.go\t\"if h.Holds(\\\"crit\\\") || \" => \"if \"\n", "the mutant")
	code, out = run("-table")
	check.Equal(t, code, 0, "exit code")
	check.Equal(t, out, page(all()), "the page")
	code, out = run("-check", "-only", "internal/jws/crit$")
	check.Equal(t, code, 0, "exit code")
	check.Equal(t, out, "1 mutants: 1 match and compile, 0 do not\n", "what was checked")

	for _, args := range [][]string{
		{"-only", "("}, {"-only", "no such mutant"}, {"-parallel", "0"}, {"-timeout", "0s"}, {"jws"}, {"-unknown"},
	} {
		code, _ := run(args...)
		check.Equal(t, code, 2, strings.Join(args, " "))
	}
}
