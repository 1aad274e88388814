package pkce

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"

	"github.com/relyingparty/oidc/internal/redact"
)

// Method is the value of code_challenge_method.
const Method = "S256"

// ErrVerifier says that a string is no code verifier: 43 to 128 letters, digits, "-", ".", "_" and "~" (RFC 7636
// section 4.1).
var ErrVerifier = errors.New("pkce: a code verifier is 43 to 128 letters, digits, '-', '.', '_' and '~'")

// Verifier is a code verifier: a secret until the token request is sent. It prints as [redacted], also with fmt's %#v,
// with slog and with encoding/json. The zero value is none. Verifiers cannot be compared with ==.
type Verifier struct {
	redact.All

	// secret is behind a closure: fmt would print the fields of a Verifier inside an unexported field.
	secret func() string
}

// New makes a verifier of 32 random bytes, 43 characters long.
func New() Verifier {
	var b [sha256.Size]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return newVerifier(base64.RawURLEncoding.EncodeToString(b[:]))
}

// Parse takes a verifier that was kept somewhere, or sent by a client. The error is ErrVerifier.
func Parse(s string) (Verifier, error) {
	if !valid(s) {
		return Verifier{}, ErrVerifier
	}
	return newVerifier(s), nil
}

func newVerifier(s string) Verifier { return Verifier{secret: func() string { return s }} }

// Secret returns the verifier itself, the token request's code_verifier; "" for the zero value.
func (v Verifier) Secret() string {
	if v.secret == nil {
		return ""
	}
	return v.secret()
}

// Challenge returns the authorization request's code_challenge; "" for the zero value.
func (v Verifier) Challenge() string {
	if v.secret == nil {
		return ""
	}
	return s256(v.secret())
}

// Verify reports whether challenge is the S256 challenge of verifier, which must be well formed. It takes as long for
// any two strings of the same length.
func Verify(challenge, verifier string) bool {
	if !valid(verifier) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(s256(verifier)), []byte(challenge)) == 1
}

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func valid(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}
