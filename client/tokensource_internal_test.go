package client

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// scripted is a fetch that gives tokens 1, 2, ... of five minutes, or an error, and notes what it was to replace.
type scripted struct {
	err      error
	exit     bool
	replaced []string
	deadline time.Duration
	value    any
}

type valueKey struct{}

func (s *scripted) fetch(ctx context.Context, _ TokenRequest) (*Tokens, error) {
	s.replaced = append(s.replaced, renewing(ctx))
	if until, ok := ctx.Deadline(); ok {
		s.deadline = time.Until(until)
	}
	s.value = ctx.Value(valueKey{})
	if s.exit {
		runtime.Goexit()
	}
	if s.err != nil {
		return nil, s.err
	}
	now := time.Now()
	return &Tokens{AccessToken: "token-" + string(rune('0'+len(s.replaced))), Obtained: now, Expiry: now.Add(5 * time.Minute)}, nil
}

func (s *scripted) source(t *testing.T) *TokenSource {
	_, c := atProvider(t)
	return newTokenSource(c, TokenRequest{}, s.fetch)
}

func get(t *testing.T, s *TokenSource) string {
	t.Helper()
	token, err := s.Token()
	check.NoError(t, err)
	synctest.Wait() // for a renewal behind our back
	return token.AccessToken
}

// A fetch learns which token it is to replace, so that a session can tell whether another process was faster.
func TestTokenSourceTellsWhatIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetch := new(scripted)
		s := fetch.source(t)
		check.Equal(t, get(t, s), "token-1", "first")
		time.Sleep(4*time.Minute + 30*time.Second)
		check.Equal(t, get(t, s), "token-1", "served while it is renewed")
		check.Equal(t, get(t, s), "token-2", "renewed")
		s.Invalidate("token-2")
		check.Equal(t, get(t, s), "token-3", "after a refusal")
		time.Sleep(time.Hour)
		check.Equal(t, get(t, s), "token-4", "after its expiry")
		check.DeepEqual(t, fetch.replaced, []string{"", "token-1", "token-2", "token-3"}, "replaced")
		check.Equal(t, fetch.deadline, flightTimeout, "deadline")
	})
}

func TestTokenSourceFlightContext(t *testing.T) {
	t.Parallel()
	fetch := new(scripted)
	s := fetch.source(t)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), valueKey{}, "kept"))
	cancel()
	_, err := s.TokenContext(ctx)
	check.Error(t, err, context.Canceled)
	check.Equal(t, len(fetch.replaced), 0, "fetches for a caller who has left")
	_, err = s.TokenContext(context.WithValue(t.Context(), valueKey{}, "kept"))
	check.NoError(t, err)
	check.Equal(t, fetch.value, any("kept"), "value of the caller's context")
}

// The end is the end: no further request, but what is held serves until it expires.
func TestTokenSourceReauthRequired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetch := &scripted{err: reauth("over")}
		s := fetch.source(t)
		held := &Tokens{AccessToken: "held", Obtained: time.Now(), Expiry: time.Now().Add(5 * time.Minute)}
		s.prime(held)
		check.Equal(t, get(t, s), "held", "primed")
		check.Equal(t, len(fetch.replaced), 0, "fetches")
		time.Sleep(4*time.Minute + 30*time.Second)
		for range 20 {
			check.Equal(t, get(t, s), "held", "while it is valid")
			time.Sleep(time.Second)
		}
		check.Equal(t, len(fetch.replaced), 1, "fetches")
		time.Sleep(time.Hour)
		_, err := s.Token()
		check.Error(t, err, ErrReauthRequired)
		check.Equal(t, len(fetch.replaced), 1, "fetches after the end")

		fetch.err = nil // the user signed in again
		s.prime(&Tokens{AccessToken: "new", Obtained: time.Now(), Expiry: time.Now().Add(5 * time.Minute)})
		check.Equal(t, get(t, s), "new", "primed again")
		time.Sleep(time.Hour)
		check.Equal(t, get(t, s), "token-2", "fetched again")
	})
}

// A primed token is renewed as early as one that was fetched, however late it was primed.
func TestTokenSourcePrimedLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetch := new(scripted)
		held := &Tokens{AccessToken: "held", Obtained: time.Now(), Expiry: time.Now().Add(5 * time.Minute)}
		time.Sleep(4*time.Minute + 30*time.Second)
		s := fetch.source(t)
		s.prime(held)
		check.Equal(t, get(t, s), "held", "primed")
		check.Equal(t, get(t, s), "token-1", "renewed")
	})
}

// What an API has just refused does not come back from the store.
func TestTokenSourcePrimedWithARefusedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(scripted).source(t)
		held := &Tokens{AccessToken: "held", Obtained: time.Now(), Expiry: time.Now().Add(5 * time.Minute)}
		s.prime(held)
		s.Invalidate("held")
		s.prime(held)
		check.Equal(t, get(t, s), "token-1", "after the refusal")
	})
}

// A fetch that never returns its result leaves no waiter behind.
func TestTokenSourceFetchEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetch := &scripted{exit: true}
		s := fetch.source(t)
		_, err := s.Token()
		check.True(t, errors.Is(err, errFetchEnded), "error is %v", err)
		fetch.exit = false
		time.Sleep(2 * time.Second)
		check.Equal(t, get(t, s), "token-2", "after the pause")
	})
}

// The requests that share a fetch are bounded; those used last are kept.
func TestTokenSourceShapesBounded(t *testing.T) {
	t.Parallel()
	s := new(scripted).source(t)
	request := func(i int) TokenRequest { return TokenRequest{Audience: []string{string(rune('a' + i))}} }
	first := s.For(request(0))
	for i := 1; i < 5*maxShapes; i++ {
		s.For(request(i))
		check.True(t, s.For(request(0)) == first, "a source in use is forgotten")
	}
	check.Equal(t, len(s.group.sources), maxShapes, "sources")
}
