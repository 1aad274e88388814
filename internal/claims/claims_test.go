package claims_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
)

// payload is a service token's, about 600 bytes long.
const payload = `{"iss":"https://id.example.com/realms/acme","sub":"248289761001","aud":["https://api.example.com","account"],` +
	`"exp":4102444800,"nbf":1700000000,"iat":1700000000,"jti":"8f7d3c1e-6b57-4b3e-9d3a-0c7b0d3f9f11","client_id":"web",` +
	`"scope":"openid profile email","tenant":"acme","realm_access":{"roles":["admin","user","viewer"]},` +
	`"resource_access":{"account":{"roles":["manage-account","view-profile"]}},"email":"someone@example.com",` +
	`"email_verified":true,"name":"Some One","auth_time":1700000000,"acr":"1","azp":"web","sid":"5a1b","cnf":null}`

func parse(t testing.TB, raw string) *claims.Set {
	t.Helper()
	s, err := claims.Parse([]byte(raw))
	check.NoError(t, err)
	return s
}

// refused fails the test unless err is a *claims.Error about claim.
func refused(t testing.TB, err error, claim string, problem claims.Problem) *claims.Error {
	t.Helper()
	e := check.As[*claims.Error](t, err)
	check.Equal(t, e.Claim, claim, "claim")
	check.Equal(t, e.Problem, problem, "problem")
	return e
}

func TestErrorsQuoteNoValues(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-value"
	long := strings.Repeat("é", 100)
	_, duplicate := claims.Parse([]byte(`{"` + long + `":"` + secret + `","` + long + `":"` + secret + `"}`))
	s := parse(t, `{"exp":"`+secret+`","sub":["`+secret+`"],"active":"`+secret+`","scope":["`+secret+`"],"scp":{"`+secret+`":1},"n":"`+secret+`"}`)
	_, _, exp := s.Time("exp")
	_, _, sub := s.String("sub")
	_, _, active := s.Bool("active")
	_, scopes := s.Scopes()
	_, scp := s.Strings("scp")
	decoded := s.Decode(&struct{ N int }{})
	own := s.Decode(&struct{ N teller }{})
	for _, err := range []error{duplicate, exp, sub, active, scopes, scp, decoded, own} {
		e := check.As[*claims.Error](t, err)
		check.Lacks(t, e.Error(), secret)
		check.True(t, len(e.Error()) < 300, "%d bytes of error", len(e.Error()))
		check.Equal(t, e.Problem, claims.Malformed, "problem")
	}
}

// teller fails to decode, and tells what.
type teller struct{}

func (*teller) UnmarshalJSON(raw []byte) error { return errors.New(string(raw)) }

func TestSetIsIndexed(t *testing.T) {
	t.Parallel()
	s := parse(t, `{"b":1,"\u0061":null,"c\n":{"d":[]}}`)
	check.DeepEqual(t, s.Names(), []string{"b", "a", "c\n"}, "names")
	for name, has := range map[string]bool{"b": true, "a": false, "c\n": true, "C\n": false, "d": false, "": false} {
		check.Equal(t, s.Has(name), has, name)
	}
	for name, holds := range map[string]bool{"b": true, "a": true, "x": false} {
		check.Equal(t, s.Holds(name), holds, name)
	}
	check.DeepEqual(t, parse(t, `{}`).Names(), []string{}, "names of nothing")
	check.Equal(t, len(parse(t, members(500)).Names()), 500, "names of much")
}

func TestLookup(t *testing.T) {
	t.Parallel()
	s := parse(t, `{"tenant":"acme","ext":{ "tenant" : "a\"},{c" , "deep":{"x":[1,{"y":2}]},"n":null},"Realm":{"a":1},"o":{"Tenant":"acme"},"list":[{"a":1}],"e":{}}`)
	for path, want := range map[string]string{
		"tenant": `"acme"`, "ext tenant": `"a\"},{c"`, "ext deep x": `[1,{"y":2}]`, "Realm a": "1", "e": "{}",
		"ext n": "", "ext none": "", "none": "", "tenant x": "", "list a": "", "ext n x": "", "e e": "", "": "",
	} {
		v, ok, err := s.Lookup(strings.Fields(path)...)
		check.NoError(t, err)
		check.Equal(t, ok, want != "", path)
		check.Equal(t, v, want, path)
	}
	for path, claim := range map[string]string{
		"TENANT": "TENANT", "ext Tenant": "Tenant", "realm a": "realm", "o tenant": "tenant", "Realm A": "A", "ext DEEP x": "DEEP",
	} {
		_, _, err := s.Lookup(strings.Fields(path)...)
		refused(t, err, claim, claims.Malformed)
	}
	for _, raw := range []string{`{"tenantſ":1}`, `{"tenant\u017f":1}`, `{"\u0054enants":1}`} {
		_, _, err := parse(t, raw).Lookup("tenants")
		refused(t, err, "tenants", claims.Malformed)
	}
}

// scribbler writes to what it is given, which json.Unmarshaler does not forbid.
type scribbler struct{}

func (*scribbler) UnmarshalJSON(raw []byte) error {
	clear(raw)
	return nil
}

func TestDecode(t *testing.T) {
	t.Parallel()
	s := parse(t, payload)
	var v struct {
		Tenant string
		Roles  struct{ Roles []string } `json:"realm_access"`
	}
	check.NoError(t, s.Decode(&v))
	check.Equal(t, v.Tenant, "acme", "tenant")
	check.Equal(t, len(v.Roles.Roles), 3, "roles")
	check.NoError(t, s.Decode(&struct {
		Tenant scribbler `json:"tenant"`
	}{}))
	check.NoError(t, s.Decode(new(scribbler)))
	check.Equal(t, s.Raw(), payload, "the object after somebody wrote to what was decoded")
	check.Contains(t, s.Decode(nil).Error(), "non-nil pointer")
	e := check.As[*claims.Error](t, s.Decode(&struct {
		Tenant int `json:"tenant"`
	}{}))
	check.Contains(t, e.Error(), "tenant")
}
