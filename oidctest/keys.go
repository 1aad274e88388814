package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"sync"

	"github.com/relyingparty/oidc/internal/jws"
)

// signingKey is a key pair and its kid.
type signingKey struct {
	private   crypto.Signer
	id, alg   string
	published bool
}

// keyring holds the keys, newest first. It creates keys when they are first
// needed.
type keyring struct {
	alg    string
	first  crypto.Signer
	two    bool // one key for ID tokens, another for access tokens
	secret []byte

	mu   sync.Mutex
	keys []*signingKey
}

func newKeyring(cfg Config) (*keyring, error) {
	if !slices.Contains(jws.Algs, cfg.Alg) {
		return nil, fmt.Errorf("Config.Alg %q is unknown", cfg.Alg)
	}
	if cfg.Key != nil && !jws.Fits(cfg.Alg, cfg.Key.Public()) {
		return nil, fmt.Errorf("Config.Key is a %T, which does not fit %s", cfg.Key, cfg.Alg)
	}
	secret := make([]byte, 64)
	_, _ = rand.Read(secret)
	return &keyring{alg: cfg.Alg, first: cfg.Key, two: cfg.quirks.twoKeys, secret: secret}, nil
}

// RotateKeys makes the provider sign with a new key and removes the old keys
// from the key set. Tokens that an old key signed are then refused everywhere.
func (p *Provider) RotateKeys() { p.keys.rotate(false) }

// AddKey makes the provider sign with a new key. The old keys stay in the key
// set, so the tokens that they signed remain valid.
func (p *Provider) AddKey() { p.keys.rotate(true) }

// rotate makes the provider sign with a new key.
func (k *keyring) rotate(keep bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fill()
	for _, key := range k.keys {
		key.published = key.published && keep
	}
	fresh := []*signingKey{k.generate(nil)}
	if k.two {
		fresh = append(fresh, k.generate(nil))
	}
	k.keys = append(fresh, k.keys...)
}

// fill creates the first keys. The caller holds k.mu.
func (k *keyring) fill() {
	if k.keys != nil {
		return
	}
	k.keys = []*signingKey{k.generate(k.first)}
	if k.two {
		k.keys = append(k.keys, k.generate(nil))
	}
}

func (k *keyring) generate(private crypto.Signer) *signingKey {
	var err error
	if private == nil {
		private, err = jws.GenerateKey(k.alg)
	}
	if err != nil {
		panic("oidctest: " + err.Error())
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		panic("oidctest: " + err.Error())
	}
	sum := sha256.Sum256(der)
	return &signingKey{private: private, id: encode(sum[:12]), alg: k.alg, published: true}
}

// current returns the key that signs. If there are two, the first signs ID
// tokens and the second access tokens.
func (k *keyring) current(accessToken bool) *signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fill()
	if k.two && accessToken {
		return k.keys[1]
	}
	return k.keys[0]
}

// named returns a key by its kid, even a withdrawn one.
func (k *keyring) named(id string) *signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if key.id == id {
			return key
		}
	}
	return nil
}

// alive reports whether tokens with this kid are still valid.
func (k *keyring) alive(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.ContainsFunc(k.keys, func(key *signingKey) bool { return key.id == id && key.published })
}

// jwks returns the published key set.
func (k *keyring) jwks() map[string]any {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fill()
	set := []any{}
	for _, key := range k.keys {
		if key.published {
			set = append(set, key.jwk())
		}
	}
	return map[string]any{"keys": set}
}

func (key *signingKey) jwk() map[string]any {
	m := map[string]any{"kid": key.id, "alg": key.alg, "use": "sig"}
	switch pub := key.private.Public().(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", encode(pub.N.Bytes()), encode(big.NewInt(int64(pub.E)).Bytes())
	case *ecdsa.PublicKey:
		raw, err := pub.Bytes() // 0x04 || X || Y
		if err != nil {
			panic("oidctest: " + err.Error())
		}
		half := (len(raw) - 1) / 2
		m["kty"], m["crv"], m["x"], m["y"] = "EC", pub.Curve.Params().Name, encode(raw[1:1+half]), encode(raw[1+half:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", encode(pub)
	}
	return m
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// random returns an unguessable string of 26 characters.
func random() string { return rand.Text() }
