package oidctest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/oidctest"
)

// published reads the key set with the standard library only.
func published(t testing.TB, p *oidctest.Provider) map[string]crypto.PublicKey {
	t.Helper()
	set, _ := get(t, p, p.URL("jwks"), "").json["keys"].([]any)
	keys := map[string]crypto.PublicKey{}
	for _, entry := range set {
		jwk := entry.(map[string]any)
		check.Equal(t, jwk["use"], any("sig"), "use")
		number := func(name string) []byte {
			b, err := base64.RawURLEncoding.DecodeString(jwk[name].(string))
			check.NoError(t, err)
			return b
		}
		var key crypto.PublicKey
		switch jwk["kty"] {
		case "RSA":
			key = &rsa.PublicKey{N: new(big.Int).SetBytes(number("n")), E: int(new(big.Int).SetBytes(number("e")).Int64())}
		case "EC":
			curve := map[any]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[jwk["crv"]]
			public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, number("x")...), number("y")...))
			check.NoError(t, err)
			key = public
		case "OKP":
			key = ed25519.PublicKey(number("x"))
		}
		keys[jwk["kid"].(string)] = key
	}
	return keys
}

// verified reports whether a published key verifies the token's signature.
func verified(t testing.TB, p *oidctest.Provider, raw string) bool {
	t.Helper()
	token, err := jws.Parse(raw, jws.Options{Types: []string{"jwt", "at+jwt", "logout+jwt"}})
	check.NoError(t, err)
	key, ok := published(t, p)[token.KeyID]
	return ok && token.Verify(key) == nil
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			p := provider(t, func(c *oidctest.Config) { c.Alg = alg })
			a := login(t, p)
			for _, raw := range []string{a.text("access_token"), a.text("id_token"), p.LogoutToken("web", "alice", ""), p.AccessToken(nil), p.IDToken(nil)} {
				check.Equal(t, header(t, raw)["alg"], any(alg), "alg")
				check.True(t, verified(t, p, raw), "the signature does not verify")
			}
		})
	}
}

func TestRotateKeys(t *testing.T) {
	t.Parallel()
	p := provider(t)
	old := p.AccessToken(nil)
	p.AddKey()
	fresh := p.AccessToken(nil)
	check.Equal(t, len(published(t, p)), 2, "keys after a rotation that keeps")
	check.True(t, verified(t, p, old) && verified(t, p, fresh), "a token lost its key")
	check.True(t, header(t, old)["kid"] != header(t, fresh)["kid"], "the same key signs")
	check.True(t, active(t, p, old), "the old token must be active while its key is published")

	p.RotateKeys()
	check.Equal(t, len(published(t, p)), 1, "keys after a rotation that does not keep")
	check.True(t, !verified(t, p, old) && !verified(t, p, fresh) && verified(t, p, p.AccessToken(nil)), "which tokens have a key")
	check.True(t, !active(t, p, fresh), "active without a published key")

	// Sign still uses a withdrawn key, for tests that must see the token
	// refused.
	forged := p.Sign(map[string]any{"kid": header(t, old)["kid"], "typ": "at+jwt"}, map[string]any{"iss": p.Issuer()})
	check.True(t, !verified(t, p, forged), "a withdrawn key is published")
}

func TestProvidersShareNoKeys(t *testing.T) {
	t.Parallel()
	a, b := provider(t), provider(t)
	check.True(t, !verified(t, b, a.AccessToken(nil)), "the token of another provider verifies")
}

func TestSign(t *testing.T) {
	t.Parallel()
	p := provider(t)
	none := p.Sign(map[string]any{"alg": "none", "kid": nil}, nil)
	check.DeepEqual(t, header(t, none), map[string]any{"alg": "none"}, "header")
	check.Equal(t, none[len(none)-1:], ".", "the end of an unsigned token")
	check.DeepEqual(t, payload(t, p.Sign(nil, map[string]any{"x": nil})), map[string]any{"x": nil}, "claims")
	check.Panics(t, func() { p.Sign(map[string]any{"alg": "RS256"}, nil) }) // the key is EC

	claims := payload(t, p.AccessToken(map[string]any{"aud": nil, "sub": "carol", "tenant": "t"}))
	_, hasAud := claims["aud"]
	check.True(t, !hasAud && claims["sub"] == "carol" && claims["tenant"] == "t" && claims["client_id"] == "web", "claims are %v", claims)
}

func TestIDTokenHS256(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) { c.Clients[0].IDTokenAlg = "HS256" })
	token, err := jws.Parse(login(t, p).text("id_token"), jws.Options{Algs: []string{"HS256"}})
	check.NoError(t, err)
	check.NoError(t, token.VerifyHMAC([]byte("s3cret")))
}

func TestSharedKey(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	with := func(c *oidctest.Config) { c.Key = key }
	a, b := provider(t, with), provider(t, with)
	check.True(t, verified(t, b, a.AccessToken(nil)), "providers with one key do not share it")
}
