package differential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/keyset"
)

// TestDifferentialKeys parses mutated JWKs here and with go-jose. What we accept is the public key that its members
// spell; where go-jose accepts it too, both read the same key, kid and alg. A set of several is read as each of its keys
// is read alone.
func TestDifferentialKeys(t *testing.T) {
	const keys = 5_000
	seed, n := campaign(t, keys)
	f := newForge(t, seed)
	book := ledger[*jwkHearing]{stricter: stricterKeys, looser: looserKeys}
	hearings := make([]*jwkHearing, n)
	report(t, parallel(n, func(i int) string {
		h := hearKey(f.jwkDraft(i))
		hearings[i] = h
		if objection := h.objection(&book); objection != "" {
			return fmt.Sprintf("%s\n  %v", objection, h.draft)
		}
		return ""
	}))
	report(t, parallel(n/10, func(i int) string { return together(hearings[10*i : 10*i+10]) }))
	book.close(t, n >= keys)
}

// jwkHearing is one JWK as both sides read it.
type jwkHearing struct {
	anatomy
	draft    *jwkDraft
	ours     keyset.Key
	theirs   jose.JSONWebKey
	ourErr   error
	theirErr error
}

var errNotPublic = errors.New("not a public key")

func hearKey(d *jwkDraft) *jwkHearing {
	h := &jwkHearing{draft: d, anatomy: dissect(b64(d.raw))}
	if !json.Valid([]byte(d.raw)) {
		h.ourErr = errors.New("not JSON") // it could break out of its set
	} else if keys, skipped, err := keyset.Parse([]byte(`{"keys":[` + d.raw + `]}`)); err != nil {
		h.ourErr = errors.New(err.Error() + strings.Join(skipped, ";"))
	} else {
		h.ours = keys[0]
	}
	if h.theirErr = json.Unmarshal([]byte(d.raw), &h.theirs); h.theirErr == nil && (!h.theirs.IsPublic() || !h.theirs.Valid()) {
		h.theirErr = errNotPublic
	}
	return h
}

func (h *jwkHearing) objection(book *ledger[*jwkHearing]) string {
	if objection := book.record(h, h.ourErr, h.theirErr); objection != "" || h.ourErr != nil {
		return objection
	}
	if !h.spells(h.ours.Public) {
		return "we read another key than its members spell"
	}
	same := h.ours.Public.(interface{ Equal(crypto.PublicKey) bool })
	if h.theirErr == nil && (!same.Equal(h.theirs.Key) || h.ours.ID != h.theirs.KeyID || h.ours.Alg != h.theirs.Algorithm) {
		return fmt.Sprintf("we read kid %q and alg %q, go-jose %q and %q, or another key", h.ours.ID, h.ours.Alg, h.theirs.KeyID, h.theirs.Algorithm)
	}
	return ""
}

// spells reports whether the members, however they are written, are the numbers of this key, and it is a sane one. No
// reader of JWKs is asked.
func (h *jwkHearing) spells(key crypto.PublicKey) bool {
	number := func(name string) *big.Int {
		raw, err := decodeLoosely(h.value(name))
		must(err)
		return new(big.Int).SetBytes(raw)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		return h.value("kty") == "RSA" && number("n").Cmp(key.N) == 0 && number("e").Cmp(big.NewInt(int64(key.E))) == 0
	case *ecdsa.PublicKey:
		x, y, width := number("x"), number("y"), size(h.value("crv"))
		point := slices.Concat([]byte{4}, fill(x, width), fill(y, width))
		spelt, err := ecdsa.ParseUncompressedPublicKey(curves[h.value("crv")], point)
		return h.value("kty") == "EC" && err == nil && len(x.Bytes()) <= width && len(y.Bytes()) <= width && spelt.Equal(key)
	case ed25519.PublicKey:
		raw, err := decodeLoosely(h.value("x"))
		return h.value("kty") == "OKP" && h.value("crv") == "Ed25519" && err == nil && len(raw) == 32 && string(raw) == string(key)
	}
	return false
}

// decodeLoosely takes either alphabet, with padding or without.
func decodeLoosely(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(s))
}

// together reads the keys as one set.
func together(hearings []*jwkHearing) string {
	var raws []string
	var want []keyset.Thumbprint
	for _, h := range hearings {
		if h == nil || !json.Valid([]byte(h.draft.raw)) {
			continue // broken JSON spoils the whole set
		}
		raws = append(raws, h.draft.raw)
		if h.ourErr == nil && !slices.Contains(want, h.ours.Thumbprint) {
			want = append(want, h.ours.Thumbprint)
		}
	}
	keys, _, err := keyset.Parse([]byte(`{"keys":[` + strings.Join(raws, ",") + `]}`))
	var got []keyset.Thumbprint
	for _, k := range keys {
		got = append(got, k.Thumbprint)
	}
	if (err == nil) != (len(want) > 0) || !slices.Equal(got, want) {
		return fmt.Sprintf("together %d keys are read, one by one %d: %v\n  %v", len(got), len(want), err, hearings[0].draft)
	}
	return ""
}

// TestDifferentialKeySets: go-jose gives up on a set with one bad key, so only the frame is compared.
func TestDifferentialKeySets(t *testing.T) {
	seed, _ := campaign(t, 1)
	key := newForge(t, seed).published[2].jwk()
	for _, test := range []struct {
		set  string
		ours bool // go-jose takes all of them
	}{
		{`{"keys":[` + key + `]}`, true},
		{`{"other":[{}],"keys":[` + key + `],"Keyz":1}`, true},
		{`{"keys":[],"Keys":[` + key + `]}`, false}, // encoding/json takes the last of those that are alike
		{`{"keys":[` + key + `],"keys":[` + key + `]}`, false},
		{`{"KEYS":[` + key + `]}`, false},
		{`{"\u212aeys":[` + key + `]}`, false},
	} {
		keys, _, err := keyset.Parse([]byte(test.set))
		check.Equal(t, err == nil && len(keys) == 1, test.ours, fmt.Sprintf("we read %.40s", test.set))
		var theirs jose.JSONWebKeySet
		check.NoError(t, json.Unmarshal([]byte(test.set), &theirs))
		check.Equal(t, len(theirs.Keys), 1, fmt.Sprintf("go-jose reads %.40s", test.set))
	}
}

// stricterKeys are the rules by which we leave out keys that go-jose takes.
var stricterKeys = []rule[*jwkHearing]{
	{"use", "a key of another use than sig is not for signatures (RFC 7517 section 4.2)", func(h *jwkHearing) bool {
		use, isText := h.text("use")
		return h.says("use is") && (!isText || use != "sig")
	}},
	{"key_ops", "key_ops, when there, hold verify (RFC 7517 section 4.3); go-jose does not read them", func(h *jwkHearing) bool {
		return h.says("key_ops") && h.has("key_ops")
	}},
	{"alg unknown", "an alg that we do not verify, HMAC and encryption above all", func(h *jwkHearing) bool {
		alg, _ := h.text("alg")
		return h.says("is not supported") && alg != "" && !slices.Contains(algNames, alg)
	}},
	{"alg and key", "the alg is one that the key's type and curve can do", func(h *jwkHearing) bool {
		return h.says("does not fit alg") && h.has("alg")
	}},
	{"private", "a key with a private or symmetric member is burnt, even when its value is null or is not one", func(h *jwkHearing) bool {
		return h.says("it is not a public key") && h.has("d", "p", "q", "dp", "dq", "qi", "oth", "k")
	}},
	{"RSA size", "2048 to 8192 bits", func(h *jwkHearing) bool {
		n, _ := decodeLoosely(h.value("n"))
		bits := new(big.Int).SetBytes(n).BitLen()
		return (h.says("bits are accepted") || h.says("n is longer")) && (bits < 2048 || bits > 8192)
	}},
	{"RSA modulus even", "crypto/rsa would refuse it at the first token", func(h *jwkHearing) bool {
		n, _ := decodeLoosely(h.value("n"))
		return h.says("even") && len(n) > 0 && n[len(n)-1]%2 == 0
	}},
	{"RSA exponent", "odd, at least 3 and below 2^31, in at most six bytes; go-jose cuts it to 64 bits", func(h *jwkHearing) bool {
		e, _ := decodeLoosely(h.value("e"))
		n := new(big.Int).SetBytes(e)
		return h.says("exponent") && (len(e) > 6 || n.Bit(0) == 0 || n.Cmp(big.NewInt(3)) < 0 || n.BitLen() > 31)
	}},
	{"number missing", "a number without digits is missing; go-jose takes it for zero", func(h *jwkHearing) bool {
		return h.says("is missing") && slices.ContainsFunc([]string{"n", "e", "x", "y"}, func(name string) bool { return h.has(name) && h.value(name) == "" })
	}},
	{"Ed25519 length", "x has 32 bytes (RFC 8037 section 2); go-jose fills up with zeros, or cuts off", func(h *jwkHearing) bool {
		x, _ := decodeLoosely(h.value("x"))
		return (h.says("its x has the wrong length") || h.says("x is longer")) && h.value("crv") == "Ed25519" && len(x) != 32
	}},
	{"kid", "at most 1024 bytes", func(h *jwkHearing) bool { return h.says("kid is longer") && len(h.value("kid")) > 1024 }},
	{"line breaks", "bounds on texts count the line breaks that encoding/base64 skips", func(h *jwkHearing) bool {
		return (h.says("longer than") || h.says("exponent")) && slices.ContainsFunc([]string{"n", "e", "x", "y"}, func(name string) bool { return strings.ContainsAny(h.value(name), "\r\n") })
	}},
	{"alike members", "two members whose names differ in case only are a duplicate (also within unknown members)", func(h *jwkHearing) bool {
		return h.says("twice") && h.alike
	}},
	{"misspelt claim", "keys are read as claims are, so a case variant of a registered claim is refused here too", func(h *jwkHearing) bool {
		return h.says("is a misspelling of") && slices.ContainsFunc(h.names, func(n string) bool { return n != strings.ToLower(n) })
	}},
	{"not UTF-8", "JSON is UTF-8 (RFC 8259 section 8.1)", func(h *jwkHearing) bool { return h.says("UTF-8") && !utf8.Valid(h.header) }},
	{"unpaired surrogate", "\\ud800 alone is no character", func(h *jwkHearing) bool { return h.says("surrogate") && h.replaced }},
	{"depth", "a key is nested at most 16 deep", func(h *jwkHearing) bool { return h.says("deeply") && h.depth > 16 }},
	{"members", "a key has at most 1024 members", func(h *jwkHearing) bool { return h.says("too many") && h.count > 1024 }},
	{"number", "numbers fit a float64, also in members that are not read", func(h *jwkHearing) bool { return h.says("out of range") && h.overflow }},
}

// looserKeys are the rules by which we take keys that go-jose leaves out. That it is the right key is checked all the
// same: see spells.
var looserKeys = []rule[*jwkHearing]{
	{"certificates", "x5c, x5t and x5u are not read, so their form is not judged", func(h *jwkHearing) bool { return h.has("x5c", "x5t", "x5t#S256", "x5u") }},
	{"spelling of numbers", "jwx takes padding and the other alphabet, and coordinates with zeros in front or without: some servers write such", func(h *jwkHearing) bool {
		return slices.ContainsFunc([]string{"n", "e", "x", "y"}, func(name string) bool {
			raw, err := base64.RawURLEncoding.DecodeString(h.value(name))
			return err != nil || h.value("kty") == "EC" && (name == "x" || name == "y") && len(raw) != size(h.value("crv"))
		})
	}},
	{"members of other types", "what a key of this type does not have is not read, whatever it holds", func(h *jwkHearing) bool {
		foreign := map[string][]string{"RSA": {"x", "y", "crv"}, "EC": {"n", "e"}, "OKP": {"n", "e", "y"}}[h.value("kty")]
		return h.has(foreign...)
	}},
}

func (h *jwkHearing) says(text string) bool { return strings.Contains(h.ourErr.Error(), text) }

func (h *jwkHearing) value(name string) string {
	v, _ := h.text(name)
	return v
}
