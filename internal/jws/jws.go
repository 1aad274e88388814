// Package jws parses and verifies JSON Web Signatures in their compact form (RFC 7515 section 3.1), and in no other.
package jws

import (
	"encoding/base64"
	"slices"
	"strings"
	"sync"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/redact"
)

// MaxSize is the largest token Parse accepts when Options sets none, in bytes.
const MaxSize = 16 << 10

// maxKeyID bounds the "kid" of a header, in bytes.
const maxKeyID = 1024

// Options say which tokens a caller accepts.
type Options struct {
	// Algs is the allow-list of "alg" values; empty means the package's Algs. "none" is never accepted, HS256 only when listed.
	Algs []string
	// AnyAlg accepts every "alg" but none, whatever Algs says. It is for tokens whose signature is not checked: Verify
	// refuses one it does not know.
	AnyAlg bool
	// Types are the accepted "typ" values, lower case, without "application/"; an absent typ is always accepted. Empty means {"jwt"}.
	Types []string
	// MaxSize bounds the token in bytes; 0 means the package's MaxSize.
	MaxSize int
}

// Header is what counts of a JOSE header.
type Header struct {
	Alg, KeyID, Type string // Type in lower case, without "application/"
	HasKeyID         bool
}

// Token is a parsed token whose signature may not have been verified yet.
type Token struct {
	redact.All

	Header
	Payload   string // decoded
	signed    string
	signature []byte
}

// encoding refuses padding and trailing bits, but skips line breaks: dots looks for these.
var encoding = base64.RawURLEncoding.Strict()

// Parse is Parser.Parse for a single token.
func Parse(raw string, o Options) (*Token, error) { return parse(raw, o, nil) }

// parse remembers nothing when headers is nil.
func parse(raw string, o Options, headers *headers) (*Token, error) {
	limit := o.MaxSize
	if limit <= 0 {
		limit = MaxSize
	}
	if len(raw) > limit {
		return nil, errTooLarge
	}
	first, last, ok := dots(raw)
	if !ok {
		return nil, formError(raw)
	}
	t := &Token{signed: raw[:last]}
	room := rooms.Get().(*[]byte)
	defer release(room)
	var part []byte
	if t.Header, ok = headers.find(raw[:first]); !ok {
		if part, ok = decode(room, raw[:first]); !ok {
			return nil, errForm
		}
		if err := t.read(part, o); err != nil {
			return nil, err
		}
		headers.add(raw[:first], t.Header)
	}
	if part, ok = decode(room, raw[first+1:last]); !ok {
		return nil, errForm
	}
	t.Payload = string(part)
	if part, ok = decode(room, raw[last+1:]); !ok {
		return nil, errForm
	}
	t.signature = slices.Clone(part)
	return t, nil
}

// rooms are buffers that parts are decoded into, one after the other.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// release keeps a room for the next token, without what is in it, unless it is larger than is usual.
func release(room *[]byte) {
	if cap(*room) <= MaxSize {
		clear((*room)[:cap(*room)])
		rooms.Put(room)
	}
}

// decode decodes a part into room, which it makes larger when it has to.
func decode(room *[]byte, part string) (decoded []byte, ok bool) {
	decoded, err := encoding.AppendDecode((*room)[:0], []byte(part))
	*room = decoded
	return decoded, err == nil
}

// dots finds the two dots between three parts, none empty.
func dots(raw string) (first, last int, ok bool) {
	first = strings.IndexByte(raw, '.')
	if first <= 0 {
		return 0, 0, false
	}
	last = first + 1 + strings.IndexByte(raw[first+1:], '.')
	if last <= first+1 || last+1 == len(raw) || strings.IndexByte(raw[last+1:], '.') >= 0 {
		return 0, 0, false
	}
	return first, last, strings.IndexByte(raw, '\n') < 0 && strings.IndexByte(raw, '\r') < 0
}

// formError says what is wrong with a token that is not three parts. A token without
// a signature may be an unsecured JWT (RFC 7519 section 6), which is reported as
// such: "malformed" would send its reader looking in the wrong place.
func formError(raw string) *Error {
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || payload == "" || signature != "" {
		return errForm
	}
	decoded, err := encoding.DecodeString(header)
	if err != nil {
		return errForm
	}
	h, err := claims.ParseHeader(decoded)
	if err != nil {
		return errForm
	}
	if alg, _, err := h.String("alg"); err != nil || !unsecured(alg) {
		return errForm
	}
	return errNone
}

// unsecured reports whether alg is none, however it is written.
func unsecured(alg string) bool { return strings.EqualFold(alg, "none") }

func (t *Header) read(raw []byte, o Options) error {
	h, err := claims.ParseHeader(raw)
	if err != nil {
		return errHeader
	}
	if h.Holds("crit") || h.Holds("b64") || h.Holds("zip") {
		return errParameter
	}
	alg, ok, err := h.String("alg")
	if err != nil || !ok {
		return errAlgMissing
	}
	if unsecured(alg) {
		return errNone
	}
	if o.AnyAlg {
		t.Alg, ok = alg, alg != ""
	} else {
		t.Alg, ok = allowed(alg, o.Algs)
	}
	if !ok {
		return errAlg
	}
	if h.Holds("kid") {
		id, ok, err := h.String("kid")
		if err != nil || !ok || len(id) > maxKeyID {
			return errKeyID
		}
		t.KeyID, t.HasKeyID = id, true
	}
	if h.Holds("typ") {
		typ, ok, err := h.String("typ")
		if err != nil || !ok {
			return errTypeForm
		}
		if t.Type, ok = accepted(typ, o.Types); !ok {
			return errType
		}
	}
	return nil
}

// allowed returns alg, as the table spells it, when the allow-list has it under
// this name or under another for the same signature. Of the symmetric ones HS256
// alone can be allowed, and only by name.
func allowed(alg string, list []string) (string, bool) {
	a := lookup(alg)
	if a == nil || a.family == hmacSignature && alg != "HS256" {
		return "", false
	}
	if len(list) == 0 {
		return a.name, a.family != hmacSignature
	}
	return a.name, slices.ContainsFunc(list, func(one string) bool { return Same(one, a.name) })
}

var defaultTypes = []string{"jwt"}

// accepted returns the entry of the list that typ is (RFC 7515 section 4.1.9).
func accepted(typ string, list []string) (string, bool) {
	const prefix = "application/"
	if len(typ) > len(prefix) && equalFold(typ[:len(prefix)], prefix) {
		typ = typ[len(prefix):]
	}
	if len(list) == 0 {
		list = defaultTypes
	}
	for _, want := range list {
		if equalFold(typ, want) {
			return want, true
		}
	}
	return "", false
}

// equalFold is strings.EqualFold for ASCII: media types have no other letters.
func equalFold(s, t string) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return strings.EqualFold(s, t)
}
