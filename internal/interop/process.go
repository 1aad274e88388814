package interop

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Process is a program that a test started: in a process group of its own, its standard error kept, ended with the test.
type Process struct {
	Lines <-chan string // standard output, line by line; closed when the program closes it

	cmd   *exec.Cmd
	stdin io.WriteCloser
	log   tail
	done  chan struct{} // closed once the program has ended
}

// Start runs cmd until the end of t, then ends it by its process id: standard input closed, terminated, killed.
// What it wrote to standard error is shown when the test failed.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	lines := make(chan string, 1024)
	p := &Process{Lines: lines, cmd: cmd, done: make(chan struct{})}
	cmd.Stderr = &p.log
	var stdout io.ReadCloser
	var err error
	if p.stdin, err = cmd.StdinPipe(); err == nil {
		if stdout, err = cmd.StdoutPipe(); err == nil {
			ownGroup(cmd)
			err = cmd.Start()
		}
	}
	if err != nil {
		t.Fatalf("starting %s: %v", cmd.Path, err)
	}
	go func() {
		defer close(p.done)
		defer close(lines)
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			select {
			case lines <- scanner.Text():
			default: // nobody reads: the program must not block on it
			}
		}
		_ = cmd.Wait() // how it ended is told by Stop's callers and the log
	}()
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("standard error of %s:\n%s", cmd.Path, p.Log())
		}
	})
	return p
}

// Stop ends the program and waits for its end; twice is fine.
func (p *Process) Stop() {
	_ = p.stdin.Close() // closed already, or nobody reads it: the signals follow
	for _, end := range []func(*os.Process) error{terminate, kill} {
		if p.over(0) {
			return
		}
		_ = end(p.cmd.Process) // it may just have ended
		if p.over(5 * time.Second) {
			return
		}
	}
	<-p.done
}

func (p *Process) over(within time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(within):
		return false
	}
}

// ExitCode waits for the program's end; -1 stands for a signal or for a program that did not end in time.
func (p *Process) ExitCode(within time.Duration) int {
	if !p.over(within) {
		return -1
	}
	return p.cmd.ProcessState.ExitCode()
}

// End asks the program to end and gives its exit code, as ExitCode does.
func (p *Process) End(within time.Duration) int {
	_ = terminate(p.cmd.Process) // it may have ended already
	return p.ExitCode(within)
}

// Send writes one line to its standard input.
func (p *Process) Send(t testing.TB, line string) {
	t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		t.Fatalf("%s does not listen: %v\n%s", p.cmd.Path, err, p.Log())
	}
}

// Line is the next line of standard output; the test fails when none comes in time.
func (p *Process) Line(t testing.TB, within time.Duration) string {
	t.Helper()
	select {
	case line, ok := <-p.Lines:
		if !ok {
			t.Fatalf("%s ended:\n%s", p.cmd.Path, p.Log())
		}
		return line
	case <-time.After(within):
		t.Fatalf("%s wrote no line within %v:\n%s", p.cmd.Path, within, p.Log())
	}
	return ""
}

// Log is the end of what the program wrote to standard error so far.
func (p *Process) Log() string { return p.log.String() }

// tail keeps the last of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 64 << 10

func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(b)
	if n := l.buf.Len() - tailSize; n > 0 {
		l.buf.Next(n)
	}
	return len(b), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
