package introspect

import (
	"slices"
	"time"
)

// Option says what one caller of Introspect demands.
type Option func(*options)

type options struct {
	audience  []string
	checksAud bool
	maxAge    time.Duration
	limitsAge bool
}

var noOptions options

func resolve(opts []Option) *options {
	if len(opts) == 0 {
		return &noOptions
	}
	o := new(options)
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// MaxAge demands an answer no older than d (0 = ask now). Callers who ask now share a call that starts after they asked.
func MaxAge(d time.Duration) Option {
	return func(o *options) { o.maxAge, o.limitsAge = max(d, 0), true }
}

// Audience demands that the answer's aud hold any of these, byte for byte. Without any, none will do.
// An answer without aud is refused unless Config.AllowMissingAudience.
func Audience(anyOf ...string) Option {
	anyOf = slices.Clone(anyOf)
	return func(o *options) { o.audience, o.checksAud = anyOf, true }
}

// old reports whether what was fetched at that time is too old to be used.
func (o *options) old(fetched, now time.Time) bool {
	return o.limitsAge && (o.maxAge == 0 || now.Sub(fetched) > o.maxAge)
}
