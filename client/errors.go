package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/endpoint"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/keyset"
	"github.com/relyingparty/oidc/internal/remote"
)

// Kind says whose doing a failure is. The list is closed.
type Kind uint8

const (
	// KindConfig: this program is configured, or calls the package, wrongly, or what it gave the package (a Store, an
	// HTTPClient, a key of Config.Auth) panicked while a token was got.
	KindConfig Kind = iota + 1
	// KindCallback: what the browser brought is not the answer to a login this client started.
	KindCallback
	// KindRefused: the provider said no; Code is its OAuth error code, where it sent one.
	KindRefused
	// KindUnreachable: no answer could be had (connection, timeout, 5xx, 429), or the caller's context ended. Trying later may help.
	KindUnreachable
	// KindProtocol: the provider answered something that is no answer.
	KindProtocol
	// KindToken: an ID token, logout token or userinfo answer failed a check; Claim names it.
	KindToken
)

// String returns the kind in one word.
func (k Kind) String() string {
	switch k {
	case KindConfig:
		return "config"
	case KindCallback:
		return "callback"
	case KindRefused:
		return "refused"
	case KindUnreachable:
		return "unreachable"
	case KindProtocol:
		return "protocol"
	case KindToken:
		return "token"
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// Sentinels for [errors.Is].
var (
	// ErrReauthRequired: tokens cannot be renewed any more, the user has to sign in again. It does not prove that
	// the user signed out: a refresh token also expires, and is withdrawn when it was used twice. From a provider that
	// refuses without a word ([Error.Code] is empty and [Error.Status] 400) it is a guess: keep the refresh token.
	ErrReauthRequired = errors.New("the user has to sign in again")
	// ErrLoginRequired: the provider will not answer without showing the user a page (login_required,
	// interaction_required, consent_required, account_selection_required): what a login with prompt=none may bring.
	ErrLoginRequired = errors.New("the provider needs the user's interaction")
	// ErrEndpointMissing: the provider's metadata and the configuration lack an endpoint that is needed.
	ErrEndpointMissing = errors.New("the provider has no such endpoint")
	// ErrNoOrigin: the client of [TokenSource.HTTPClient] was not told where its token may go.
	ErrNoOrigin = errors.New("no origin to send the token to: name one in HTTPClient, or ask for a token with an https resource")
	// ErrStateMismatch: the callback does not belong to this transaction. It does not prove an attack: a page that
	// was reloaded, or an old tab, looks the same.
	ErrStateMismatch = errors.New("state does not match the one of this login")
	// ErrTransactionExpired: the login took longer than the transaction lives.
	ErrTransactionExpired = errors.New("the login took too long and has expired")
	// ErrTransactionInvalid: the sealed transaction does not open: another key, another purpose, or it was altered.
	ErrTransactionInvalid = errors.New("the sealed transaction cannot be opened")
)

// Error is every failure of this package, save ErrNoSession and what OnLogin returns. New and NewLogin join [*oidc.ConfigError]s.
// Its text never holds a token, code, secret, verifier, nonce or an answer's body.
type Error struct {
	Kind Kind
	// Op is what was being done: "exchange", "refresh", "client credentials", "userinfo", ...
	Op string
	// Claim is the claim that failed, for KindToken; "signature", "alg", "typ" or "" when it is none.
	Claim string
	// Code is the provider's OAuth error code (RFC 6749 sections 4.1.2.1 and 5.2), capped and harmless to log.
	Code string
	// Status is the HTTP status of the provider's answer; 0 when none came.
	Status int
	// RetryAfter is how long to wait before the next attempt, where that is known.
	RetryAfter time.Duration
	// Err is the cause: a sentinel of this package, a context's error, or an error that explains.
	Err error

	detail     string
	silent     bool // the provider refused without a word
	mismatch   bool // the claim has a good value, but of another issuer or client
	unknownKey bool // the keys were had, and none is the token's: it may have been published moments ago
}

// Error describes the failure and, where it is known, what to do.
func (e *Error) Error() string {
	text := "client: "
	if e.Op != "" {
		text += e.Op + ": "
	}
	switch {
	case e.detail != "":
		return text + e.detail
	case e.Err != nil:
		return text + e.Err.Error()
	}
	return text + e.Kind.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AuthorizationError is the error the provider sent with the browser instead of a code (RFC 6749 section 4.1.2.1).
// Only its code is kept: error_description and error_uri are an attacker's to choose.
type AuthorizationError struct{ Code string }

// Error names the code.
func (e *AuthorizationError) Error() string {
	return "the provider ended the login with error " + strconv.Quote(e.Code)
}

// Is makes the codes that ask for interaction an ErrLoginRequired.
func (e *AuthorizationError) Is(target error) bool {
	if target != ErrLoginRequired {
		return false
	}
	switch e.Code {
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return true
	}
	return false
}

// IssuerMismatchError says that the provider's metadata names another issuer than was expected.
// Its text names the field to set when the other issuer is the right one.
type IssuerMismatchError struct{ Want, Got string }

// Error shows both issuers, quoted and capped.
func (e *IssuerMismatchError) Error() string {
	return (&discovery.IssuerMismatchError{Want: e.Want, Got: e.Got}).Error()
}

// configError is an error about a Config field, which its Err names as an
// *oidc.ConfigError. If field is empty, it is about a call's arguments.
func configError(op, field, format string, args ...any) *Error {
	wrong := oidc.ConfigError{Field: field, Problem: fmt.Sprintf(format, args...)}
	e := &Error{Kind: KindConfig, Op: op, detail: wrong.Error()}
	if field != "" {
		wrong.Package = "client"
		e.Err = &wrong
	}
	return e
}

func callbackError(op string, cause error, detail string) *Error {
	return &Error{Kind: KindCallback, Op: op, Err: cause, detail: detail}
}

func protocolError(op, format string, args ...any) *Error {
	return &Error{Kind: KindProtocol, Op: op, detail: fmt.Sprintf(format, args...)}
}

func tokenError(op, claim, format string, args ...any) *Error {
	return &Error{Kind: KindToken, Op: op, Claim: claim, detail: fmt.Sprintf(format, args...)}
}

// missingEndpoint names the metadata field, and the Config field that can stand in for it.
func missingEndpoint(op, member, field string) *Error {
	e := configError(op, "Endpoints."+field, "the provider's metadata has no %s; set this field if the provider has one", member)
	e.Err = fmt.Errorf("%w: %w", ErrEndpointMissing, e.Err)
	return e
}

// wrap turns an error of one of the internal packages into an *Error. Their texts are safe to show: each package promises it.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	e := &Error{Kind: KindProtocol, Op: op, Err: err, detail: plain(err)}
	var (
		post     *endpoint.Error
		fetch    *remote.Error
		token    *jws.Error
		claim    *claims.Error
		mismatch *discovery.IssuerMismatchError
	)
	switch {
	case errors.As(err, &mismatch):
		e.Err, e.detail = &IssuerMismatchError{Want: mismatch.Want, Got: mismatch.Got}, plain(mismatch)
	case errors.As(err, &post):
		e.Kind = endpointKind(post.Kind)
		e.Code, e.Status, e.RetryAfter, e.silent = post.Code, post.Status, post.RetryAfter, post.Silent
		e.detail, e.Err = plain(post), post.Err
	case errors.As(err, &fetch):
		e.Kind, e.Status, e.RetryAfter = fetchKind(fetch), fetch.Status, fetch.RetryAfter
		e.detail, e.Err = plain(fetch), contextCause(fetch.Err)
	case errors.Is(err, keyset.ErrKeyUnknown):
		e.Kind, e.Claim, e.Err, e.unknownKey = KindToken, "signature", nil, !errors.Is(err, keyset.ErrKeyUnfit)
		e.detail = "no key of the provider fits the token's signature"
	case errors.As(err, &token):
		e.Kind, e.Claim = KindToken, tokenPart(token.Reason)
	case errors.As(err, &claim):
		e.Kind, e.Claim, e.mismatch = KindToken, claim.Claim, claim.Problem == claims.Mismatch
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Kind = KindUnreachable
	}
	return e
}

// contextCause keeps of a fetch's cause what callers ask for and what cannot hold a secret.
func contextCause(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, ErrEndpointMissing} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

func endpointKind(k endpoint.Kind) Kind {
	switch k {
	case endpoint.Refused:
		return KindRefused
	case endpoint.Unreachable:
		return KindUnreachable
	case endpoint.Misconfigured:
		return KindConfig
	}
	return KindProtocol
}

func fetchKind(e *remote.Error) Kind {
	switch {
	case e.Kind == remote.Unreachable,
		e.Kind == remote.Status && (e.Status >= 500 || e.Status == http.StatusTooManyRequests):
		return KindUnreachable
	case e.Kind == remote.Misconfigured:
		return KindConfig
	}
	return KindProtocol
}

func tokenPart(r jws.Reason) string {
	switch r {
	case jws.AlgNotAllowed:
		return "alg"
	case jws.TypeNotAllowed:
		return "typ"
	case jws.SignatureInvalid:
		return "signature"
	}
	return ""
}

// plain returns an internal error's text without the name of its package, which means nothing to the reader.
func plain(err error) string {
	text := err.Error()
	for _, name := range []string{"claims: ", "discovery: ", "endpoint: ", "jws: ", "keyset: ", "remote: "} {
		if rest, ok := strings.CutPrefix(text, name); ok {
			return rest
		}
	}
	return text
}

// kindOf returns the kind of an error of this package, 0 for any other.
func kindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}
