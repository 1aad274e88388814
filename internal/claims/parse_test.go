package claims_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
)

func TestParseAccepts(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`{}`, " \t\r\n{ \n} \n", payload,
		`{"a":{"a":1},"b":{"a":1},"c":[{"a":1},{"a":1}]}`,
		`{"a":{"b":1},"b":[{"c":1}],"c":1}`,
		`{"oqtusm":1,"rugpxs":1}`, // these two have the same hash
		`{"a":1.5e-3,"b":-0,"c":0.0,"d":1E+2,"e":-1.25}`,
		`{"":1,"a b":"","\u00e9":1,"日本":[[],{}]}`,
		`{"a":"\"\\\/\b\f\n\r\t\u0000\uD834\uDD1E"}`,
		`{"Email":1,"Tenant":1,"NAME":1}`,
		strings.Repeat(`{"a":`, 15) + `[]` + strings.Repeat(`}`, 15),
		members(1024),
		`{"a":` + strings.Repeat("9", 308) + `}`,
	} {
		s := parse(t, raw)
		check.Equal(t, s.Raw(), raw, "raw")
		check.True(t, json.Valid([]byte(raw)), "this test's %s is not JSON", raw)
	}
}

// members is an object of n members.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":%d`, i, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"empty":                   ``,
		"blank":                   ` `,
		"array":                   `[]`,
		"string":                  `"a"`,
		"null":                    `null`,
		"byte order mark":         "\xef\xbb\xbf{}",
		"open":                    `{`,
		"open member":             `{"a"`,
		"open value":              `{"a":`,
		"open string":             `{"a":"b`,
		"open escape":             `{"a":"\`,
		"open unicode escape":     `{"a":"\u12`,
		"open array":              `{"a":[1`,
		"open literal":            `{"a":tru`,
		"open number":             `{"a":-`,
		"trailing comma":          `{"a":1,}`,
		"trailing comma in array": `{"a":[1,]}`,
		"leading comma":           `{,"a":1}`,
		"leading comma in array":  `{"a":[,1]}`,
		"missing comma":           `{"a":1 "b":1}`,
		"missing colon":           `{"a" 1}`,
		"equals sign":             `{"a"=1}`,
		"unquoted name":           `{a:1}`,
		"single quotes":           `{'a':1}`,
		"comment":                 `{/**/}`,
		"two objects":             `{}{}`,
		"trailing data":           `{} x`,
		"trailing zero byte":      "{}\x00",
		"wrong close":             `{"a":[}]}`,
		"wrong close of array":    `{"a":[1}}`,
		"wrong close of object":   `{"a":[{"b":1]]}`,
		"capital literal":         `{"a":True}`,
		"misspelt true":           `{"a":trux}`,
		"misspelt false":          `{"a":falsy}`,
		"misspelt null":           `{"a":nuli}`,
		"NaN":                     `{"a":NaN}`,
		"leading zero":            `{"a":01}`,
		"plus":                    `{"a":+1}`,
		"dot first":               `{"a":.5}`,
		"dot last":                `{"a":1.}`,
		"empty exponent":          `{"a":1e}`,
		"hex":                     `{"a":0x10}`,
		"out of range":            `{"a":1e400}`,
		"out of range, digits":    `{"a":` + strings.Repeat("9", 310) + `}`,
		"control character":       "{\"a\":\"\x1f\"}",
		"newline in string":       "{\"a\":\"0123456789\n\"}",
		"control, then a letter":  "{\"a\":\"\x01n\"}",
		"control, then a quote":   "{\"a\":\"\x01\"\"}",
		"control, then an escape": "{\"a\":\"\x01u0041\"}",
		"control in name":         "{\"\x01n\":1}",
		"other space":             "{\u00a0}",
		"vertical tab":            "{\v}",
		"form feed":               "{\f}",
		"form feed before value":  "{\"a\":\f1}",
		"bad escape":              `{"a":"\x"}`,
		"bad unicode escape":      `{"a":"\u00g0"}`,
		"high surrogate":          `{"a":"\ud834"}`,
		"high surrogate, no low":  `{"a":"\ud834\u0041"}`,
		"two high surrogates":     `{"a":"\ud834\ud834"}`,
		"two low surrogates":      `{"a":"\udc00\udc00"}`,
		"low surrogate first":     `{"a":"\udc00\ud834"}`,
		"high surrogate, beyond":  `{"a":"\ud834\ue000"}`,
		"high surrogate, text":    `{"a":"\ud834abcdefgh"}`,
		"low surrogate":           `{"a":"\udd1e"}`,
		"surrogate in name":       `{"\ud834":1}`,
		"invalid UTF-8":           "{\"a\":\"\xff\"}",
		"overlong":                "{\"a\":\"\xc0\xaf\"}",
		"UTF-8 surrogate":         "{\"a\":\"\xed\xa0\x80\"}",
		"invalid UTF-8 in name":   "{\"\xff\":1}",
		"too deep":                strings.Repeat(`{"a":`, 16) + `[]` + strings.Repeat(`}`, 16),
		"far too deep":            `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
		"too many members":        members(1025),
		"too many members inside": `{"a":[` + members(600) + `,` + members(600) + `]}`,
		"too large":               `{"a":"` + strings.Repeat("a", 1<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := claims.Parse([]byte(raw))
			refused(t, err, "", claims.Malformed)
		})
	}
}

func TestParseRefusesDuplicates(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`{"a":1,"a":1}`,
		`{"a":1,"A":1}`,
		`{"a":1,"\u0061":1}`,
		`{"a":1,"\u0041":1}`,
		`{"tenants":1,"tenant\u017f":1}`,
		`{"tenants":1,"tenantſ":1}`,
		`{"kind":1,"` + "\u212a" + `ind":1}`,
		`{"ΣIGMA":1,"ςigma":1}`,
		`{"é":1,"É":1}`,
		`{"\ud801\udc00":1,"` + "\U00010428" + `":1}`, // Deseret capital and small long I
		`{"":1,"":2}`,
		`{"a":{"b":1,"b":2}}`,
		`{"a":{"b":1,"B":2}}`,
		`{"a":[[{"b":1,"B":2}]]}`,
		`{"a":null,"a":1}`,
		strings.Replace(members(1000), `"m999"`, `"M0"`, 1),
		strings.Replace(members(1000), `"m999"`, `"M40"`, 1),
		strings.Replace(members(33), `"m32"`, `"\u006D0"`, 1),
		strings.Replace(members(32), `"m31"`, `"m0"`, 1),
		`{"` + strings.Repeat("a", 200) + `":1,"` + strings.Repeat("a", 199) + `A":1}`,
	} {
		_, err := claims.Parse([]byte(raw))
		e := refused(t, err, "", claims.Malformed)
		check.Contains(t, e.Error(), "twice")
	}
	_, err := claims.Parse([]byte(`{"canary":1,"canary":2}`))
	check.Lacks(t, err.Error(), "canary")
	_, err = claims.Parse([]byte(`{"iss":"a","iss":"b"}`))
	refused(t, err, "iss", claims.Malformed)
	check.Contains(t, err.Error(), `"iss"`)
	_, err = claims.Parse([]byte(`{"iss":"a","ISS":"b"}`))
	refused(t, err, "iss", claims.Malformed)
}

func TestParseRefusesCaseVariants(t *testing.T) {
	t.Parallel()
	for raw, claim := range map[string]string{
		`{"ISS":"a"}`:             "iss",
		`{"Exp":1}`:               "exp",
		`{"i\u017fs":"a"}`:        "iss",
		`{"iſs":"a"}`:             "iss",
		`{"\u0041ud":"a"}`:        "aud",
		`{"to\u212aen_use":"id"}`: "token_use",
		`{"Client_ID":"a"}`:       "client_id",
		`{"CNF":{}}`:              "cnf",
		`{"Active":true}`:         "active",
		`{"scoPe":""}`:            "scope",
		`{"Nonce":""}`:            "nonce",
		`{"AZP":""}`:              "azp",
		`{"Sub":""}`:              "sub",
		`{"NBF":1}`:               "nbf",
		`{"iAt":1}`:               "iat",
		`{"Sid":""}`:              "sid",
		`{"Jti":""}`:              "jti",
		`{"Typ":""}`:              "typ",
		`{"At_hash":""}`:          "at_hash",
		`{"auth_Time":1}`:         "auth_time",
		`{"Acr":""}`:              "acr",
		`{"Events":{}}`:           "events",
		`{"SCP":""}`:              "scp",
	} {
		_, err := claims.Parse([]byte(raw))
		e := refused(t, err, claim, claims.Malformed)
		check.Contains(t, e.Error(), "misspelling", `"`+claim+`"`)
	}
	// Below the top a registered name is a name like any other, and so is one that is written with an escape.
	parse(t, `{"act":{"SUB":"a"},"i\u0073s":"a"}`)
}

func TestParseHeader(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`{"ALG":"RS256"}`, `{"Kid":""}`, `{"TYP":""}`, `{"x5t#s256":""}`, `{"X5T#S256":""}`, `{"Crit":[]}`, `{"B64":true}`, `{"Zip":""}`} {
		_, err := claims.ParseHeader([]byte(raw))
		check.Equal(t, check.As[*claims.Error](t, err).Problem, claims.Malformed, raw)
	}
	_, err := claims.ParseHeader([]byte(`{"alg":"RS256","x5t#S256":"","x5t":"","ISS":""}`))
	check.NoError(t, err)
	parse(t, `{"ALG":"RS256"}`)
}

// TestStringsOfEveryLength puts what ends or breaks a string at every place of the eight bytes that are scanned at once.
func TestStringsOfEveryLength(t *testing.T) {
	t.Parallel()
	for _, filler := range []string{"a", "\x7f", " ", "!", "#", "[", "]", "é", "\u20ac", "\U0010ffff"} {
		for n := range 20 {
			for _, special := range []string{"", `\"`, `\\`, `\u0022`, "\x1f", "\x00", "\n"} {
				for at := range n + 1 {
					inside := strings.Repeat(filler, at) + special + strings.Repeat(filler, n-at)
					raw := `{"a":"` + inside + `","b":"` + inside + `"}`
					s, err := claims.Parse([]byte(raw))
					if special != "" && special[0] < ' ' {
						refused(t, err, "", claims.Malformed)
						continue
					}
					check.NoError(t, err)
					var want map[string]string
					check.NoError(t, json.Unmarshal([]byte(raw), &want))
					for _, name := range []string{"a", "b"} {
						got, _, err := s.String(name)
						check.NoError(t, err)
						check.Equal(t, got, want[name], raw)
					}
				}
			}
		}
	}
}
