package differential

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/keyset"
)

// stricter are the rules by which we refuse tokens that go-jose accepts.
var stricter = []rule[*hearing]{
	{"size", "a token has at most 16 KiB", func(h *hearing) bool {
		return h.refused(jws.TooLarge) && len(h.raw) > 16<<10
	}},
	{"line breaks", "base64url has no line breaks (RFC 7515 section 2); encoding/base64 skips them", func(h *hearing) bool {
		return h.refused(jws.Malformed) && strings.ContainsAny(h.raw, "\r\n")
	}},
	{"trailing bits", "one value has one spelling: bits that decoding drops are zero (RFC 4648 section 3.5)", func(h *hearing) bool {
		return h.refused(jws.Malformed) && slices.ContainsFunc(h.parts, func(s string) bool {
			raw, err := base64.RawURLEncoding.DecodeString(s)
			return err == nil && base64.RawURLEncoding.EncodeToString(raw) != s
		})
	}},
	{"empty payload", "no part is empty: a token without claims is none", func(h *hearing) bool {
		return h.refused(jws.Malformed) && len(h.parts) == 3 && h.parts[1] == ""
	}},
	{"crit, b64, zip", "no extension is supported, so none may be named, not even to say that it is off", func(h *hearing) bool {
		return h.refused(jws.Malformed) && h.has("crit", "b64", "zip")
	}},
	{"alike members", "two members of one object whose names differ in case only are a duplicate (also within unknown members)", func(h *hearing) bool {
		return h.refused(jws.Malformed) && h.alike
	}},
	{"misspelt member", "a case variant of a registered parameter is no other parameter", func(h *hearing) bool {
		return h.refused(jws.Malformed) && slices.ContainsFunc(h.names, misspelt)
	}},
	{"not UTF-8", "JSON is UTF-8 (RFC 8259 section 8.1); encoding/json puts U+FFFD for what is not", func(h *hearing) bool {
		return h.refused(jws.Malformed) && !utf8.Valid(h.header)
	}},
	{"unpaired surrogate", "\\ud800 alone is no character; encoding/json puts U+FFFD", func(h *hearing) bool {
		return h.refused(jws.Malformed) && h.replaced
	}},
	{"depth", "a header is nested at most 16 deep", func(h *hearing) bool { return h.refused(jws.Malformed) && h.depth > 16 }},
	{"members", "a header has at most 1024 members", func(h *hearing) bool { return h.refused(jws.Malformed) && h.count > 1024 }},
	{"number", "numbers fit a float64, also in members that are not read", func(h *hearing) bool {
		return h.refused(jws.Malformed) && h.overflow
	}},
	{"kid", "a kid is a string of at most 1024 bytes; null is none", func(h *hearing) bool {
		id, isText := h.text("kid")
		return h.refused(jws.Malformed) && h.has("kid") && (!isText || len(id) > 1024)
	}},
	{"typ is no string", "RFC 7515 section 4.1.9", func(h *hearing) bool {
		_, isText := h.text("typ")
		return h.refused(jws.Malformed) && h.has("typ") && !isText
	}},
	{"typ", "a token of another type is no access token (RFC 8725 section 3.11)", func(h *hearing) bool {
		typ, isText := h.text("typ")
		return h.refused(jws.TypeNotAllowed) && isText && !slices.Contains([]string{"jwt", "at+jwt", "application/jwt", "application/at+jwt"}, strings.ToLower(typ))
	}},
	{"curve of the alg", "each ECDSA alg has its curve (RFC 7518 section 3.4); go-jose looks at the size of the signature alone", func(h *hearing) bool {
		alg, _ := h.text("alg")
		key, ok := h.theirs.key.(*ecdsa.PublicKey)
		return ok && alg != map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[key.Curve.Params().Name] &&
			(errors.Is(h.ours.err, keyset.ErrKeyUnknown) || h.refused(jws.SignatureInvalid))
	}},
	{"PSS salt", "the salt is as long as the hash (RFC 7518 section 3.5); go-jose takes any length", func(h *hearing) bool {
		return h.refused(jws.SignatureInvalid) && h.oddSalt()
	}},
	{"alg of the JWK", "a key is used with the alg its JWK names and no other (RFC 7517 section 4.4)", func(h *hearing) bool {
		alg, _ := h.text("alg")
		other := h.theirs.alg != "" && h.theirs.alg != alg
		return other && (errors.Is(h.ours.err, keyset.ErrKeyUnknown) || h.refused(jws.SignatureInvalid))
	}},
}

// looser are the rules by which we accept tokens that go-jose refuses. The signature of each is genuine.
var looser = []rule[*hearing]{
	{"parameters not read", "keys and certificates in a header are never looked at, so their form is not judged (nor an ACME nonce's)", func(h *hearing) bool {
		return h.has("jwk", "x5c", "nonce") &&
			(strings.Contains(h.theirs.err.Error(), "failed to unmarshal") || strings.Contains(h.theirs.err.Error(), "invalid embedded jwk"))
	}},
}

func (h *hearing) refused(reason jws.Reason) bool {
	e, ok := errors.AsType[*jws.Error](h.ours.err)
	return ok && e.Reason == reason
}

// oddSalt reports whether the signature is right with a salt of another length than the hash's.
func (h *hearing) oddSalt() bool {
	key, ok := h.theirs.key.(*rsa.PublicKey)
	alg, _ := h.text("alg")
	if !ok || !strings.HasPrefix(alg, "PS") || len(h.parts) != 3 {
		return false
	}
	sig, err := base64.RawURLEncoding.DecodeString(h.parts[2])
	hash := hashOf(alg)
	digest := hash.New()
	digest.Write([]byte(h.parts[0] + "." + h.parts[1]))
	verify := func(length int) bool {
		return rsa.VerifyPSS(key, hash, digest.Sum(nil), sig, &rsa.PSSOptions{SaltLength: length}) == nil
	}
	return err == nil && verify(rsa.PSSSaltLengthAuto) && !verify(hash.Size())
}

// anatomy is what a token looks like to encoding/base64 and encoding/json, which take more than we do.
type anatomy struct {
	raw    string
	parts  []string
	header []byte
	names  []string // of the header's members
	values map[string]json.RawMessage

	depth, count              int // of the whole header
	alike, replaced, overflow bool
}

func dissect(raw string) anatomy {
	a := anatomy{raw: raw, parts: strings.Split(raw, ".")}
	a.header, _ = base64.RawURLEncoding.DecodeString(a.parts[0])
	_ = json.Unmarshal(a.header, &a.values)
	dec := json.NewDecoder(bytes.NewReader(a.header))
	dec.UseNumber()
	a.walk(dec, 1)
	return a
}

// walk reads one value, as far as it can be read.
func (a *anatomy) walk(dec *json.Decoder, depth int) {
	token, err := dec.Token()
	if err != nil {
		return
	}
	switch token := token.(type) {
	case json.Delim:
		a.depth = max(a.depth, depth)
		var names []string
		for dec.More() {
			if token == '{' {
				next, err := dec.Token()
				name, ok := next.(string)
				if err != nil || !ok {
					return
				}
				a.note(name)
				a.count++
				a.alike = a.alike || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
				if names = append(names, name); depth == 1 {
					a.names = names
				}
			}
			before := dec.InputOffset()
			if a.walk(dec, depth+1); dec.InputOffset() == before {
				return
			}
		}
		_, _ = dec.Token()
	case json.Number:
		_, err := token.Float64()
		a.overflow = a.overflow || err != nil
	case string:
		a.note(token)
	}
}

// note marks a replacement character that the header does not spell.
func (a *anatomy) note(s string) {
	a.replaced = a.replaced || utf8.Valid(a.header) && strings.ContainsRune(s, utf8.RuneError) &&
		!bytes.ContainsRune(a.header, utf8.RuneError) && !bytes.Contains(bytes.ToLower(a.header), []byte(`\ufffd`))
}

// has reports whether the header has one of the members, be it null.
func (a *anatomy) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(a.names, name) })
}

func (a *anatomy) text(name string) (v string, isText bool) {
	raw := a.values[name]
	return v, bytes.HasPrefix(raw, []byte(`"`)) && json.Unmarshal(raw, &v) == nil
}

func misspelt(name string) bool {
	return slices.ContainsFunc([]string{"alg", "kid", "typ", "cty", "crit", "b64", "zip", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "enc"},
		func(right string) bool { return name != right && strings.EqualFold(name, right) })
}
