package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // SHA-384 and SHA-512 for crypto.Hash
	"encoding/json"
	"errors"
	"fmt"
)

// compact signs header and claims under alg; an empty signature for "none".
func compact(header, claims map[string]any, alg string, key any) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := encode(h) + "." + encode(c)
	sig, err := signature(alg, key, []byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + encode(sig), nil
}

func signature(alg string, key any, input []byte) ([]byte, error) {
	if alg == "none" {
		return nil, nil
	}
	hash := algHash(alg)
	if hash == 0 {
		return nil, fmt.Errorf("cannot sign with alg %q", alg)
	}
	if secret, ok := key.([]byte); ok {
		mac := hmac.New(hash.New, secret)
		mac.Write(input)
		return mac.Sum(nil), nil
	}
	signer, _ := key.(crypto.Signer)
	if signer == nil || !fitsAlg(signer, alg) {
		return nil, fmt.Errorf("a %T cannot sign with alg %q", key, alg)
	}
	if private, ok := signer.(ed25519.PrivateKey); ok {
		return ed25519.Sign(private, input), nil
	}
	h := hash.New()
	h.Write(input)
	digest := h.Sum(nil)
	switch private := signer.(type) {
	case *rsa.PrivateKey:
		if alg[0] == 'P' {
			return rsa.SignPSS(rand.Reader, private, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(nil, private, hash, digest)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			return nil, err
		}
		size := (private.Curve.Params().BitSize + 7) / 8
		out := make([]byte, 2*size)
		r.FillBytes(out[:size])
		s.FillBytes(out[size:])
		return out, nil
	}
	return nil, errors.New("unreachable")
}

// fitsAlg reports whether key can sign under alg.
func fitsAlg(key crypto.Signer, alg string) bool {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return alg[:2] == "RS" || alg[:2] == "PS"
	case *ecdsa.PrivateKey:
		return map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[alg] == key.Curve.Params().Name
	case ed25519.PrivateKey:
		return alg == "EdDSA"
	}
	return false
}

// algHash is the hash of an algorithm, also that of at_hash; 0 for an unknown one.
func algHash(alg string) crypto.Hash {
	switch alg {
	case "RS256", "PS256", "ES256", "HS256":
		return crypto.SHA256
	case "RS384", "PS384", "ES384", "HS384":
		return crypto.SHA384
	case "RS512", "PS512", "ES512", "HS512", "EdDSA":
		return crypto.SHA512
	}
	return 0
}
