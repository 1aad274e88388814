package keyset

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/remote"
)

const (
	maxKeys    = 100
	maxKeyID   = 1 << 10
	minRSABits = 2048
	maxRSABits = 8192
	maxRSAText = 1400 // base64url of 8192 bits is 1366 characters; some servers add a zero byte or padding
	maxECText  = 100  // 521 bits are 88
)

// private are the members that only a private or symmetric key has (RFC 7518 section 6).
var private = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// Parse reads a JWKS document key by key; skipped lists why keys were left out. Without one usable key it is an error.
func Parse(body []byte) (keys []Key, skipped []string, err error) {
	raws, err := split(body)
	if err != nil {
		return nil, nil, fmt.Errorf("not a key set: %w", err)
	}
	skip := func(id string, why error) { skipped = append(skipped, fmt.Sprintf("key %s: %v", id, why)) }
	for i, raw := range raws {
		if i == maxKeys {
			skip(fmt.Sprintf("%d and later", i+1), fmt.Errorf("only the first %d are read", maxKeys))
			break
		}
		key, err := parseKey(raw)
		switch {
		case err != nil:
			id := fmt.Sprint(i + 1)
			if key.ID != "" {
				id += " (" + remote.Quote(key.ID) + ")"
			}
			skip(id, err)
		case slices.ContainsFunc(keys, func(k Key) bool { return k.Thumbprint == key.Thumbprint }):
			// The same key twice is one key.
		default:
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		return keys, skipped, nil
	}
	if len(raws) == 0 {
		return nil, nil, errors.New("the key set is empty")
	}
	return nil, skipped, fmt.Errorf("the key set has no usable key: %s", strings.Join(skipped[:min(len(skipped), 3)], "; "))
}

// split finds the elements of "keys", which must be there once, in one JSON object with nothing after it.
func split(body []byte) (keys []json.RawMessage, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	found := false
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errors.New("broken JSON")
		}
		if name != "keys" {
			if text, ok := name.(string); ok && strings.EqualFold(text, "keys") {
				return nil, errors.New("it has a member that differs from keys in case only")
			}
			var other json.RawMessage
			if dec.Decode(&other) != nil {
				return nil, errors.New("broken JSON")
			}
			continue
		}
		if found {
			return nil, errors.New("it has keys twice")
		}
		found = true
		if dec.Decode(&keys) != nil {
			return nil, errors.New("keys is not an array, or broken JSON")
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("broken JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	if !found || keys == nil {
		return nil, errors.New("it has no keys")
	}
	return keys, nil
}

// parseKey turns one JWK into a key we can verify with. On error the key holds the kid if there is a readable one.
func parseKey(raw []byte) (Key, error) {
	members, err := claims.Parse(raw)
	if err != nil {
		return Key{}, err
	}
	id, err := text(members, "kid", maxKeyID)
	if err != nil {
		return Key{}, err
	}
	key := Key{ID: id}
	for _, name := range private {
		if members.Holds(name) {
			return key, fmt.Errorf("it is not a public key: it has the member %s (the provider must withdraw it)", name)
		}
	}
	if err := checkUse(members); err != nil {
		return key, err
	}
	if key.Alg, err = text(members, "alg", 100); err != nil {
		return key, err
	}
	if key.Alg != "" && !slices.Contains(jws.Algs, key.Alg) {
		return key, fmt.Errorf("alg %s is not supported", remote.Quote(key.Alg))
	}
	if key.Public, err = publicKey(members); err != nil {
		return key, err
	}
	if len(algs(key.Alg, key.Public)) == 0 {
		return key, fmt.Errorf("its type, size or curve does not fit alg %s", remote.Quote(key.Alg))
	}
	key.Thumbprint, err = thumbprint(key.ID, key.Alg, key.Public)
	return key, err
}

// checkUse wants a key for signatures: use absent or sig, key_ops absent or with verify (RFC 7517 sections 4.2, 4.3).
func checkUse(members *claims.Set) error {
	use, err := text(members, "use", 100)
	if err != nil {
		return err
	}
	if use != "" && use != "sig" {
		return fmt.Errorf("use is %s, not sig", remote.Quote(use))
	}
	if !members.Has("key_ops") {
		return nil
	}
	ops, err := members.Strings("key_ops")
	if err != nil {
		return errors.New("key_ops is not an array of strings")
	}
	if !slices.Contains(ops, "verify") {
		return errors.New("key_ops lacks verify")
	}
	return nil
}

// publicKey hands jwx a JWK that holds nothing but the public parts, and checks what comes out.
func publicKey(members *claims.Set) (crypto.PublicKey, error) {
	parts, err := publicParts(members)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(parts)
	if err != nil {
		return nil, err
	}
	parsed, err := jwk.ParseKey(raw)
	if err != nil {
		return nil, errors.New("its parts are not base64url, or missing")
	}
	var public any
	if err := parsed.Raw(&public); err != nil {
		return nil, errors.New("its parts do not make a public key")
	}
	switch k := public.(type) {
	case *rsa.PublicKey:
		return k, checkRSA(k)
	case *ecdsa.PublicKey:
		if _, err := k.ECDH(); err != nil {
			return nil, errors.New("its point is not on the curve")
		}
		return k, nil
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return nil, errors.New("its x has the wrong length")
		}
		return k, nil
	}
	return nil, errors.New("it is not a public key for signatures")
}

// publicParts picks the members a key of this type has, with their sizes bounded.
func publicParts(members *claims.Set) (map[string]string, error) {
	kty, err := text(members, "kty", 100)
	if err != nil {
		return nil, err
	}
	parts := map[string]string{"kty": kty}
	var names, curves []string
	most := maxECText
	switch kty {
	case "RSA":
		names, most = []string{"n", "e"}, maxRSAText
	case "EC":
		names, curves = []string{"x", "y"}, []string{"P-256", "P-384", "P-521"}
	case "OKP":
		names, curves = []string{"x"}, []string{"Ed25519"}
	case "oct":
		return nil, errors.New("it is a symmetric key, which must never be published")
	case "":
		return nil, errors.New("kty is missing")
	default:
		return nil, fmt.Errorf("kty %s is not supported", remote.Quote(kty))
	}
	if curves != nil {
		crv, err := text(members, "crv", 100)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(curves, crv) {
			return nil, fmt.Errorf("crv %s is not supported", remote.Quote(crv))
		}
		parts["crv"] = crv
	}
	for _, name := range names {
		if parts[name], err = text(members, name, most); err != nil {
			return nil, err
		}
		if parts[name] == "" {
			return nil, fmt.Errorf("%s is missing", name)
		}
	}
	if len(parts["e"]) > 8 { // six bytes: jwx cuts an exponent to 64 bits without saying so
		return nil, errors.New("its exponent is not sane")
	}
	return parts, nil
}

// checkRSA bounds the size and refuses what crypto/rsa would only refuse at the first token.
func checkRSA(k *rsa.PublicKey) error {
	if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("it has %d bits; RSA keys of %d to %d bits are accepted", bits, minRSABits, maxRSABits)
	}
	if k.N.Bit(0) == 0 {
		return errors.New("its modulus is even")
	}
	if k.E < 3 || k.E > 1<<31-1 || k.E%2 == 0 {
		return errors.New("its exponent is not sane")
	}
	return nil
}

// text reads a string member of bounded length; absent, null and "" are one.
func text(members *claims.Set, name string, most int) (string, error) {
	v, _, err := members.String(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s is not a string", name)
	case len(v) > most:
		return "", fmt.Errorf("%s is longer than %d bytes", name, most)
	}
	return v, nil
}
