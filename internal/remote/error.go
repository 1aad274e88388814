package remote

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Kind tells failures apart.
type Kind uint8

const (
	Unreachable   Kind = iota + 1 // connection error, timeout
	Status                        // an HTTP status other than 200 (and 304)
	Invalid                       // too large, wrong type, does not parse, a refused redirect
	Misconfigured                 // the URL cannot be used
)

// Error is every failure of a fetch. Its text quotes and caps the URL and never holds the body.
type Error struct {
	Kind       Kind
	Name       string
	URL        string
	Status     int
	RetryAfter time.Duration // until the next attempt; 0 when this caller merely gave up waiting
	Err        error

	inner bool // the failure is that of the document which names the URL
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Name)
	if e.URL != "" {
		b.WriteString(" at " + Quote(e.URL))
	}
	switch {
	case e.Err != nil:
		b.WriteString(": " + printable(e.Err.Error(), 1500))
	case e.Kind == Status:
		fmt.Fprintf(&b, ": status %d", e.Status)
	default:
		b.WriteString(": failed")
	}
	return b.String()
}

// Moved reports whether err is a failed fetch that a changed address would
// explain: the server is away, or what it answers is not the document. Old
// addresses answer 404, redirect elsewhere, or show a page. It does not count
// that the server is busy, nor that no request was made.
func Moved(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.inner && e.Kind != Misconfigured && e.Status != http.StatusTooManyRequests
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Quote quotes what a peer sent for errors and logs: ASCII only and at most about 200 characters.
func Quote(s string) string {
	const most = 200
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// printable caps a text and replaces what a terminal would obey.
func printable(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
