package endpoint

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/jws"
)

const assertionLifetime = 60 * time.Second

// assertion is a client assertion (RFC 7523 section 3), with a new jti each time.
func (a *Authenticator) assertion(t Target) (string, error) {
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
		return "", &Error{Kind: Misconfigured, Endpoint: t.Name, detail: "PrivateKeyJWT.Key could not sign the client assertion", Err: err}
	}
	return signed, nil
}

// audienceAt is the assertion's one audience at t.
func (a *Authenticator) audienceAt(t Target) (string, error) {
	unknown := func(what, fix string) (string, error) {
		return "", &Error{
			Kind: Misconfigured, Endpoint: t.Name,
			detail: "the client assertion's audience is the " + what + ", which is unknown", Hint: "set " + fix,
		}
	}
	switch {
	case a.audience == "token_endpoint" && t.TokenEndpoint == "":
		return unknown("token endpoint", "PrivateKeyJWT.Audience to its URL")
	case a.audience == "token_endpoint":
		return t.TokenEndpoint, nil
	case a.audience != "" && a.audience != "issuer":
		return a.audience, nil
	case t.Issuer == "":
		return unknown("issuer", "Issuer, or PrivateKeyJWT.Audience to its value")
	}
	return t.Issuer, nil
}

// newSigner returns a function that makes a compact JWS of claims. The key stays
// inside it. Errors begin with the field of PrivateKeyJWT.
func newSigner(auth oidc.PrivateKeyJWT) (func([]byte) (string, error), error) {
	key, alg := auth.Key, auth.Alg
	public, err := publicKey(key)
	if err != nil {
		return nil, err
	}
	choices := jws.AlgsOf(public)
	if len(choices) == 0 {
		return nil, unusable(public)
	}
	if alg == "" {
		alg = choices[0]
	}
	if !slices.Contains(choices, alg) {
		return nil, fmt.Errorf("Alg %s does not fit Key, which signs with %s", short(alg), strings.Join(choices, ", "))
	}
	header, err := json.Marshal(struct {
		Alg   string `json:"alg"`
		Type  string `json:"typ"`
		KeyID string `json:"kid,omitempty"`
	}{alg, "JWT", auth.KeyID})
	if err != nil {
		return nil, errors.New("KeyID cannot be encoded")
	}
	prefix := base64.RawURLEncoding.EncodeToString(header) + "."
	return func(claims []byte) (string, error) {
		input := prefix + base64.RawURLEncoding.EncodeToString(claims)
		signature, err := jws.Sign(alg, key, []byte(input))
		if err != nil {
			return "", err
		}
		return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
	}, nil
}

// publicKey asks the key for its public half; a nil or broken key panics then, which is a configuration error.
func publicKey(key crypto.Signer) (public crypto.PublicKey, err error) {
	defer func() {
		if recover() != nil {
			public, err = nil, errNoKey
		}
	}()
	return key.Public(), nil
}

// unusable says why no algorithm fits a key.
func unusable(public crypto.PublicKey) error {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k != nil && k.N != nil {
			return fmt.Errorf("Key: an RSA key of %d bits cannot be used, only 2048 to 8192 bits", k.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if k != nil && k.Curve != nil {
			return fmt.Errorf("Key: the curve %s cannot be used, only P-256, P-384 and P-521", short(k.Params().Name))
		}
	case ed25519.PublicKey:
	default:
		return fmt.Errorf("Key: a %T cannot be used, only RSA, ECDSA and Ed25519", public)
	}
	return errNoKey
}

var errNoKey = errors.New("Key holds no key")
