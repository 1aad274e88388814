package introspect

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
)

// Result is an active answer. It is a copy that the caller may change. Members
// that the provider omits are empty.
type Result struct {
	// Subject, ClientID, Username and TokenType are the sub, client_id, username
	// and token_type of the answer.
	Subject, ClientID, Username, TokenType string
	// Issuer is the iss of the answer. If the answer names none, it is the
	// issuer of the endpoint.
	Issuer string
	// Audience is the aud of the answer.
	Audience []string
	// Scopes are the values of scope and scp, each once.
	Scopes []string
	// Expiry and IssuedAt are the exp and iat of the answer, zero if it names
	// none.
	Expiry, IssuedAt time.Time
	// FetchedAt is when the provider was asked.
	FetchedAt time.Time

	set *claims.Set
}

// Claim returns the JSON of one member. The path leads through nested objects.
// ok is false if the member is absent or null.
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

// Decode unmarshals the answer into v with encoding/json.
func (r *Result) Decode(v any) error {
	if r.set == nil {
		return errors.New("introspect: the result contains no answer")
	}
	return r.set.Decode(v)
}

// Raw returns a copy of the answer's JSON.
func (r *Result) Raw() []byte {
	if r.set == nil {
		return nil
	}
	return []byte(r.set.Raw())
}

// facts are what the provider says about an active token. They are immutable
// and contain no decision of this client.
type facts struct {
	Result     // as returned to callers, except for slices and a missing issuer
	made   any // the *T of a Reader
}

// parseAnswer reads an introspection answer (RFC 7662 section 2.2). Nil facts
// mean that the token is not active. Its errors never quote the answer.
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

// lifetime returns how long facts may be cached from now on, 0 if not at all. A
// token that only the clock skew keeps valid is not cached.
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

// result returns a copy for one caller.
func (f *facts) result(issuer string) *Result {
	r := f.Result
	r.Issuer, r.Audience, r.Scopes = issuer, slices.Clone(f.Audience), slices.Clone(f.Scopes)
	return &r
}
