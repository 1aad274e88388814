package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// codes loses the answer to a code in every way. The login fails, the code is not sent again, and the next login works.
func (s *suite) codes(t *testing.T) string {
	w := newWorld(t)
	rp := w.client(t, s.target.Login, 0)
	interop.SignIn(t, rp, s.target.Person, s.target.Options...) // holds the metadata and the keys from here on
	for _, f := range faults() {
		auth, err := rp.Authorize(interop.Deadline(t), s.target.Options...)
		check.NoError(t, err)
		back := s.target.Person.Visit(t, auth.URL, interop.Callback).URL.Query()
		f.set(t, w, "authorization_code")

		began := time.Now()
		_, err = rp.Exchange(soon(t), back, auth.Transaction)
		unreachable(t, err, f.name, back.Get("code"), auth.Transaction.Verifier)
		within(t, began, patience, f.name)
		w.clear()
		want := 0
		if f.arrives {
			want = 1
		}
		check.Equal(t, w.gate.sent(back.Get("code")), want, f.name+": how often the code was sent")
	}

	w.line.Latency(patience / 4)
	_, _, back := interop.SignIn(t, rp, s.target.Person, s.target.Options...)
	check.Equal(t, w.gate.sent(back.Get("code")), 1, "latency: how often the code was sent")

	// The provider has closed an idle connection, and we use it before we are told: the code has not left, and nobody knows.
	w.clear()
	auth, err := rp.Authorize(interop.Deadline(t), s.target.Options...)
	check.NoError(t, err)
	back = s.target.Person.Visit(t, auth.URL, interop.Callback).URL.Query()
	w.line.SlowClose(patience / 4)
	w.gate.hangUp()
	_, err = rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	unreachable(t, err, "a connection closed by the provider", back.Get("code"))
	check.Equal(t, w.gate.sent(back.Get("code")), 0, "how often the code was sent")
	_, err = rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	check.NoError(t, err)
	return fmt.Sprintf("%d faults, each an unreachable error in %v and no second request; after each the next login works", len(faults()), patience)
}

// refreshes loses the answer to a refresh token: the provider may have rotated it, and only the caller may try again.
func (s *suite) refreshes(t *testing.T) string {
	w := newWorld(t)
	rp := w.client(t, s.target.Login, 0)
	signIn := func() *client.Tokens {
		tokens, _, _ := interop.SignIn(t, rp, s.target.Person, s.target.Options...)
		return tokens
	}
	tokens := signIn()
	if tokens.RefreshToken == "" {
		return "the provider gives none"
	}
	tokens, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	again := map[bool]int{}
	for _, f := range faults() {
		f.set(t, w, "refresh_token")
		was := w.gate.sent(tokens.RefreshToken)
		began := time.Now()
		_, err := rp.Refresh(soon(t), tokens.RefreshToken, client.TokenRequest{})
		unreachable(t, err, f.name, tokens.RefreshToken)
		within(t, began, patience, f.name)
		w.clear()
		if !f.arrives {
			check.Equal(t, w.gate.sent(tokens.RefreshToken), was, f.name+": how often the refresh token was sent")
			continue
		}
		check.Equal(t, w.gate.sent(tokens.RefreshToken), was+1, f.name+": how often the refresh token was sent")

		// What the provider makes of a second use is its own affair: the old one works on, or the login is over.
		next, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
		if again[err == nil]++; err != nil {
			check.Error(t, err, client.ErrReauthRequired)
			next = signIn()
		}
		tokens = next
	}
	_, err = rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	return fmt.Sprintf("one request for each of %d faults; asked again afterwards, the provider takes the old one %d times and ends the login %d times",
		len(faults()), again[true], again[false])
}
