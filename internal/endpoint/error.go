package endpoint

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/relyingparty/oidc"
)

// Kind tells failures apart.
type Kind uint8

const (
	Refused       Kind = iota + 1 // the provider said no: 4xx (its OAuth error code, where it sent one)
	Unreachable                   // connection error, timeout, 5xx, 429
	Protocol                      // it answered something that is no answer: HTML, too large, a redirect, broken JSON
	Misconfigured                 // we cannot build the request
)

// Error is every failure. Its text never carries a token, code, secret or response body.
type Error struct {
	Kind       Kind
	Endpoint   string        // Target.Name
	Status     int           // 0 when no answer came
	Code       string        // OAuth error code (RFC 6749 section 5.2), only characters it allows, capped, never a value we sent
	Silent     bool          // a refusal without a reason: its body came whole and is empty
	Hint       string        // what to change, where we know it
	RetryAfter time.Duration // what a 429 or 5xx asked for, at most 5 minutes
	Err        error         // cause for errors.Is(context.Canceled / DeadlineExceeded); never printed when it could hold a secret
	detail     string        // fixed texts of ours only
}

// Error says what happened, to which endpoint, and what to do where we know it.
func (e *Error) Error() string {
	var b strings.Builder
	name := e.Endpoint
	if name == "" {
		name = "endpoint"
	}
	b.WriteString(name)
	switch e.Kind {
	case Refused:
		b.WriteString(": provider refused the request")
	case Unreachable:
		if e.Status != 0 {
			b.WriteString(": provider is unavailable")
		} else {
			b.WriteString(": could not be reached")
		}
	case Protocol:
		b.WriteString(": the answer cannot be used")
	case Misconfigured:
		b.WriteString(": the request cannot be made")
	default:
		b.WriteString(": failed")
	}
	for _, part := range []string{e.Code, e.detail} {
		if part != "" {
			b.WriteString(": ")
			b.WriteString(part)
		}
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Unwrap gives the cause: a context error, a system error number or a certificate error, never a transport's own text.
func (e *Error) Unwrap() error { return e.Err }

// Moved reports whether err is a call that a changed address would explain: the
// server is away, or what it answers is not the endpoint's. Old addresses answer
// 404 or 410, redirect elsewhere, or show a page. It does not count that the
// server is busy.
func Moved(err error) bool {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok || e.Status == http.StatusTooManyRequests:
		return false
	case e.Status == http.StatusNotFound || e.Status == http.StatusGone:
		return true
	}
	return e.Kind == Unreachable || e.Kind == Protocol
}

// outcome says how a request ended.
func outcome(err error) oidc.Outcome {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return oidc.OutcomeOK
	case e.Kind == Refused:
		return oidc.OutcomeRefused
	case e.Kind == Unreachable:
		return oidc.OutcomeUnreachable
	case e.Kind == Misconfigured:
		return oidc.OutcomeConfig
	}
	return oidc.OutcomeProtocol
}

// failed explains why no answer came, in words of ours: a transport's error text may quote what the peer sent.
func failed(ctx context.Context, name string, err error) *Error {
	e := &Error{Kind: Unreachable, Endpoint: name}
	e.detail, e.Err = cause(ctx, err)
	return e
}

// cause gives the part of err that is safe to keep, and fixed words for it.
func cause(ctx context.Context, err error) (string, error) {
	var (
		dns     *net.DNSError
		errno   syscall.Errno
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		netErr  net.Error
	)
	switch {
	case ctx.Err() != nil:
		if errors.Is(ctx.Err(), context.Canceled) {
			return "the caller left", context.Canceled
		}
		return "timeout", context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return "the request was cancelled", context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout", context.DeadlineExceeded
	case errors.As(err, &unknown):
		return "its certificate is signed by an unknown authority", unknown
	case errors.As(err, &host):
		return "its certificate is for another host", host
	case errors.As(err, &invalid):
		return "its certificate is invalid", invalid
	case errors.As(err, &dns):
		if dns.IsTimeout {
			return "looking up its host timed out", context.DeadlineExceeded
		}
		return "its host cannot be found", nil
	case errors.As(err, &netErr) && netErr.Timeout():
		return "timeout", context.DeadlineExceeded
	case errors.As(err, &errno):
		return errno.Error(), errno
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed", io.ErrUnexpectedEOF
	}
	return "the connection failed", nil
}

// quoteList quotes what a peer sent, capped.
func quoteList(values []string) string {
	const maxItems, maxLen = 8, 40
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == maxItems {
			b.WriteString("...")
			break
		}
		if len(v) > maxLen {
			v = v[:maxLen] + "..."
		}
		b.WriteString(strconv.QuoteToASCII(v))
	}
	return b.String()
}
