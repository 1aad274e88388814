package endpoint

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the algorithms below
	_ "crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

const assertionLifetime = 60 * time.Second

// assertion is a client assertion (RFC 7523 section 3), with a new jti each time.
func (a *Auth) assertion(t Target) (string, error) {
	audience, err := a.audienceAt(t)
	if err != nil {
		return "", err
	}
	now := time.Now()
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"` // a string, not an array: some providers accept nothing else
		ID       string `json:"jti"`
		IssuedAt int64  `json:"iat"`
		Expiry   int64  `json:"exp"`
	}{a.clientID, a.clientID, audience, rand.Text(), now.Unix(), now.Add(assertionLifetime).Unix()})
	if err != nil {
		return "", &Error{Kind: Misconfigured, Endpoint: t.Name, detail: "the client assertion cannot be built"}
	}
	signed, err := a.sign(claims)
	if err != nil {
		return "", &Error{Kind: Misconfigured, Endpoint: t.Name, detail: "AssertionKey could not sign the client assertion", Err: err}
	}
	return signed, nil
}

// audienceAt is the assertion's one audience at t.
func (a *Auth) audienceAt(t Target) (string, error) {
	unknown := func(what, fix string) (string, error) {
		return "", &Error{
			Kind: Misconfigured, Endpoint: t.Name,
			detail: "the client assertion's audience is the " + what + ", which is unknown", Hint: "set " + fix,
		}
	}
	switch {
	case a.audience == "token_endpoint" && t.TokenEndpoint == "":
		return unknown("token endpoint", "AssertionAudience to its URL")
	case a.audience == "token_endpoint":
		return t.TokenEndpoint, nil
	case a.audience != "" && a.audience != "issuer":
		return a.audience, nil
	case t.Issuer == "":
		return unknown("issuer", "Issuer, or AssertionAudience to its value")
	}
	return t.Issuer, nil
}

// newSigner returns a function that makes a compact JWS of claims. The key stays inside it.
func newSigner(key crypto.Signer, alg, keyID string) (func([]byte) (string, error), error) {
	public, err := publicKey(key)
	if err != nil {
		return nil, err
	}
	choices, opts, size, err := algorithms(public)
	if err != nil {
		return nil, err
	}
	if alg == "" {
		alg = choices[0]
	}
	chosen, ok := opts[alg]
	if !ok {
		return nil, fmt.Errorf("AssertionAlg: %s does not fit AssertionKey, which signs with %s", short(alg), strings.Join(choices, " or "))
	}
	header, err := json.Marshal(struct {
		Alg   string `json:"alg"`
		Type  string `json:"typ"`
		KeyID string `json:"kid,omitempty"`
	}{alg, "JWT", keyID})
	if err != nil {
		return nil, errors.New("AssertionKeyID: cannot be encoded")
	}
	prefix := base64.RawURLEncoding.EncodeToString(header) + "."
	return func(claims []byte) (string, error) {
		input := prefix + base64.RawURLEncoding.EncodeToString(claims)
		signature, err := crypto.SignMessage(key, rand.Reader, []byte(input), chosen)
		if err != nil {
			return "", err
		}
		if size > 0 {
			if signature, err = fixedSize(signature, size); err != nil {
				return "", err
			}
		}
		return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
	}, nil
}

// publicKey asks the key for its public half; a nil or broken key panics then, which is a configuration error.
func publicKey(key crypto.Signer) (public crypto.PublicKey, err error) {
	defer func() {
		if recover() != nil {
			public, err = nil, errors.New("AssertionKey: holds no key")
		}
	}()
	return key.Public(), nil
}

// algorithms gives what a key may sign with, the default first, and the size of r and s for ECDSA.
func algorithms(public crypto.PublicKey) (choices []string, opts map[string]crypto.SignerOpts, size int, err error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k == nil || k.N == nil {
			return nil, nil, 0, errors.New("AssertionKey: holds no key")
		}
		if bits := k.N.BitLen(); bits < 2048 {
			return nil, nil, 0, fmt.Errorf("AssertionKey: an RSA key of %d bits is too small, at least 2048 are needed", bits)
		}
		return []string{"RS256", "PS256"}, map[string]crypto.SignerOpts{
			"RS256": crypto.SHA256,
			"PS256": &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256},
		}, 0, nil
	case *ecdsa.PublicKey:
		if k == nil || k.Curve == nil {
			return nil, nil, 0, errors.New("AssertionKey: holds no key")
		}
		params := k.Params()
		hash := map[string]crypto.Hash{"P-256": crypto.SHA256, "P-384": crypto.SHA384, "P-521": crypto.SHA512}[params.Name]
		alg := map[crypto.Hash]string{crypto.SHA256: "ES256", crypto.SHA384: "ES384", crypto.SHA512: "ES512"}[hash]
		if alg == "" {
			return nil, nil, 0, fmt.Errorf("AssertionKey: the curve %s cannot be used, only P-256, P-384 and P-521", short(params.Name))
		}
		return []string{alg}, map[string]crypto.SignerOpts{alg: hash}, (params.BitSize + 7) / 8, nil
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return nil, nil, 0, errors.New("AssertionKey: holds no key")
		}
		return []string{"EdDSA"}, map[string]crypto.SignerOpts{"EdDSA": crypto.Hash(0)}, 0, nil
	}
	return nil, nil, 0, fmt.Errorf("AssertionKey: a %T cannot be used, only RSA, ECDSA and Ed25519", public)
}

// fixedSize turns an ASN.1 ECDSA signature into r || s (RFC 7518 section 3.4).
func fixedSize(der []byte, size int) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &sig)
	if err != nil || len(rest) != 0 || sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || sig.R.BitLen() > 8*size || sig.S.BitLen() > 8*size {
		return nil, errors.New("the key gave a malformed ECDSA signature")
	}
	out := make([]byte, 2*size)
	sig.R.FillBytes(out[:size])
	sig.S.FillBytes(out[size:])
	return out, nil
}
