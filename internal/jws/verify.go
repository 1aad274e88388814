package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
)

var (
	errSignature = &Error{SignatureInvalid, "jws: the signature does not verify"}
	errKey       = &Error{SignatureInvalid, "jws: the key does not fit the token's alg"}
	errSecret    = &Error{SignatureInvalid, "jws: the secret is empty"}
	errNotHMAC   = &Error{SignatureInvalid, "jws: the token's alg is not HS256"}
)

// Verify checks the signature with key, which must fit the token's algorithm. Keys are *rsa.PublicKey,
// *ecdsa.PublicKey or ed25519.PublicKey. Every error is a SignatureInvalid.
func (t *Token) Verify(key crypto.PublicKey) error {
	a := lookup(t.Alg)
	if a == nil || !a.fits(key) {
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
		if size := a.size(); len(t.signature) == 2*size {
			var room [derSize]byte
			valid = ecdsa.VerifyASN1(key, digest, appendDER(room[:0], t.signature[:size], t.signature[size:]))
		}
	case ed25519.PublicKey:
		valid = len(t.signature) == ed25519.SignatureSize && ed25519.Verify(key, signed, t.signature)
	}
	if !valid {
		return errSignature
	}
	return nil
}

// digest appends the digest of signed to dst. It switches over the hashes
// because calling them by name keeps the digest off the heap.
func (a *algorithm) digest(dst, signed []byte) []byte {
	if a.family == eddsa { // which digests by itself
		return dst
	}
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
