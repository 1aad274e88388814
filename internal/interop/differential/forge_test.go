package differential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // for crypto.Hash
	"encoding/asn1"
	"encoding/json"
	"io"
	"math/big"
	"strconv"
	"testing"
	"testing/cryptotest"

	"github.com/go-jose/go-jose/v4"

	"github.com/relyingparty/oidc/internal/check"
)

// signer is a private key, and what its JWK says of it.
type signer struct {
	key     crypto.Signer
	id, alg string // of the JWK; empty = left out
	signs   string // the alg of its tokens
}

// sign signs as alg demands, as far as the key can: a P-384 key asked for ES256 signs the hash of ES256. It says what
// alg that is in truth, if any. The same random gives the same signature.
func (s *signer) sign(random io.Reader, alg string, salt int, input []byte) (sig []byte, truth string) {
	if key, ok := s.key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, input), "EdDSA"
	}
	hash := hashOf(alg)
	h := hash.New()
	h.Write(input)
	digest := h.Sum(nil)
	bits := strconv.Itoa(8 * hash.Size())
	var err error
	switch key := s.key.(type) {
	case *ecdsa.PrivateKey:
		sig, err = key.Sign(nil, digest, hash) // no randomness: RFC 6979
		must(err)
		var pair struct{ R, S *big.Int }
		_, err = asn1.Unmarshal(sig, &pair)
		size := (key.Curve.Params().BitSize + 7) / 8
		sig = append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...)
		if map[string]string{"P-256": "256", "P-384": "384", "P-521": "512"}[kind(s)] == bits {
			truth = "ES" + bits
		}
	case *rsa.PrivateKey:
		if alg[:2] == "PS" {
			sig, err = rsa.SignPSS(random, key, hash, digest, &rsa.PSSOptions{SaltLength: salt})
			truth = "PS" + bits
		} else {
			sig, err = rsa.SignPKCS1v15(nil, key, hash, digest)
			truth = "RS" + bits
		}
	}
	must(err)
	return sig, truth
}

func hashOf(alg string) crypto.Hash {
	switch {
	case len(alg) == 5 && alg[2:] == "384":
		return crypto.SHA384
	case len(alg) == 5 && alg[2:] == "512":
		return crypto.SHA512
	}
	return crypto.SHA256
}

// jwk is the public half as go-jose writes it.
func (s *signer) jwk() string {
	raw, err := json.Marshal(jose.JSONWebKey{Key: s.key.Public(), KeyID: s.id, Algorithm: s.alg, Use: "sig"})
	must(err)
	return string(raw)
}

// forge makes tokens, good and bad.
type forge struct {
	seed      uint64
	published []*signer
	strangers []*signer // one of each kind whose public half nobody knows
}

// newForge makes the keys from the seed. The test must not be parallel.
func newForge(t *testing.T, seed uint64) *forge {
	t.Helper()
	cryptotest.SetGlobalRandom(t, seed)
	ec := func(c elliptic.Curve) crypto.Signer {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		check.NoError(t, err)
		return key
	}
	rs := func() crypto.Signer {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		check.NoError(t, err)
		return key
	}
	ed := func() crypto.Signer {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		check.NoError(t, err)
		return key
	}
	shared := rs()
	return &forge{
		seed: seed,
		published: []*signer{
			{shared, "rs", "RS256", "RS256"},
			{rs(), "ps", "PS256", "PS256"},
			{ec(elliptic.P256()), "es256", "ES256", "ES256"},
			{ec(elliptic.P384()), "es384", "ES384", "ES384"},
			{ec(elliptic.P521()), "es512", "ES512", "ES512"},
			{ed(), "ed", "EdDSA", "EdDSA"},
			{ec(elliptic.P256()), "", "", "ES256"}, // no kid, no alg
			{shared, "any", "", "PS512"},           // the first key again, for every alg
		},
		strangers: []*signer{
			{key: rs(), signs: "RS256"}, {key: ec(elliptic.P256()), signs: "ES256"}, {key: ec(elliptic.P384()), signs: "ES384"},
			{key: ec(elliptic.P521()), signs: "ES512"}, {key: ed(), signs: "EdDSA"},
		},
	}
}

// turn is whose turn it is. Those that are slow and like another come once where the others come three times.
func (f *forge) turn(round int) *signer {
	s := f.published[round%len(f.published)]
	if slow := s.alg == "ES384" || s.alg == "ES512" || s.id == "any"; slow && round/len(f.published)%3 > 0 {
		return f.published[2]
	}
	return s
}

// keys is the key set of all published signers.
func (f *forge) keys() []byte {
	set := []byte(`{"keys":[`)
	for i, s := range f.published {
		if i > 0 {
			set = append(set, ',')
		}
		set = append(set, s.jwk()...)
	}
	return append(set, ']', '}')
}

// twin is the stranger whose key is of the same kind.
func (f *forge) twin(s *signer) *signer {
	for _, other := range f.strangers {
		if kind(other) == kind(s) {
			return other
		}
	}
	panic("no stranger has a key like " + s.id)
}

func kind(s *signer) string {
	switch key := s.key.(type) {
	case *rsa.PrivateKey:
		return "RSA"
	case *ecdsa.PrivateKey:
		return key.Curve.Params().Name
	}
	return "Ed25519"
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
