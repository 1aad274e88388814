package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// buildTime is what compiling and linking may take beyond the tests' own time.
const buildTime = 5 * time.Minute

// runner runs mutants.
type runner struct {
	module   *module
	progress *progress
	timeout  time.Duration // of the tests of one package
	fresh    bool          // ask the tests again where an outcome is known
	own      bool          // ask the tests of the mutant's own package only
	out      io.Writer

	mu     sync.Mutex // of what is printed
	sound  sync.Map   // folder to func() error: do its tests pass without a mutant?
	counts struct{ killed, explained, survived, wrong, broken int }
	failed []string // lines about mutants that are not as their list says
}

var (
	errDoesNotCompile = errors.New("it does not compile")
	errBaseline       = errors.New("the tests fail without any mutant")
)

// runAll runs the mutants, n at once, and returns the exit code.
func (r *runner) runAll(ctx context.Context, mutants []mutant, n int) int {
	work := make(chan int)
	var workers sync.WaitGroup
	for range min(n, len(mutants)) {
		workers.Go(func() {
			for i := range work {
				r.one(ctx, i+1, len(mutants), mutants[i])
			}
		})
	}
	for i := range mutants {
		select {
		case work <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(work)
	workers.Wait()

	c := r.counts
	fmt.Fprintf(r.out, "\n%d mutants: %d killed, %d survived as explained\n", len(mutants), c.killed, c.explained)
	fmt.Fprintf(r.out, "%d survived without an explanation, %d were killed in spite of one, %d could not run\n", c.survived, c.wrong, c.broken)
	for _, line := range r.failed {
		fmt.Fprintln(r.out, line)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(r.out, "interrupted: run it again to go on")
		return 2
	case c.survived+c.wrong+c.broken > 0:
		return 1
	}
	return 0
}

// one runs the i-th of n mutants and tells what came out.
func (r *runner) one(ctx context.Context, i, n int, m mutant) {
	o, known := r.progress.find(m, r.module)
	if r.fresh {
		known = false
	}
	var err error
	if !known {
		o, err = r.run(ctx, m)
		if err == nil && !(r.own && o.Survived) { // others may kill it
			err = r.progress.add(m, o)
		}
	}
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var text string
	bad := true
	switch {
	case err != nil:
		r.counts.broken++
		text = err.Error()
	case o.Survived && m.Equivalent == "":
		r.counts.survived++
		text = "SURVIVED " + strings.Join(o.Tested, ", ")
	case o.Survived:
		r.counts.explained++
		text, bad = "survived as explained: "+m.Equivalent, false
	case m.Equivalent != "":
		r.counts.wrong++
		text = fmt.Sprintf("killed by %s of %s, although it is explained: drop the explanation", o.Killer, o.Tested[len(o.Tested)-1])
	default:
		r.counts.killed++
		text, bad = fmt.Sprintf("killed by %s of %s", o.Killer, o.Tested[len(o.Tested)-1]), false
	}
	when := fmt.Sprintf("%.1f s", o.Seconds)
	if known {
		when = "known"
	}
	fmt.Fprintf(r.out, "[%d/%d] %s: %s (%s)\n", i, n, m.id(), text, when)
	if bad {
		r.failed = append(r.failed, m.id()+": "+text)
	}
}

// run asks the tests of the mutant's package, and if these pass, one after
// the other those of the packages that depend on it.
func (r *runner) run(ctx context.Context, m mutant) (o outcome, err error) {
	source, err := m.mutated(r.module.root)
	if err != nil {
		return o, err
	}
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "mutant.go")
	overlay := filepath.Join(dir, "overlay.json")
	replace := map[string]map[string]string{"Replace": {filepath.Join(r.module.root, filepath.FromSlash(m.path())): file}}
	text, err := json.Marshal(replace)
	if err := errors.Join(err, os.WriteFile(file, source, 0o600), os.WriteFile(overlay, text, 0o600)); err != nil {
		return o, err
	}

	start := time.Now()
	o.Survived = true
	folders := []string{m.Package}
	if !r.own {
		folders = append(folders, r.module.dependents(m.Package)...)
	}
	for _, folder := range folders {
		if err := r.baseline(ctx, folder); err != nil {
			return o, err
		}
		o.Tested = append(o.Tested, folder)
		if o.Killer, err = r.test(ctx, folder, "-count=1", "-overlay="+overlay); err != nil {
			return o, err
		}
		if o.Killer != "" {
			o.Survived = false
			break
		}
	}
	o.Seconds = time.Since(start).Seconds()
	o.Digest, err = o.digest(m, r.module)
	return o, err
}

// baseline sees once that the tests of a folder pass without a mutant:
// otherwise they would kill every one.
func (r *runner) baseline(ctx context.Context, folder string) error {
	passes, _ := r.sound.LoadOrStore(folder, sync.OnceValue(func() error {
		killer, err := r.test(ctx, folder)
		if err == nil && killer != "" {
			err = fmt.Errorf("%s: %w: %s", folder, errBaseline, killer)
		}
		return err
	}))
	return passes.(func() error)()
}

// test runs the tests of a folder and returns what failed, empty if nothing.
func (r *runner) test(ctx context.Context, folder string, flags ...string) (killer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout+buildTime)
	defer cancel()
	args := append([]string{"test", "-vet=off", "-failfast", "-timeout=" + r.timeout.String()}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+folder)...)
	cmd.Dir = r.module.root
	ownGroup(cmd)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "", nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "timeout", nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		return "", err
	}
	return verdict(out)
}

var (
	notBuilt   = regexp.MustCompile(`(?m)^FAIL\s.*\[(build|setup) failed\]$`)
	failedTest = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	timedOut   = regexp.MustCompile(`(?m)^panic: test timed out after`)
)

// verdict reads what a failed `go test` printed.
func verdict(out []byte) (killer string, err error) {
	switch {
	case notBuilt.Match(out):
		return "", fmt.Errorf("%w: %s", errDoesNotCompile, bytes.TrimSpace(out))
	case timedOut.Match(out):
		return "timeout", nil
	}
	if m := failedTest.FindSubmatch(out); m != nil {
		return string(m[1]), nil
	}
	if bytes.Contains(out, []byte("panic: ")) || bytes.Contains(out, []byte("fatal error: ")) {
		return "a panic", nil
	}
	return "a failure without a test's name", nil
}
