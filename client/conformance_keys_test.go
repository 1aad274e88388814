package client_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"net/http"
	"slices"
	"sync"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// conformanceRSA are RSA keys for the modules that are about RS256; made once, as they take their time.
var conformanceRSA = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

func rsaJWK(i int, members map[string]any) map[string]any {
	pub := conformanceRSA()[i].PublicKey
	members["kty"] = "RSA"
	members["n"] = base64.RawURLEncoding.EncodeToString(pub.N.Bytes())
	members["e"] = base64.RawURLEncoding.EncodeToString(big.NewInt(int64(pub.E)).Bytes())
	return members
}

// secp256k1JWK is the curve's base point: a good key of a curve we do not know.
func secp256k1JWK() map[string]any {
	coordinate := func(digits string) string {
		raw, err := hex.DecodeString(digits)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	return map[string]any{
		"kty": "EC", "crv": "secp256k1", "alg": "ES256K", "use": "sig", "kid": "secp256k1",
		"x": coordinate("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
		"y": coordinate("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
	}
}

func rs256(cfg *appConfig) { cfg.op.Alg, cfg.op.Key = "RS256", conformanceRSA()[0] }

// publish changes the provider's key set.
func publish(p *oidctest.Provider, edit func(keys []any) []any) {
	p.Edit("jwks", func(doc map[string]any) { doc["keys"] = edit(doc["keys"].([]any)) })
}

// withoutKid takes the names from the keys and from the ID token.
func withoutKid(p *oidctest.Provider) {
	publish(p, func(keys []any) []any {
		for _, key := range keys {
			delete(key.(map[string]any), "kid")
		}
		return keys
	})
	resign(p, map[string]any{"kid": nil}, nil)
}

// keyCases are about keys, algorithms and signatures.
func keyCases() map[string]conformanceCase {
	fetched := func(times int) func(party) {
		return func(rp party) { check.Equal(rp.stage().t, rp.stage().op.Requests("jwks"), times, "key requests") }
	}
	resigned := func(header map[string]any, change func(string) string) func(*partyStage) {
		return func(s *partyStage) { resign(s.op, header, change) }
	}
	beside := func(others ...func() map[string]any) func(*partyStage) {
		return func(s *partyStage) {
			publish(s.op, func(keys []any) []any {
				right := keys[0].(map[string]any)
				for _, other := range others {
					jwk := other()
					if jwk["kid"] == "the right one's" {
						jwk["kid"] = right["kid"]
					}
					keys = slices.Insert(keys, 0, any(jwk))
				}
				return keys
			})
		}
	}
	// nth publishes the signing key as the nth of n that fit, none with a name.
	nth := func(n int) conformanceCase {
		return conformanceCase{fault: func(s *partyStage) {
			for range n - 1 {
				s.op.AddKey()
			}
			publish(s.op, func(keys []any) []any { slices.Reverse(keys); return keys }) // the newest signs
			withoutKid(s.op)
		}}
	}
	return map[string]conformanceCase{
		"oidcc-client-test-idtoken-sig-rs256": {configure: rs256},
		"oidcc-client-test-invalid-sig-rs256": {configure: rs256, fault: resigned(nil, spoilSignature), verify: fetched(1)},
		"oidcc-client-test-invalid-sig-es256": {fault: resigned(nil, spoilSignature), verify: fetched(1)},
		"oidcc-client-test-invalid-sig-hs256": {configure: hs256, fault: func(s *partyStage) {
			s.op.Edit("token_answer", func(a map[string]any) { a["id_token"] = spoilSignature(a["id_token"].(string)) })
		}},
		"oidcc-client-test-idtoken-sig-none": {fault: resigned(map[string]any{"alg": "none"}, nil)},
		"alg-none-with-signature": {
			fault: resigned(map[string]any{"alg": "none"}, func(raw string) string { return raw + "AAAA" }),
		},
		"hs256-under-public-key": {configure: rs256, fault: resigned(map[string]any{"alg": "HS256"}, nil)},

		"oidcc-client-test-kid-absent-single-jwks": {configure: rs256, fault: func(s *partyStage) { withoutKid(s.op) }},
		"oidcc-client-test-kid-absent-multiple-jwks": {configure: rs256, fault: func(s *partyStage) {
			beside(
				func() map[string]any { return rsaJWK(1, map[string]any{"use": "sig", "alg": "RS256"}) },
				func() map[string]any { return rsaJWK(2, map[string]any{"use": "sig"}) },
			)(s)
			withoutKid(s.op)
		}},
		"kid-absent-eighth-key": nth(8),
		"kid-absent-ninth-key":  nth(9),
		"kid-unknown":           {fault: resigned(map[string]any{"kid": "never-published"}, nil), verify: fetched(2)},
		"jwks-with-secp256k1-and-enc-keys": {fault: beside(secp256k1JWK, func() map[string]any {
			return rsaJWK(1, map[string]any{"use": "enc", "alg": "RSA-OAEP", "kid": "the right one's"})
		})},
		"oidcc-client-test-ignores-unparseable-key-in-jwks": {fault: beside(
			func() map[string]any {
				return map[string]any{"kty": "AKP", "alg": "ML-DSA-1", "kid": "post-quantum", "pub": "AAAA"}
			},
			func() map[string]any { return map[string]any{"kty": "made-up", "kid": "the right one's"} },
		)},

		"oidcc-client-test-signing-key-rotation-just-before-signing": {
			fault: func(s *partyStage) {
				check.NoError(s.t, s.rp.Ready(s.t.Context())) // the keys are held
				s.op.Fault("token", func(http.ResponseWriter, *http.Request) bool { s.op.RotateKeys(); return false })
			},
			verify: fetched(2),
		},
		"oidcc-client-test-signing-key-rotation": {
			steps: func(rp party) error {
				check.NoError(rp.stage().t, rp.login())
				rp.stage().op.RotateKeys()
				return rp.login()
			},
			verify: fetched(2),
		},
	}
}

// hs256 is a provider without keys that signs with the client's secret.
func hs256(cfg *appConfig) {
	cfg.op.Clients[0].IDTokenAlg = "HS256"
	cfg.client.DiscoveryURL, cfg.client.Issuer = "", oidctest.DefaultIssuer
	cfg.client.Endpoints = client.Endpoints{
		Authorization: oidctest.DefaultIssuer + "/authorize", Token: oidctest.DefaultIssuer + "/token", UserInfo: oidctest.DefaultIssuer + "/userinfo",
	}
	cfg.client.IDTokenAlgs = []string{"HS256"}
}
