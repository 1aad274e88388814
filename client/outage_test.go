package client_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// The answer to a renewal is lost after the provider has rotated the refresh token. Of those who asked at the same time, in
// whatever way, nobody may send it again.
func TestLostRenewalFailsOnceForAll(t *testing.T) {
	t.Parallel()
	refresh := func(t *testing.T, s *client.Session) error { _, err := s.Refresh(t.Context()); return err }
	read := func(t *testing.T, s *client.Session) error {
		_, err := s.TokenSource().TokenContext(t.Context())
		return err
	}
	other := func(t *testing.T, s *client.Session) error {
		_, err := s.TokenSource().For(client.TokenRequest{Scopes: []string{"openid"}}).TokenContext(t.Context())
		return err
	}
	for name, ask := range map[string][]func(*testing.T, *client.Session) error{
		"Refresh":     slices.Repeat([]func(*testing.T, *client.Session) error{refresh}, 20),
		"all at once": {refresh, read, other},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, nil)
				b := a.browser()
				b.login("/auth/login", "alice")
				s := b.mustSession()
				time.Sleep(6 * time.Minute) // the access token has expired
				was := a.op.Requests("token")
				a.op.Fault("token", func(http.ResponseWriter, *http.Request) bool {
					time.Sleep(time.Second)
					panic(http.ErrAbortHandler)
				})
				errs := make(chan error, len(ask))
				for _, f := range ask {
					go func() { errs <- f(t, s) }()
				}
				for range ask {
					wantError(t, <-errs, client.KindUnreachable, "")
				}
				check.Equal(t, a.op.Requests("token")-was, 1, "requests")

				// Who comes afterwards tries for himself: it may have been the request that was lost.
				a.op.Clear()
				check.NoError(t, refresh(t, s))
			})
		})
	}
}

// What the provider refuses to one kind of request says nothing about another.
func TestARefusalIsNotShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		a.op.Fault("token", func(w http.ResponseWriter, r *http.Request) bool {
			time.Sleep(time.Second)
			return bodyOf(r).Has("scope") && answer(http.StatusBadRequest, "application/json", `{"error":"invalid_scope"}`)(w, r)
		})
		refused := make(chan error, 1)
		go func() {
			_, err := s.TokenSource().For(client.TokenRequest{Scopes: []string{"admin"}}).TokenContext(t.Context())
			refused <- err
		}()
		synctest.Wait()
		_, err := s.Refresh(t.Context())
		check.NoError(t, err)
		wantError(t, <-refused, client.KindRefused, "")
	})
}

// A provider that takes requests and does not answer: who comes in a token's last seconds gets it while it is valid.
func TestTokenSourceServesATokenUntilItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		s := newClient(t, p).ClientCredentials(client.TokenRequest{})
		first, err := s.Token()
		check.NoError(t, err)
		p.Fault("token", oidctest.Stall)
		for _, left := range []time.Duration{5 * time.Second, 2 * time.Second} {
			time.Sleep(time.Until(first.Expiry) - left)
			got, err := s.Token()
			check.NoError(t, err)
			check.Equal(t, got.AccessToken, first.AccessToken, "token")
			check.True(t, time.Now().Before(first.Expiry), "it came expired")
		}
		check.Equal(t, p.Requests("token"), 2, "requests")
		time.Sleep(time.Minute)
		_, err = s.Token()
		wantError(t, err, client.KindUnreachable, "")
	})
}
