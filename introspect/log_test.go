package introspect_test

import (
	"log/slog"
	"os"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
)

// TestMain discards the logs of tests that set no Logger.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// TestLoggerIsTheProgramsOwn: the default is slog.Default(). It changes what
// all tests share, so it does not run in parallel.
func TestLoggerIsTheProgramsOwn(t *testing.T) {
	var log logBuffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	p := newProvider()
	p.always(500, ``)
	_ = refused(t, p.client(t), introspect.Unavailable, "tok")
	check.Contains(t, log.String(), `level=WARN msg="introspection failed"`)
}
