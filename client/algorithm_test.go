package client_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/oidctest"
)

// The provider changes its algorithm and says so: the login that meets it first
// succeeds.
func TestAlgorithmChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		listed := set("id_token_signing_alg_values_supported", []string{"RS256"})
		p.Edit("discovery", listed)
		c := newClient(t, p)
		_, err := logIn(t, p, c) // ES256, which the metadata does not list
		wantError(t, err, client.KindToken, "alg")
		check.Equal(t, p.Requests("discovery"), 2, "metadata requests")
		_, err = logIn(t, p, c)
		wantError(t, err, client.KindToken, "alg")
		check.Equal(t, p.Requests("discovery"), 2, "metadata requests within 30 s")

		time.Sleep(30 * time.Second)
		p.Clear() // now it lists ES256
		p.RotateKeys()
		_, err = logIn(t, p, c)
		check.NoError(t, err)
		check.Equal(t, p.Requests("discovery"), 3, "metadata requests")
		_, err = logIn(t, p, c)
		check.NoError(t, err)
		check.Equal(t, p.Requests("discovery"), 3, "metadata requests once it is known")
	})
}

// What the configuration says is final.
func TestAlgorithmIsConfigured(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p, func(cfg *client.Config) { cfg.IDTokenAlgs = []string{"RS256"} })
	_, err := logIn(t, p, c)
	wantError(t, err, client.KindToken, "alg")
	check.Equal(t, p.Requests("discovery"), 1, "metadata requests")
}

// Strangers cannot have the metadata fetched: a published key must have signed.
// Somebody who holds such a token gets one fetch in 30 seconds out of it.
func TestOddAlgorithmsFetchNoMetadata(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		p.Edit("discovery", set("id_token_signing_alg_values_supported", []string{"RS256"}))
		c := newClient(t, p)
		check.NoError(t, c.Ready(t.Context()))
		stranger := newProvider(t, func(cfg *oidctest.Config) { cfg.Key = nil })
		claims := func() map[string]any {
			return map[string]any{"iss": p.Issuer(), "aud": "web", "sub": "alice", "nonce": "n", "iat": in(0), "exp": in(time.Hour)}
		}
		own, err := jws.Parse(p.Sign(nil, claims()), jws.Options{})
		check.NoError(t, err)
		for i := range 1000 {
			kid := own.KeyID
			if i%2 == 0 {
				kid = fmt.Sprint("junk ", i)
			}
			raw := stranger.Sign(map[string]any{"kid": kid}, claims())
			_, err := c.VerifyIDToken(t.Context(), raw, client.Nonce("n"))
			if kid == own.KeyID { // a published key says no, so the algorithm's refusal stands
				wantError(t, err, client.KindToken, "alg")
			}
			check.True(t, err != nil, "a stranger's token was accepted")
			time.Sleep(100 * time.Millisecond)
		}
		check.Equal(t, p.Requests("discovery"), 1, "metadata requests of strangers")
		check.True(t, p.Requests("jwks") <= 5, "%d key requests in 100 s", p.Requests("jwks"))

		signed := p.Sign(nil, claims())
		for range 1000 {
			_, err := c.VerifyIDToken(t.Context(), signed, client.Nonce("n"))
			wantError(t, err, client.KindToken, "alg")
			time.Sleep(100 * time.Millisecond)
		}
		check.Equal(t, p.Requests("discovery"), 1+4, "metadata requests in 100 s")
	})
}
