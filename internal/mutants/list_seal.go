package main

var seal = []mutant{
	change("no-keys", "seal.go", "\tcase len(keys) == 0:\n\t\treturn nil, errors.New(\"seal: a key ring needs at least one key of 32 random bytes\")\n", ``),
	change("too-many-keys", "seal.go", `case len(keys) > maxKeys:`, `case false:`),
	change("key-size", "seal.go", `if len(key) != keySize {`, `if len(key) > keySize {`),
	change("key-of-zeros", "seal.go", `if subtle.ConstantTimeCompare(key, make([]byte, keySize)) == 1 {`, `if false {`),
	change("key-twice", "seal.go", `if subtle.ConstantTimeCompare(key, other) == 1 {`, `if subtle.ConstantTimeCompare(key, other) > 1 {`),
	change("problems-ignored", "seal.go", `if len(problems) > 0 {`, `if len(problems) > 1 {`),
	change("key-not-derived", "seal.go", "\tblock, err := aes.NewCipher(derived)", "\tblock, err := aes.NewCipher(key[:len(derived)])"),
	change("text-too-short", "seal.go", `if len(sealed) < overhead || `, `if `),
	change("text-too-large", "seal.go", ` || len(sealed) > maxSize`, ``),
	change("version", "seal.go", ` || sealed[0] != version {`, ` {`),
	change("purpose-ignored", "seal.go", `return append([]byte{version}, purpose...)`, `return append([]byte{version}, purpose[:0]...)`),
	change("purpose-without-version", "seal.go", `return append([]byte{version}, purpose...)`, `return []byte(purpose)`),
	change("seals-with-the-last-key", "seal.go", `r.aeads()[0].Seal(`, `r.aeads()[len(r.aeads())-1].Seal(`),
	change("opens-with-the-first-key-only", "seal.go", `range r.aeads() {`, `range r.aeads()[:1] {`),
	change("string-too-large", "seal.go", `len(sealed) > encoding.EncodedLen(maxSize) || `, ``).
		equivalent("Open refuses the same text by its decoded size; here it is refused before it is decoded."),
	change("string-with-line-breaks", "seal.go", ` || strings.ContainsAny(sealed, "\r\n")`, ` || strings.ContainsAny(sealed, "\x00")`),
	change("string-with-carriage-return", "seal.go", `strings.ContainsAny(sealed, "\r\n")`, `strings.ContainsAny(sealed, "\n")`),
	change("string-with-trailing-bits", "seal.go", `base64.RawURLEncoding.Strict()`, `base64.RawURLEncoding`),
	change("string-that-is-no-base64", "seal.go", "\tb, err := encoding.DecodeString(sealed)\n\tif err != nil {", "\tb, err := encoding.DecodeString(sealed)\n\tif err != nil && len(b) == 0 {"),
	change("print-tells-the-ring", "seal.go", "type Ring struct {\n\tredact.All\n", "type Ring struct {\n\t_ redact.All\n"),
}
