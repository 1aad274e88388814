package middleware

import (
	"net/http"
	"time"
)

// Error is every refusal. Its text is for logs: it never holds a token, but may quote an issuer or an audience. Of
// what is in it, answers show only [Error.Description].
type Error struct {
	Reason Reason
	// RetryAfter is when asking again makes sense, for ReasonProviderUnavailable.
	RetryAfter time.Duration

	atRequest bool   // ReasonTenantMismatch: between token and request, not between token and issuer
	demand    demand // what the route asks for: the challenge says it
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

// Status is the HTTP status of the answer: 400, 401, 403, 500 or 503.
func (e *Error) Status() int { return e.verdict().status }

// Description is one fixed sentence for each reason, fit for an answer.
func (e *Error) Description() string { return e.verdict().description }

func (e *Error) Error() string {
	text := "middleware: " + string(e.Reason) + ": " + e.Description()
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives the cause: [context.Canceled], for instance, when the caller has gone.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, &Error{Reason: ReasonTokenExpired}) compare reasons.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

// copy is for a refusal that is kept: each request gets its own.
func (e *Error) copy() *Error {
	own := *e
	return &own
}

func refuse(r Reason) *Error { return &Error{Reason: r} }

func refuseFor(r Reason, cause error) *Error { return &Error{Reason: r, cause: cause} }
