package middleware

import (
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

const (
	// maxCached is how long a verified signature counts.
	maxCached = 5 * time.Minute
	// unkeptFor is how long nested guards may use an introspection response
	// that the client does not cache.
	unkeptFor = 10 * time.Second
)

// cached returns the facts of a token whose signature was verified before. Its
// source must still be in use and must still publish the key.
func (g *Guard) cached(key cache.Key, now time.Time) *facts {
	f := g.tokens.Find(key, now)
	if f == nil {
		return nil
	}
	if !f.signed(now) {
		g.tokens.Delete(key)
		return nil
	}
	return f
}

// signed reports whether the issuer still publishes the key that verified the
// token.
func (f *facts) signed(now time.Time) bool {
	return f.source.use() && f.source.keys.Holds(f.key, now)
}

// recheck repeats the checks of a cached token whose result may have changed:
// times and audience.
func (g *Guard) recheck(f *facts, now time.Time) *Error {
	if refusal := f.current(now, g.cfg.ClockSkew); refusal != nil {
		return refusal
	}
	if g.cfg.SkipAudienceCheck || f.source == nil && f.audiences == 0 { // AllowMissingAudience of introspection
		return nil
	}
	for _, aud := range f.audience() {
		if slices.Contains(g.cfg.Audience, aud) {
			return nil
		}
	}
	return refuse(ReasonAudienceMismatch)
}

// current checks the times of a token that has been verified before.
func (f *facts) current(now time.Time, skew time.Duration) *Error {
	switch {
	case !f.expiry.IsZero() && !now.Add(-skew).Before(f.expiry):
		return refuse(ReasonTokenExpired)
	case f.notBefore.After(now.Add(skew)):
		return refuse(ReasonTokenNotYetValid)
	}
	return nil
}

// stands reports whether the result of an outer guard still holds for a nested
// one. Time may have passed in between, for example in a WebSocket's handler.
// The issuer must still publish the key, and the client must still hold the
// same introspection response. Times are left to recheck.
func (g *Guard) stands(f *facts, key cache.Key, now time.Time) bool {
	client, answer := g.opaque, f
	if f.source != nil {
		if !f.signed(now) {
			return false
		}
		if answer = f.answer; answer == nil {
			return true
		}
		client = f.source.introspect
	}
	if !answer.unkept.IsZero() {
		return now.Sub(answer.unkept) < unkeptFor
	}
	kept := client.Kept(key, now)
	return kept != nil && kept.set == answer.set
}
