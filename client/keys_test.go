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

// oidcc-client-test-signing-key-rotation-just-before-signing: the key set is held when the key changes.
func TestIDTokenKeyRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		c := newClient(t, p)
		_, err := logIn(t, p, c)
		check.NoError(t, err)
		p.RotateKeys()
		_, err = logIn(t, p, c)
		check.NoError(t, err)
		check.Equal(t, p.Requests("jwks"), 2, "key requests")
	})
}

// An outage of the keys costs no code: it is noticed before the token request.
func TestIDTokenKeysAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		c := newClient(t, p)
		p.Fault("jwks", oidctest.Down)
		callback, tx := startLogin(t, p, c)
		for range 2 {
			_, err := c.Exchange(t.Context(), callback, tx)
			e := wantError(t, err, client.KindUnreachable, "")
			check.Equal(t, e.Op, "exchange", "op")
			check.True(t, e.RetryAfter > 0, "no RetryAfter")
		}
		check.Equal(t, p.Requests("token"), 0, "token requests")
		check.Equal(t, p.Requests("jwks"), 1, "key requests within the backoff")

		p.Clear()
		time.Sleep(2 * time.Second)
		_, err := c.Exchange(t.Context(), callback, tx)
		check.NoError(t, err)

		// Keys that are held will do.
		p.Fault("jwks", oidctest.Down)
		_, err = logIn(t, p, c)
		check.NoError(t, err)
		check.Equal(t, p.Requests("jwks"), 2, "key requests")
	})
}

// A login that asks for no ID token needs no keys.
func TestKeysAwayWithoutIDToken(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.Fault("jwks", oidctest.Down)
	p.Edit("token_answer", set("id_token", nil))
	_, err := logIn(t, p, newClient(t, p, func(cfg *client.Config) { cfg.Scopes = []string{"read"} }))
	check.NoError(t, err)
	check.Equal(t, p.Requests("jwks"), 0, "key requests")
}

func TestIDTokenKeysMissing(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.Edit("discovery", set("jwks_uri", nil))
	c := newClient(t, p)
	_, err := c.Authorize(t.Context())
	check.Error(t, err, client.ErrEndpointMissing)
	check.Contains(t, err.Error(), "jwks_uri", "Config.Endpoints.JWKS")
	check.Error(t, c.Ready(t.Context()), client.ErrEndpointMissing)
}

// TestLoginKeysAway: a login needs an ID token, whatever scopes it asks for, and so the keys before its code is spent.
func TestLoginKeysAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, func(cfg *appConfig) { cfg.client.Scopes = []string{} })
		b := a.browser()
		callback := b.signIn(b.begin("/auth/login"), "alice")
		a.op.Fault("jwks", oidctest.Down)
		check.Equal(t, b.get(callback.String()).StatusCode, http.StatusServiceUnavailable, "status")
		check.Equal(t, a.op.Requests("token"), 0, "token requests")
	})
}
