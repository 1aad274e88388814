package faults

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// fresh is a token for an API that nobody has seen, got past the line.
func (s *suite) fresh(t *testing.T, a *API) string {
	t.Helper()
	if a.Token != nil {
		return a.Token(t)
	}
	token, err := interop.NewClient(t, s.target.Service).ClientCredentials(a.Request).TokenContext(interop.Deadline(t))
	check.NoError(t, err)
	return token.AccessToken
}

// keys breaks the line to an API that holds the keys: it does not notice, save for a token with a key it has not seen.
func (s *suite) keys(t *testing.T) string {
	if s.target.JWT == nil {
		return ""
	}
	known, most := s.fresh(t, s.target.JWT), 0
	for _, f := range faults() {
		w := newWorld(t)
		a := w.guard(t, s.target.JWT.Config, patience)
		a.warm(t, known, http.StatusOK)
		unseen, was := s.fresh(t, s.target.JWT), w.line.Dials()
		f.set(t, w, http.MethodGet)
		a.accepts(t, known, f.name+": a token seen before")
		a.accepts(t, unseen, f.name+": a token not seen before")
		a.refuses(t, "junk", f.name+": junk")
		a.refuses(t, spoilt(unseen), f.name+": a broken signature")
		// While fresh keys are held no invented token may make a 503, at the price of a key published a moment ago.
		for i := range 50 {
			a.refuses(t, edited(t, unseen, 0, "kid", fmt.Sprintf("nobody's-%d", i)), f.name+": an unknown key")
		}
		a.accepts(t, unseen, f.name+": after the flood")
		most = max(most, w.line.Dials()-was)
		w.clear()
		a.accepts(t, s.fresh(t, s.target.JWT), f.name+": once it is up")
	}
	check.True(t, most <= 2, "%d connections for 50 unknown keys", most)
	return fmt.Sprintf("200 for valid tokens, 401 for bad ones, during each of %d faults; 50 unknown keys cost %d connections at most", len(faults()), most)
}

// coldStart starts an API and a service while the provider cannot be had. Nobody is let in, nobody is told that his token is
// bad unless that is sure, few connections are made, and when the line is up it all works.
func (s *suite) coldStart(t *testing.T) string {
	if s.target.JWT == nil {
		return ""
	}
	good := s.fresh(t, s.target.JWT)
	type started struct {
		fault  fault
		world  *world
		api    *api
		source *client.TokenSource
		retry  time.Duration
	}
	var all []*started
	most := 0
	for _, f := range faults() {
		w := newWorld(t)
		w.guard(t, s.target.JWT.Config, 0).warm(t, good, http.StatusOK) // so that the gate knows how long an answer is
		f.set(t, w, http.MethodGet)
		was := w.line.Dials()
		one := &started{fault: f, world: w, api: w.guard(t, s.target.JWT.Config, patience),
			source: w.client(t, s.target.Service, patience).ClientCredentials(s.target.JWT.Request)}
		all = append(all, one)

		one.api.refuses(t, "junk", f.name+": junk")
		one.api.refuses(t, edited(t, good, 1, "iss", "https://evil.example.com"), f.name+": another issuer")
		one.api.refuses(t, edited(t, good, 1, "exp", 1_000_000_000), f.name+": long expired")
		one.api.undecided(t.Context(), t, spoilt(good), f.name+": a broken signature", patience)
		one.retry = one.api.undecided(t.Context(), t, good, f.name+": a good token", patience)
		began := time.Now()
		_, err := one.source.TokenContext(t.Context())
		unreachable(t, err, f.name)
		within(t, began, patience, f.name)
		check.Equal(t, flood(func(int) int { return one.api.status(good) }, http.StatusServiceUnavailable), "", f.name+": a flood")
		check.Equal(t, flood(func(int) int {
			if _, err := one.source.TokenContext(t.Context()); err != nil {
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		}, http.StatusServiceUnavailable), "", f.name+": a flood of services")
		most = max(most, w.line.Dials()-was)
	}
	for _, one := range all {
		one.world.clear()
	}
	var longest time.Duration
	for _, one := range all {
		longest = max(longest,
			eventually(t, one.retry, one.fault.name+": 200", func() bool { return one.api.status(good) == http.StatusOK }),
			eventually(t, one.retry, one.fault.name+": a token", func() bool { _, err := one.source.TokenContext(t.Context()); return err == nil }))
	}
	check.True(t, most <= 8, "%d connections for a flood", most)
	return fmt.Sprintf("503 with Retry-After for what cannot be checked, 401 for what is surely bad; two floods of %d cost %d connections at most; up after %v",
		floods, most, longest.Round(10*time.Millisecond))
}

const floods = 500

// flood calls from many goroutines at once and tells of the first answer that was not as wanted.
func flood(call func(i int) int, want int) string {
	var wg sync.WaitGroup
	var other atomic.Pointer[string]
	for g := range 50 {
		wg.Go(func() {
			for i := range floods / 50 {
				if got := call(g*floods/50 + i); got != want {
					text := fmt.Sprintf("status %d", got)
					other.Store(&text)
				}
			}
		})
	}
	wg.Wait()
	if text := other.Load(); text != nil {
		return *text
	}
	return ""
}

// spoilt is a JWT whose signature does not verify.
func spoilt(token string) string {
	at := strings.LastIndexByte(token, '.') + 10
	other := byte('A')
	if token[at] == other {
		other = 'B'
	}
	return token[:at] + string(other) + token[at+1:]
}

// edited is a JWT with another member in its header (part 0) or claims (part 1), and the signature it had.
func edited(t testing.TB, token string, part int, name string, value any) string {
	t.Helper()
	parts := strings.Split(token, ".")
	var members map[string]any
	interop.Decode(t, token, part, &members)
	members[name] = value
	raw, err := json.Marshal(members)
	check.NoError(t, err)
	parts[part] = base64.RawURLEncoding.EncodeToString(raw)
	return strings.Join(parts, ".")
}
