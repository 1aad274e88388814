package claims_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
)

func TestString(t *testing.T) {
	t.Parallel()
	s := parse(t, `{"a":"x","b":"","c":null,"d":1,"e":"\u00e9\n\ud834\udd1e\/","f":["x"],"g":true}`)
	for name, want := range map[string]string{"a": "x", "b": "", "e": "é\n𝄞/"} {
		v, ok, err := s.String(name)
		check.NoError(t, err)
		check.True(t, ok, "%s is absent", name)
		check.Equal(t, v, want, name)
	}
	for _, name := range []string{"c", "z"} {
		_, ok, err := s.String(name)
		check.NoError(t, err)
		check.True(t, !ok, "%s is present", name)
	}
	for _, name := range []string{"d", "f", "g"} {
		_, _, err := s.String(name)
		refused(t, err, name, claims.Malformed)
	}
}

func TestBool(t *testing.T) {
	t.Parallel()
	s := parse(t, `{"a":true,"b":false,"c":null,"d":"true","e":1}`)
	for name, want := range map[string][2]bool{"a": {true, true}, "b": {false, true}, "c": {false, false}, "z": {false, false}} {
		v, ok, err := s.Bool(name)
		check.NoError(t, err)
		check.Equal(t, [2]bool{v, ok}, want, name)
	}
	for _, name := range []string{"d", "e"} {
		_, _, err := s.Bool(name)
		refused(t, err, name, claims.Malformed)
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int64{
		"0": 0, "1": 1, "1700000000": 1700000000, "1700000000.999": 1700000000, "1.7e9": 1700000000, "17E+8": 1700000000,
		"170000000000e-2": 1700000000, "253402300799": 253402300799, "0.9": 0, "1e-400": 0,
	} {
		v, ok, err := parse(t, `{"exp":`+raw+`}`).Time("exp")
		check.NoError(t, err)
		check.True(t, ok, "%s is absent", raw)
		check.Equal(t, v.Unix(), want, raw)
		check.Equal(t, v.Location(), time.UTC, "location")
	}
	for _, raw := range []string{
		"-1", "-0.5", "-0", "253402300800", "1e12", "1e300", "9223372036854775807", "18446744073709551617", strings.Repeat("9", 200),
		`"1700000000"`, `true`, `[]`, `{}`,
	} {
		_, _, err := parse(t, `{"exp":`+raw+`}`).Time("exp")
		refused(t, err, "exp", claims.Malformed)
	}
	_, ok, err := parse(t, `{"exp":null}`).Time("exp")
	check.NoError(t, err)
	check.True(t, !ok, "null counts")
}

func TestStrings(t *testing.T) {
	t.Parallel()
	s := parse(t, `{"a":"x","b":["x","","\u00e9" , "y,]"],"c":[],"d":null,"e":["x",1],"f":[["x"]],"g":{},"h":[null]}`)
	for name, want := range map[string][]string{"a": {"x"}, "b": {"x", "", "é", "y,]"}, "c": {}, "d": nil, "z": nil} {
		v, err := s.Strings(name)
		check.NoError(t, err)
		check.DeepEqual(t, v, want, name)
	}
	for _, name := range []string{"e", "f", "g", "h"} {
		_, err := s.Strings(name)
		refused(t, err, name, claims.Malformed)
	}
	one, err := s.Strings("b")
	check.NoError(t, err)
	one[0] = "changed"
	two, err := s.Strings("b")
	check.NoError(t, err)
	check.Equal(t, two[0], "x", "a second answer after the first was changed")
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][]string{
		`{}`:                                       nil,
		`{"scope":""}`:                             nil,
		`{"scope":null,"scp":null}`:                nil,
		`{"scope":"a"}`:                            {"a"},
		`{"scope":" a  b a "}`:                     {"a", "b"},
		`{"scp":"b a"}`:                            {"b", "a"},
		`{"scp":["b","a","","b"]}`:                 {"b", "a"},
		`{"scope":"a b","scp":["c","b"]}`:          {"a", "b", "c"},
		`{"scope":"a\u0020b","scp":"\u0061 c"}`:    {"a", "b", "c"},
		`{"scope":"A a"}`:                          {"A", "a"},
		`{"scope":"a\tb"}`:                         {"a\tb"},
		`{"scope":"https://x/a.b:c urn:x:y"}`:      {"https://x/a.b:c", "urn:x:y"},
		`{"scope":"` + scopeList(1024, "a") + `"}`: strings.Fields(scopeList(1024, "a")),
		`{"scope":"` + scopeList(40, "a") + `","scp":"` + scopeList(40, "a") + ` b"}`: append(strings.Fields(scopeList(40, "a")), "b"),
	} {
		got, err := parse(t, raw).Scopes()
		check.NoError(t, err)
		check.DeepEqual(t, got, want, raw)
	}
	for raw, claim := range map[string]string{
		`{"scope":["a"]}`: "scope", `{"scope":1}`: "scope", `{"scp":1}`: "scp", `{"scp":[1]}`: "scp", `{"scp":["a b"]}`: "scp", `{"scp":{}}`: "scp",
		`{"scope":"` + scopeList(1025, "a") + `"}`:                                    "scope",
		`{"scope":"` + scopeList(600, "a") + `","scp":"` + scopeList(600, "b") + `"}`: "scope",
		`{"scp":["` + strings.ReplaceAll(scopeList(1025, "a"), " ", `","`) + `"]}`:    "scope",
	} {
		_, err := parse(t, raw).Scopes()
		refused(t, err, claim, claims.Malformed)
	}
}

func scopeList(n int, prefix string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(prefix, i)
	}
	return strings.Join(list, " ")
}
