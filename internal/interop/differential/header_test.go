package differential

import (
	"fmt"
	"slices"
	"strings"
)

var headerMutations = []mutation{
	{"crit", composing, func(d *draft) {
		d.header.insert(d, `"crit"`, pick(d, `[]`, `["exp"]`, `["b64"]`, `["alg"]`, `["crit"]`, `null`, `"exp"`, `["b64","b64"]`, `[null]`, `[""]`, `{}`))
	}},
	{"b64", composing, func(d *draft) { d.header.insert(d, `"b64"`, pick(d, `true`, `false`, `null`, `"false"`, `0`)) }},
	{"unencoded payload", composing, func(d *draft) {
		d.plain = true
		d.header.add(`"b64"`, `false`)
		d.header.add(`"crit"`, `["b64"]`)
	}},
	{"zip", composing, func(d *draft) { d.header.insert(d, `"zip"`, pick(d, `"DEF"`, `"GZIP"`, `""`, `null`, `1`)) }},
	{"enc", composing, func(d *draft) { d.header.insert(d, `"enc"`, `"A128GCM"`) }},
	{"kid missing", composing, func(d *draft) { d.header.drop("kid") }},
	{"kid null", composing, func(d *draft) { d.header.set("kid", "null") }},
	{"kid is no string", composing, func(d *draft) { d.header.set("kid", pick(d, `1`, `["rs"]`, `{}`, `true`)) }},
	{"kid empty", composing, func(d *draft) { d.header.set("kid", `""`) }},
	{"kid of another key", composing, func(d *draft) { d.header.set("kid", quoted(pick(d, d.forge.published...).id)) }},
	{"kid unknown", composing, func(d *draft) {
		d.header.set("kid", quoted(pick(d, "RS", "rs ", "../rs", "rs\u0000", "\u212aey", "' or 1=1 --", "https://evil.example/jwks.json", "0")))
	}},
	{"kid long", composing, func(d *draft) { d.header.set("kid", quoted(strings.Repeat("k", 1023+d.IntN(3)))) }},
	{"kid long, no key has one", composing, func(d *draft) { // the keys without a kid do not help either side
		d.header.set("kid", quoted(strings.Repeat("é", 513+d.IntN(100))))
	}},
	{"kid escaped", composing, func(d *draft) {
		if id := d.signer.id; id != "" {
			d.header.set("kid", fmt.Sprintf(`"\u%04X%s"`, id[0], id[1:]))
		}
	}},
	{"typ", composing, func(d *draft) {
		d.header.insert(d, `"typ"`, quoted(pick(d, "JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT")))
	}},
	{"typ of another token", composing, func(d *draft) {
		d.header.insert(d, `"typ"`, quoted(pick(d, "", "JOSE", "JWE", "logout+jwt", "dpop+jwt", "id_token", " JWT", "JWT ", "application/", "application/application/jwt",
			"application/jwt; charset=utf-8", "at%2Bjwt", "at jwt", "text/jwt", "jwt\u0000", "\u0130jwt", "secevent+jwt")))
	}},
	{"typ is no string", composing, func(d *draft) { d.header.insert(d, `"typ"`, pick(d, `null`, `1`, `["JWT"]`, `{}`, `false`)) }},
	{"cty", composing, func(d *draft) { d.header.insert(d, `"cty"`, pick(d, `"JWT"`, `null`, `1`)) }},
	{"member twice", composing, func(d *draft) {
		one := pick(d, append(members{{`"alg"`, quoted(d.alg)}}, d.header...)...)
		d.header.insert(d, one.name, pick(d, one.value, quoted("none"), quoted("HS256"), "null"))
	}},
	{"member twice, once escaped", composing, func(d *draft) { d.header.insert(d, `"\u0061lg"`, pick(d, quoted(d.alg), `"none"`)) }},
	{"member in another case too", composing, func(d *draft) {
		d.header.insert(d, pick(d, `"Alg"`, `"ALG"`, `"aLg"`, `"Kid"`, `"KID"`, `"\u212aid"`, "\"\u212aid\""), pick(d, `"none"`, `"rs"`, quoted(d.alg)))
	}},
	{"member in another case", composing, func(d *draft) {
		d.header.insert(d, pick(d, `"Typ"`, `"CRIT"`, `"B64"`, `"ZIP"`, `"Cty"`, `"JWK"`, `"Jku"`, `"X5C"`, `"\u0058\u0035t"`, `"x5t#\u017f256"`), pick(d, `"JWT"`, `null`, `true`))
	}},
	{"alg in another case only", composing, func(d *draft) {
		d.header.drop("alg")
		d.header.insert(d, `"Alg"`, quoted(d.alg))
	}},
	{"unknown members", composing, func(d *draft) {
		d.header.insert(d, quoted(pick(d, "x", "", "alg ", "\u0000alg", "αλγ", "nbf", "exp", "iss", "aud", "__proto__", "epk", "apu")),
			pick(d, `{"a":[1,2,{"b":null}]}`, `1`, `-0`, `0.0e-0`, `1E+2`, `"\u00e9\ud83d\ude00"`, `[[[]]]`, `""`, `true`))
	}},
	{"unknown member, twice within", composing, func(d *draft) {
		d.header.insert(d, `"x"`, pick(d, `{"a":1,"a":1}`, `{"a":1,"A":1}`, `[{"k":0,"\u006b":0}]`, "{\"k\":0,\"\u212a\":0}"))
	}},
	{"huge number", composing, func(d *draft) {
		d.header.insert(d, `"n"`, pick(d, `1e308`, `1e309`, `-1e999`, strings.Repeat("9", 400), "0."+strings.Repeat("0", 400)+"1", `1e-999`, `[1e400]`, `9223372036854775808`))
	}},
	{"huge number in a header that is not read", composing, func(d *draft) {
		d.header.insert(d, `"jwk"`, `{"kty":"OKP","crv":"Ed25519","x":"`+b64(strings.Repeat("x", 32))+`","n2":`+pick(d, `1e400`, `1e308`)+`}`)
	}},
	{"broken number", composing, func(d *draft) {
		d.header.insert(d, `"n"`, pick(d, `01`, `+1`, `.5`, `5.`, `1e`, `NaN`, `Infinity`, `0x1`, `1_000`, `--1`, `1 2`))
	}},
	{"deep", composing, func(d *draft) {
		n := pick(d, 14, 15, 16, 40)
		d.header.insert(d, `"deep"`, strings.Repeat(pick(d, "[", `{"a":`), n)+"1")
		i := slices.IndexFunc(d.header, func(m member) bool { return m.name == `"deep"` })
		d.header[i].value += closers(d.header[i].value)
	}},
	{"many members", composing, func(d *draft) {
		for i := range pick(d, 30, 1000, 1030, 2000) {
			d.header.add(fmt.Sprintf(`"m%d"`, i), "0")
		}
	}},
	{"surrogate alone", composing, func(d *draft) {
		d.header.insert(d, pick(d, `"x"`, `"x\ud800"`), pick(d, `"\ud800"`, `"\udc00a"`, `"\ud800\ud800"`, `"\uD83D\u0041"`))
	}},
	{"broken escape", composing, func(d *draft) {
		d.header.insert(d, `"x"`, pick(d, `"\x41"`, `"\u00g0"`, `"\u12"`, `"\'"`, "\"\t\"", "\"\x00\"", "\"\n\""))
	}},
	{"invalid UTF-8", composing, func(d *draft) {
		d.header.insert(d, pick(d, `"x"`, "\"x\xff\""), pick(d, "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\""))
	}},
	{"jku and x5u", composing, func(d *draft) {
		d.header.insert(d, pick(d, `"jku"`, `"x5u"`), pick(d, `"https://evil.example/jwks.json"`, `"file:///etc/passwd"`, `null`, `1`))
	}},
	{"jwk of the attacker", composing, func(d *draft) {
		d.signer = d.forge.twin(d.signer)
		d.header.insert(d, `"jwk"`, d.signer.jwk())
	}},
	{"jwk", composing, func(d *draft) {
		d.header.insert(d, `"jwk"`, pick(d, d.signer.jwk(), d.forge.published[0].jwk(), `null`))
	}},
	{"jwk that is none", composing, func(d *draft) {
		d.header.insert(d, `"jwk"`, pick(d, `{}`, `1`, `"rs"`, `[]`, `{"kty":"oct","k":"AA"}`, `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `{"kty":"RSA","n":"AQAB"}`))
	}},
	{"x5c and x5t", composing, func(d *draft) {
		d.header.insert(d, pick(d, `"x5c"`, `"x5t"`, `"x5t#S256"`), pick(d, `[]`, `["AA=="]`, `["!"]`, `"AA"`, `null`, `[1]`))
	}},
	{"nonce", composing, func(d *draft) { d.header.insert(d, `"nonce"`, pick(d, `"n"`, `1`, `null`, `[]`)) }},
	{"white space in the header", composing, func(d *draft) {
		space := pick(d, " ", "\t", "\r\n", "\n \n", "\v", "\f", "\u00a0", "\ufeff", "/**/", "\x00")
		d.headerText = append(d.headerText, func(s string) string {
			return pick(d, space+s, s+space, strings.ReplaceAll(s, ",", space+","), strings.ReplaceAll(s, ":", ":"+space))
		})
	}},
	{"header is not an object", composing, func(d *draft) {
		d.headerText = append(d.headerText, func(s string) string {
			return pick(d, "null", "[]", `""`, "1", "", "{}", "["+s+"]", quoted(s), s+s, s+",", s+"}", "{"+s, strings.TrimSuffix(s, "}"), strings.TrimPrefix(s, "{"),
				strings.TrimSuffix(s, "}")+",}", strings.ReplaceAll(s, `"`, `'`))
		})
	}},
	{"header bytes", composing, func(d *draft) { d.headerText = append(d.headerText, d.disturb) }},
	{"header of another token", written, func(d *draft) {
		_, rest, _ := strings.Cut(d.raw, ".")
		d.raw = b64(pick(d, `{"alg":"RS256","kid":"rs"}`, `{"alg":"ES256"}`, `{"alg":"EdDSA","kid":"ed"}`, `{"typ":"JWT",`+strings.TrimPrefix(d.head, "{"), `{"alg":"HS256"}`)) + "." + rest
	}},
}

var payloadMutations = []mutation{
	{"payload empty", composing, func(d *draft) { d.payloadText = append(d.payloadText, func(string) string { return "" }) }},
	{"payload is not JSON", composing, func(d *draft) {
		d.payloadText = append(d.payloadText, func(string) string {
			return pick(d, "a", "null", "\x00", "\xff\xfe", "[]", `"a"`, "{", strings.Repeat("\x00", 64))
		})
	}},
	{"payload bytes", composing, func(d *draft) { d.payloadText = append(d.payloadText, d.disturb) }},
	{"times", composing, func(d *draft) {
		d.claims.set(pick(d, "exp", "nbf", "iat"), pick(d, "0", "-1", "1", "946684800", "4102444800", "253402300800", "1e300", `"4102444800"`, "null", "[4102444800]", "1.5"))
	}},
	{"claim missing", composing, func(d *draft) { d.claims.drop(pick(d, "iss", "sub", "aud", "exp")) }},
	{"iss", composing, func(d *draft) {
		d.claims.set("iss", pick(d, `"https://evil.example"`, `""`, `null`, `["https://op.example.test"]`, `"https://op.example.test/"`, `"HTTPS://OP.EXAMPLE.TEST"`, `"https://op.example.test\u0000"`, `1`))
	}},
	{"aud", composing, func(d *draft) {
		d.claims.set("aud", pick(d, `"https://other.example"`, `[]`, `""`, `null`, `["a","https://api.example.test"]`, `"https://api.example.test/"`, `{"https://api.example.test":1}`, `["https://api.example.test",1]`, `"a https://api.example.test"`))
	}},
	{"claim twice", composing, func(d *draft) {
		one := pick(d, append(members{{`"sub"`, `"alice"`}}, d.claims...)...)
		d.claims.insert(d, pick(d, one.name, strings.ToUpper(one.name), `"\u0061ud"`, `"\u017fub"`, `"Exp"`), pick(d, one.value, `null`, `"https://api.example.test"`))
	}},
	{"no access token", composing, func(d *draft) {
		d.claims.insert(d, pick(d, `"cnf"`, `"at_hash"`, `"nonce"`, `"events"`, `"token_use"`, `"typ"`), pick(d, `{"jkt":"a"}`, `"id"`, `"ID"`, `"Refresh"`, `{}`, `null`))
	}},
	{"token large", composing, func(d *draft) {
		n := pick(d, 11_000, 12_000, 12_200, 12_300, 16_000, 60_000)
		d.payloadText = append(d.payloadText, func(s string) string { return s + strings.Repeat(" ", n) })
	}},
	{"payload of another token", written, func(d *draft) {
		parts := strings.Split(d.raw, ".")
		parts[1%len(parts)] = b64(d.disturb(d.payload))
		d.raw = strings.Join(parts, ".")
	}},
}

func closers(open string) string {
	var b strings.Builder
	for _, c := range slices.Backward([]byte(open)) {
		switch c {
		case '[':
			b.WriteByte(']')
		case '{':
			b.WriteByte('}')
		}
	}
	return b.String()
}
