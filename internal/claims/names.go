package claims

import (
	"unicode"
	"unicode/utf8"
)

// registeredClaims are the claims this project or its neighbours act on; a case variant of one is refused.
var registeredClaims = vocabulary(
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "typ", "sid", "nonce", "azp", "acr", "amr", "auth_time",
	"at_hash", "c_hash", "s_hash", "events", "scope", "scp", "client_id", "cnf", "act", "may_act",
	"token_use", "active", "token_type", "username", "authorization_details", "sub_id", "toe", "txn",
)

// registeredHeaders are the header parameters of JWS, JWE and their extensions.
var registeredHeaders = vocabulary(
	"alg", "kid", "typ", "cty", "crit", "b64", "zip", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "enc",
)

func vocabulary(names ...string) map[string]string {
	v := make(map[string]string, len(names))
	for _, n := range names {
		v[string(appendFolded(nil, n, false))] = n
	}
	return v
}

// admit adds a name to the innermost object and refuses one that is there already, or misspelt.
func (p *parser) admit(n *name, base int, top bool, many *map[string]struct{}) fault {
	raw := p.raw[n.start:n.end]
	var plain bool
	if n.hash, plain = hashPlain(raw); !plain {
		var room [64]byte
		folded := appendFolded(room[:0], raw, n.escaped)
		n.hash = hash(folded)
		if top {
			if right, ok := p.registered[string(folded)]; ok && !equal(raw, n.escaped, right) {
				p.bad, p.claim = *n, right
				return faultVariant
			}
		}
	}
	open := p.names[base:]
	if len(open) < maxLinear {
		for i := range open {
			if open[i].hash == n.hash && p.alike(open[i], *n) {
				return p.duplicate(*n, top)
			}
		}
		p.names = append(p.names, *n)
		return 0
	}
	var room [64]byte
	if *many == nil {
		*many = make(map[string]struct{}, 2*maxLinear)
		for _, o := range open {
			(*many)[string(p.folded(room[:0], o))] = struct{}{}
		}
	}
	folded := p.folded(room[:0], *n)
	if _, ok := (*many)[string(folded)]; ok {
		return p.duplicate(*n, top)
	}
	(*many)[string(folded)] = struct{}{}
	return 0
}

func (p *parser) duplicate(n name, top bool) fault {
	p.bad = n
	if top {
		p.claim = p.registered[string(p.folded(nil, n))]
	}
	return faultDuplicate
}

func (p *parser) folded(dst []byte, n name) []byte {
	return appendFolded(dst, p.raw[n.start:n.end], n.escaped)
}

func (p *parser) alike(a, b name) bool {
	var room, other [64]byte
	return string(p.folded(room[:0], a)) == string(p.folded(other[:0], b))
}

// hash is FNV-1a. It only saves comparisons, so collisions cost little: at most maxLinear names of an object use it.
func hash(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// nameHash is the hash that a member of this name has, or one that folds like it.
func nameHash(name string) uint32 {
	if h, plain := hashPlain(name); plain {
		return h
	}
	var room [64]byte
	return hash(appendFolded(room[:0], name, false))
}

// nameBit is a name's bit in the filter of a Set: a clear one tells that no member has the name.
func nameBit(hash uint32) uint64 { return 1 << (hash >> 26) }

// hashPlain hashes a plain name as its folded form would be. Plain is a name of lower-case ASCII letters, digits and
// underscores, as nearly all are: it is no misspelling of anything.
func hashPlain[T doc](raw T) (h uint32, plain bool) {
	h = 2166136261
	for i := range len(raw) {
		c := raw[i]
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case '0' <= c && c <= '9', c == '_':
		default:
			return 0, false
		}
		h = (h ^ uint32(c)) * 16777619
	}
	return h, true
}

// appendFolded appends the name (its escapes resolved) such that two results are equal exactly if strings.EqualFold
// holds for the names: what encoding/json takes for the same member.
func appendFolded[T doc](dst []byte, raw T, escaped bool) []byte {
	if escaped {
		var room [64]byte
		return appendFolded(dst, appendUnescaped(room[:0], raw), false)
	}
	for i := 0; i < len(raw); {
		c := raw[i]
		if c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(string(raw[i:min(i+utf8.UTFMax, len(raw))]))
		dst = utf8.AppendRune(dst, foldRune(r))
		i += n
	}
	return dst
}

// foldRune returns the smallest rune that folds like r.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}

// compareName says whether a name in a document is want, or is not but folds like it.
func compareName(raw string, escaped bool, want string) (same, variant bool) {
	if equal(raw, escaped, want) {
		return true, false
	}
	// Names fold alike only if their first letters do; a byte above ASCII or an escape may be a letter in disguise.
	if !escaped && len(raw) > 0 && len(want) > 0 {
		if a, b := raw[0], want[0]; a < utf8.RuneSelf && b < utf8.RuneSelf && upper(a) != upper(b) {
			return false, false
		}
	}
	var room, other [64]byte
	return false, string(appendFolded(room[:0], raw, escaped)) == string(appendFolded(other[:0], want, false))
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}
