package client

import (
	"fmt"
	"strings"
	"time"
)

// Severity says how much a Finding matters. The list is closed.
type Severity uint8

const (
	// Note: worth knowing.
	Note Severity = iota + 1
	// Warning: works, but is weaker or odder than it should be.
	Warning
	// Problem: something will not work, or is insecure.
	Problem
)

// String returns the severity in lower case.
func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Warning:
		return "warning"
	case Problem:
		return "problem"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// Finding is one thing that is missing, contradictory or insecure.
type Finding struct {
	Severity Severity
	// About is a member of the metadata ("jwks_uri"), a field of Config ("Config.SkipPKCE"), or "keys" or "clock".
	About string
	Text  string
}

// Report is what Diagnose found. It holds no secret.
type Report struct {
	// Issuer is the provider's own spelling; empty when the metadata cannot be had.
	Issuer string
	// Keys is the number of usable keys.
	Keys int
	// Clock is how far the provider's clock is ahead of ours, to about a second; nil when it did not say.
	Clock    *time.Duration
	Findings []Finding
}

// OK reports whether there is no Problem.
func (r *Report) OK() bool {
	for _, f := range r.Findings {
		if f.Severity == Problem {
			return false
		}
	}
	return true
}

// String lists the findings, one a line, the gravest first.
func (r *Report) String() string {
	var b strings.Builder
	if r.Issuer != "" {
		fmt.Fprintf(&b, "issuer %s, %d usable keys\n", r.Issuer, r.Keys)
	}
	for _, s := range []Severity{Problem, Warning, Note} {
		for _, f := range r.Findings {
			if f.Severity == s {
				fmt.Fprintf(&b, "%-8s %s: %s\n", s, f.About, f.Text)
			}
		}
	}
	if len(r.Findings) == 0 {
		b.WriteString("nothing to complain about\n")
	}
	return b.String()
}

func (r *Report) add(s Severity, about, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{Severity: s, About: about, Text: fmt.Sprintf(format, args...)})
}
