package middleware

import (
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

const (
	// maxCached is how long a token counts as verified.
	maxCached = 5 * time.Minute
	// unkeptFor is how long an answer that is not kept serves the guards within the
	// one that asked for it.
	unkeptFor = 10 * time.Second
)

// cached returns the facts of a token whose signature was verified before, by a source that is still in use and with a key
// that it still publishes. Facts name their source: they are no hit for any other.
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

// signed reports whether the key that verified a token is still its issuer's.
func (f *facts) signed(now time.Time) bool {
	return f.source.use() && f.source.keys.Holds(f.key, now)
}

// recheck applies to a cached token what time and configuration may have changed.
func (g *Guard) recheck(f *facts, now time.Time) *Error {
	if refusal := f.current(now, g.cfg.ClockSkew); refusal != nil {
		return refusal
	}
	if g.cfg.SkipAudienceCheck || f.source == nil && f.audiences == 0 { // introspection's AllowMissingAudience
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

// stands reports whether what a guard around this one went by may still be gone
// by, as if the request came now: a handler may have taken long, as a WebSocket's
// does. The key must still be its issuer's, and the answer of introspection the
// one that its client would give. Times are left to recheck.
func (g *Guard) stands(f *facts, key cache.Key, now time.Time) bool {
	client, said := g.opaque, f
	if f.source != nil {
		if !f.signed(now) {
			return false
		}
		if said = f.said; said == nil {
			return true
		}
		client = f.source.introspect
	}
	if !said.unkept.IsZero() {
		return now.Sub(said.unkept) < unkeptFor
	}
	kept := client.Kept(key, now)
	return kept != nil && kept.set == said.set
}
