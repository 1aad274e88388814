package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"strconv"
	"strings"
	"time"
)

const (
	issuer   = "https://op.example.test"
	audience = "https://api.example.test"
	tenant   = "acme"
)

type object = map[string]any

// signer is a provider's key.
type signer struct {
	alg, kid string
	key      crypto.Signer
}

func newSigner(alg, kid string) *signer {
	s := &signer{alg: alg, kid: kid}
	var err error
	switch alg {
	case "RS256":
		s.key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, s.key, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("no such algorithm: %q", alg)
	}
	must(err)
	return s
}

// sign signs claims under the usual header.
func (s *signer) sign(claims object) string {
	return s.signRaw(string(marshal(s.header())), string(marshal(claims)))
}

func (s *signer) header() object { return object{"alg": s.alg, "kid": s.kid, "typ": "at+jwt"} }

// signRaw signs exactly these two texts.
func (s *signer) signRaw(header, payload string) string {
	signed := encode([]byte(header)) + "." + encode([]byte(payload))
	return signed + "." + encode(s.signature(signed))
}

// series makes tokens that differ in their jti only, without encoding the claims anew for each.
func (s *signer) series(claims object) func(i int) string {
	header := string(marshal(s.header()))
	before, after, _ := strings.Cut(string(marshal(with(claims, object{"jti": "#"}))), "#")
	return func(i int) string { return s.signRaw(header, before+strconv.Itoa(i)+after) }
}

func (s *signer) signature(signed string) []byte {
	digest := sha256.Sum256([]byte(signed))
	var signature []byte
	var err error
	switch key := s.key.(type) {
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		var r, t *big.Int
		r, t, err = ecdsa.Sign(rand.Reader, key, digest[:])
		if err == nil {
			signature = make([]byte, 64)
			r.FillBytes(signature[:32])
			t.FillBytes(signature[32:])
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(signed))
	}
	must(err)
	return signature
}

// jwk is the public half, as a key set shows it.
func (s *signer) jwk() object {
	k := object{"kid": s.kid, "alg": s.alg, "use": "sig"}
	switch key := s.key.Public().(type) {
	case *rsa.PublicKey:
		k["kty"], k["n"], k["e"] = "RSA", encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		must(err)
		k["kty"], k["crv"], k["x"], k["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		k["kty"], k["crv"], k["x"] = "OKP", "Ed25519", encode(key)
	}
	return k
}

// standard are the claims of an access token as a Keycloak makes them; a token signed with RS256 is some 1.2 kB long.
func standard() object {
	now := time.Now()
	return object{
		"iss": issuer, "sub": "7c1e5f0a-3d0b-4a53-9f0e-0b9b6d1f2a77", "aud": []string{audience, "account"},
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nbf": now.Unix(), "jti": "3f6ad0a4-1d59-4d0e-8f64-3c6f4f5f2c11",
		"client_id": "web", "azp": "web", "scope": "openid profile notes:read notes:write", "tenant": tenant,
		"sid": "0d3b8f2e-7c1b-4ef3-9b4d-2f4b5f0f6a11", "typ": "Bearer", "acr": "1",
		"realm_access": object{"roles": []string{"default-roles-acme", "offline_access", "editor"}},
		"email":        "alice@example.test", "name": "Alice Example",
	}
}

// with is base overlaid with over; nil removes a claim.
func with(base, over object) object {
	m := maps.Clone(base)
	maps.Copy(m, over)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

// corrupt changes one bit of the signature.
func corrupt(token string) string {
	at := strings.LastIndexByte(token, '.') + 1
	signature, err := base64.RawURLEncoding.DecodeString(token[at:])
	must(err)
	signature[len(signature)/2] ^= 1
	return token[:at] + encode(signature)
}

// probe is a signed token that a careful verifier refuses.
type probe struct{ flaw, token string }

// probes are what the verifiers are asked about, to say of each what it does not check.
func (s *signer) probes() []probe {
	now := time.Now()
	edited := func(over object) string { return s.sign(with(standard(), over)) }
	headed := func(over object) string {
		return s.signRaw(string(marshal(with(s.header(), over))), string(marshal(standard())))
	}
	payload := string(marshal(standard()))
	public, err := x509.MarshalPKIXPublicKey(s.key.Public())
	must(err)
	mac := hmac.New(sha256.New, public)
	confused := encode([]byte(`{"alg":"HS256","kid":"`+s.kid+`"}`)) + "." + encode([]byte(payload))
	mac.Write([]byte(confused))
	return []probe{
		{"alg none", encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(payload)) + "."},
		{"HS256", confused + "." + encode(mac.Sum(nil))},
		{"iss", edited(object{"iss": "https://evil.example.test"})},
		{"aud", edited(object{"aud": "https://other.example.test"})},
		{"exp", edited(object{"exp": now.Add(-time.Hour).Unix()})},
		{"exp absent", edited(object{"exp": nil})},
		{"nbf", edited(object{"nbf": now.Add(time.Hour).Unix()})},
		{"iat ahead", edited(object{"iat": now.Add(time.Hour).Unix(), "nbf": nil})},
		{"typ", headed(object{"typ": "logout+jwt"})},
		{"crit", headed(object{"crit": []string{"x"}, "x": true})},
		{"twice", s.signRaw(string(marshal(s.header())), strings.Replace(payload, `"sub":`, `"sub":"root","sub":`, 1))},
		{"case", s.signRaw(string(marshal(s.header())), strings.Replace(payload, `"sub":`, `"SUB":"root","sub":`, 1))},
		{"cnf", edited(object{"cnf": object{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}})},
		{"ID token", edited(object{"at_hash": "77QmUPtjPfzWtF2AnpK9RQ", "nonce": "n", "typ": "ID"})},
		{"tenant", edited(object{"tenant": nil})},
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	must(err)
	return b
}

// must ends the program: what it is given cannot fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
