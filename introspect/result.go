package introspect

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
)

// Result is an immutable copy of an active answer: its slices are the caller's own. Members the provider left out are empty.
type Result struct {
	Subject, Issuer, ClientID, Username, TokenType string    // Issuer: the endpoint's own when the answer names none
	Audience, Scopes                               []string  // Scopes: of scope and scp
	Expiry, IssuedAt                               time.Time // zero when the answer does not say
	FetchedAt                                      time.Time // when the provider was asked

	set *claims.Set
}

// Claim returns the JSON of one member, or of a member of a member (path), in a fresh copy. A null counts as absent.
func (r *Result) Claim(path ...string) (json.RawMessage, bool) {
	if r.set == nil {
		return nil, false
	}
	v, ok, err := r.set.Lookup(path...)
	if err != nil || !ok {
		return nil, false
	}
	return json.RawMessage(v), true
}

// Decode unmarshals the answer into v.
func (r *Result) Decode(v any) error {
	if r.set == nil {
		return errors.New("introspect: the result holds no answer")
	}
	return r.set.Decode(v)
}

// Raw is the JSON of the answer, a fresh copy.
func (r *Result) Raw() []byte {
	if r.set == nil {
		return nil
	}
	return []byte(r.set.Raw())
}

// facts are what a provider said about a token that is active. They are immutable and hold no verdict of ours.
type facts struct {
	Result     // as handed out, but for the slices and an absent issuer
	made   any // what a Reader made of it: a *T
}

// parseAnswer reads an introspection answer (RFC 7662 section 2.2); nil facts mean that the token is not active.
// Its errors never quote the body.
func parseAnswer(set *claims.Set, fetched time.Time) (*facts, error) {
	active, ok, err := set.Bool("active")
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errNoActive
	case !active:
		return nil, nil
	}
	f := &facts{Result: Result{FetchedAt: fetched, set: set}}
	for _, m := range []struct {
		name string
		into *string
	}{
		{"sub", &f.Subject}, {"iss", &f.Issuer}, {"client_id", &f.ClientID}, {"username", &f.Username}, {"token_type", &f.TokenType},
	} {
		if *m.into, _, err = set.String(m.name); err != nil {
			return nil, err
		}
	}
	for _, m := range []struct {
		name string
		into *time.Time
	}{{"exp", &f.Expiry}, {"iat", &f.IssuedAt}, {"nbf", new(time.Time)}} {
		if *m.into, _, err = set.Time(m.name); err != nil {
			return nil, err
		}
	}
	if f.Audience, err = set.Strings("aud"); err != nil {
		return nil, err
	}
	if f.Scopes, err = set.Scopes(); err != nil {
		return nil, err
	}
	return f, nil
}

var errNoActive = errors.New("active is missing")

// lifetime is how long facts may be kept from now on; 0 = not at all. A token that is accepted only thanks to the
// clock skew is not kept.
func (f *facts) lifetime(now time.Time, most time.Duration) time.Duration {
	if f.set.CheckTimes(now, 0, false) != nil {
		return 0
	}
	if f.Expiry.IsZero() {
		most = min(most, withoutExpTTL)
	} else {
		most = min(most, f.Expiry.Sub(now))
	}
	return max(most, 0)
}

// result is a copy for one caller.
func (f *facts) result(issuer string) *Result {
	r := f.Result
	r.Issuer, r.Audience, r.Scopes = issuer, slices.Clone(f.Audience), slices.Clone(f.Scopes)
	return &r
}
