package introspect

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
)

// FuzzAnswer: facts come only from an object whose active is true, and have the
// values that encoding/json reads.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"active":false}`, `{"active":true}`, `{"active":true,"exp":1.5e9,"aud":["a"],"scope":"x y","scp":["z"]}`,
		`{"active":true,"sub":"CANARYCANARY"}`, `{"Active":true}`, `{"active":true,"active":false}`, `[]`, ``, `{"active":`,
		`{"active":true,"iss":"\u0041","nbf":9e99}`, `{"active":true,"CANARYCANARY":{"a":1,"A":2}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		at := time.Unix(1_700_000_000, 0)
		var got *facts
		set, err := claims.Parse(body)
		if err == nil {
			got, err = parseAnswer(set, at)
		}
		if err != nil {
			check.True(t, got == nil, "facts beside the error")
			check.Lacks(t, err.Error(), "CANARYCANARY")
			return
		}
		var want struct {
			Active *bool   `json:"active"`
			Sub    *string `json:"sub"`
		}
		var exact map[string]json.RawMessage
		check.NoError(t, json.Unmarshal(body, &exact))
		check.NoError(t, json.Unmarshal(body, &want))
		check.True(t, want.Active != nil && *want.Active == (got != nil), "active of %q", body)
		if got == nil {
			return
		}
		check.Equal(t, string(exact["active"]), "true", "active, in this very case")
		if want.Sub != nil {
			check.Equal(t, got.Subject, *want.Sub, "subject")
		}
		for _, s := range got.Scopes {
			check.True(t, s != "" && !strings.Contains(s, " "), "scope %q", s)
		}
		life := got.lifetime(at, time.Hour)
		check.True(t, life >= 0 && life <= time.Hour, "lifetime %s", life)
		check.True(t, got.Expiry.IsZero() || life == 0 || !at.Add(life).After(got.Expiry), "kept beyond exp")
		check.Equal(t, string(got.result("").Raw()), string(body), "raw")
	})
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"v":1,"key":"k","fetched":1700000000000,"answer":{"active":true}}`))
	f.Add([]byte(`{"v":1,"key":"k","fetched":1,"answer":null}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		got, err := openEnvelope(value, "k")
		check.True(t, (got == nil) == (err != nil), "facts %v, error %v", got, err)
	})
}

// A value that does not say when the provider was asked is refused, however long
// answers may be cached.
func TestEnvelopeWithoutTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, fetched string
		want          error
	}{
		{"a time", `,"fetched":1700000000000`, nil},
		{"none", ``, errEnvelope},
		{"null", `,"fetched":null`, errEnvelope},
		{"zero", `,"fetched":0`, errEnvelope},
		{"before 1970", `,"fetched":-1`, errEnvelope},
	} {
		_, err := openEnvelope([]byte(`{"v":1,"key":"k","answer":{"active":true}`+tc.fetched+`}`), "k")
		check.Equal(t, err, tc.want, tc.name)
	}
}
