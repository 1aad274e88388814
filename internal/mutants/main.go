// Command mutants shows that the tests notice when a check is missing. Each
// mutant takes one check of this module out, or weakens it: a condition that
// always holds, a bound that is too high, an error that nobody looks at. A
// mutant that no test notices has survived: then the check has no test, or it
// does nothing.
//
//	go run ./internal/mutants                      # all of them; hours on a small machine
//	go run ./internal/mutants -only internal/jws   # those whose name matches an expression
//	go run ./internal/mutants -list                # one a line
//	go run ./internal/mutants -check               # do all still match, and compile?
//	go run ./internal/mutants -table               # what docs/mutants.md holds
//
// A run tests the mutant's own package first, and the packages that depend on
// it only when the mutant survives there. The mutant reaches the compiler
// through go test -overlay, so that no file of the tree is ever written. What
// came out is kept in the user's cache directory: another run repeats only
// the mutants whose tests, or whatever these tests are compiled from, changed
// since. -fresh repeats all; -own leaves out the packages that depend on the
// mutant's, for a quick look while you write tests. The exit code is 1 when a mutant survived that
// the list does not explain, when one was killed that the list explains, and
// when one no longer matches its source or does not compile.
//
// The lists are the files list_*.go, one for each package. To add a mutant,
// write a line there: a name that says what goes wrong, the file, the text to
// replace, which must occur exactly once in that file, and the text that
// takes its place. A mutant changes one check only, and must compile. Then
// run it:
//
//	go run ./internal/mutants -only NAME
//
// If it survives, write the test that kills it. If no test can, because
// another check refuses the same input or because nothing outside can see
// the difference, say so with equivalent, and write docs/mutants.md anew with
// go test ./internal/mutants -update.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is the program: 0 when all is well, 1 when a mutant is not as its
// list says, 2 when it could not run.
func command(ctx context.Context, args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(errs)
	list := flags.Bool("list", false, "print the mutants, one a line, and run none")
	check := flags.Bool("check", false, "only see whether all still match and compile")
	table := flags.Bool("table", false, "print docs/mutants.md and run none")
	fresh := flags.Bool("fresh", false, "repeat the mutants whose outcome is known as well")
	own := flags.Bool("own", false, "run the tests of each mutant's own package only: quick, and stricter")
	only := flags.String("only", "", "take the mutants whose name matches the `REGEXP`")
	parallel := flags.Int("parallel", 1, "run `N` mutants at once")
	timeout := flags.Duration("timeout", time.Minute, "how long the tests of one package may take")
	progress := flags.String("progress", "", "keep what came out in `FILE` (default: in the user's cache directory)")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	failed := func(err error) int {
		fmt.Fprintln(errs, "mutants:", err)
		return 2
	}
	pattern, err := regexp.Compile(*only)
	switch {
	case err != nil:
		return failed(fmt.Errorf("-only: %w", err))
	case flags.NArg() > 0:
		return failed(fmt.Errorf("no argument is known: %q", flags.Args()))
	case *parallel < 1 || *timeout <= 0:
		return failed(fmt.Errorf("-parallel and -timeout must be greater than zero"))
	}
	var chosen []mutant
	for _, m := range all() {
		if pattern.MatchString(m.id()) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return failed(fmt.Errorf("-only: no mutant has such a name"))
	}
	switch {
	case *list:
		for _, m := range chosen {
			fmt.Fprintln(out, m)
		}
		return 0
	case *table:
		_, _ = io.WriteString(out, page(chosen))
		return 0
	}
	mod, err := load(ctx, ".")
	if err != nil {
		return failed(err)
	}
	if *check {
		return checkAll(ctx, mod, chosen, out)
	}
	if *progress == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return failed(fmt.Errorf("give -progress FILE: %w", err))
		}
		*progress = filepath.Join(cache, "relyingparty-oidc", "mutants.json")
	}
	notes, err := openProgress(*progress)
	if err != nil {
		return failed(err)
	}
	r := &runner{module: mod, progress: notes, timeout: *timeout, fresh: *fresh, own: *own, out: out}
	return r.runAll(ctx, chosen, *parallel)
}

// checkAll names the mutants that no longer match or do not compile.
func checkAll(ctx context.Context, mod *module, chosen []mutant, out io.Writer) int {
	broken := 0
	types, err := newTypeChecker(ctx, mod)
	if err != nil {
		fmt.Fprintln(out, err)
		return 2
	}
	for _, m := range chosen {
		if err := types.check(m); err != nil {
			broken++
			fmt.Fprintf(out, "%s: %v\n", m.id(), err)
		}
	}
	fmt.Fprintf(out, "%d mutants: %d match and compile, %d do not\n", len(chosen), len(chosen)-broken, broken)
	return min(broken, 1)
}
