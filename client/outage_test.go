package client_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// The answer to a renewal is lost after the provider has rotated the refresh token. Of those who asked at the same time
// nobody may send it again.
func TestSessionRefreshFailsOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		was := a.op.Requests("token")
		a.op.Fault("token", func(http.ResponseWriter, *http.Request) bool {
			time.Sleep(time.Second)
			panic(http.ErrAbortHandler)
		})
		errs := make(chan error, 20)
		for range cap(errs) {
			go func() { _, err := s.Refresh(t.Context()); errs <- err }()
		}
		for range cap(errs) {
			check.Equal(t, check.As[*client.Error](t, <-errs).Kind, client.KindUnreachable, "kind")
		}
		check.Equal(t, a.op.Requests("token")-was, 1, "requests")
		a.op.Clear()
		_, err := s.Refresh(t.Context())
		check.NoError(t, err)
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
