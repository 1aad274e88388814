package claims_test

import (
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
)

func TestCheckTimes(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	for _, test := range []struct {
		name, raw string
		skew      time.Duration
		lenient   bool // exp not required
		claim     string
		problem   claims.Problem
	}{
		{name: "valid", raw: `{"exp":1700000001,"nbf":1700000000,"iat":1700000000}`},
		{name: "exp missing", raw: `{}`, claim: "exp", problem: claims.Missing},
		{name: "exp null", raw: `{"exp":null}`, claim: "exp", problem: claims.Missing},
		{name: "exp not required", raw: `{}`, lenient: true},
		{name: "exp not required, but passed", raw: `{"exp":1}`, lenient: true, claim: "exp", problem: claims.Expired},
		{name: "at exp", raw: `{"exp":1700000000}`, claim: "exp", problem: claims.Expired},
		{name: "within skew", raw: `{"exp":1699999971}`, skew: 30 * time.Second},
		{name: "at the end of skew", raw: `{"exp":1699999970}`, skew: 30 * time.Second, claim: "exp", problem: claims.Expired},
		{name: "negative skew", raw: `{"exp":1700000001}`, skew: -time.Hour},
		{name: "nbf ahead", raw: `{"exp":1700000001,"nbf":1700000001}`, claim: "nbf", problem: claims.NotYetValid},
		{name: "nbf at skew", raw: `{"exp":1700000001,"nbf":1700000030}`, skew: 30 * time.Second},
		{name: "nbf beyond skew", raw: `{"exp":1700000001,"nbf":1700000031}`, skew: 30 * time.Second, claim: "nbf", problem: claims.NotYetValid},
		{name: "iat ahead", raw: `{"exp":1700000001,"iat":1700000001}`, claim: "iat", problem: claims.NotYetValid},
		{name: "iat at skew", raw: `{"exp":1700000001,"iat":1700000030}`, skew: 30 * time.Second},
		{name: "exp a string", raw: `{"exp":"1700000001"}`, claim: "exp", problem: claims.Malformed},
		{name: "nbf a string", raw: `{"exp":1700000001,"nbf":"1"}`, claim: "nbf", problem: claims.Malformed},
		{name: "iat out of range", raw: `{"exp":1700000001,"iat":1e20}`, claim: "iat", problem: claims.Malformed},
		{name: "exp in milliseconds", raw: `{"exp":1700000001000}`, claim: "exp", problem: claims.Malformed},
		{name: "last second", raw: `{"exp":253402300799}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := parse(t, test.raw).CheckTimes(now, test.skew, !test.lenient)
			if test.problem == 0 {
				check.NoError(t, err)
				return
			}
			refused(t, err, test.claim, test.problem)
		})
	}
}

func TestCheckIssuer(t *testing.T) {
	t.Parallel()
	const want = "https://id.example.com"
	check.NoError(t, parse(t, `{"iss":"https://id.example.com"}`).CheckIssuer(want))
	check.NoError(t, parse(t, `{"iss":"https:\/\/id.example.com"}`).CheckIssuer(want))
	for raw, problem := range map[string]claims.Problem{
		`{}`: claims.Missing, `{"iss":null}`: claims.Missing, `{"iss":""}`: claims.Missing,
		`{"iss":1}`: claims.Malformed, `{"iss":["https://id.example.com"]}`: claims.Malformed,
		`{"iss":"https://id.example.com/"}`: claims.Mismatch, `{"iss":"HTTPS://id.example.com"}`: claims.Mismatch,
		`{"iss":"https://id.example.com\u0000"}`: claims.Mismatch,
	} {
		refused(t, parse(t, raw).CheckIssuer(want), "iss", problem)
	}
	refused(t, parse(t, `{"iss":""}`).CheckIssuer(""), "iss", claims.Missing)
	err := parse(t, `{"iss":"https://other\n`+strings.Repeat("x", 500)+`"}`).CheckIssuer(want)
	check.Contains(t, err.Error(), `"https://other\n`, `..., expected "https://id.example.com"`)
	check.True(t, len(err.Error()) < 200, "%d bytes of error", len(err.Error()))
}

func TestCheckAudience(t *testing.T) {
	t.Parallel()
	want := []string{"https://api", "api"}
	for _, raw := range []string{
		`{"aud":"api"}`, `{"aud":["x","api"]}`, `{"aud":["https://api","x"]}`, `{"aud":["","\u0061pi"]}`,
		`{"aud":[` + strings.Repeat(`"x",`, 63) + `"api"]}`,
	} {
		check.NoError(t, parse(t, raw).CheckAudience(want...))
	}
	for raw, problem := range map[string]claims.Problem{
		`{}`: claims.Missing, `{"aud":null}`: claims.Missing, `{"aud":""}`: claims.Missing, `{"aud":[]}`: claims.Missing, `{"aud":["",""]}`: claims.Missing,
		`{"aud":1}`: claims.Malformed, `{"aud":{}}`: claims.Malformed, `{"aud":["api",1]}`: claims.Malformed, `{"aud":[["api"]]}`: claims.Malformed,
		`{"aud":["api",` + strings.Repeat(`"x",`, 63) + `"x"]}`: claims.Malformed,
		`{"aud":"API"}`: claims.Mismatch, `{"aud":"api "}`: claims.Mismatch, `{"aud":["x","y"]}`: claims.Mismatch, `{"aud":"api x"}`: claims.Mismatch,
	} {
		refused(t, parse(t, raw).CheckAudience(want...), "aud", problem)
	}
	refused(t, parse(t, `{"aud":""}`).CheckAudience(""), "aud", claims.Missing)
	refused(t, parse(t, `{"aud":["","x"]}`).CheckAudience(""), "aud", claims.Mismatch)
	refused(t, parse(t, `{"aud":"api"}`).CheckAudience(), "aud", claims.Mismatch)
	err := parse(t, `{"aud":["x","y"]}`).CheckAudience(want...)
	check.Equal(t, err.Error(), `claims: aud is "x" and others, expected "https://api" or another of ours`, "text")
}
