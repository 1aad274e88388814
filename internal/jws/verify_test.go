package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
)

func parse(t testing.TB, raw string, o jws.Options) *jws.Token {
	t.Helper()
	token, err := jws.Parse(raw, o)
	check.NoError(t, err)
	return token
}

func decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	check.NoError(t, err)
	return b
}

func TestVerify(t *testing.T) {
	t.Parallel()
	curveless := *keys()["P-256"].Public().(*ecdsa.PublicKey)
	curveless.Curve = nil
	for _, alg := range jws.Algs {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			raw := sign(t, alg, "", `{"sub":"a"}`)
			public := keys()[keyOf[alg]].Public()
			for range 20 { // r and s have leading zeros now and then
				check.NoError(t, parse(t, sign(t, alg, "", `{"sub":"a"}`), jws.Options{}).Verify(public))
			}
			first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
			signature := decode(t, raw[last+1:])

			for name, other := range keys() {
				check.Equal(t, jws.Fits(alg, other.Public()), name == keyOf[alg], name)
				if name != keyOf[alg] {
					refused(t, parse(t, raw, jws.Options{}).Verify(other.Public()), jws.SignatureInvalid)
				}
			}
			for _, no := range []crypto.PublicKey{
				nil, "key", []byte("key"), keys()[keyOf[alg]], (*rsa.PublicKey)(nil), (*ecdsa.PublicKey)(nil), &rsa.PublicKey{}, &ecdsa.PublicKey{},
				ed25519.PublicKey(nil), make(ed25519.PublicKey, 31),
				&curveless, // as algorithms are that need no curve
				&ecdsa.PublicKey{Curve: elliptic.P256()}, &ecdsa.PublicKey{Curve: elliptic.P384()}, &ecdsa.PublicKey{Curve: elliptic.P521()},
			} {
				check.True(t, !jws.Fits(alg, no), "%T fits", no)
				refused(t, parse(t, raw, jws.Options{}).Verify(no), jws.SignatureInvalid)
			}

			flipped := slices.Clone(signature)
			flipped[len(flipped)-1] ^= 1
			for name, bad := range map[string]string{
				"payload": raw[:first+1] + b64(`{"sub":"b"}`) + raw[last:],
				"header":  b64(`{"alg":"`+alg+`","x":1}`) + raw[first:],
				"flipped": raw[:last+1] + b64(string(flipped)),
				"short":   raw[:last+1] + b64(string(signature[:len(signature)-1])),
				"long":    raw[:last+1] + b64(string(signature)+"\x00"),
				"padded":  raw[:last+1] + b64("\x00"+string(signature)),
				"zeros":   raw[:last+1] + b64(string(make([]byte, len(signature)))),
				"one":     raw[:last+1] + b64("\x00"),
			} {
				t.Run(name, func(t *testing.T) {
					refused(t, parse(t, bad, jws.Options{}).Verify(public), jws.SignatureInvalid)
				})
			}
			refused(t, parse(t, raw, jws.Options{}).VerifyHMAC([]byte("secret")), jws.SignatureInvalid)
		})
	}
}

// TestVerifyRefusesAnotherAlg: the same key, but another hash or padding than the header says.
func TestVerifyRefusesAnotherAlg(t *testing.T) {
	t.Parallel()
	public := keys()["rsa"].Public()
	for _, made := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		for _, said := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
			token := parse(t, sign(t, made, `{"alg":"`+said+`"}`, "{}"), jws.Options{})
			if made == said {
				check.NoError(t, token.Verify(public))
			} else {
				refused(t, token.Verify(public), jws.SignatureInvalid)
			}
		}
	}
}

func TestVerifyRefusesPSSSalt(t *testing.T) {
	t.Parallel()
	key := keys()["rsa"]
	signed := b64(`{"alg":"PS256"}`) + "." + b64(`{}`)
	digest := sha256.Sum256([]byte(signed))
	for salt, ok := range map[int]bool{32: true, 20: false, 0x40: false, rsa.PSSSaltLengthAuto: false} {
		sig, err := key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA256})
		check.NoError(t, err)
		err = parse(t, signed+"."+b64(string(sig)), jws.Options{}).Verify(key.Public())
		check.Equal(t, err == nil, ok, "valid")
	}
}

func TestVerifyRefusesASN1(t *testing.T) {
	t.Parallel()
	key := keys()["P-256"].(*ecdsa.PrivateKey)
	signed := b64(`{"alg":"ES256"}`) + "." + b64(`{}`)
	digest := sha256.Sum256([]byte(signed))
	sig, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	check.NoError(t, err)
	refused(t, parse(t, signed+"."+b64(string(sig)), jws.Options{}).Verify(key.Public()), jws.SignatureInvalid)
}

// TestVerifyNumbersOutOfRange: r and s are in [1, n-1]; s and n-s are both valid for ECDSA.
func TestVerifyNumbersOutOfRange(t *testing.T) {
	t.Parallel()
	for alg, size := range sizes {
		key := keys()[keyOf[alg]].(*ecdsa.PrivateKey)
		signed := b64(`{"alg":"`+alg+`"}`) + "." + b64(`{}`)
		sig := signature(t, alg, signed)
		r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
		n := key.Curve.Params().N
		zero, all := new(big.Int), new(big.Int).SetBytes([]byte(strings.Repeat("\xff", size)))
		for _, bad := range [][2]*big.Int{{zero, s}, {r, zero}, {zero, zero}, {n, s}, {r, n}, {all, s}, {r, all}, {all, all}, {s, r}} {
			token := parse(t, signed+"."+b64(string(rs(bad[0], bad[1], size))), jws.Options{})
			refused(t, token.Verify(key.Public()), jws.SignatureInvalid)
		}
		other := parse(t, signed+"."+b64(string(rs(r, new(big.Int).Sub(n, s), size))), jws.Options{})
		check.NoError(t, other.Verify(key.Public()))
	}
}

// TestVerifyECDSASize: r||s has one length. A zero in front of s changes its
// bytes and not its value, so that one signature would have many spellings.
func TestVerifyECDSASize(t *testing.T) {
	t.Parallel()
	for alg, size := range sizes {
		signed := b64(`{"alg":"`+alg+`"}`) + "." + b64(`{}`)
		sig := string(signature(t, alg, signed))
		for name, bad := range map[string]string{
			"zero before s": sig[:size] + "\x00" + sig[size:], "zeros before s": sig[:size] + "\x00\x00\x00" + sig[size:],
			"zero before r": "\x00" + sig, "zero before both": "\x00" + sig[:size] + "\x00" + sig[size:],
			"zero at the end": sig + "\x00", "zeros at the end": sig + strings.Repeat("\x00", 2*size), "twice": sig + sig,
		} {
			t.Run(alg+" "+name, func(t *testing.T) {
				refused(t, parse(t, signed+"."+b64(bad), jws.Options{}).Verify(keys()[keyOf[alg]].Public()), jws.SignatureInvalid)
			})
		}
	}
}

// TestVerifyLongTokens: all of a token is verified, also beyond what the
// buffer for most of them holds.
func TestVerifyLongTokens(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "PS384", "ES512", "EdDSA"} {
		public := keys()[keyOf[alg]].Public()
		payload := `{"a":"` + strings.Repeat("x", 6000) + `"}`
		raw := sign(t, alg, "", payload)
		check.NoError(t, parse(t, raw, jws.Options{}).Verify(public))
		first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
		changed := raw[:first+1] + b64(payload[:len(payload)-3]+`y"}`) + raw[last:]
		refused(t, parse(t, changed, jws.Options{}).Verify(public), jws.SignatureInvalid)
	}
}

func TestFitsRSASizes(t *testing.T) {
	t.Parallel()
	for bits, ok := range map[uint]bool{512: false, 1024: false, 2047: false, 2048: true, 4096: true, 8192: true, 8193: false, 16384: false} {
		key := &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int), int(bits)-1, 1), E: 65537}
		check.Equal(t, jws.Fits("RS256", key), ok, "fits")
		if !ok {
			refused(t, parse(t, sign(t, "RS256", "", "{}"), jws.Options{}).Verify(key), jws.SignatureInvalid)
		}
	}
	check.True(t, !jws.Fits("none", keys()["rsa"].Public()), "none fits")
	check.True(t, !jws.Fits("HS256", []byte("secret")), "HS256 fits")
}

func TestVerifyHMAC(t *testing.T) {
	t.Parallel()
	hs := jws.Options{Algs: []string{"HS256"}}
	raw := sign(t, "HS256", "", `{}`)
	check.NoError(t, parse(t, raw, hs).VerifyHMAC([]byte(hmacSecret)))
	refused(t, parse(t, raw, hs).VerifyHMAC([]byte(hmacSecret+"x")), jws.SignatureInvalid)
	refused(t, parse(t, raw, hs).VerifyHMAC(nil), jws.SignatureInvalid)
	refused(t, parse(t, raw[:len(raw)-4], hs).VerifyHMAC([]byte(hmacSecret)), jws.SignatureInvalid)
	for _, key := range keys() {
		refused(t, parse(t, raw, hs).Verify(key.Public()), jws.SignatureInvalid)
	}
	// Confusion of algorithms: an HMAC under a header that says something else, and one that anybody can make.
	signed := b64(`{"alg":"RS256"}`) + "." + b64(`{}`)
	confused := parse(t, signed+"."+b64(string(signature(t, "HS256", signed))), jws.Options{Algs: []string{"HS256", "RS256"}})
	refused(t, confused.VerifyHMAC([]byte(hmacSecret)), jws.SignatureInvalid)
	signed = b64(`{"alg":"HS256"}`) + "." + b64(`{}`)
	mac := hmac.New(sha256.New, nil)
	mac.Write([]byte(signed))
	for _, empty := range [][]byte{nil, {}} {
		refused(t, parse(t, signed+"."+b64(string(mac.Sum(nil))), hs).VerifyHMAC(empty), jws.SignatureInvalid)
	}
	refused(t, parse(t, raw, hs).Verify([]byte(hmacSecret)), jws.SignatureInvalid)
}

// TestRFCVectors are the examples of RFC 7515, appendices A.1 to A.4, and of RFC 8037, appendix A.4.
func TestRFCVectors(t *testing.T) {
	t.Parallel()
	const joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	ec := func(c elliptic.Curve, x, y string) crypto.PublicKey {
		key, err := ecdsa.ParseUncompressedPublicKey(c, slices.Concat([]byte{4}, decode(t, x), decode(t, y)))
		check.NoError(t, err)
		return key
	}
	n := decode(t, "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")
	for name, test := range map[string]struct {
		raw string
		key crypto.PublicKey
	}{
		"RFC 7515 A.2": {
			"eyJhbGciOiJSUzI1NiJ9." + joe + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
			&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537},
		},
		"RFC 7515 A.3": {
			"eyJhbGciOiJFUzI1NiJ9." + joe + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
			ec(elliptic.P256(), "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
		},
		"RFC 7515 A.4": {
			"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
			ec(elliptic.P521(), "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk", "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"),
		},
		"RFC 8037 A.4": {
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
			ed25519.PublicKey(decode(t, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check.NoError(t, parse(t, test.raw, jws.Options{}).Verify(test.key))
		})
	}
	t.Run("RFC 7515 A.1", func(t *testing.T) {
		t.Parallel()
		token := parse(t, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."+joe+".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", jws.Options{Algs: []string{"HS256"}})
		check.NoError(t, token.VerifyHMAC(decode(t, "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")))
	})
}
