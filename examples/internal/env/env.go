// Package env reads the configuration of the examples from the environment and names everything missing or wrong at once.
// The library itself reads no environment.
package env

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"
)

// Reader reads variables and collects what is wrong with them.
type Reader struct {
	lookup   func(string) (string, bool)
	problems []error
}

// New returns a Reader of the process environment.
func New() *Reader { return From(os.LookupEnv) }

// From returns a Reader of what lookup finds.
func From(lookup func(string) (string, bool)) *Reader { return &Reader{lookup: lookup} }

// Err joins every problem met so far, one a line.
func (r *Reader) Err() error { return errors.Join(r.problems...) }

// Problem adds a problem with a variable.
func (r *Reader) Problem(name, format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

// Get returns a variable, or fallback when it is unset or empty.
func (r *Reader) Get(name, fallback string) string {
	if v, _ := r.lookup(name); v != "" {
		return v
	}
	return fallback
}

// Require is Get for a variable that must be there; what says what it is for.
func (r *Reader) Require(name, what string) string {
	v := r.Get(name, "")
	if v == "" {
		r.Problem(name, "is required: %s", what)
	}
	return v
}

// List splits a variable at spaces. Unset gives nil; set but empty gives an empty list, which OIDC_SCOPES tells apart.
func (r *Reader) List(name string) []string {
	v, set := r.lookup(name)
	if !set {
		return nil
	}
	return append([]string{}, strings.Fields(v)...)
}

// Flag reads a switch: "1" is on; unset, empty and "0" are off.
func (r *Reader) Flag(name string) bool {
	switch v := r.Get(name, "0"); v {
	case "0":
		return false
	case "1":
		return true
	default:
		r.Problem(name, "must be 1 or 0, not %q", v)
		return false
	}
}

// Duration reads a duration such as 30s; unset is zero.
func (r *Reader) Duration(name string) time.Duration {
	v := r.Get(name, "")
	if v == "" {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		r.Problem(name, "must be a duration such as 30s, not %q", v)
	}
	return d
}

// OneOf reads a variable that has few values; the first is the default.
func (r *Reader) OneOf(name string, values ...string) string {
	v := r.Get(name, values[0])
	if !slices.Contains(values, v) {
		r.Problem(name, "must be one of %s, not %q", strings.Join(values, ", "), v)
		return values[0]
	}
	return v
}

// Logger logs to stderr, from debug on when OIDC_LOG=debug.
func (r *Reader) Logger() *slog.Logger {
	level := slog.LevelInfo
	if r.OneOf("OIDC_LOG", "info", "debug") == "debug" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
