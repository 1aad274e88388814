package middleware

import (
	"net/http"
	"time"
)

// Error is the error of every refusal. Its text is for logs. It never contains
// a token, but it may quote an issuer or an audience. Responses contain only
// [Error.Description].
type Error struct {
	// Reason is why the guard refused the request.
	Reason Reason
	// RetryAfter is how long to wait before the next attempt, for
	// ReasonProviderUnavailable. If zero, the wait is unknown, and the response
	// says 5 seconds.
	RetryAfter time.Duration

	atRequest bool   // ReasonTenantMismatch is between token and request, not between token and issuer
	demand    demand // what the route requires, for the challenge
	cause     error
}

func (e *Error) verdict() verdict {
	v, ok := verdicts[e.Reason]
	switch {
	case !ok:
		return verdicts[ReasonInternalError]
	case e.Reason == ReasonTenantMismatch && e.atRequest:
		return verdict{http.StatusForbidden, "", v.description}
	}
	return v
}

// Status returns the HTTP status of the response: 400, 401, 403, 500 or 503.
func (e *Error) Status() int { return e.verdict().status }

// Description returns the fixed text for the reason. It is safe to send to the
// caller.
func (e *Error) Description() string { return e.verdict().description }

// Error returns the reason, its description and the cause.
func (e *Error) Error() string {
	text := "middleware: " + string(e.Reason) + ": " + e.Description()
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, such as [context.Canceled] if the caller has gone.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an *Error with the same Reason, so that
// errors.Is(err, &Error{Reason: ReasonTokenExpired}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

// copy returns a copy of a cached refusal, because each request needs its own.
func (e *Error) copy() *Error {
	own := *e
	return &own
}

func refuse(r Reason) *Error { return &Error{Reason: r} }

func refuseFor(r Reason, cause error) *Error { return &Error{Reason: r, cause: cause} }
