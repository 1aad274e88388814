package jws_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/jws"
)

// FuzzParse: what is accepted is three parts that encode back to the input, under an allowed alg.
func FuzzParse(f *testing.F) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA", "HS256"} {
		f.Add(sign(f, alg, `{"alg":"`+alg+`","kid":"a","typ":"JWT"}`, servicePayload))
	}
	f.Add(compact(`{"alg":"none"}`, "{}", "a"))
	f.Add(compact(`{"alg":"RS256","crit":["exp"]}`, "{}", "a"))
	f.Add("a.b.c")
	public := keys()["P-256"].Public()
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := jws.Parse(raw, jws.Options{})
		if err != nil {
			check.As[*jws.Error](t, err)
			return
		}
		parts := strings.Split(raw, ".")
		check.Equal(t, len(parts), 3, "parts")
		for _, part := range parts {
			check.Equal(t, base64.RawURLEncoding.EncodeToString(decode(t, part)), part, "part")
		}
		check.Equal(t, b64(token.Payload), parts[1], "payload")
		check.True(t, slices.Contains(jws.Algs, token.Alg), "alg %q", token.Alg)
		check.True(t, token.Type == "" || token.Type == "jwt", "typ %q", token.Type)
		_, err = claims.ParseHeader(decode(t, parts[0]))
		check.NoError(t, err)
		_ = token.Verify(public)
	})
}
