package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

// keys are made once: RSA keys take their time.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	must := func(k crypto.Signer, err error) crypto.Signer {
		if err != nil {
			panic(err)
		}
		return k
	}
	ec := func(c elliptic.Curve) crypto.Signer {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		return must(k, err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(rsaKey, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	return map[string]crypto.Signer{
		"rsa": rsaKey, "P-224": ec(elliptic.P224()), "P-256": ec(elliptic.P256()), "P-384": ec(elliptic.P384()), "P-521": ec(elliptic.P521()),
		"Ed25519": must(ed, err),
	}
})

var (
	hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}
	keyOf  = map[string]string{
		"RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "PS256": "rsa", "PS384": "rsa", "PS512": "rsa",
		"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519",
	}
	sizes = map[string]int{"ES256": 32, "ES384": 48, "ES512": 66}
)

func b64(b string) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

// compact puts a token together without signing it.
func compact(header, payload, signature string) string {
	return b64(header) + "." + b64(payload) + "." + b64(signature)
}

// sign makes a token of alg; header is its JSON, or "" for one with alg only.
func sign(t testing.TB, alg, header, payload string) string {
	t.Helper()
	if header == "" {
		h, err := json.Marshal(map[string]string{"alg": alg})
		check.NoError(t, err)
		header = string(h)
	}
	signed := b64(header) + "." + b64(payload)
	return signed + "." + b64(string(signature(t, alg, signed)))
}

func signature(t testing.TB, alg, signed string) []byte {
	t.Helper()
	if alg == "HS256" {
		mac := hmac.New(sha256.New, []byte(hmacSecret))
		mac.Write([]byte(signed))
		return mac.Sum(nil)
	}
	key := keys()[keyOf[alg]]
	hash := hashes[alg[2:]]
	digest := []byte(signed)
	if hash != 0 {
		h := hash.New()
		h.Write(digest)
		digest = h.Sum(nil)
	}
	if n, ok := sizes[alg]; ok {
		r, s, err := ecdsa.Sign(rand.Reader, key.(*ecdsa.PrivateKey), digest)
		check.NoError(t, err)
		return rs(r, s, n)
	}
	var options crypto.SignerOpts = hash
	if strings.HasPrefix(alg, "PS") {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	sig, err := key.Sign(rand.Reader, digest, options)
	check.NoError(t, err)
	return sig
}

// rs is r||s, each of n bytes.
func rs(r, s *big.Int, n int) []byte {
	b := make([]byte, 2*n)
	r.FillBytes(b[:n])
	s.FillBytes(b[n:])
	return b
}

const hmacSecret = "a client secret of some provider"

const servicePayload = `{"iss":"https://id.example.com/realms/acme","sub":"248289761001","aud":["https://api.example.com","account"],` +
	`"exp":4102444800,"nbf":1700000000,"iat":1700000000,"jti":"8f7d3c1e-6b57-4b3e-9d3a-0c7b0d3f9f11","client_id":"web",` +
	`"scope":"openid profile email","tenant":"acme","realm_access":{"roles":["admin","user","viewer"]},` +
	`"resource_access":{"account":{"roles":["manage-account","view-profile"]}},"email":"someone@example.com",` +
	`"email_verified":true,"name":"Some One","auth_time":1700000000,"acr":"1","azp":"web","sid":"5a1b"}`
