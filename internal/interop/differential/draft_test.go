package differential

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
)

// draft is a token in the making. All that is random in it comes from the forge's seed and its own number.
type draft struct {
	*rand.Rand
	random io.Reader // the same source, as bytes
	forge  *forge
	number int
	names  []string // of the mutations

	header, claims members
	headerText     []func(string) string // edits of the header's text
	payloadText    []func(string) string

	signer *signer
	alg    string // how it is signed, whatever the header says
	salt   int
	mac    []byte // the secret of an HMAC in place of the signature
	plain  bool   // sign the payload as it is (RFC 7797)
	width  int    // bytes of r and of s; 0 = the curve's

	head, payload string
	input         []byte // what was signed
	truth         string // the alg it was signed with, whatever was asked for
	signature     []byte
	raw           string
}

// member is one of an object, its name and value as JSON text.
type member struct{ name, value string }

type members []member

// stage is when a mutation acts.
type stage uint8

const (
	composing stage = iota // on what is going to be signed, and by whom
	signed                 // on the signature
	written                // on the text of the token
)

type mutation struct {
	name  string
	stage stage
	do    func(*draft)
}

// token is the number-th token of the forge: each mutation meets each signer in turn, alone or with others.
func (f *forge) token(number int, claims members) *draft {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], f.seed)
	binary.LittleEndian.PutUint64(seed[8:], uint64(number))
	source := rand.NewChaCha8(seed)
	s := f.turn(number / len(mutations))
	d := &draft{
		Rand: rand.New(source), random: source, forge: f, number: number,
		signer: s, alg: s.signs, salt: rsa.PSSSaltLengthEqualsHash, claims: slices.Clone(claims),
	}
	d.header.set("alg", quoted(s.signs))
	if s.id != "" {
		d.header.set("kid", quoted(s.id))
	}
	chosen := []mutation{mutations[number%len(mutations)]}
	for d.IntN(3) == 0 {
		chosen = append(chosen, mutations[d.IntN(len(mutations))])
	}
	slices.SortStableFunc(chosen, func(a, b mutation) int { return int(a.stage) - int(b.stage) })
	d.apply(chosen, composing)
	d.compose()
	d.sign()
	d.apply(chosen, signed)
	d.raw = b64(d.head) + "." + b64(d.payload) + "." + b64(string(d.signature))
	d.apply(chosen, written)
	return d
}

func (d *draft) apply(chosen []mutation, s stage) {
	for _, m := range chosen {
		if m.stage == s {
			d.names = append(d.names, m.name)
			m.do(d)
		}
	}
}

func (d *draft) compose() {
	d.head, d.payload = d.header.String(), d.claims.String()
	for _, edit := range d.headerText {
		d.head = edit(d.head)
	}
	for _, edit := range d.payloadText {
		d.payload = edit(d.payload)
	}
}

func (d *draft) sign() {
	d.input = []byte(b64(d.head) + "." + b64(d.payload))
	if d.plain {
		d.input = []byte(b64(d.head) + "." + d.payload)
	}
	if d.mac != nil {
		d.signature = hmacOf(d.alg, d.mac, d.input)
		return
	}
	d.signature, d.truth = d.signer.sign(d.random, d.alg, d.salt, d.input)
	if d.width > 0 {
		r, s := halves(d.signature)
		d.signature = slices.Concat(fill(r, d.width), fill(s, d.width))
	}
}

// genuine reports whether exactly this text was signed with the private half of key, for alg. No verifier is asked.
func (d *draft) genuine(text, alg string, key crypto.PublicKey) bool {
	public, ok := key.(interface{ Equal(crypto.PublicKey) bool })
	return ok && d.truth == alg && text == string(d.input) && public.Equal(d.signer.key.Public())
}

// String names the case so that it can be found again.
func (d *draft) String() string {
	return fmt.Sprintf("DIFFERENTIAL_SEED=%d, number %d, signer %q, mutations %q\n  header %.300q\n  token %.2000q",
		d.forge.seed, d.number, d.signer.id, d.names, d.head, d.raw)
}

// public is the public half of the draft's signer as the JWK's members.
func (d *draft) public() map[string]string {
	parts := map[string]string{}
	must(json.Unmarshal([]byte(d.signer.jwk()), &parts))
	return parts
}

func (m members) String() string {
	parts := make([]string, len(m))
	for i, one := range m {
		parts[i] = one.name + ":" + one.value
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// set replaces the member's value, or adds it at the end.
func (m *members) set(name, value string) {
	for i, one := range *m {
		if one.name == quoted(name) {
			(*m)[i].value = value
			return
		}
	}
	m.add(quoted(name), value)
}

// add adds a member whether or not there is one of this name, which is JSON.
func (m *members) add(name, value string) { *m = append(*m, member{name, value}) }

// insert is add at a place of the draft's choice.
func (m *members) insert(d *draft, name, value string) {
	*m = slices.Insert(*m, d.IntN(len(*m)+1), member{name, value})
}

func (m *members) drop(name string) {
	*m = slices.DeleteFunc(*m, func(one member) bool { return one.name == quoted(name) })
}

// quoted is s as JSON, with nothing escaped that need not be.
func quoted(s string) string {
	raw, err := json.Marshal(s)
	must(err)
	return string(raw)
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// pick is one of the list.
func pick[T any](d *draft, list ...T) T { return list[d.IntN(len(list))] }
