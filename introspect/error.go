package introspect

import (
	"errors"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/claims"
)

// Sentinels for errors.Is. Every error of Introspect is an *Error; those about the issuer, the audience and the form of
// the token match none of the three.
var (
	// ErrInactive: the provider says that the token is not active, or its times say so. It does not say why.
	ErrInactive = errors.New("introspect: the token is not active")
	// ErrUnavailable: no verdict could be had. It says nothing about the token.
	ErrUnavailable = errors.New("introspect: no verdict could be had")
	// ErrProtocol: the endpoint answered, but not with a verdict. It says nothing about the token.
	ErrProtocol = errors.New("introspect: the endpoint's answer is no verdict")
)

// Reason says why a token was not accepted. The set is closed.
type Reason string

// The reasons.
const (
	Inactive         Reason = "inactive"          // the provider says so
	Unavailable      Reason = "unavailable"       // the provider could not be reached, refused us, or the breaker is open
	Protocol         Reason = "protocol"          // the provider's answer is no verdict
	Expired          Reason = "expired"           // exp has passed
	NotYetValid      Reason = "not_yet_valid"     // nbf or iat lies ahead
	IssuerUntrusted  Reason = "issuer_untrusted"  // iss is not the expected one
	AudienceMismatch Reason = "audience_mismatch" // aud is missing or names none of the expected ones
	Malformed        Reason = "malformed"         // the token is empty or no token; nobody was asked
	TooLarge         Reason = "too_large"         // the token is larger than 16 KiB; nobody was asked
	Misconfigured    Reason = "misconfigured"     // we cannot ask: no endpoint is known, or no authentication method fits
)

// Error is every error of a Client. Its text never carries the token, a secret or the provider's answer.
type Error struct {
	Reason     Reason
	RetryAfter time.Duration // when to ask again, where we know it; only with Unavailable
	Err        error         // cause: of the context, of the call
	detail     string
}

// Error says what happened and what to do where we know it.
func (e *Error) Error() string {
	if e.detail == "" {
		return "introspect: " + string(e.Reason)
	}
	return "introspect: " + e.detail
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the sentinels: ErrInactive for Inactive, Expired and NotYetValid, ErrUnavailable for Unavailable and
// Misconfigured, ErrProtocol for Protocol.
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

// outcome is what an observer is told. Whatever the provider said about the
// token is a verdict.
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
	return &Error{Reason: Unavailable, detail: "no verdict could be had: " + detail, Err: cause}
}

func protocol(detail string, cause error) *Error {
	return &Error{Reason: Protocol, detail: "the endpoint's answer is no verdict: " + detail, Err: cause}
}

// noVerdict is about an answer that cannot be read. A member's name is shown only when it is one we looked for: the
// provider may name members as it likes.
func noVerdict(err error) *Error {
	detail := "it is not one JSON object, or holds a member twice"
	if c, ok := errors.AsType[*claims.Error](err); ok && c.Claim != "" {
		detail = c.Claim + " is there twice, in another case or of a wrong type"
	} else if errors.Is(err, errNoActive) {
		detail = errNoActive.Error()
	}
	return protocol(detail, nil)
}

// ofClaims maps a failed check; otherwise is the reason of a mismatch.
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
