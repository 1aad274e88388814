// Package seal encrypts what is handed to a browser or a store: AES-256-GCM with a key ring.
//
// A sealed text is a version byte, a random nonce of 12 bytes, the ciphertext and its tag of 16 bytes. The key is
// derived from the ring's with HKDF, so that a key used elsewhere too is not shared; the purpose is authenticated with
// it. One key seals at most 2^32 texts: add a new key in front long before.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/relyingparty/oidc/internal/redact"
)

const (
	keySize  = 32
	maxKeys  = 16
	maxSize  = 1 << 20 // bytes of a sealed text
	version  = 1
	overhead = 1 + 12 + 16
	label    = "relyingparty/oidc internal/seal v1"
)

// ErrOpen is every failure to open: another key or purpose, a text that was changed, is too long or is none at all.
var ErrOpen = errors.New("seal: not sealed by any key of the ring for this purpose")

// encoding refuses padding and trailing bits, but skips line breaks: OpenString looks for these.
var encoding = base64.RawURLEncoding.Strict()

// Ring seals with its first key and opens with any. It prints as [redacted]. It is safe for concurrent use.
type Ring struct {
	redact.All

	// aeads are behind a closure: fmt would print unexported fields.
	aeads func() []cipher.AEAD
}

// NewRing takes 32-byte keys; the first seals. It keeps none of them. Its error joins every problem: no key or more
// than 16, a key of another length, one of zeros only, one that is there twice.
func NewRing(keys ...[]byte) (*Ring, error) {
	var problems []error
	switch {
	case len(keys) == 0:
		return nil, errors.New("seal: a key ring needs at least one key of 32 random bytes")
	case len(keys) > maxKeys:
		return nil, fmt.Errorf("seal: %d keys are more than the %d a ring can hold: drop those whose texts have expired", len(keys), maxKeys)
	}
	aeads := make([]cipher.AEAD, 0, len(keys))
	for i, key := range keys {
		if len(key) != keySize {
			problems = append(problems, fmt.Errorf("seal: key %d has %d bytes, give it %d random ones", i+1, len(key), keySize))
			continue
		}
		if subtle.ConstantTimeCompare(key, make([]byte, keySize)) == 1 {
			problems = append(problems, fmt.Errorf("seal: key %d is all zeros, give it %d random bytes", i+1, keySize))
		}
		for j, other := range keys[:i] {
			if subtle.ConstantTimeCompare(key, other) == 1 {
				problems = append(problems, fmt.Errorf("seal: key %d is key %d again", i+1, j+1))
				break
			}
		}
		aead, err := newAEAD(key)
		if err != nil {
			problems = append(problems, fmt.Errorf("seal: key %d: %w", i+1, err))
			continue
		}
		aeads = append(aeads, aead)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return &Ring{aeads: func() []cipher.AEAD { return aeads }}, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, label, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal encrypts plain for one purpose (a cookie's name, a record's id): it opens only under the same. Texts that Open
// would refuse for their size (1 MiB) are sealed all the same.
func (r *Ring) Seal(purpose string, plain []byte) []byte {
	sealed := make([]byte, 1, overhead+len(plain))
	sealed[0] = version
	return r.aeads()[0].Seal(sealed, nil, plain, associated(purpose))
}

// Open fails with one fixed error, ErrOpen.
func (r *Ring) Open(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < overhead || len(sealed) > maxSize || sealed[0] != version {
		return nil, ErrOpen
	}
	data := associated(purpose)
	for _, aead := range r.aeads() {
		if plain, err := aead.Open(nil, nil, sealed[1:], data); err == nil {
			return plain, nil
		}
	}
	return nil, ErrOpen
}

// SealString and OpenString are the same in unpadded base64url.
func (r *Ring) SealString(purpose string, plain []byte) string {
	return encoding.EncodeToString(r.Seal(purpose, plain))
}

// OpenString opens what SealString made.
func (r *Ring) OpenString(purpose, sealed string) ([]byte, error) {
	if len(sealed) > encoding.EncodedLen(maxSize) || strings.ContainsAny(sealed, "\r\n") {
		return nil, ErrOpen
	}
	b, err := encoding.DecodeString(sealed)
	if err != nil {
		return nil, ErrOpen
	}
	return r.Open(purpose, b)
}

func associated(purpose string) []byte {
	return append([]byte{version}, purpose...)
}
