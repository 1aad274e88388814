package oidctest

import (
	"crypto"
	"crypto/hmac"
	"encoding/json"
	"fmt"

	"github.com/relyingparty/oidc/internal/jws"
)

// compact signs header and claims with alg. For "none" the signature is empty.
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

// signature signs input with alg. For "none" it returns an empty signature. A
// key of type []byte is a shared secret.
func signature(alg string, key any, input []byte) ([]byte, error) {
	if alg == "none" {
		return nil, nil
	}
	hash := jws.Hash(alg)
	switch key := key.(type) {
	case []byte:
		if hash == 0 {
			break
		}
		mac := hmac.New(hash.New, key)
		mac.Write(input)
		return mac.Sum(nil), nil
	case crypto.Signer:
		return jws.Sign(alg, key, input)
	}
	return nil, fmt.Errorf("a %T cannot sign with alg %q", key, alg)
}
