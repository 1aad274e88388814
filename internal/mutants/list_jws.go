package main

var jws = []mutant{
	// Size and form.
	change("size-unbounded", "jws.go", `if len(raw) > limit {`, `if false {`),
	change("size-of-options-ignored", "jws.go", `if limit <= 0 {`, `if limit < MaxSize {`),
	change("empty-header", "jws.go", `if first <= 0 {`, `if first < 0 {`).
		equivalent("An empty header is no JSON object, and is refused as that; the reason is the same."),
	change("empty-payload", "jws.go", `if last <= first+1 ||`, `if last < first+1 ||`),
	change("empty-signature", "jws.go", ` || last+1 == len(raw)`, ``),
	change("fourth-part", "jws.go", ` || strings.IndexByte(raw[last+1:], '.') >= 0`, ``),
	change("line-feed", "jws.go", `return first, last, strings.IndexByte(raw, '\n') < 0 &&`, `return first, last,`),
	change("carriage-return", "jws.go", ` && strings.IndexByte(raw, '\r') < 0`, ``),
	change("trailing-bits", "jws.go", `base64.RawURLEncoding.Strict()`, `base64.RawURLEncoding`),
	change("standard-alphabet", "jws.go", `base64.RawURLEncoding.Strict()`, `base64.RawStdEncoding.Strict()`),
	change("broken-header-encoding", "jws.go", "if part, ok = decode(room, raw[:first]); !ok {", "if part, _ = decode(room, raw[:first]); false {"),
	change("broken-payload-encoding", "jws.go", "if part, ok = decode(room, raw[first+1:last]); !ok {", "if part, _ = decode(room, raw[first+1:last]); false {"),
	change("broken-signature-encoding", "jws.go", "if part, ok = decode(room, raw[last+1:]); !ok {", "if part, _ = decode(room, raw[last+1:]); false {"),
	change("shared-signature", "jws.go", `t.signature = slices.Clone(part)`, `t.signature = slices.Clip(part)`),
	change("payload-left-in-buffer", "jws.go", "\t\tclear((*room)[:cap(*room)])\n", ``).
		equivalent("Nothing reads what is left in the buffer. It is cleared so that a dump of the memory holds no token longer than it must."),

	// The header.
	change("crit", "jws.go", `if h.Holds("crit") || `, `if `),
	change("b64", "jws.go", ` || h.Holds("b64")`, ``),
	change("zip", "jws.go", ` || h.Holds("zip")`, ``),
	change("crit-null", "jws.go", `h.Holds("crit")`, `h.Has("crit")`),
	change("header-without-alg", "jws.go", "\tif err != nil || !ok {\n\t\treturn errAlgMissing", "\tif err != nil {\n\t\treturn errAlgMissing"),
	change("alg-of-a-wrong-type", "jws.go", "\tif err != nil || !ok {\n\t\treturn errAlgMissing", "\tif err == nil && !ok {\n\t\treturn errAlgMissing"),
	change("alg-not-checked", "jws.go", "\tif !ok {\n\t\treturn errAlg\n", "\tif false {\n\t\treturn errAlg\n"),
	change("any-alg-empty", "jws.go", `t.Alg, ok = alg, alg != ""`, `t.Alg, ok = alg, true`),
	change("alg-none", "jws.go", `return strings.EqualFold(alg, "none")`, `return false`),
	change("alg-none-in-another-case", "jws.go", `return strings.EqualFold(alg, "none")`, `return alg == "none"`),
	change("no-signature-under-any-alg-is-none", "jws.go", `err != nil || !unsecured(alg) {`, `err != nil || alg == "" {`),
	change("no-payload-under-none", "jws.go", `if !ok || payload == "" || signature != "" {`, `if !ok || payload == "\x00" || signature != "" {`),
	change("more-parts-under-none", "jws.go", `if !ok || payload == "" || signature != "" {`, `if !ok || payload == "" || signature == "\x00" {`),
	change("any-alg-always", "jws.go", `if o.AnyAlg {`, `if o.AnyAlg || len(o.Algs) == 0 {`),
	change("default-algs-with-hs256", "jws.go", `return a.name, a.family != hmacSignature`, `return a.name, true`),
	change("list-of-algs-ignored", "jws.go", `return a.name, slices.ContainsFunc(list, func(one string) bool { return Same(one, a.name) })`, `return a.name, true`),
	change("unknown-alg-panics", "jws.go", `if a == nil || a.family == hmacSignature && alg != "HS256" {`, `if a.family == hmacSignature && alg != "HS256" {`),
	change("listed-hs512", "jws.go", ` && alg != "HS256" {`, ` && alg == "" {`),
	change("every-ecdsa-alg-is-one", "algorithm.go", ` && a.hash == b.hash && a.curve == b.curve`, ``),
	change("kid-unbounded", "jws.go", ` || len(id) > maxKeyID`, ``),
	change("kid-of-a-wrong-type", "jws.go", `if err != nil || !ok || len(id) > maxKeyID {`, `if err == nil && ok && len(id) > maxKeyID {`),
	change("typ-not-checked", "jws.go", "if t.Type, ok = accepted(typ, o.Types); !ok {", "if t.Type, ok = accepted(typ, o.Types); false {"),
	change("typ-of-a-wrong-type", "jws.go", "if err != nil || !ok {\n\t\t\treturn errTypeForm", "if err == nil && !ok {\n\t\t\treturn errTypeForm"),
	change("typ-beside-ascii", "jws.go", `if s[i] >= 0x80 {`, `if s[i] >= 0xff {`).
		equivalent("A letter beyond ASCII takes more bytes than the ASCII letter it folds to, so the lengths differ already."),
	change("typ-prefix-of-any-kind", "jws.go", `equalFold(typ[:len(prefix)], prefix)`, `typ[len(prefix)-1] == '/'`),

	// Remembered headers.
	change("header-of-another-token", "parser.go", ` && known.encoded == encoded`, ``),
	change("header-remembered-before-it-is-checked", "jws.go", "\t\tif err := t.read(part, o); err != nil {\n\t\t\treturn nil, err\n\t\t}\n\t\theaders.add(raw[:first], t.Header)",
		"\t\terr := t.read(part, o)\n\t\theaders.add(raw[:first], t.Header)\n\t\tif err != nil {\n\t\t\treturn nil, err\n\t\t}"),
	change("long-headers-remembered", "parser.go", `if h != nil && len(encoded) <= maxHeader {`, `if h != nil {`),
	change("whole-token-kept-for-its-header", "parser.go", `strings.Clone(encoded)`, `strings.TrimSpace(encoded)`).
		equivalent("It would keep the memory of the whole token, up to 64 times, which nothing outside can see."),

	// Keys.
	change("rsa-too-short", "algorithm.go", `bits >= minRSABits && `, ``),
	change("rsa-one-bit-too-short", "algorithm.go", `minRSABits = 2048`, `minRSABits = 2047`),
	change("rsa-too-long", "algorithm.go", ` && bits <= maxRSABits`, ``),
	change("rsa-key-for-other-algorithms", "algorithm.go", `if (a.family != pkcs1 && a.family != pss) || key == nil`, `if key == nil`),
	change("rsa-key-for-pkcs1-only", "algorithm.go", `(a.family != pkcs1 && a.family != pss)`, `a.family != pkcs1`),
	change("rsa-nil", "algorithm.go", ` || key == nil || key.N == nil {`, ` || key == nil {`),
	change("ecdsa-key-for-other-algorithms", "algorithm.go", `return a.family == ecdsaSignature && key != nil`, `return key != nil`),
	change("ecdsa-any-curve", "algorithm.go", ` && key.Curve == a.curve`, ``),
	change("ecdsa-nil-point", "algorithm.go", `key.X != nil && key.Y != nil`, `true`),
	change("ed25519-key-for-other-algorithms", "algorithm.go", `return a.family == eddsa && len(key)`, `return len(key)`),
	change("ed25519-size", "algorithm.go", ` && len(key) == ed25519.PublicKeySize`, ``),
	change("verify-with-a-key-that-does-not-fit", "verify.go", `if a == nil || !a.fits(key) {`, `if a == nil {`),
	change("fits-unknown-algorithms", "algorithm.go", `return a != nil && a.fits(key)`, `return a == nil || a.fits(key)`),

	// Signatures.
	change("signature-not-checked", "verify.go", `if !valid {`, `if !valid && len(t.signature) == 0 {`),
	change("pkcs1-not-checked", "verify.go", `valid = rsa.VerifyPKCS1v15(key, a.hash, digest, t.signature) == nil`, `valid = rsa.VerifyPKCS1v15(key, a.hash, digest, t.signature) == nil || len(t.signature) == key.Size()`),
	change("pss-not-checked", "verify.go", `valid = rsa.VerifyPSS(key, a.hash, digest, t.signature, pssOptions(a.hash)) == nil`, `valid = len(t.signature) == key.Size()`),
	change("pss-as-pkcs1", "verify.go", `if a.family == pss {`, `if a.family == pss && rsa.VerifyPKCS1v15(key, a.hash, digest, t.signature) != nil {`),
	change("pss-any-salt", "sign.go", `rsa.PSSSaltLengthEqualsHash`, `rsa.PSSSaltLengthAuto`),
	change("ecdsa-padded-tail", "verify.go", `len(t.signature) == 2*size {`, `len(t.signature) >= 2*size {`),
	change("ecdsa-tail-in-s", "verify.go", `t.signature[size:]))`, `t.signature[size:2*size-1]))`),
	change("ecdsa-not-checked", "verify.go", `valid = ecdsa.VerifyASN1(`, `valid = true || ecdsa.VerifyASN1(`),
	change("ed25519-signature-size", "verify.go", `len(t.signature) == ed25519.SignatureSize && `, ``).
		equivalent("`ed25519.Verify` refuses a signature of any other length itself; the line says so where it is read."),
	change("ed25519-not-checked", "verify.go", ` && ed25519.Verify(key, signed, t.signature)`, ``),
	change("signed-text-cut", "verify.go", `signed := append(text[:0], t.signed...)`, `signed := append(text[:0], t.signed[:min(len(text), len(t.signed))]...)`),
	change("es384-weak-hash", "algorithm.go", `{"ES384", ecdsaSignature, crypto.SHA384,`, `{"ES384", ecdsaSignature, crypto.SHA256,`),
	change("es512-weak-hash", "algorithm.go", `{"ES512", ecdsaSignature, crypto.SHA512,`, `{"ES512", ecdsaSignature, crypto.SHA256,`),
	change("ps384-weak-hash", "algorithm.go", `{"PS384", pss, crypto.SHA384,`, `{"PS384", pss, crypto.SHA256,`),
	change("rs512-weak-hash", "algorithm.go", `{"RS512", pkcs1, crypto.SHA512,`, `{"RS512", pkcs1, crypto.SHA256,`),
	change("at-hash-of-eddsa", "algorithm.go", `{"EdDSA", eddsa, crypto.SHA512,`, `{"EdDSA", eddsa, crypto.SHA256,`),
	change("empty-digest", "verify.go", "\tcase crypto.SHA384:\n\t\td := sha512.Sum384(signed)\n\t\treturn append(dst, d[:]...)\n", ``),

	// HS256.
	change("hmac-for-other-algorithms", "verify.go", "\tcase t.Alg != \"HS256\":\n\t\treturn errNotHMAC\n", ``),
	change("hmac-empty-secret", "verify.go", "\tcase len(secret) == 0:\n\t\treturn errSecret\n", ``),
	change("hmac-not-checked", "verify.go", `if !hmac.Equal(mac.Sum(nil), t.signature) {`, `if len(t.signature) != sha256.Size {`),
	change("hmac-prefix", "verify.go", `if !hmac.Equal(mac.Sum(nil), t.signature) {`, `if n := min(len(t.signature), sha256.Size); !hmac.Equal(mac.Sum(nil)[:n], t.signature[:n]) {`),

	// Signing.
	change("signs-with-a-key-that-does-not-fit", "sign.go", `if a == nil || !a.fits(key.Public()) {`, `if a == nil {`),
	change("ecdsa-signature-with-a-tail", "sign.go", ` || len(rest) != 0`, ` || len(rest) < 0`),
	change("ecdsa-signature-of-zero", "sign.go", ` || sig.R.Sign() <= 0 || sig.S.Sign() <= 0`, ``),
	change("ecdsa-signature-too-large", "sign.go", ` || sig.R.BitLen() > 8*size || sig.S.BitLen() > 8*size`, ``),
	change("sign-error-ignored", "sign.go", `if err != nil || a.family`, `if a.family`),

	// What is printed.
	change("print-tells-the-token", "jws.go", "type Token struct {\n\tredact.All\n", "type Token struct {\n\t_ redact.All\n"),
}
