package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
)

const (
	minRSABits = 2048
	maxRSABits = 8192
)

var (
	errSignature = &Error{SignatureInvalid, "jws: the signature does not verify"}
	errKey       = &Error{SignatureInvalid, "jws: the key does not fit the token's alg"}
	errSecret    = &Error{SignatureInvalid, "jws: the secret is empty"}
	errNotHMAC   = &Error{SignatureInvalid, "jws: the token's alg is not HS256"}
)

// family is a kind of signature.
type family uint8

const (
	pkcs1 family = iota + 1
	pss
	ecdsaSignature
	eddsa
)

// algorithm is what an "alg" means.
type algorithm struct {
	family family
	hash   crypto.Hash
	curve  elliptic.Curve
	size   int // bytes of r and of s
}

func lookup(alg string) (a algorithm, ok bool) {
	switch alg {
	case "RS256":
		return algorithm{family: pkcs1, hash: crypto.SHA256}, true
	case "RS384":
		return algorithm{family: pkcs1, hash: crypto.SHA384}, true
	case "RS512":
		return algorithm{family: pkcs1, hash: crypto.SHA512}, true
	case "PS256":
		return algorithm{family: pss, hash: crypto.SHA256}, true
	case "PS384":
		return algorithm{family: pss, hash: crypto.SHA384}, true
	case "PS512":
		return algorithm{family: pss, hash: crypto.SHA512}, true
	case "ES256":
		return algorithm{family: ecdsaSignature, hash: crypto.SHA256, curve: elliptic.P256(), size: 32}, true
	case "ES384":
		return algorithm{family: ecdsaSignature, hash: crypto.SHA384, curve: elliptic.P384(), size: 48}, true
	case "ES512":
		return algorithm{family: ecdsaSignature, hash: crypto.SHA512, curve: elliptic.P521(), size: 66}, true
	case "EdDSA":
		return algorithm{family: eddsa}, true
	}
	return algorithm{}, false
}

// Fits reports whether key can verify signatures of alg: its type, an RSA key's size (2048 to 8192 bits), the curve.
func Fits(alg string, key crypto.PublicKey) bool {
	a, ok := lookup(alg)
	return ok && a.fits(key)
}

func (a algorithm) fits(key crypto.PublicKey) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if (a.family != pkcs1 && a.family != pss) || key == nil || key.N == nil {
			return false
		}
		bits := key.N.BitLen()
		return bits >= minRSABits && bits <= maxRSABits
	case *ecdsa.PublicKey:
		return a.family == ecdsaSignature && key != nil && key.Curve == a.curve &&
			key.X != nil && key.Y != nil //nolint:staticcheck // nothing else tells a key that crypto/ecdsa would panic on
	case ed25519.PublicKey:
		return a.family == eddsa && len(key) == ed25519.PublicKeySize
	}
	return false
}

// Verify checks the signature with key, which must fit the token's algorithm. Keys are *rsa.PublicKey,
// *ecdsa.PublicKey or ed25519.PublicKey. Every error is a SignatureInvalid.
func (t *Token) Verify(key crypto.PublicKey) error {
	a, ok := lookup(t.Alg)
	if !ok || !a.fits(key) {
		return errKey
	}
	// Most tokens fit: then nothing is allocated for what hash functions want as bytes.
	var text [2048]byte
	signed := append(text[:0], t.signed...)
	var room [sha512.Size]byte
	digest := a.digest(room[:0], signed)
	valid := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		if a.family == pss {
			valid = rsa.VerifyPSS(key, a.hash, digest, t.signature, pssOptions(a.hash)) == nil
		} else {
			valid = rsa.VerifyPKCS1v15(key, a.hash, digest, t.signature) == nil
		}
	case *ecdsa.PublicKey:
		if len(t.signature) == 2*a.size {
			var room [derSize]byte
			valid = ecdsa.VerifyASN1(key, digest, appendDER(room[:0], t.signature[:a.size], t.signature[a.size:]))
		}
	case ed25519.PublicKey:
		valid = len(t.signature) == ed25519.SignatureSize && ed25519.Verify(key, signed, t.signature)
	}
	if !valid {
		return errSignature
	}
	return nil
}

func (a algorithm) digest(dst, signed []byte) []byte {
	switch a.hash {
	case crypto.SHA256:
		d := sha256.Sum256(signed)
		return append(dst, d[:]...)
	case crypto.SHA384:
		d := sha512.Sum384(signed)
		return append(dst, d[:]...)
	case crypto.SHA512:
		d := sha512.Sum512(signed)
		return append(dst, d[:]...)
	}
	return dst
}

// pssOptions: the salt is as long as the hash (RFC 7518 section 3.5).
func pssOptions(h crypto.Hash) *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
}

// VerifyHMAC checks an HS256 signature in constant time. RFC 7518 section 3.2 asks for 32 bytes of secret; client
// secrets are what providers make them, so only an empty one is refused.
func (t *Token) VerifyHMAC(secret []byte) error {
	switch {
	case t.Alg != "HS256":
		return errNotHMAC
	case len(secret) == 0:
		return errSecret
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t.signed))
	if !hmac.Equal(mac.Sum(nil), t.signature) {
		return errSignature
	}
	return nil
}

// derSize is room for the longest signature, that of ES512: a header of three bytes and two numbers of 66 bytes.
const derSize = 3 + 2*(2+66)

// appendDER appends the signature r||s as crypto/ecdsa wants it: an ASN.1 sequence of two integers, in DER. (Its
// function that takes big integers builds the same, in more steps.)
func appendDER(dst, r, s []byte) []byte {
	r, s = trim(r), trim(s)
	size := 4 + pad(r) + len(r) + pad(s) + len(s)
	dst = append(dst, 0x30)
	if size >= 0x80 {
		dst = append(dst, 0x81)
	}
	dst = append(dst, byte(size))
	return appendInteger(appendInteger(dst, r), s)
}

func appendInteger(dst, n []byte) []byte {
	dst = append(dst, 0x02, byte(pad(n)+len(n)))
	if pad(n) == 1 {
		dst = append(dst, 0)
	}
	return append(dst, n...)
}

// trim cuts off leading zeros.
func trim(n []byte) []byte {
	for len(n) > 0 && n[0] == 0 {
		n = n[1:]
	}
	return n
}

// pad is 1 for a number that needs a zero in front: one that would be negative, or is empty.
func pad(n []byte) int {
	if len(n) == 0 || n[0] >= 0x80 {
		return 1
	}
	return 0
}
