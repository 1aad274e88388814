package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	defaultRetry = 5 * time.Second
	maxRetry     = 2 * time.Minute
)

// answer writes a refusal. It is the only place that sets status, challenge and
// body.
func (g *Guard) answer(w http.ResponseWriter, r *http.Request, refusal *Error) {
	_ = g.refused(r.Context(), refusal)
	status, challenge := refusal.Status(), g.challenge(refusal)
	contentType, body, err := g.render(r, refusal)
	if err != nil {
		refusal = refuseFor(ReasonInternalError, err)
		_ = g.refused(r.Context(), refusal)
		status, challenge = refusal.Status(), ""
		contentType, body = oauthBody(refusal)
	}
	h := w.Header()
	for _, name := range []string{
		"Content-Length", "Content-Encoding", "Content-Type", "Etag", "Last-Modified", "Retry-After", "Www-Authenticate",
	} {
		h.Del(name) // left over from a response that is not sent
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if challenge != "" {
		h.Set("WWW-Authenticate", challenge)
	}
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter(refusal.RetryAfter))
	}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	// WriteHeader is called even if the caller has gone. Otherwise net/http
	// would report a 200 in access logs, and would send it if this server ended
	// the context because it shuts down.
	w.WriteHeader(status)
	if r.Method != http.MethodHead && !errors.Is(r.Context().Err(), context.Canceled) {
		_, _ = w.Write(body) // an error means that the caller has gone
	}
}

// render calls Config.RenderError. It reports only the type of a panic's value,
// because the value may contain a secret.
func (g *Guard) render(r *http.Request, refusal *Error) (contentType string, body []byte, err error) {
	if g.cfg.RenderError == nil {
		contentType, body = oauthBody(refusal)
		return contentType, body, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("Config.RenderError panicked with a %T", p)
		}
	}()
	shown := *refusal
	contentType, body = g.cfg.RenderError(r, &shown)
	return contentType, body, nil
}

// oauthBody returns the default body (RFC 6749 section 5.2).
func oauthBody(refusal *Error) (contentType string, body []byte) {
	v := refusal.verdict()
	code := v.code
	if code == "" {
		code = bodyCodes[v.status]
	}
	body, _ = json.Marshal(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, v.description})
	return "application/json", body
}

// challenge returns the WWW-Authenticate header (RFC 6750 section 3), which
// consists of fixed texts and configuration. It is empty for a 5xx.
func (g *Guard) challenge(refusal *Error) string {
	v := refusal.verdict()
	if v.status >= http.StatusInternalServerError {
		return ""
	}
	var b strings.Builder
	b.WriteString("Bearer realm=" + quoted(g.cfg.Realm))
	add := func(name, value string) {
		if value != "" {
			b.WriteString(", " + name + "=" + quoted(value))
		}
	}
	if v.code != "" {
		add("error", v.code)
		add("error_description", v.description)
	}
	add("scope", refusal.demand.scope)
	add("acr_values", refusal.demand.acr)
	add("max_age", refusal.demand.maxAge)
	add("resource_metadata", g.metadataURL)
	return b.String()
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quoted returns s as a quoted-string (RFC 9110 section 5.6.4).
func quoted(s string) string { return `"` + escapes.Replace(s) + `"` }

// retryAfter returns wait in whole seconds, rounded up.
func retryAfter(wait time.Duration) string {
	if wait <= 0 {
		wait = defaultRetry
	}
	return strconv.FormatInt(int64((min(wait, maxRetry)+time.Second-1)/time.Second), 10)
}

// refused logs a refusal and returns it. It limits the warnings about an
// outage, because every request causes one.
func (g *Guard) refused(ctx context.Context, refusal *Error) *Error {
	level, message := slog.LevelDebug, "request refused"
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		message = "caller has gone"
	case refusal.Reason == ReasonProviderUnavailable && g.outages.Due():
		level, message = slog.LevelWarn, "token cannot be verified"
	case refusal.Reason == ReasonInternalError:
		level, message = slog.LevelError, "request refused because of a mistake in this program"
	}
	g.log.LogAttrs(ctx, level, message,
		slog.String("reason", string(refusal.Reason)), slog.Int("status", refusal.Status()), slog.String("error", refusal.Error()))
	return refusal
}
