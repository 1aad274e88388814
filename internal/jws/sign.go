package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

// Sign returns the signature of text under alg as a JWS carries it (RFC 7518
// section 3). The key must fit alg; it may live in hardware, so nothing but
// crypto.Signer is asked of it.
func Sign(alg string, key crypto.Signer, text []byte) ([]byte, error) {
	a := lookup(alg)
	if a == nil || !a.fits(key.Public()) {
		return nil, fmt.Errorf("jws: a %T cannot sign with this alg", key)
	}
	var options crypto.SignerOpts = a.hash
	switch a.family {
	case pss:
		options = pssOptions(a.hash)
	case eddsa:
		options = crypto.Hash(0) // the text itself is signed, not its digest
	}
	signature, err := crypto.SignMessage(key, rand.Reader, text, options)
	if err != nil || a.family != ecdsaSignature {
		return signature, err
	}
	return fixedSize(signature, a.size())
}

// GenerateKey makes a key that signs under alg. An RSA key has 2048 bits.
func GenerateKey(alg string) (crypto.Signer, error) {
	a := lookup(alg)
	switch {
	case a == nil || a.family == hmacSignature:
		return nil, errors.New("jws: no key pair goes with this alg")
	case a.family == eddsa:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case a.family == ecdsaSignature:
		return ecdsa.GenerateKey(a.curve, rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, minRSABits)
}

// fixedSize turns an ASN.1 ECDSA signature into r || s (RFC 7518 section 3.4).
func fixedSize(der []byte, size int) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &sig)
	if err != nil || len(rest) != 0 || sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || sig.R.BitLen() > 8*size || sig.S.BitLen() > 8*size {
		return nil, errors.New("jws: the key gave a malformed ECDSA signature")
	}
	out := make([]byte, 2*size)
	sig.R.FillBytes(out[:size])
	sig.S.FillBytes(out[size:])
	return out, nil
}

// pssOptions: the salt is as long as the hash (RFC 7518 section 3.5).
func pssOptions(h crypto.Hash) *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
}
