package jws_test

import (
	"crypto"
	"io"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
)

// opaqueSigner hides what it signs with, as a key in hardware does.
type opaqueSigner struct{ key crypto.Signer }

func (s opaqueSigner) Public() crypto.PublicKey { return s.key.Public() }

func (s opaqueSigner) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return s.key.Sign(random, digest, o)
}

func TestSign(t *testing.T) {
	t.Parallel()
	for _, alg := range jws.Algs {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			text := b64(`{"alg":"`+alg+`"}`) + "." + b64(`{"sub":"a"}`)
			key, err := jws.GenerateKey(alg)
			check.NoError(t, err)
			for range 10 { // some ECDSA signatures have leading zeros
				signature, err := jws.Sign(alg, opaqueSigner{key}, []byte(text))
				check.NoError(t, err)
				check.NoError(t, parse(t, text+"."+b64(string(signature)), jws.Options{}).Verify(key.Public()))
			}
			for name, other := range keys() {
				_, err := jws.Sign(alg, other, []byte(text))
				check.Equal(t, err == nil, name == keyOf[alg], name)
			}
		})
	}
	for _, alg := range []string{"HS256", "none", "", "ES256K"} {
		_, err := jws.Sign(alg, keys()["P-256"], nil)
		check.True(t, err != nil, "%q signs", alg)
		_, err = jws.GenerateKey(alg)
		check.True(t, err != nil, "a key is made for %q", alg)
	}
}

// TestSameAlgorithm: RFC 9864 gives EdDSA with Ed25519 a name of its own.
func TestSameAlgorithm(t *testing.T) {
	t.Parallel()
	known := append([]string{"HS256", "HS384", "HS512"}, jws.Algs...)
	for _, a := range known {
		for _, b := range known {
			ed := (a == "EdDSA" || a == "Ed25519") && (b == "EdDSA" || b == "Ed25519")
			check.Equal(t, jws.Same(a, b), a == b || ed, a+" and "+b)
		}
	}
	check.True(t, !jws.Same("ES256K", "ES256"), "an unknown name is the same as a known one")

	for _, alg := range []string{"EdDSA", "Ed25519"} {
		raw := sign(t, alg, "", `{"sub":"a"}`)
		for _, listed := range []string{"EdDSA", "Ed25519"} {
			token, err := jws.Parse(raw, jws.Options{Algs: []string{"RS256", listed}})
			check.NoError(t, err)
			check.Equal(t, token.Alg, alg, "alg")
			check.NoError(t, token.Verify(keys()["Ed25519"].Public()))
		}
		_, err := jws.Parse(raw, jws.Options{Algs: []string{"RS256"}})
		check.Equal(t, check.As[*jws.Error](t, err).Reason, jws.AlgNotAllowed, "reason")
	}
}
