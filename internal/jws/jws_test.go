package jws_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
)

func refused(t testing.TB, err error, reason jws.Reason) {
	t.Helper()
	e := check.As[*jws.Error](t, err)
	check.Equal(t, e.Reason, reason, e.Error())
	check.True(t, strings.HasPrefix(e.Error(), "jws: "), "text is %q", e.Error())
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		header  string
		options jws.Options
		want    jws.Header
	}{
		{header: `{"alg":"RS256"}`, want: jws.Header{Alg: "RS256"}},
		{header: "{\"typ\":\"JWT\",\r\n \"alg\":\"ES256\"}", want: jws.Header{Alg: "ES256", Type: "jwt"}},
		{header: `{"alg":"EdDSA","kid":"a","typ":"application/JWT"}`, want: jws.Header{Alg: "EdDSA", KeyID: "a", HasKeyID: true, Type: "jwt"}},
		{header: `{"alg":"PS512","kid":""}`, want: jws.Header{Alg: "PS512", HasKeyID: true}},
		{
			header: `{"alg":"RS256","typ":"Application/AT+jwt"}`, options: jws.Options{Types: []string{"jwt", "at+jwt"}},
			want: jws.Header{Alg: "RS256", Type: "at+jwt"},
		},
		{
			header: `{"alg":"RS256","typ":"logout+jwt"}`, options: jws.Options{Types: []string{"logout+jwt"}},
			want: jws.Header{Alg: "RS256", Type: "logout+jwt"},
		},
		{header: `{"alg":"HS256"}`, options: jws.Options{Algs: []string{"HS256"}}, want: jws.Header{Alg: "HS256"}},
		{
			header: `{"alg":"RS256","jku":"https://evil","x5u":"https://evil","jwk":{"kty":"oct","k":"AA"},"x5c":["AA"],"x5t#S256":"a","cty":"JWT","else":[1]}`,
			want:   jws.Header{Alg: "RS256"},
		},
		{header: `{"alg":"RS256","kid":"` + strings.Repeat("k", 1024) + `"}`, want: jws.Header{Alg: "RS256", KeyID: strings.Repeat("k", 1024), HasKeyID: true}},
		{header: `{"alg":"RS256","kid":"\u006b"}`, want: jws.Header{Alg: "RS256", KeyID: "k", HasKeyID: true}},
	} {
		got, err := jws.Parse(compact(test.header, `{"sub":"a"}`, "signature"), test.options)
		check.NoError(t, err)
		check.Equal(t, got.Payload, `{"sub":"a"}`, "payload")
		check.Equal(t, got.Header, test.want, test.header)
	}
}

// TestTokensAreIndependent: a token is nothing of the buffers that the next one is decoded into.
func TestTokensAreIndependent(t *testing.T) {
	t.Parallel()
	first, err := jws.Parse(sign(t, "ES256", `{"alg":"ES256","kid":"a"}`, `{"sub":"a"}`), jws.Options{})
	check.NoError(t, err)
	for range 100 { // a pool gives back what it likes
		_, err = jws.Parse(sign(t, "ES256", `{"alg":"ES256","kid":"b"}`, `{"sub":"b"}`), jws.Options{})
		check.NoError(t, err)
	}
	check.NoError(t, first.Verify(keys()["P-256"].Public()))
	check.Equal(t, first.KeyID+first.Payload, `a{"sub":"a"}`, "key id and payload")
}

func TestParseRefusesForm(t *testing.T) {
	t.Parallel()
	header, payload, sig := b64(`{"alg":"RS256"}`), b64(`{}`), b64("signature")
	good := header + "." + payload + "." + sig
	_, err := jws.Parse(good, jws.Options{})
	check.NoError(t, err)
	for name, raw := range map[string]string{
		"empty": "", "dots": "..", "dot": ".", "opaque": "abc", "one dot": header + "." + payload, "three dots": good + "." + sig,
		"five parts": header + "." + payload + "." + sig + "." + sig + "." + sig,
		"no header":  "." + payload + "." + sig, "no payload": header + ".." + sig, "no signature": header + "." + payload + ".",
		"space before": " " + good, "space after": good + " ", "newline after": good + "\n", "newline in header": header[:4] + "\n" + header[4:] + "." + payload + "." + sig,
		"newline in payload": header + "." + payload[:1] + "\n" + payload[1:] + "." + sig, "carriage return in signature": good[:len(good)-2] + "\r" + good[len(good)-2:],
		"padded": header + "." + payload + "=." + sig, "padded signature": good + "=", "standard alphabet": header + "." + payload + ".+/+/",
		"zero byte": good + "\x00", "trailing bits in payload": header + "." + payload[:len(payload)-1] + "1" + "." + sig,
		"trailing bits in signature": header + "." + payload + ".AB", "length": header + "." + payload + ".A", "comma": good + ",",
		"json":            `{"payload":"e30","protected":"` + header + `","signature":"` + sig + `"}`,
		"not base64":      "!!!." + payload + "." + sig,
		"junk in header":  header + "!!!!." + payload + "." + sig,
		"junk in payload": header + "." + payload + "!!!!." + sig,
		"scheme in front": "Bearer " + good,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := jws.Parse(raw, jws.Options{})
			refused(t, err, jws.Malformed)
		})
	}
}

// A token that is not signed is reported as what it is, with or without something in the signature's place.
func TestParseTellsUnsecured(t *testing.T) {
	t.Parallel()
	unsigned := func(header string) string { return b64(header) + "." + b64(`{}`) + "." }
	for name, test := range map[string]struct {
		raw  string
		none bool
	}{
		"none":                 {unsigned(`{"alg":"none"}`), true},
		"none in another case": {unsigned(`{"alg":"nOnE"}`), true},
		"none among others":    {unsigned(`{"typ":"JWT","alg":"none","kid":"x"}`), true},
		"with a signature":     {unsigned(`{"alg":"none"}`) + b64("x"), true},
		"another alg":          {unsigned(`{"alg":"RS256"}`), false},
		"no alg":               {unsigned(`{}`), false},
		"alg a number":         {unsigned(`{"alg":1}`), false},
		"alg twice":            {unsigned(`{"alg":"none","alg":"none"}`), false},
		"alg in another case":  {unsigned(`{"Alg":"none"}`), false},
		"no payload":           {b64(`{"alg":"none"}`) + "..", false},
		"no header":            {"." + b64(`{}`) + ".", false},
		"two parts":            {b64(`{"alg":"none"}`) + "." + b64(`{}`), false},
		"four parts":           {unsigned(`{"alg":"none"}`) + ".", false},
		"header no JSON":       {unsigned(`alg=none`), false},
		"header not base64":    {"!!!." + b64(`{}`) + ".", false},
	} {
		for _, o := range []jws.Options{{}, {AnyAlg: true}, {Algs: []string{"none", "RS256"}}} {
			_, err := jws.Parse(test.raw, o)
			e := check.As[*jws.Error](t, err)
			check.Equal(t, e.Reason == jws.AlgNotAllowed, test.none, name+": alg not allowed")
			check.Equal(t, strings.Contains(err.Error(), "none"), test.none, name+": the error names it")
		}
	}
}

func TestParseRefusesHeader(t *testing.T) {
	t.Parallel()
	for header, reason := range map[string]jws.Reason{
		``: jws.Malformed, `null`: jws.Malformed, `[]`: jws.Malformed, `{"alg":"RS256"`: jws.Malformed, `{"alg":"RS256"}x`: jws.Malformed,
		"{\"alg\":\"RS256\",\"kid\":\"\xff\"}": jws.Malformed,
		`{}`:                                   jws.Malformed, `{"alg":null}`: jws.Malformed, `{"alg":256}`: jws.Malformed, `{"alg":["RS256"]}`: jws.Malformed,
		`{"alg":"RS256","alg":"none"}`: jws.Malformed, `{"alg":"RS256","ALG":"none"}`: jws.Malformed, `{"Alg":"RS256"}`: jws.Malformed,
		`{"alg":"RS256","a":1,"A":2}`: jws.Malformed, `{"alg":"RS256","KID":"a"}`: jws.Malformed, `{"alg":"RS256","\u212aid":"a"}`: jws.Malformed,
		`{"alg":"RS256","crit":["exp"]}`: jws.Malformed, `{"alg":"RS256","crit":[]}`: jws.Malformed, `{"alg":"RS256","crit":null}`: jws.Malformed,
		`{"alg":"RS256","Crit":["exp"]}`: jws.Malformed, `{"alg":"RS256","cri\u0074":["exp"]}`: jws.Malformed,
		`{"alg":"RS256","b64":true}`: jws.Malformed, `{"alg":"RS256","b64":false,"crit":["b64"]}`: jws.Malformed, `{"alg":"RS256","zip":"DEF"}`: jws.Malformed,
		`{"alg":"RS256","kid":1}`: jws.Malformed, `{"alg":"RS256","kid":null}`: jws.Malformed, `{"alg":"RS256","kid":["a"]}`: jws.Malformed,
		`{"alg":"RS256","kid":"` + strings.Repeat("k", 1025) + `"}`: jws.Malformed,
		`{"alg":"RS256","typ":1}`:                                   jws.Malformed, `{"alg":"RS256","typ":null}`: jws.Malformed, `{"alg":"RS256","typ":["JWT"]}`: jws.Malformed,
		`{"alg":"RS256","typ":""}`: jws.TypeNotAllowed, `{"alg":"RS256","typ":"at+jwt"}`: jws.TypeNotAllowed, `{"alg":"RS256","typ":"JWE"}`: jws.TypeNotAllowed,
		`{"alg":"RS256","typ":"application/"}`: jws.TypeNotAllowed, `{"alg":"RS256","typ":"application/application/jwt"}`: jws.TypeNotAllowed,
		`{"alg":"RS256","typ":"text/jwt"}`: jws.TypeNotAllowed, `{"alg":"RS256","typ":"xpplication/jwt"}`: jws.TypeNotAllowed, `{"alg":"RS256","typ":"JWT "}`: jws.TypeNotAllowed, `{"alg":"RS256","typ":"logout+jwt"}`: jws.TypeNotAllowed,
		`{"alg":"none"}`: jws.AlgNotAllowed, `{"alg":"None"}`: jws.AlgNotAllowed, `{"alg":""}`: jws.AlgNotAllowed, `{"alg":"rs256"}`: jws.AlgNotAllowed,
		`{"alg":"HS256"}`: jws.AlgNotAllowed, `{"alg":"HS512"}`: jws.AlgNotAllowed, `{"alg":"ES256K"}`: jws.AlgNotAllowed, `{"alg":"RS1"}`: jws.AlgNotAllowed,
		`{"alg":"Ed448"}`: jws.AlgNotAllowed, `{"alg":"RSA-OAEP","enc":"A256GCM"}`: jws.AlgNotAllowed, `{"alg":"RS256 "}`: jws.AlgNotAllowed,
	} {
		if header == "" {
			header = "\x00"
		}
		_, err := jws.Parse(compact(header, `{}`, "signature"), jws.Options{})
		e := check.As[*jws.Error](t, err)
		check.Equal(t, e.Reason, reason, header)
	}
}

func TestAllowListsNeverAllowNone(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"none", "None", "NONE", "", "HS384", "HS512", "A128KW", "unknown"} {
		_, err := jws.Parse(compact(`{"alg":"`+alg+`"}`, `{}`, "signature"), jws.Options{Algs: []string{alg, "RS256"}})
		refused(t, err, jws.AlgNotAllowed)
	}
	_, err := jws.Parse(compact(`{"alg":"RS256"}`, `{}`, "signature"), jws.Options{Algs: []string{"ES256"}})
	refused(t, err, jws.AlgNotAllowed)
}

// A token of an unknown alg can be read, but no key and no secret verifies it.
func TestAnyAlg(t *testing.T) {
	t.Parallel()
	for alg, ok := range map[string]bool{
		"ES256": true, "HS256": true, "HS512": true, "ES256K": true, "none": false, "None": false, "NONE": false, "": false,
	} {
		token, err := jws.Parse(compact(`{"alg":"`+alg+`"}`, `{}`, "signature"), jws.Options{AnyAlg: true, Algs: []string{"RS256"}})
		if !ok {
			refused(t, err, jws.AlgNotAllowed)
			continue
		}
		check.NoError(t, err)
		check.Equal(t, token.Alg, alg, "alg")
		for _, key := range keys() {
			refused(t, token.Verify(key.Public()), jws.SignatureInvalid)
		}
		refused(t, token.VerifyHMAC([]byte("secret")), jws.SignatureInvalid)
	}
	for _, header := range []string{`{}`, `{"alg":1}`, `{"alg":"X","crit":[]}`, `{"alg":"X","Alg":"X"}`} {
		_, err := jws.Parse(compact(header, `{}`, "signature"), jws.Options{AnyAlg: true})
		refused(t, err, jws.Malformed)
	}
	_, err := jws.Parse(compact(`{"alg":"X","typ":"at+jwt"}`, `{}`, "signature"), jws.Options{AnyAlg: true})
	refused(t, err, jws.TypeNotAllowed)
}

func TestParseRefusesSize(t *testing.T) {
	t.Parallel()
	head := b64(`{"alg":"RS256"}`) + "." + b64(`{}`) + "."
	fill := func(n int) string { return head + strings.Repeat("A", n-len(head)) }
	_, err := jws.Parse(fill(jws.MaxSize), jws.Options{})
	check.NoError(t, err)
	_, err = jws.Parse(fill(jws.MaxSize+1), jws.Options{})
	refused(t, err, jws.TooLarge)
	_, err = jws.Parse(fill(100), jws.Options{MaxSize: 100})
	check.NoError(t, err)
	_, err = jws.Parse(fill(101), jws.Options{MaxSize: 100})
	refused(t, err, jws.TooLarge)
	_, err = jws.Parse(fill(101), jws.Options{MaxSize: -1})
	check.NoError(t, err)
	_, err = jws.Parse(strings.Repeat(".", 1<<20), jws.Options{})
	refused(t, err, jws.TooLarge)
}

func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	for _, header := range []string{
		`{"alg":"` + secret + `"}`, `{"alg":"RS256","typ":"` + secret + `"}`, `{"alg":"RS256","` + secret + `":1,"` + secret + `":2}`, `{"alg":"RS256","kid":["` + secret + `"]}`,
	} {
		_, err := jws.Parse(compact(header, secret, secret), jws.Options{})
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			check.Lacks(t, fmt.Sprintf(verb, err), secret)
		}
	}
}
