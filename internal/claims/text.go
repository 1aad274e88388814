package claims

import (
	"encoding/binary"
	"unicode/utf8"
)

// doc is a document, or a part of it: bytes while it is parsed, a string once that is done.
type doc interface{ ~string | ~[]byte }

// text reads a string, quotes included.
func (p *parser) text() (escaped bool, f fault) {
	raw := p.raw
	for i := p.pos + 1; ; {
		for i+8 <= len(raw) && !special(binary.LittleEndian.Uint64(raw[i:])) {
			i += 8
		}
		for i < len(raw) && raw[i] >= ' ' && raw[i] != '"' && raw[i] != '\\' {
			i++
		}
		switch {
		case i >= len(raw) || raw[i] < ' ':
			return false, faultSyntax
		case raw[i] == '"':
			p.pos = i + 1
			return escaped, 0
		}
		escaped = true
		n, f := escape(raw[i:])
		if f != 0 {
			return false, f
		}
		i += n
	}
}

// special reports whether one of eight bytes is a quote, a backslash or a control character. A byte above ASCII behind
// one of these may count as special too; the caller looks at each.
func special(w uint64) bool {
	const low, high = 0x0101010101010101, 0x8080808080808080
	quote, slash := w^(low*'"'), w^(low*'\\')
	return ((quote-low)&^quote|(slash-low)&^slash|(w-low*' ')&^w)&high != 0
}

// escape checks the escape that b begins with and returns its length; a surrogate pair is one.
func escape(b []byte) (int, fault) {
	if len(b) < 2 {
		return 0, faultSyntax
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, 0
	case 'u':
		r, ok := unit(b)
		switch {
		case !ok:
			return 0, faultSyntax
		case r < 0xD800 || r > 0xDFFF:
			return 6, 0
		case r > 0xDBFF:
			return 0, faultSurrogate
		}
		if low, ok := unit(b[6:]); !ok || low < 0xDC00 || low > 0xDFFF {
			return 0, faultSurrogate
		}
		return 12, 0
	}
	return 0, faultSyntax
}

// unit reads \uXXXX.
func unit[T doc](b T) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		c := b[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// text returns a string's value from what is between its quotes.
func text(raw string, escaped bool) string {
	if !escaped {
		return raw
	}
	var room [128]byte
	return string(appendUnescaped(room[:0], raw))
}

// equal compares a string in a document with want.
func equal[T doc](raw T, escaped bool, want string) bool {
	if !escaped {
		return string(raw) == want
	}
	var room [128]byte
	return string(appendUnescaped(room[:0], raw)) == want
}

// appendUnescaped appends raw, the inside of a string that has been parsed, with its escapes resolved.
func appendUnescaped[T doc](dst []byte, raw T) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		switch c = raw[i+1]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := unit(raw[i:])
			i += 6
			if 0xD800 <= r && r <= 0xDBFF {
				low, _ := unit(raw[i:])
				r = (r-0xD800)<<10 | (low - 0xDC00) + 0x10000
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
		i += 2
	}
	return dst
}
