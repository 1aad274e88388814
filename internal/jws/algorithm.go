package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that the table names
	_ "crypto/sha512"
)

const (
	minRSABits = 2048
	maxRSABits = 8192
)

// family is a kind of signature.
type family uint8

const (
	pkcs1 family = iota + 1
	pss
	ecdsaSignature
	eddsa
	hmacSignature
)

// algorithm says what one "alg" value means.
type algorithm struct {
	name   string
	family family
	// hash digests the signed text, and the access token for at_hash. Ed25519
	// digests the text by itself, so its hash serves at_hash alone.
	hash  crypto.Hash
	curve elliptic.Curve // of an ECDSA key. If nil, the key is no ECDSA key.
}

// table is every "alg" value that this module knows (RFC 7518 section 3.1,
// RFC 8037, RFC 9864). Everything that depends on an algorithm reads it here.
// For each type of key the first row is the one that it signs with by default.
// Two names for the same signature, as EdDSA and Ed25519 are, are two rows that
// differ in nothing else.
var table = []algorithm{
	{"RS256", pkcs1, crypto.SHA256, nil},
	{"RS384", pkcs1, crypto.SHA384, nil},
	{"RS512", pkcs1, crypto.SHA512, nil},
	{"PS256", pss, crypto.SHA256, nil},
	{"PS384", pss, crypto.SHA384, nil},
	{"PS512", pss, crypto.SHA512, nil},
	{"ES256", ecdsaSignature, crypto.SHA256, elliptic.P256()},
	{"ES384", ecdsaSignature, crypto.SHA384, elliptic.P384()},
	{"ES512", ecdsaSignature, crypto.SHA512, elliptic.P521()},
	{"EdDSA", eddsa, crypto.SHA512, nil},
	{"Ed25519", eddsa, crypto.SHA512, nil},
	{"HS256", hmacSignature, crypto.SHA256, nil},
	{"HS384", hmacSignature, crypto.SHA384, nil},
	{"HS512", hmacSignature, crypto.SHA512, nil},
}

// Algs are the asymmetric signature algorithms, in the order of the table. They
// are the default allow-list.
var Algs = names(func(a *algorithm) bool { return a.family != hmacSignature })

func names(wanted func(*algorithm) bool) (list []string) {
	for i := range table {
		if wanted(&table[i]) {
			list = append(list, table[i].name)
		}
	}
	return list
}

// lookup finds the row of an "alg" value; nil when there is none.
func lookup(alg string) *algorithm {
	for i := range table {
		if table[i].name == alg {
			return &table[i]
		}
	}
	return nil
}

// Fits reports whether key can verify signatures of alg: its type, an RSA key's
// size (2048 to 8192 bits), the curve.
func Fits(alg string, key crypto.PublicKey) bool {
	a := lookup(alg)
	return a != nil && a.fits(key)
}

// AlgsOf returns the algorithms that key fits, its default first.
func AlgsOf(key crypto.PublicKey) []string {
	return names(func(a *algorithm) bool { return a.fits(key) })
}

// Same reports whether two "alg" values name the same signature.
func Same(alg, other string) bool {
	if alg == other {
		return true
	}
	a, b := lookup(alg), lookup(other)
	return a != nil && b != nil && a.family == b.family && a.hash == b.hash && a.curve == b.curve
}

// Hash returns the hash function that goes with alg, which is also the one of
// at_hash and c_hash (OpenID Connect Core 3.1.3.6). If alg is unknown, it is 0.
func Hash(alg string) crypto.Hash {
	if a := lookup(alg); a != nil {
		return a.hash
	}
	return 0
}

// fits never panics, whatever a caller or a provider made the key of.
func (a *algorithm) fits(key crypto.PublicKey) bool {
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

// size is the length in bytes of an ECDSA signature's r, and of its s.
func (a *algorithm) size() int { return (a.curve.Params().BitSize + 7) / 8 }
