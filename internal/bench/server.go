package main

import (
	"bufio"
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program is a server that is measured as a process of its own.
type program struct {
	name    string
	module  string // the folder of the module it is built in
	source  string // its package, there
	guarded bool
	binary  string
}

// programs are the API without protection, behind this library, and behind the fastest peer.
func programs() []*program {
	return []*program{
		{name: "unprotected", module: ".", source: "./servers/plain"},
		{name: ours.name, module: "../..", source: "./examples/api", guarded: true},
		{name: "golang-jwt v5 + keyfunc v3, by hand", module: ".", source: "./servers/peer", guarded: true},
	}
}

func (p *program) build(ctx context.Context, folder string) error {
	p.binary = filepath.Join(folder, filepath.Base(p.source))
	text, err := exec.CommandContext(ctx, "go", "build", "-C", p.module, "-o", p.binary, p.source).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build %s: %w: %s", p.source, err, bytes.TrimSpace(text))
	}
	return nil
}

// measures returns the bytes of the binary, and the number of modules in it that a plain server has not.
func (p *program) measures() (size float64, modules int, err error) {
	stat, err := os.Stat(p.binary)
	if err != nil {
		return 0, 0, err
	}
	info, err := buildinfo.ReadFile(p.binary)
	if err != nil {
		return 0, 0, err
	}
	modules = len(info.Deps)
	if p.name == ours.name {
		modules++ // examples/api is part of the library's own module
	}
	return float64(stat.Size()), modules, nil
}

// startTimeout is for everything up to the first answer.
const startTimeout = 20 * time.Second

var (
	errNotListening = errors.New("it ended, or took too long, before it listened")
	errUnguarded    = errors.New("it does not refuse who has no token")
	errUnserved     = errors.New("it does not answer 200 to a good token")
)

// server is a running program.
type server struct {
	url  string
	cmd  *exec.Cmd
	took time.Duration // from before it was started to its first answer
}

// start runs a program until it has answered a token. It ends with ctx, or with stop.
func (p *program) start(ctx context.Context, env []string, token string) (*server, error) {
	s := &server{cmd: exec.CommandContext(ctx, p.binary)}
	s.cmd.Env = env
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(startTimeout, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	line, _ := bufio.NewReader(out).ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		s.stop()
		return nil, errNotListening
	}
	s.url = base + "/whoami"
	for {
		if status, _, err := s.get(ctx, token); err == nil && status == http.StatusOK {
			s.took = time.Since(began)
			return s, nil
		}
		if ctx.Err() != nil || time.Since(began) > startTimeout {
			s.stop()
			return nil, errUnserved
		}
		time.Sleep(time.Millisecond)
	}
}

// stop ends the process, and waits for its end.
func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// asker sends single requests, each on a connection of its own.
var asker = &http.Client{Timeout: startTimeout, Transport: &http.Transport{DisableKeepAlives: true}}

// get asks once.
func (s *server) get(ctx context.Context, token string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := asker.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// memory is the resident memory of the process in bytes: now, and at most so far.
func (s *server) memory() (now, most float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kB float64
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "VmRSS":
			_, err = fmt.Sscan(value, &kB)
			now = kB * 1024
		case "VmHWM":
			_, err = fmt.Sscan(value, &kB)
			most = kB * 1024
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return now, most, nil
}
