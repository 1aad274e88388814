package keyset_test

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/keyset"
)

func TestKeysAreParsedOneByOne(t *testing.T) {
	t.Parallel()
	rsaKey, ecKey, edKey := newSigner(t, "RS256", "k"), newSigner(t, "ES256", "k"), newSigner(t, "EdDSA", "k")
	modulus := func(bits int, odd bool) string {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		if odd {
			n.SetBit(n, 0, 1)
		}
		return b64.EncodeToString(n.Bytes())
	}
	type edit = map[string]any
	tests := []struct {
		name  string
		from  *signer
		edit  edit
		wrong string // "" = usable
	}{
		{"RSA", rsaKey, nil, ""},
		{"EC", ecKey, nil, ""},
		{"OKP", edKey, nil, ""},
		{"bare", ecKey, edit{"kid": nil, "alg": nil, "use": nil}, ""},
		{"null members", ecKey, edit{"kid": json.RawMessage("null"), "alg": json.RawMessage("null"), "use": json.RawMessage("null"), "key_ops": json.RawMessage("null")}, ""},
		{"empty members", ecKey, edit{"kid": "", "alg": "", "use": ""}, ""},
		{"unknown members", ecKey, edit{"x5c": []int{1}, "x5t": 7, "issued": "today"}, ""},
		{"key_ops", ecKey, edit{"use": nil, "key_ops": []string{"sign", "verify"}}, ""},
		{"4096 bits", rsaKey, edit{"n": modulus(4096, true)}, ""},
		{"8192 bits", rsaKey, edit{"n": modulus(8192, true)}, ""},
		{"PS256", rsaKey, edit{"alg": "PS256"}, ""},
		{"a leading zero", rsaKey, edit{"e": b64.EncodeToString([]byte{0, 1, 0, 1})}, ""},

		{"1024 bits", rsaKey, edit{"n": modulus(1024, true)}, "1024 bits"},
		{"2047 bits", rsaKey, edit{"n": modulus(2047, true)}, "2047 bits"},
		{"8193 bits", rsaKey, edit{"n": modulus(8193, true)}, "8193 bits"},
		{"16384 bits", rsaKey, edit{"n": modulus(16384, true)}, "n is longer"},
		{"even modulus", rsaKey, edit{"n": modulus(2048, false)}, "even"},
		{"exponent 1", rsaKey, edit{"e": "AQ"}, "exponent"},
		{"exponent 0", rsaKey, edit{"e": "AA"}, "exponent"},
		{"exponent even", rsaKey, edit{"e": "AQAA"}, "exponent"},
		{"exponent of 32 bits", rsaKey, edit{"e": b64.EncodeToString([]byte{0x80, 0, 0, 1})}, "exponent"},
		{"exponent that wraps to 3", rsaKey, edit{"e": b64.EncodeToString([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3})}, "exponent"},
		{"no n", rsaKey, edit{"n": nil}, "n is missing"},
		{"n is a number", rsaKey, edit{"n": 7}, "n is not a string"},
		{"n is not base64", rsaKey, edit{"n": strings.Repeat("*", 342)}, "base64url"},
		{"use enc", rsaKey, edit{"use": "enc"}, `use is "enc"`},
		{"use is a list", rsaKey, edit{"use": []string{"sig"}}, "use is not a string"},
		{"key_ops without verify", ecKey, edit{"key_ops": []string{"sign"}}, "key_ops lacks verify"},
		{"key_ops empty", ecKey, edit{"key_ops": []string{}}, "key_ops lacks verify"},
		{"key_ops of another type", ecKey, edit{"key_ops": 1}, "key_ops is not"},
		{"alg none", ecKey, edit{"alg": "none"}, `alg "none" is not supported`},
		{"alg HS256", ecKey, edit{"alg": "HS256"}, `alg "HS256" is not supported`},
		{"alg of encryption", rsaKey, edit{"alg": "RSA-OAEP"}, `alg "RSA-OAEP"`},
		{"alg of another type", rsaKey, edit{"alg": "ES256"}, `fit alg "ES256"`},
		{"alg of another curve", ecKey, edit{"alg": "ES384"}, `fit alg "ES384"`},
		{"alg of another kind", edKey, edit{"alg": "ES256"}, `fit alg "ES256"`},
		{"oct", ecKey, edit{"kty": "oct"}, "symmetric"},
		{"kty unknown", ecKey, edit{"kty": "AKP"}, `kty "AKP"`},
		{"kty in lower case", ecKey, edit{"kty": "ec"}, `kty "ec"`},
		{"no kty", ecKey, edit{"kty": nil}, "kty is missing"},
		{"secp256k1", ecKey, edit{"crv": "secp256k1", "alg": nil}, `crv "secp256k1"`},
		{"P-224", ecKey, edit{"crv": "P-224"}, `crv "P-224"`},
		{"X25519", edKey, edit{"crv": "X25519"}, `crv "X25519"`},
		{"Ed448", edKey, edit{"crv": "Ed448"}, `crv "Ed448"`},
		{"no crv", ecKey, edit{"crv": nil}, `crv ""`},
		{"not on the curve", ecKey, edit{"y": b64.EncodeToString(make([]byte, 32))}, "not on the curve"},
		{"the point at infinity", ecKey, edit{"x": "AA", "y": "AA"}, "not on the curve"},
		{"the other curve's point", ecKey, edit{"crv": "P-384", "alg": nil}, "not on the curve"},
		{"no y", ecKey, edit{"y": nil}, "y is missing"},
		{"short Ed25519", edKey, edit{"x": b64.EncodeToString(make([]byte, 31))}, "its "},
		{"private member null", ecKey, edit{"d": json.RawMessage("null")}, "it has the member d"},
		{"kid is a number", ecKey, edit{"kid": 1}, "kid is not a string"},
		{"kid is long", ecKey, edit{"kid": strings.Repeat("k", 2000)}, "kid is longer"},
	}
	for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		tests = append(tests, struct {
			name  string
			from  *signer
			edit  edit
			wrong string
		}{"private member " + member, rsaKey, edit{member: "AQAB"}, "it has the member " + member})
	}
	good := newSigner(t, "ES256", "good")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			keys, skipped, err := keyset.Parse([]byte(jwks(t, test.from.jwk(t, test.edit), good.jwk(t, nil))))
			check.NoError(t, err)
			if test.wrong == "" {
				check.Equal(t, len(keys), 2, "keys")
				check.Equal(t, len(skipped), 0, "skipped")
				return
			}
			check.Equal(t, len(keys), 1, "keys")
			check.Equal(t, keys[0].ID, "good", "the key that is left")
			check.Equal(t, len(skipped), 1, "skipped")
			check.Contains(t, skipped[0], test.wrong)
			check.True(t, len(skipped[0]) < 400, "the reason has %d bytes", len(skipped[0]))
		})
	}
}

func TestElementsThatAreNoKeys(t *testing.T) {
	t.Parallel()
	good, err := json.Marshal(newSigner(t, "ES256", "good").jwk(t, nil))
	check.NoError(t, err)
	for _, bad := range []string{`null`, `7`, `"key"`, `[]`, `{}`, `{"kty":"EC","kty":"RSA"}`, `{"kid":"a","Kid":"b"}`} {
		keys, skipped, err := keyset.Parse([]byte(`{"keys":[` + bad + `,` + string(good) + `]}`))
		check.NoError(t, err)
		check.Equal(t, len(keys), 1, "keys beside "+bad)
		check.Equal(t, len(skipped), 1, "skipped beside "+bad)
	}
}

func TestDocumentsThatAreNoKeySet(t *testing.T) {
	t.Parallel()
	key, err := json.Marshal(newSigner(t, "ES256", "k").jwk(t, nil))
	check.NoError(t, err)
	k := string(key)
	for _, bad := range []string{
		``, ` `, `null`, `[]`, `[` + k + `]`, k, `"keys"`, `{}`, `{"keys":null}`, `{"keys":{}}`, `{"keys":[]}`, `{"keys":` + k + `}`,
		`{"keys":[` + k + `]`, `{"keys":[` + k + `]}}`, `{"keys":[` + k + `]} x`, `{"keys":[` + k + `]}{"keys":[]}`, `{"keys":[` + k + `],"keys":[]}`,
		`{"keys":[` + k + `],"k\u0065ys":[` + k + `]}`, `{"Keys":[` + k + `]}`, `{"keys":[` + k + `],"KEYS":[` + k + `]}`, `{"keys":[` + k + `],}`, `{"keys" [` + k + `]}`,
		`["keys",[` + k + `]]`, `["a",1,"keys",[` + k + `]]`,
	} {
		keys, _, err := keyset.Parse([]byte(bad))
		check.True(t, err != nil && keys == nil, "%.40s: %d keys, %v", bad, len(keys), err)
	}
	keys, _, err := keyset.Parse([]byte(" {\"other\":[{\"a\":1}],\"keys\":[" + k + "] }\r\n"))
	check.NoError(t, err)
	check.Equal(t, len(keys), 1, "keys")
}

func TestAtMostAHundredKeys(t *testing.T) {
	t.Parallel()
	k := newSigner(t, "ES256", "k")
	var all []any
	for i := range 120 {
		all = append(all, k.jwk(t, map[string]any{"kid": fmt.Sprint(i)}))
	}
	keys, skipped, err := keyset.Parse([]byte(jwks(t, all...)))
	check.NoError(t, err)
	check.Equal(t, len(keys), 100, "keys")
	check.DeepEqual(t, skipped, []string{"key 101 and later: only the first 100 are read"}, "skipped")
}

func TestSkipReasonsQuoteAndCapTheKid(t *testing.T) {
	t.Parallel()
	k := newSigner(t, "ES256", "evil\n\x1b[31m"+strings.Repeat("k", 900))
	_, skipped, err := keyset.Parse([]byte(jwks(t, k.jwk(t, map[string]any{"use": "enc"}), newSigner(t, "ES256", "good").jwk(t, nil))))
	check.NoError(t, err)
	check.Contains(t, skipped[0], `key 1 ("evil\n\x1b[31mkkk`)
	check.True(t, len(skipped[0]) < 400, "the reason has %d bytes", len(skipped[0]))
}

func TestThumbprintsTellApartKidAlgAndKey(t *testing.T) {
	t.Parallel()
	k := newSigner(t, "RS256", "a")
	other := newSigner(t, "RS256", "ab") // another RSA key
	seen := map[keyset.Thumbprint]string{}
	for _, members := range []map[string]any{
		{"kid": "a", "alg": "RS256"}, {"kid": "b", "alg": "RS256"}, {"kid": "a", "alg": "PS256"}, {"kid": "a", "alg": nil}, {"kid": nil, "alg": "RS256"},
		{"kid": "aRS256", "alg": nil},
	} {
		for _, s := range []*signer{k, other} {
			keys, _, err := keyset.Parse([]byte(jwks(t, s.jwk(t, members))))
			check.NoError(t, err)
			check.Equal(t, seen[keys[0].Thumbprint], "", "thumbprint seen before")
			seen[keys[0].Thumbprint] = fmt.Sprint(members)
		}
	}
	twice, _, err := keyset.Parse([]byte(publish(t, k, k)))
	check.NoError(t, err)
	check.Equal(t, len(twice), 1, "keys of the same key twice")
	again, _, err := keyset.Parse([]byte(publish(t, k)))
	check.NoError(t, err)
	check.Equal(t, again[0].Thumbprint, twice[0].Thumbprint, "thumbprint of the same key, parsed again")
}

// Authcore's published key set (seeds/003).
func TestAuthcoresKey(t *testing.T) {
	t.Parallel()
	keys, skipped, err := keyset.Parse([]byte(`{"keys": [{"use": "sig","kty": "EC","kid": "hN351AH04N2BBba3N6PgNcVloRohu6KkDRDMcvr5k28","crv": "P-256","alg": "ES256",
		"x": "KY6MShC7UrSkekyczKKvZQXuxFKDRd0DEgV6r9XeDAY","y": "aGDz074Md6DQU2rRSY0jif6kawW6r22Q4jzi6Se75Wk"}]}`))
	check.NoError(t, err)
	check.Equal(t, len(skipped), 0, "skipped")
	check.True(t, jws.Fits("ES256", keys[0].Public), "the key does not fit ES256")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(jwks(f, newSigner(f, "RS256", "a").jwk(f, nil), newSigner(f, "ES256", "b").jwk(f, nil), newSigner(f, "EdDSA", "c").jwk(f, nil))))
	f.Add([]byte(jwks(f, newSigner(f, "ES512", "").jwk(f, map[string]any{"alg": nil, "key_ops": []string{"verify"}}))))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"AQ","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[null,{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}],"x":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, skipped, err := keyset.Parse(body)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys with error %v", len(keys), err)
		}
		if len(keys) > 100 || len(skipped) > 101 {
			t.Fatalf("%d keys, %d skipped", len(keys), len(skipped))
		}
		if len(keys) > 0 && !json.Valid(body) {
			t.Fatal("keys of broken JSON")
		}
		for _, k := range keys {
			fits := false
			for _, alg := range jws.Algs {
				fits = fits || (k.Alg == "" || k.Alg == alg) && jws.Fits(alg, k.Public)
			}
			if !fits {
				t.Fatalf("key %q fits no algorithm", k.ID)
			}
			if r, ok := k.Public.(*rsa.PublicKey); ok && (r.E < 3 || r.N.BitLen() < 2048) {
				t.Fatal("a weak RSA key")
			}
		}
	})
}
