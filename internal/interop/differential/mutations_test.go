package differential

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// mutations are all there are. What is composed is signed afterwards, so only the rule it breaks can refuse it.
var mutations = slices.Concat(algMutations, headerMutations, payloadMutations, signerMutations, signatureMutations, textMutations)

var algMutations = []mutation{
	{"untouched", composing, func(*draft) {}},
	{"alg in another case", composing, func(d *draft) {
		d.header.set("alg", quoted(pick(d, strings.ToLower(d.alg), strings.ToUpper(d.alg)+" ", d.alg[:1]+strings.ToLower(d.alg[1:]), "eDDSA")))
	}},
	{"alg none", composing, func(d *draft) {
		d.header.set("alg", quoted(pick(d, "none", "None", "NONE", "nOnE", "", "null")))
	}},
	{"alg none, no signature", written, func(d *draft) {
		d.raw = b64(`{"alg":"none"}`) + "." + b64(d.payload) + "."
	}},
	{"alg is no string", composing, func(d *draft) {
		d.header.set("alg", pick(d, "null", "256", "true", `["RS256"]`, `{"alg":"RS256"}`, `""`))
	}},
	{"alg missing", composing, func(d *draft) { d.header.drop("alg") }},
	{"alg escaped", composing, func(d *draft) {
		d.header.set("alg", fmt.Sprintf(`"\u%04x%s"`, d.alg[0], d.alg[1:]))
	}},
	{"another alg, signed so", composing, func(d *draft) {
		d.alg = pick(d, algNames...)
		d.header.set("alg", quoted(d.alg))
	}},
	{"another alg of the key, signed so", composing, func(d *draft) {
		if kind(d.signer) != "RSA" && len(d.forge.published) > 1 {
			d.signer = d.forge.published[d.IntN(2)]
			d.header.set("kid", quoted(d.signer.id))
		}
		if kind(d.signer) == "RSA" {
			d.alg = pick(d, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
			d.header.set("alg", quoted(d.alg))
		}
	}},
	{"another alg, in the header only", composing, func(d *draft) { d.header.set("alg", quoted(pick(d, algNames...))) }},
	{"another alg, in the signature only", composing, func(d *draft) { d.alg = pick(d, algNames...) }},
	{"alg of no use", composing, func(d *draft) {
		d.header.set("alg", quoted(pick(d, "Ed448", "ES256K", "RS1", "RSA-OAEP", "dir", "HS256", "ES224", "PS1", "RS256,none", "\u0000RS256")))
	}},
	{"HMAC with the public key", composing, func(d *draft) {
		d.alg = pick(d, "HS256", "HS384", "HS512")
		d.mac = publicBytes(d)
		d.header.set("alg", quoted(d.alg))
	}},
	{"HMAC with the public key under the key's alg", composing, func(d *draft) {
		d.alg, d.mac = "HS256", publicBytes(d)
	}},
}

var algNames = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

var signerMutations = []mutation{
	{"another key of its kind", composing, func(d *draft) { d.signer = d.forge.twin(d.signer) }},
	{"another published key", composing, func(d *draft) { d.signer = pick(d, d.forge.published...) }},
	{"another published key, with its alg", composing, func(d *draft) {
		d.signer = pick(d, d.forge.published...)
		d.alg = d.signer.signs
		d.header.set("alg", quoted(d.alg))
	}},
	{"a stranger's key", composing, func(d *draft) { d.signer = pick(d, d.forge.strangers...) }},
	{"alg of a larger curve", composing, func(d *draft) { // with r and s as wide as that wants them
		if len(d.forge.published) > 1 && d.IntN(2) == 0 {
			d.signer = d.forge.published[6] // whose JWK names no alg
			d.header.drop("kid")
		}
		larger := map[string][]string{"P-256": {"ES384", "ES512"}, "P-384": {"ES512"}}[kind(d.signer)]
		if larger != nil {
			d.alg = pick(d, larger...)
			d.width = map[string]int{"ES384": 48, "ES512": 66}[d.alg]
			d.header.set("alg", quoted(d.alg))
		}
	}},
	{"PSS salt", composing, func(d *draft) {
		d.salt = pick(d, 1, 20, 31, 32, 33, 48, 64, rsa.PSSSaltLengthAuto) // Auto is as long as fits
		d.signer = d.rsaSigner()
		if d.alg = "PS256"; d.signer.alg == "" {
			d.alg = pick(d, "PS256", "PS384", "PS512")
		}
		d.header.set("alg", quoted(d.alg))
		d.header.set("kid", quoted(d.signer.id))
	}},
}

var signatureMutations = []mutation{
	{"signature swapped", signed, func(d *draft) {
		half := len(d.signature) / 2
		d.signature = slices.Concat(d.signature[half:], d.signature[:half])
	}},
	{"signature in DER", signed, func(d *draft) {
		r, s := halves(d.signature)
		der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		must(err)
		d.signature = der
	}},
	{"signature of numbers", signed, func(d *draft) {
		size := len(d.signature) / 2
		order := d.order()
		near := []*big.Int{new(big.Int), big.NewInt(1), order, new(big.Int).Sub(order, big.NewInt(1)), new(big.Int).Add(order, big.NewInt(1))}
		r, s := halves(d.signature)
		d.signature = slices.Concat(fill(pick(d, append(near, r)...), size), fill(pick(d, append(near, s)...), size))
	}},
	{"signature's other s", signed, func(d *draft) { // (r, n-s) verifies too: JWS does not ask for the lower one
		r, s := halves(d.signature)
		size := len(d.signature) / 2
		s.Sub(d.order(), s)
		d.signature = slices.Concat(fill(r, size), fill(s.Abs(s), size))
	}},
	{"signature's number and order added", signed, func(d *draft) {
		r, s := halves(d.signature)
		size := len(d.signature) / 2
		if kind(d.signer) == "Ed25519" { // little-endian s: RFC 8032 section 5.1.7 wants it below the order
			le := slices.Clone(d.signature[size:])
			slices.Reverse(le)
			s.SetBytes(le)
			sum := fill(s.Add(s, d.order()), size)
			slices.Reverse(sum)
			d.signature = slices.Concat(d.signature[:size], sum)
			return
		}
		if pick(d, true, false) {
			r.Add(r, d.order())
		} else {
			s.Add(s, d.order())
		}
		d.signature = slices.Concat(fill(r, size), fill(s, size))
	}},
	{"signature and modulus added", signed, func(d *draft) {
		if key, ok := d.signer.key.(*rsa.PrivateKey); ok {
			d.signature = new(big.Int).Add(new(big.Int).SetBytes(d.signature), key.N).Bytes()
		}
	}},
	{"signature without leading zeros", signed, func(d *draft) {
		r, s := halves(d.signature)
		d.signature = pick(d, bytes.TrimLeft(d.signature, "\x00"), slices.Concat(r.Bytes(), s.Bytes()))
	}},
	{"signature with zeros in front", signed, func(d *draft) {
		r, s := d.signature[:len(d.signature)/2], d.signature[len(d.signature)/2:]
		d.signature = pick(d, slices.Concat([]byte{0}, r, s), slices.Concat(r, []byte{0}, s), slices.Concat([]byte{0}, r, []byte{0}, s))
	}},
	{"signature cut off", signed, func(d *draft) { d.signature = d.signature[:d.IntN(len(d.signature)+1)] }},
	{"signature longer", signed, func(d *draft) {
		d.signature = slices.Concat(d.signature, pick(d, []byte{0}, []byte{0xff}, d.signature, bytes.Repeat([]byte{0}, 64)))
	}},
	{"signature of one byte", signed, func(d *draft) {
		d.signature = bytes.Repeat([]byte{pick[byte](d, 0, 1, 0xff, 0x80)}, len(d.signature))
	}},
	{"signature empty", signed, func(d *draft) { d.signature = nil }},
	{"signature bit", signed, func(d *draft) {
		if len(d.signature) > 0 {
			d.signature = slices.Clone(d.signature)
			d.signature[d.IntN(len(d.signature))] ^= 1 << d.IntN(8)
		}
	}},
}

// rsaSigner is a published signer for PSS; the draft's own when there is none.
func (d *draft) rsaSigner() *signer {
	for _, s := range d.forge.published[d.IntN(len(d.forge.published)):] {
		if kind(s) == "RSA" && s.alg != "RS256" {
			return s
		}
	}
	return d.signer
}

// disturb changes a byte or two of s.
func (d *draft) disturb(s string) string {
	b := []byte(s)
	for range 1 + d.IntN(2) {
		i := d.IntN(len(b) + 1)
		switch d.IntN(4) {
		case 0:
			b = slices.Insert(b, i, byte(d.IntN(256)))
		case 1:
			if i < len(b) {
				b = slices.Delete(b, i, i+1)
			}
		default:
			if i < len(b) {
				b[i] ^= 1 << d.IntN(8)
			}
		}
	}
	return string(b)
}

// publicBytes are what a verifier that mixes up its keys might use as the secret of an HMAC.
func publicBytes(d *draft) []byte {
	der, err := x509.MarshalPKIXPublicKey(d.signer.key.Public())
	must(err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	parts := d.public()
	compact, err := json.Marshal(parts)
	must(err)
	return pick(d, der, text, bytes.TrimSpace(text), compact, []byte(d.signer.jwk()), []byte(parts["n"]+parts["x"]), []byte{0})
}

func hmacOf(alg string, secret, input []byte) []byte {
	h := hmac.New(hashOf(alg).New, secret)
	h.Write(input)
	return h.Sum(nil)
}

// order is that of the signer's group; of an RSA key, for want of one, its modulus.
func (d *draft) order() *big.Int {
	switch key := d.signer.key.(type) {
	case *ecdsa.PrivateKey:
		return key.Curve.Params().N
	case *rsa.PrivateKey:
		return key.N
	}
	l, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	return l
}

func halves(b []byte) (r, s *big.Int) {
	return new(big.Int).SetBytes(b[:len(b)/2]), new(big.Int).SetBytes(b[len(b)/2:])
}

// fill is n in size bytes; what does not fit is cut off in front.
func fill(n *big.Int, size int) []byte {
	b := n.Bytes()
	if len(b) > size {
		return b[len(b)-size:]
	}
	return n.FillBytes(make([]byte, size))
}
