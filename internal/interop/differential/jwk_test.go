package differential

import (
	"crypto/ecdh"
	"crypto/elliptic"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
)

// jwkDraft is a JWK in the making.
type jwkDraft struct {
	*rand.Rand
	forge  *forge
	number int
	names  []string
	signer *signer
	members
	edits []func(string) string
	raw   string
}

type jwkMutation struct {
	name string
	do   func(*jwkDraft)
}

// jwkDraft is the number-th JWK of the forge: each mutation meets each key in turn, alone or with others.
func (f *forge) jwkDraft(number int) *jwkDraft {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], f.seed)
	binary.LittleEndian.PutUint64(seed[8:], uint64(number))
	s := f.published[number/len(jwkMutations)%len(f.published)]
	d := &jwkDraft{Rand: rand.New(rand.NewChaCha8(seed)), forge: f, number: number}
	d.begin(s)
	d.apply(jwkMutations[number%len(jwkMutations)])
	for d.IntN(3) == 0 {
		d.apply(jwkMutations[d.IntN(len(jwkMutations))])
	}
	d.raw = d.members.String()
	for _, edit := range d.edits {
		d.raw = edit(d.raw)
	}
	return d
}

// begin makes the draft the JWK of s.
func (d *jwkDraft) begin(s *signer) {
	d.signer, d.members = s, nil
	parts := map[string]string{}
	must(json.Unmarshal([]byte(s.jwk()), &parts))
	for _, name := range []string{"kty", "kid", "use", "alg", "crv", "n", "e", "x", "y"} {
		if value, ok := parts[name]; ok {
			d.set(name, quoted(value))
		}
	}
}

// want begins again with a key of this kind, unless the draft is one.
func (d *jwkDraft) want(kinds ...string) {
	for !slices.Contains(kinds, kind(d.signer)) {
		d.begin(d.forge.published[d.IntN(len(d.forge.published))])
	}
}

func (d *jwkDraft) apply(m jwkMutation) {
	d.names = append(d.names, m.name)
	m.do(d)
}

func (d *jwkDraft) String() string {
	return fmt.Sprintf("DIFFERENTIAL_SEED=%d, number %d, key %q, mutations %q\n  JWK %.2000q", d.forge.seed, d.number, d.signer.id, d.names, d.raw)
}

var jwkMutations = []jwkMutation{
	{"untouched", func(*jwkDraft) {}},
	{"kty", func(d *jwkDraft) {
		d.set("kty", d.of(`"RSA"`, `"EC"`, `"OKP"`, `"oct"`, `"rsa"`, `"AKP"`, `""`, `null`, `1`, `["EC"]`))
	}},
	{"crv", func(d *jwkDraft) {
		d.set("crv", d.of(`"P-256"`, `"P-384"`, `"P-521"`, `"P-224"`, `"secp256k1"`, `"Ed25519"`, `"Ed448"`, `"X25519"`, `"p-256"`, `null`, `1`, `""`))
	}},
	{"use", func(d *jwkDraft) { d.set("use", d.of(`"enc"`, `"sig"`, `"SIG"`, `""`, `null`, `1`, `["sig"]`)) }},
	{"key_ops", func(d *jwkDraft) {
		d.set("key_ops", d.of(`["verify"]`, `["sign"]`, `[]`, `"verify"`, `null`, `["verify","verify"]`, `[1]`, `["VERIFY"]`, `{}`, `["encrypt","verify"]`))
	}},
	{"alg", func(d *jwkDraft) {
		d.set("alg", d.of(`"RS256"`, `"RS512"`, `"PS384"`, `"ES256"`, `"ES384"`, `"ES512"`, `"EdDSA"`, `"HS256"`, `"none"`, `"RSA-OAEP"`, `"ES521"`, `"es256"`, `""`, `null`, `1`))
	}},
	{"kid", func(d *jwkDraft) {
		d.set("kid", d.of(`""`, `null`, `1`, `"\u0000"`, `"é"`, `["k"]`))
	}},
	{"kid long", func(d *jwkDraft) { d.set("kid", quoted(strings.Repeat("k", 1023+d.IntN(4)))) }},
	{"member missing", func(d *jwkDraft) { d.drop(d.of("kty", "kid", "use", "alg", "crv", "n", "e", "x", "y")) }},
	{"member of any type", func(d *jwkDraft) {
		d.set(d.of("kty", "kid", "use", "alg", "crv", "n", "e", "x", "y"), d.of(`null`, `1`, `true`, `[]`, `{}`, `""`, `"a"`, `"AQAB"`, `"!"`))
	}},
	{"private member", func(d *jwkDraft) {
		d.set(d.of("d", "p", "q", "dp", "dq", "qi", "oth", "k"), d.of(`"AQAB"`, `null`, `""`, `1`, `[]`))
	}},
	{"certificates", func(d *jwkDraft) {
		d.set(d.of("x5c", "x5t", "x5t#S256", "x5u"), d.of(`["AA=="]`, `[]`, `"AA"`, `"%"`, `null`, `1`, quoted(b64(strings.Repeat("a", 20))), `"https://evil.example/c.pem"`))
	}},
	{"modulus of another size", func(d *jwkDraft) {
		d.want("RSA")
		bits := []int{1, 512, 1024, 2047, 2048, 2049, 3072, 8192, 8193, 16384}[d.IntN(10)]
		n := make([]byte, (bits+7)/8)
		for i := range n {
			n[i] = byte(d.IntN(256))
		}
		m := new(big.Int).SetBytes(n)
		m.SetBit(m.Rsh(m, uint(8*len(n)-bits)), bits-1, 1)
		d.put("n", m.SetBit(m, 0, 1).Bytes())
	}},
	{"modulus even", func(d *jwkDraft) {
		d.want("RSA")
		if n := d.bytes("n"); len(n) > 0 {
			n[len(n)-1] &^= 1
			d.put("n", n)
		}
	}},
	{"exponent", func(d *jwkDraft) {
		d.want("RSA")
		d.put("e", [][]byte{
			{0}, {1}, {2}, {3}, {17}, {1, 0, 0}, {0, 1, 0, 1}, {0, 0, 0, 1, 0, 1}, {0, 0, 0, 0, 1, 0, 1}, {0x7f, 0xff, 0xff, 0xff},
			{0x80, 0, 0, 1}, {1, 0, 0, 0, 1}, {1, 0, 0, 0, 0, 0, 0, 0, 3}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {},
		}[d.IntN(15)])
	}},
	{"zeros in front", func(d *jwkDraft) {
		name := d.of("n", "e", "x", "y")
		d.put(name, append(make([]byte, 1+d.IntN(3)), d.bytes(name)...))
	}},
	{"zeros behind", func(d *jwkDraft) {
		name := d.of("n", "e", "x", "y")
		d.put(name, append(d.bytes(name), make([]byte, 1+d.IntN(3))...))
	}},
	{"short", func(d *jwkDraft) {
		if name := d.of("n", "e", "x", "y"); len(d.bytes(name)) > 0 {
			d.put(name, d.bytes(name)[:d.IntN(len(d.bytes(name)))])
		}
	}},
	{"coordinate that begins with zero", func(d *jwkDraft) { // written without it
		d.want("P-256", "P-384", "P-521")
		point := zeroPoints()[kind(d.signer)]
		half := len(point) / 2
		d.put("x", new(big.Int).SetBytes(point[:half]).Bytes())
		d.put("y", point[half:])
	}},
	{"coordinates swapped", func(d *jwkDraft) {
		x, y := d.bytes("x"), d.bytes("y")
		d.put("x", y)
		d.put("y", x)
	}},
	{"another point", func(d *jwkDraft) {
		d.want("P-256", "P-384", "P-521")
		p, x, y := curves[kind(d.signer)].Params().P, new(big.Int).SetBytes(d.bytes("x")), new(big.Int).SetBytes(d.bytes("y"))
		width := size(kind(d.signer))
		switch d.IntN(5) {
		case 0: // its mirror image is on the curve
			d.put("y", fill(new(big.Int).Sub(p, new(big.Int).Mod(y, p)), width))
		case 1: // the same modulo p
			d.put("x", x.Add(x, p).Bytes())
		case 2:
			d.put("x", make([]byte, width))
		case 3:
			d.put("y", fill(y.Add(y, big.NewInt(1)), width))
		case 4:
			d.put("x", fill(p, width))
		}
	}},
	{"Ed25519 points", func(d *jwkDraft) { // all encodings of 32 bytes are taken; no signature verifies with most
		d.want("Ed25519")
		x := make([]byte, 32)
		x[0], x[31] = byte(d.IntN(3)), []byte{0, 0x80, 0x7f}[d.IntN(3)]
		d.put("x", x)
	}},
	{"Ed25519 length", func(d *jwkDraft) {
		d.want("Ed25519")
		x := make([]byte, []int{1, 31, 33, 64}[d.IntN(4)])
		copy(x, d.bytes("x"))
		d.put("x", x)
	}},
	{"spelling", func(d *jwkDraft) {
		d.respell(func(s string) string {
			return d.of(s+"=", s+"==", strings.NewReplacer("-", "+", "_", "/").Replace(s), s+"\n", " "+s, "\r"+s, s+" ", s+"A", s+"\x00", strings.ToLower(s), s+"*", s+"%3D")
		})
	}},
	{"line breaks", func(d *jwkDraft) {
		d.respell(func(s string) string { return s + strings.Repeat("\n", []int{1, 10, 100, 2000}[d.IntN(4)]) })
	}},
	{"member twice", func(d *jwkDraft) {
		one := d.members[d.IntN(len(d.members))]
		d.add(d.of(one.name, strings.ToUpper(one.name), `"\u006bid"`, `"\u212aty"`), d.of(one.value, `"x"`, `null`))
	}},
	{"member in another case", func(d *jwkDraft) {
		d.add(d.of(`"Use"`, `"Alg"`, `"KID"`, `"D"`, `"K"`), d.of(`"enc"`, `"HS256"`, `null`))
	}},
	{"unknown member", func(d *jwkDraft) {
		d.add(d.of(`"x"`, `""`, `"ext"`, `"exp"`, `"iat"`), d.of(`{"a":[1,{"b":2}]}`, `{"a":1,"a":2}`, `{"a":1,"A":2}`, `true`, `1.5e3`))
	}},
	{"unknown member, hostile", func(d *jwkDraft) {
		n := []int{14, 15, 16, 20}[d.IntN(4)]
		d.add(`"ext"`, d.of(`1e400`, `"\ud800"`, "\"\xff\"", strings.Repeat("[", n)+strings.Repeat("]", n), strings.Repeat("[", 20)+strings.Repeat("]", 20)))
	}},
	{"claim in another case", func(d *jwkDraft) { d.add(d.of(`"EXP"`, `"Iat"`, `"Nbf"`), "1") }}, // some servers say when a key expires
	{"many members", func(d *jwkDraft) {
		for i := range []int{100, 1100}[d.IntN(2)] {
			d.add(fmt.Sprintf(`"m%d"`, i), "0")
		}
	}},
	{"not an object", func(d *jwkDraft) {
		d.edits = append(d.edits, func(s string) string {
			return d.of("null", "[]", `""`, "1", "{}", "["+s+"]", quoted(s), strings.TrimSuffix(s, "}"), s+"}", " "+s+"\n", strings.TrimSuffix(s, "}")+",}", "")
		})
	}},
	{"bytes", func(d *jwkDraft) {
		d.edits = append(d.edits, func(s string) string { return (&draft{Rand: d.Rand}).disturb(s) })
	}},
}

func (d *jwkDraft) of(list ...string) string { return list[d.IntN(len(list))] }

// bytes decodes a member; nil if it is no base64url.
func (d *jwkDraft) bytes(name string) []byte {
	for _, m := range d.members {
		if m.name == quoted(name) {
			raw, _ := decodeLoosely(strings.Trim(m.value, `"`))
			return raw
		}
	}
	return nil
}

// put sets a member that the key has.
func (d *jwkDraft) put(name string, value []byte) {
	if slices.ContainsFunc(d.members, func(m member) bool { return m.name == quoted(name) }) {
		d.set(name, quoted(b64(string(value))))
	}
}

// respell edits the text of one of the key's numbers.
func (d *jwkDraft) respell(edit func(string) string) {
	var at []int
	for i, m := range d.members {
		if slices.Contains([]string{`"n"`, `"e"`, `"x"`, `"y"`}, m.name) {
			at = append(at, i)
		}
	}
	if len(at) > 0 {
		i := at[d.IntN(len(at))]
		d.members[i].value = quoted(edit(strings.Trim(d.members[i].value, `"`)))
	}
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// zeroPoints has a point of each curve, x and y, whose x begins with a zero byte.
var zeroPoints = sync.OnceValue(func() map[string][]byte {
	points := map[string][]byte{}
	for name, curve := range map[string]ecdh.Curve{"P-256": ecdh.P256(), "P-384": ecdh.P384(), "P-521": ecdh.P521()} {
		for k := uint64(2); points[name] == nil; k++ {
			scalar := make([]byte, size(name))
			binary.BigEndian.PutUint64(scalar[len(scalar)-8:], k)
			key, err := curve.NewPrivateKey(scalar)
			must(err)
			if point := key.PublicKey().Bytes()[1:]; point[0] == 0 {
				points[name] = point
			}
		}
	}
	return points
})

// size is that of a coordinate, in bytes; 0 for no such curve.
func size(crv string) int { return map[string]int{"P-256": 32, "P-384": 48, "P-521": 66}[crv] }
