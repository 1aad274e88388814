package introspect

import (
	"errors"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/claims"
)

// These sentinels classify errors with errors.Is. Every error of Introspect is
// an *[Error]. An error about the issuer, the audience or the form of the token
// matches none of them.
var (
	// ErrInactive means that the provider says the token is not active, or that
	// its times have passed or lie ahead.
	ErrInactive = errors.New("introspect: the token is not active")
	// ErrUnavailable means that the provider could not be asked. The token may
	// be active.
	ErrUnavailable = errors.New("introspect: the provider is unavailable")
	// ErrProtocol means that the response of the endpoint is not a valid
	// answer. The token may be active.
	ErrProtocol = errors.New("introspect: the endpoint's response is invalid")
)

// Reason is why a token was not accepted. Its values are the constants below;
// no others exist.
type Reason string

const (
	// Inactive: the provider says that the token is not active.
	Inactive Reason = "inactive"
	// Unavailable: the provider cannot be reached, refuses this client, or the
	// breaker is open.
	Unavailable Reason = "unavailable"
	// Protocol: the response of the endpoint is not a valid answer.
	Protocol Reason = "protocol"
	// Expired: the exp of the token has passed.
	Expired Reason = "expired"
	// NotYetValid: the nbf or iat of the token is in the future.
	NotYetValid Reason = "not_yet_valid"
	// IssuerUntrusted: the iss of the answer is not the expected one.
	IssuerUntrusted Reason = "issuer_untrusted"
	// AudienceMismatch: the aud of the answer is missing, or contains none of
	// the expected names.
	AudienceMismatch Reason = "audience_mismatch"
	// Malformed: the token is empty or contains characters that no token has.
	// The provider was not asked.
	Malformed Reason = "malformed"
	// TooLarge: the token is larger than 16 KiB. The provider was not asked.
	TooLarge Reason = "too_large"
	// Misconfigured: no endpoint is known, or no authentication method fits.
	Misconfigured Reason = "misconfigured"
)

// Error is the error of every method of Client. Its text never contains the
// token, a secret or the response.
type Error struct {
	// Reason is why the token was not accepted.
	Reason Reason
	// RetryAfter is how long to wait before the next attempt, for Unavailable.
	// If zero, the wait is unknown.
	RetryAfter time.Duration
	// Err is the cause, such as the error of the context or of the request. It
	// may be nil.
	Err    error
	detail string
}

// Error returns what happened and, if known, what to change.
func (e *Error) Error() string {
	if e.detail == "" {
		return "introspect: " + string(e.Reason)
	}
	return "introspect: " + e.detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the sentinel of e.Reason: ErrInactive for
// Inactive, Expired and NotYetValid; ErrUnavailable for Unavailable and
// Misconfigured; ErrProtocol for Protocol.
func (e *Error) Is(target error) bool {
	switch e.Reason {
	case Inactive, Expired, NotYetValid:
		return target == ErrInactive
	case Unavailable, Misconfigured:
		return target == ErrUnavailable
	case Protocol:
		return target == ErrProtocol
	}
	return false
}

// outcome returns the outcome for an observer. Every statement of the provider
// about the token is a verdict, and therefore ok.
func (e *Error) outcome() oidc.Outcome {
	switch e.Reason {
	case Unavailable:
		return oidc.OutcomeUnreachable
	case Protocol:
		return oidc.OutcomeProtocol
	case Misconfigured:
		return oidc.OutcomeConfig
	}
	return oidc.OutcomeOK
}

func inactive() *Error {
	return &Error{Reason: Inactive, detail: "the token is not active"}
}

func unavailable(detail string, cause error) *Error {
	return &Error{Reason: Unavailable, detail: "the provider is unavailable: " + detail, Err: cause}
}

func protocol(detail string, cause error) *Error {
	return &Error{Reason: Protocol, detail: "the endpoint's response is invalid: " + detail, Err: cause}
}

// noVerdict returns the error for an answer that cannot be read. It contains
// only names of members that this package reads, because the provider chooses
// the others.
func noVerdict(err error) *Error {
	detail := "it is not one JSON object, or contains a member twice"
	if c, ok := errors.AsType[*claims.Error](err); ok && c.Claim != "" {
		detail = c.Claim + " has a wrong type, or appears twice or in another case"
	} else if errors.Is(err, errNoActive) {
		detail = errNoActive.Error()
	}
	return protocol(detail, nil)
}

// ofClaims converts the error of a check. otherwise is the reason of a
// mismatch.
func ofClaims(err error, otherwise Reason) *Error {
	e := &Error{Reason: otherwise, detail: err.Error(), Err: err}
	if c, ok := errors.AsType[*claims.Error](err); ok {
		switch c.Problem {
		case claims.Expired:
			e.Reason = Expired
		case claims.NotYetValid:
			e.Reason = NotYetValid
		case claims.Malformed:
			e = noVerdict(err)
		case claims.Missing, claims.Mismatch:
		}
	}
	return e
}
