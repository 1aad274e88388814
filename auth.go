package oidc

import (
	"context"
	"crypto"

	"github.com/relyingparty/oidc/internal/redact"
)

// Auth is how a client proves itself to a provider, where a ClientSecret in the
// configuration is not enough. It is one of the types of this package:
// [PrivateKeyJWT] or [Secret].
type Auth interface {
	auth() // closes the list: a provider knows these methods and no other
}

// PrivateKeyJWT signs an assertion for each request (private_key_jwt, RFC 7523
// section 2.2, OpenID Connect Core section 9). It prints as [redacted].
type PrivateKeyJWT struct {
	redact.All

	// Key signs: RSA of at least 2048 bits, ECDSA on P-256, P-384 or P-521, or
	// Ed25519. It may live in hardware. It is required.
	Key crypto.Signer
	// KeyID is the "kid" that the provider knows the key by. If empty, assertions
	// carry none.
	KeyID string
	// Alg is the signature algorithm, one that fits Key. If empty, it is RS256,
	// ES256, ES384, ES512 or EdDSA, by the key; PS256 must be asked for.
	Alg string
	// Audience is the assertion's one "aud":
	//
	//   - "issuer": the provider's issuer
	//   - "token_endpoint": the URL of the token endpoint, which older providers want
	//   - anything else: sent as it is
	//
	// If empty, it is "issuer".
	Audience string
}

func (PrivateKeyJWT) auth() {}

// Secret returns the client secret, and is asked for each request: for secrets
// that rotate, or that a vault holds. It is called from several goroutines at
// once. An error fails the request, and nothing is sent.
//
// A secret that never changes belongs into the configuration's ClientSecret.
type Secret func(ctx context.Context) (string, error)

func (Secret) auth() {}
