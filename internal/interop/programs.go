package interop

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// Build compiles programs of examples/ and gives the folder they are in.
func Build(t testing.TB, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, "./examples/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	_, here, _, _ := runtime.Caller(0)
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return dir
}

// Program starts a built example with exactly this environment; standard input stays open until it is ended.
func Program(t testing.TB, path string, env map[string]string, args ...string) *Process {
	t.Helper()
	cmd := exec.Command(path, args...) // Start ends it
	cmd.Env = []string{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, name+"="+env[name])
	}
	return Start(t, cmd)
}

// Listening reads the line that every server of the examples prints first, and gives its URL.
func Listening(t testing.TB, p *Process) string {
	t.Helper()
	base, ok := strings.CutPrefix(p.Line(t, 20*time.Second), "listening on ")
	check.True(t, ok, "the first line is not: listening on URL")
	return base
}

// ServiceCalls runs examples/service from dir for two calls and gives the API's answers; exit is the code it must end with.
func ServiceCalls(t testing.TB, dir string, env map[string]string, exit int) []int {
	t.Helper()
	var status []int
	service := Program(t, filepath.Join(dir, "service"), env, "-n", "2", "-every", "50ms")
	for range 2 {
		var line struct {
			Status         int `json:"status"`
			TokenExpiresIn int `json:"token_expires_in"`
		}
		check.NoError(t, json.Unmarshal([]byte(service.Line(t, 30*time.Second)), &line))
		check.True(t, line.TokenExpiresIn > 0, "the token expires in %d s", line.TokenExpiresIn)
		status = append(status, line.Status)
	}
	check.Equal(t, service.ExitCode(10*time.Second), exit, "exit code of the service for "+env["API_URL"])
	return status
}

// Identity is what examples/login answers to a script.
type Identity struct {
	Subject     string         `json:"subject"`
	Issuer      string         `json:"issuer"`
	Claims      map[string]any `json:"claims"`
	UserInfo    map[string]any `json:"userinfo"`
	ExpiresAt   time.Time      `json:"expires_at"`
	Refreshable bool           `json:"refreshable"`
}

// Who reads that answer.
func Who(t testing.TB, page *Page) (who Identity) {
	t.Helper()
	check.Equal(t, page.Status, http.StatusOK, page.URL.Path)
	check.NoError(t, json.Unmarshal([]byte(page.Body), &who))
	return who
}

// FreeAddress is a loopback address that was free a moment ago: for a program whose URL must be known before it listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// AwaitReady asks target until it answers 200; the test fails when it does not in time, or when the server has ended.
func AwaitReady(t testing.TB, p *Process, target string, within time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	check.NoError(t, err)
	for last := "no answer"; ; {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			last = resp.Status
			_ = resp.Body.Close() // only its status counts
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if ctx.Err() != nil || p != nil && p.over(0) {
			t.Fatalf("%s is not ready: %s, %v", target, last, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
