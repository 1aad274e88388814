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
	change("print-tells-the-secret", "pkce.go", "type Verifier struct {\n\tredact.All\n", "type Verifier struct {\n\t_ redact.All\n"),
}
