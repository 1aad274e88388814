package jws_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/jws"
)

// BenchmarkParseVerify is all of a token's way through this package and claims, beside the bare verification.
func BenchmarkParseVerify(b *testing.B) {
	options := jws.Options{Types: []string{"jwt", "at+jwt"}}
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		raw := sign(b, alg, `{"alg":"`+alg+`","kid":"key-2026-01","typ":"at+jwt"}`, servicePayload)
		key := keys()[keyOf[alg]].Public()
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				token, err := jws.Parse(raw, options)
				if err != nil || token.Verify(key) != nil {
					b.Fatal("refused")
				}
				if _, err := claims.Parse(token.Payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	raw := sign(b, "RS256", "", servicePayload)
	last := strings.LastIndexByte(raw, '.')
	signature := decode(b, raw[last+1:])
	key := keys()["rsa"].Public().(*rsa.PublicKey)
	b.Run("bare RS256", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			digest := sha256.Sum256([]byte(raw[:last]))
			if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
				b.Fatal("refused")
			}
		}
	})
}
