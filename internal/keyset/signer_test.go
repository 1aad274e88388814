package keyset_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
)

var b64 = base64.RawURLEncoding

// signer is a private key with the JWK of its public half.
type signer struct {
	key      crypto.Signer
	kid, alg string
}

// rsaKeys are made once: they are slow to make.
var rsaKeys = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

// newSigner makes a key for alg; RSA keys are three, taken in turn by kid.
func newSigner(t testing.TB, alg, kid string) *signer {
	t.Helper()
	var (
		key crypto.Signer
		err error
	)
	switch alg {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA", "Ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key = rsaKeys()[len(kid)%3]
	}
	check.NoError(t, err)
	return &signer{key: key, kid: kid, alg: alg}
}

// jwk is the public half; members are added to it, or replace its own, or (nil) remove them.
func (s *signer) jwk(t testing.TB, members map[string]any) map[string]any {
	t.Helper()
	m := map[string]any{"kid": s.kid, "alg": s.alg, "use": "sig"}
	switch k := s.key.Public().(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64.EncodeToString(k.N.Bytes()), b64.EncodeToString(big.NewInt(int64(k.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		check.NoError(t, err)
		half := (len(point) - 1) / 2
		m["kty"], m["crv"], m["x"], m["y"] = "EC", k.Curve.Params().Name, b64.EncodeToString(point[1:1+half]), b64.EncodeToString(point[1+half:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64.EncodeToString(k)
	}
	for name, value := range members {
		if m[name] = value; value == nil {
			delete(m, name)
		}
	}
	return m
}

// token is a signed token of this key; header members as in jwk.
func (s *signer) token(t testing.TB, members map[string]any) *jws.Token {
	t.Helper()
	header := map[string]any{"alg": s.alg, "kid": s.kid}
	for name, value := range members {
		if header[name] = value; value == nil {
			delete(header, name)
		}
	}
	raw, err := json.Marshal(header)
	check.NoError(t, err)
	signed := b64.EncodeToString(raw) + "." + b64.EncodeToString([]byte(`{"sub":"someone"}`))
	token, err := jws.Parse(signed+"."+b64.EncodeToString(s.sign(t, header["alg"].(string), signed)), jws.Options{Algs: append([]string{"HS256"}, jws.Algs...)})
	check.NoError(t, err)
	return token
}

func (s *signer) sign(t testing.TB, alg, text string) []byte {
	t.Helper()
	var hash crypto.Hash
	var digest []byte
	switch alg[len(alg)-3:] {
	case "256":
		d := sha256.Sum256([]byte(text))
		hash, digest = crypto.SHA256, d[:]
	case "384":
		d := sha512.Sum384([]byte(text))
		hash, digest = crypto.SHA384, d[:]
	case "512":
		d := sha512.Sum512([]byte(text))
		hash, digest = crypto.SHA512, d[:]
	}
	var signature []byte
	var err error
	switch key := s.key.(type) {
	case *rsa.PrivateKey:
		var opts crypto.SignerOpts = hash
		if strings.HasPrefix(alg, "PS") {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		signature, err = key.Sign(rand.Reader, digest, opts)
	case *ecdsa.PrivateKey:
		r, v, e := ecdsa.Sign(rand.Reader, key, digest)
		check.NoError(t, e)
		size := (key.Curve.Params().BitSize + 7) / 8
		signature = append(r.FillBytes(make([]byte, size)), v.FillBytes(make([]byte, size))...)
	case ed25519.PrivateKey:
		signature, err = key.Sign(rand.Reader, []byte(text), crypto.Hash(0))
	}
	check.NoError(t, err)
	return signature
}

// jwks is a key set document.
func jwks(t testing.TB, keys ...any) string {
	t.Helper()
	if keys == nil {
		keys = []any{}
	}
	raw, err := json.Marshal(map[string]any{"keys": keys})
	check.NoError(t, err)
	return string(raw)
}

// publish is a key set of the signers' public halves.
func publish(t testing.TB, signers ...*signer) string {
	t.Helper()
	var keys []any
	for _, s := range signers {
		keys = append(keys, s.jwk(t, nil))
	}
	return jwks(t, keys...)
}
