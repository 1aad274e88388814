// Package problem collects the mistakes in a configuration, so that a
// constructor reports all of them at once.
package problem

import (
	"errors"
	"fmt"

	"github.com/relyingparty/oidc"
)

// List collects the mistakes in one Config. Its zero value is ready; Package is
// that of the Config.
type List struct {
	Package string
	errs    []error
}

// Add notes a mistake in a field. The text says what is wrong and what to do.
func (l *List) Add(field, format string, args ...any) {
	l.errs = append(l.errs, &oidc.ConfigError{Package: l.Package, Field: field, Problem: fmt.Sprintf(format, args...)})
}

// Take notes the mistakes that another package joined in err, under the fields
// of this Config: prefix is what stands before theirs, such as "Issuers[1].".
func (l *List) Take(prefix string, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			l.Take(prefix, one)
		}
		return
	}
	if wrong, ok := errors.AsType[*oidc.ConfigError](err); ok {
		l.Add(prefix+wrong.Field, "%s", wrong.Problem)
		return
	}
	l.Add("", "%v", err)
}

// Err joins what was noted; nil when there is nothing.
func (l *List) Err() error { return errors.Join(l.errs...) }
