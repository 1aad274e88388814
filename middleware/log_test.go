package middleware_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// TestMain discards the logs of tests that set no Logger.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// TestLoggerIsTheProgramsOwn: the default is slog.Default(). It changes what
// all tests share, so it does not run in parallel.
func TestLoggerIsTheProgramsOwn(t *testing.T) {
	var log records
	before := slog.Default()
	slog.SetDefault(log.logger())
	defer slog.SetDefault(before)
	op, guard := setup(t, byIntrospection)
	op.Fault("discovery", oidctest.Down)
	wantReason(t, guard, op.AccessToken(nil), middleware.ReasonProviderUnavailable)
	wantReason(t, guard, "opaque", middleware.ReasonProviderUnavailable)
	check.Contains(t, log.String(), `level=WARN msg="token cannot be verified"`, `msg="fetch failed"`, `msg="introspection failed"`)
}

// TestLog: each refusal is a line at debug, each outage a line at warn.
func TestLog(t *testing.T) {
	t.Parallel()
	var log records
	op, guard := setup(t, func(cfg *middleware.Config) { cfg.Logger = log.logger() })
	wantReason(t, guard, op.AccessToken(object{"aud": "x"}), middleware.ReasonAudienceMismatch)
	check.Equal(t, strings.Count(log.String(), "reason=audience_mismatch"), 2, "lines for two refusals")
	check.Contains(t, log.String(), `level=DEBUG msg="request refused" reason=audience_mismatch status=401`)
	op.Fault("jwks", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true })
	cfg := forProvider(op)
	cfg.Logger = log.logger()
	_, err := newGuard(t, cfg).Authenticate(context.Background(), middleware.Credential{Token: op.AccessToken(nil)})
	check.Equal(t, reasonOf(t, err), middleware.ReasonProviderUnavailable, "reason")
	check.Contains(t, log.String(), `level=WARN msg="token cannot be verified" reason=idp_unavailable status=503`)
}

// TestOutagesDoNotFillTheLog: the warnings of an outage are limited.
func TestOutagesDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log records
		op, guard := setup(t, func(cfg *middleware.Config) { cfg.Logger = log.logger() })
		op.Fault("discovery", oidctest.Down)
		for range 21 {
			_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: op.AccessToken(nil)})
			check.Equal(t, reasonOf(t, err), middleware.ReasonProviderUnavailable, "reason")
			time.Sleep(time.Second)
		}
		check.Equal(t, strings.Count(log.String(), `level=WARN msg="token cannot be verified"`), 3, "warnings in 21 seconds")
		check.Equal(t, strings.Count(log.String(), "reason=idp_unavailable"), 21, "lines")
	})
}
