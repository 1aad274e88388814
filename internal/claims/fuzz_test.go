package claims_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
)

// FuzzParse holds Parse against encoding/json: what it accepts, that accepts with the same values, and what it refuses
// has one of the faults an independent walk over encoding/json's tokens finds.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		payload, `{}`, `{"a":1,"A":2}`, `{"ISS":1}`, `{"a":"\ud834\udd1e","b":[1,"x",{"y":null}]}`, `{"a":"\ud834"}`,
		`{"exp":1.7e9,"aud":["a","b"],"active":true}`, `{"ext":{"tenant":"x"}}`, members(40), `{"k":1,"\u212a":1}`, `{"a":1e999}`,
		`{"a" : [ ] , "b" : { } }`, "{\"a\":\"\x7f\xc2\x80\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		s, err := claims.Parse(raw)
		check.True(t, bytes.Equal(raw, before), "the input was changed")
		if err != nil {
			e := check.As[*claims.Error](t, err)
			check.Equal(t, e.Problem, claims.Malformed, "problem")
			check.True(t, !sound(raw), "refused without a reason: %v", err)
			return
		}
		var want map[string]any
		check.NoError(t, json.Unmarshal(raw, &want))
		var rawWant map[string]json.RawMessage
		check.NoError(t, json.Unmarshal(raw, &rawWant))
		names := s.Names()
		check.Equal(t, len(names), len(want), "number of members")
		for _, name := range names {
			v, there := want[name]
			check.True(t, there, "%q is not there for encoding/json", name)
			check.Equal(t, s.Has(name), v != nil, "has")
			check.True(t, s.Holds(name), "does not hold %q", name)
			same(t, s, name, v)
			got, ok, err := s.Lookup(name)
			check.NoError(t, err)
			check.Equal(t, ok, v != nil, "lookup")
			if ok {
				check.Equal(t, got, string(rawWant[name]), "raw value")
			}
			nested(t, s, []string{name}, v)
		}
		var decoded map[string]any
		check.NoError(t, s.Decode(&decoded))
		check.DeepEqual(t, decoded, want, "decoded")
		// None of these may panic, whatever is in there.
		_, _ = s.Scopes()
		_, _, _ = s.Time("exp")
		_ = s.CheckAudience("a", "b")
		_ = s.CheckIssuer("a")
	})
}

// same compares one member, read as each type, with encoding/json's value.
func same(t *testing.T, s *claims.Set, name string, want any) {
	t.Helper()
	text, ok, err := s.String(name)
	wantText, isText := want.(string)
	check.True(t, (err == nil && ok) == isText && text == wantText, "string: %q, %v, %v; want %v", text, ok, err, want)
	truth, ok, err := s.Bool(name)
	wantTruth, isBool := want.(bool)
	check.True(t, (err == nil && ok) == isBool && truth == wantTruth, "bool: %v, %v, %v; want %v", truth, ok, err, want)
	list, err := s.Strings(name)
	switch want := want.(type) {
	case nil:
		check.True(t, err == nil && list == nil, "strings of null: %v, %v", list, err)
	case string:
		check.True(t, err == nil && slices.Equal(list, []string{want}), "strings of a string: %v, %v", list, err)
	case []any:
		got := make([]any, len(list))
		for i := range list {
			got[i] = list[i]
		}
		allText := !slices.ContainsFunc(want, func(v any) bool { _, ok := v.(string); return !ok })
		check.True(t, (err == nil) == allText && (err != nil || reflect.DeepEqual(got, want)), "strings: %v, %v; want %v", list, err, want)
	default:
		check.True(t, err != nil, "strings of %v: %v", want, list)
	}
	at, ok, err := s.Time(name)
	number, isNumber := want.(float64)
	if isNumber && err == nil {
		check.True(t, ok && number >= 0 && float64(at.Unix()) <= number && number < float64(at.Unix()+1), "time: %v; want %v", at, number)
	}
	check.True(t, (isNumber || want == nil) || err != nil, "time of %v: %v", want, at)
}

// nested looks up every member below path.
func nested(t *testing.T, s *claims.Set, path []string, want any) {
	t.Helper()
	object, _ := want.(map[string]any)
	for name, v := range object {
		path := append(slices.Clone(path), name)
		got, ok, err := s.Lookup(path...)
		check.NoError(t, err)
		check.Equal(t, ok, v != nil, "nested lookup")
		if ok {
			var value any
			check.NoError(t, json.Unmarshal([]byte(got), &value))
			check.DeepEqual(t, value, v, "nested value")
		}
		nested(t, s, path, v)
	}
}

var (
	surrogate  = regexp.MustCompile(`(?i)\\ud[89a-f]`)
	registered = strings.Fields("iss sub aud exp nbf iat jti typ sid nonce azp acr amr auth_time at_hash c_hash s_hash events " +
		"scope scp client_id cnf act may_act token_use active token_type username authorization_details sub_id toe txn")
)

// sound reports whether Parse has to accept raw. Surrogate escapes it takes for a fault, although pairs are none.
func sound(raw []byte) bool {
	var m map[string]any
	if !utf8.Valid(raw) || surrogate.Match(raw) || json.Unmarshal(raw, &m) != nil || m == nil || len(raw) > 1<<20 {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	count := 0
	return walk(d, 0, &count) && count <= 1024
}

// walk reads one value and looks for duplicates, misspellings at the top, and depth.
func walk(d *json.Decoder, depth int, count *int) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return true
	}
	if depth++; depth > 16 {
		return false
	}
	var names []string
	for d.More() {
		if delim == '{' {
			token, err := d.Token()
			name, ok := token.(string)
			if err != nil || !ok || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
				return false
			}
			if depth == 1 && slices.ContainsFunc(registered, func(r string) bool { return r != name && strings.EqualFold(r, name) }) {
				return false
			}
			names = append(names, name)
			*count++
		}
		if !walk(d, depth, count) {
			return false
		}
	}
	_, err = d.Token()
	return err == nil
}
