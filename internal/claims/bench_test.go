package claims_test

import (
	"encoding/json"
	"testing"

	"github.com/relyingparty/oidc/internal/claims"
)

func BenchmarkParse(b *testing.B) {
	raw := []byte(payload)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := claims.Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	raw := []byte(payload)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		var v map[string]json.RawMessage
		if err := json.Unmarshal(raw, &v); err != nil {
			b.Fatal(err)
		}
	}
}
