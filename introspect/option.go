package introspect

import (
	"slices"
	"time"
)

// Option is a requirement of one call of Introspect.
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

// MaxAge requires an answer that is at most d old. If d is 0, the provider is
// asked now; concurrent callers share a request that starts after each of them
// called.
func MaxAge(d time.Duration) Option {
	return func(o *options) { o.maxAge, o.limitsAge = max(d, 0), true }
}

// Audience requires that the aud of the answer contains one of these names,
// byte by byte. Without names, every answer is refused. An answer without aud
// is refused, unless Config.AllowMissingAudience is set.
func Audience(anyOf ...string) Option {
	anyOf = slices.Clone(anyOf)
	return func(o *options) { o.audience, o.checksAud = anyOf, true }
}

// old reports whether an answer from that time is too old.
func (o *options) old(fetched, now time.Time) bool {
	return o.limitsAge && (o.maxAge == 0 || now.Sub(fetched) > o.maxAge)
}
