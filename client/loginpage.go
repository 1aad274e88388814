package client

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
)

// plainPolicy is for pages that load and send nothing.
const plainPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// LoginError is what LoginConfig.OnError gets. Errors.As and Is find the cause: an *Error, ErrLoginRequired after
// prompt=none, ErrStore, or what OnLogin returned.
type LoginError struct {
	// Status answers the request: 4xx when the browser or the provider said something wrong or OnLogin refused,
	// 502 when the provider's answer makes no sense, 503 when provider or store are away, 500 when we are misconfigured.
	Status int
	// ReturnTo is where the login would have led: a safe path, DefaultReturnTo when none is known.
	ReturnTo string
	Err      error
}

// Error is the cause's.
func (e *LoginError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }

// statusOf says whose doing an error is.
func statusOf(err error) int {
	var e *Error
	switch {
	case errors.Is(err, errCrossOrigin):
		return http.StatusForbidden
	case errors.Is(err, ErrEndpointMissing): // of the provider's metadata, which may have it again soon
		return http.StatusBadGateway
	case errors.As(err, &e):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	default:
		return http.StatusForbidden // OnLogin's own
	}
	switch e.Kind {
	case KindConfig:
		return http.StatusInternalServerError
	case KindUnreachable:
		return http.StatusServiceUnavailable
	case KindProtocol:
		return http.StatusBadGateway
	case KindRefused:
		if e.Code == "access_denied" {
			return http.StatusForbidden
		}
	}
	return http.StatusBadRequest
}

// fail answers a request that failed; to is where the login would have led, if that is known.
func (l *Login) fail(w http.ResponseWriter, r *http.Request, to string, err error) {
	if to == "" {
		to = l.cfg.DefaultReturnTo
	}
	e := &LoginError{Status: statusOf(err), ReturnTo: to, Err: err}
	level := slog.LevelInfo
	switch {
	case r.Context().Err() != nil:
		level = slog.LevelDebug // the browser left; nobody waits for this answer
	case e.Status >= 500:
		level = slog.LevelWarn
	}
	l.log.Log(r.Context(), level, "a sign-in request failed", "status", e.Status, "error", err)

	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter(err))
	}
	if l.cfg.OnError != nil {
		l.cfg.OnError(w, withoutParameters(r), e)
		return
	}
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	if !acceptsHTML(r) {
		http.Error(w, http.StatusText(e.Status), e.Status)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", plainPolicy)
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead {
		_ = errorPage.Execute(w, &url.URL{Path: l.paths.Login})
	}
}

// retryAfter is when to try again, in seconds.
func retryAfter(err error) string {
	var e *Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		return strconv.Itoa(int(math.Ceil(min(e.RetryAfter.Seconds(), 3600))))
	}
	return "5"
}

// withoutParameters is what a hook may log: the callback's hold the code.
func withoutParameters(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.URL.RawQuery, r.URL.ForceQuery, r.RequestURI = "", false, r.URL.EscapedPath()
	r.Form, r.PostForm, r.MultipartForm, r.Body = nil, nil, nil, http.NoBody
	return r
}

var errorPage = template.Must(template.New("error").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign-in failed</title></head>
<body>
<h1>That did not work</h1>
<p>Your request could not be completed. You can <a href="{{.}}">sign in again</a>; if it keeps failing, please try later.</p>
</body>
</html>
`))
