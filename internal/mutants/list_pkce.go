package main

var pkce = []mutant{
	change("short-verifier", "pkce.go", `len(s) < 43 ||`, `len(s) < 42 ||`),
	change("long-verifier", "pkce.go", `len(s) > 128 {`, `len(s) > 129 {`),
	change("any-character", "pkce.go", "\t\tdefault:\n\t\t\treturn false\n", "\t\tdefault:\n"),
	change("further-character", "pkce.go", `c == '~':`, `c == '~', c == '+':`),
	change("verify-malformed", "pkce.go", `if !valid(verifier) {`, `if false {`),
	change("verify-anything", "pkce.go", `[]byte(challenge)) == 1`, `[]byte(challenge)) >= 0`),
	change("parse-anything", "pkce.go", `if !valid(s) {`, `if false {`),
	change("fewer-random-bytes", "pkce.go", `rand.Read(b[:])`, `rand.Read(b[:16])`),
	change("plain-challenge", "pkce.go", `return s256(v.secret())`, `return v.secret()`),
	change("format-tells-the-secret", "pkce.go", `func (Verifier) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }`,
		`func (v Verifier) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.Secret()) }`),
	change("log-tells-the-secret", "pkce.go", `func (Verifier) LogValue() slog.Value { return slog.StringValue(redacted) }`,
		`func (v Verifier) LogValue() slog.Value { return slog.StringValue(v.Secret()) }`),
	change("json-tells-the-secret", "pkce.go", "func (Verifier) MarshalJSON() ([]byte, error) { return []byte(`\"` + redacted + `\"`), nil }",
		"func (v Verifier) MarshalJSON() ([]byte, error) { return []byte(`\"` + v.Secret() + `\"`), nil }"),
}
