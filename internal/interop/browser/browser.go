package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"github.com/relyingparty/oidc/internal/interop"
)

// patience bounds every single action; on this machine it takes a fraction of a second.
const patience = 20 * time.Second

// Browser is a running Chromium with a fresh profile: no cookies, no history.
type Browser struct {
	ctx context.Context //nolint:containedctx // chromedp keeps the connection in it
}

// New starts a browser that ends with the test, and with the test's process however that ends.
func New(t testing.TB) *Browser {
	t.Helper()
	profile := t.TempDir()
	cmd := exec.Command(find(t),
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-default-apps", "--disable-extensions",
		"--no-default-browser-check", "--password-store=basic", "--use-mock-keychain", "--hide-scrollbars", "--window-size=1100,800",
		"--log-level=3", "--user-data-dir="+profile,
		"--host-resolver-rules=MAP * 127.0.0.1", "--no-proxy-server",
		"--ignore-certificate-errors-spki-list="+certificate().pin,
		"--remote-debugging-port=0", "--remote-debugging-pipe",
		"about:blank",
	)
	cmd.Env = append(os.Environ(), "HOME="+profile, "XDG_CONFIG_HOME="+profile, "XDG_CACHE_HOME="+profile)
	lifeline(t, cmd)
	process := interop.Start(t, cmd)
	ctx, disconnect := chromedp.NewRemoteAllocator(context.Background(), debugger(t, process, profile), chromedp.NoModifyURL)
	t.Cleanup(disconnect)

	// What Chromium tells beyond what the library knows is none of our business.
	quiet := func(string, ...any) {}
	ctx, closeFirst := chromedp.NewContext(ctx, chromedp.WithErrorf(quiet), chromedp.WithLogf(quiet))
	t.Cleanup(closeFirst)
	connect(ctx, t, closeFirst)
	return &Browser{ctx: ctx}
}

// run asks the browser itself, not a tab.
func (b *Browser) run(t testing.TB, ask func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := ask(cdp.WithExecutor(ctx, chromedp.FromContext(b.ctx).Browser)); err != nil {
		t.Fatalf("asking the browser: %v", err)
	}
}

// lifeline gives Chromium the pipe whose end it takes as the order to leave; it closes when the test's process dies.
func lifeline(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	for _, theirsReads := range []bool{true, false} { // descriptors 3 and 4
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = r.Close() // after the browser's end: nothing can be lost
			_ = w.Close()
		})
		theirs := w
		if theirsReads {
			theirs = r
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
	}
}

// connect makes the first connection of a chromedp context, which must not have a deadline: the tab would end with it.
func connect(ctx context.Context, t testing.TB, cancel context.CancelFunc, actions ...chromedp.Action) {
	t.Helper()
	late := time.AfterFunc(patience, cancel)
	defer late.Stop()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("connecting to the browser: %v", err)
	}
}

// debugger waits until Chromium has written where its DevTools listen.
func debugger(t testing.TB, process *interop.Process, profile string) string {
	t.Helper()
	for start := time.Now(); time.Since(start) < patience && process.ExitCode(20*time.Millisecond) == -1; {
		said, err := os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
		if port, path, ok := strings.Cut(strings.TrimSpace(string(said)), "\n"); err == nil && ok {
			return fmt.Sprintf("ws://127.0.0.1:%s%s", port, path)
		}
	}
	t.Fatalf("the browser does not listen:\n%s", process.Log())
	return ""
}

func find(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	interop.Unavailable(t, "there is no Chromium here: apt-get install chromium")
	return ""
}
