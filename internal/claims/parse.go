package claims

import (
	"strconv"
	"sync"
	"unicode/utf8"
)

const (
	maxSize    = 1 << 20 // bytes of one object
	maxDepth   = 16      // containers within each other, the object itself included
	maxMembers = 1024    // members of all objects in it together
	maxLinear  = 32      // members of one object whose names are compared one by one; more go through a map
)

// kind is the type of a JSON value.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindEscaped // a string with escapes in it
	kindArray
	kindObject
)

// member is a top-level member: where its name (without quotes) and its value are, and its name's hash.
type member struct {
	nameStart, nameEnd   uint32
	valueStart, valueEnd uint32
	hash                 uint32
	kind                 kind
	nameEscaped          bool
}

// name is a member's name in one of the objects that are open.
type name struct {
	start, end, hash uint32
	escaped          bool
}

// fault is why a document is refused; the zero value is none.
type fault uint8

const (
	faultSyntax fault = iota + 1
	faultDepth
	faultMembers
	faultNumber
	faultSurrogate
	faultDuplicate
	faultVariant
)

var faultTexts = [...]string{
	faultSyntax:    "claims: not one JSON object",
	faultDepth:     "claims: nested too deeply",
	faultMembers:   "claims: too many members",
	faultNumber:    "claims: a number is out of range",
	faultSurrogate: "claims: a string has an unpaired surrogate",
}

// set8 and set24 are a Set together with room for its members: one allocation.
type set8 struct {
	Set
	room [8]member
}

type set24 struct {
	Set
	room [24]member
}

func parse[T doc](raw T, registered map[string]string) (*Set, error) {
	if len(raw) > maxSize {
		return nil, &Error{Problem: Malformed, detail: "claims: the object is too large"}
	}
	p := parsers.Get().(*parser)
	defer p.release()
	p.raw, p.registered = append(p.raw, raw...), registered
	if !utf8.Valid(p.raw) {
		return nil, &Error{Problem: Malformed, detail: "claims: not valid UTF-8"}
	}
	if f := p.document(); f != 0 {
		return nil, p.refuse(f)
	}
	var s *Set
	switch n := len(p.members); {
	case n <= len(set8{}.room):
		s8 := &set8{}
		s, s8.members = &s8.Set, s8.room[:0]
	case n <= len(set24{}.room):
		s24 := &set24{}
		s, s24.members = &s24.Set, s24.room[:0]
	default:
		s = &Set{members: make([]member, 0, n)}
	}
	s.raw, s.names, s.members = string(raw), p.filter, append(s.members, p.members...)
	return s, nil
}

var parsers = sync.Pool{New: func() any {
	return &parser{raw: make([]byte, 0, 2<<10), members: make([]member, 0, 32), names: make([]name, 0, 48)}
}}

// maxKept bounds the copy of a document whose memory the next one may use, in bytes.
const maxKept = 64 << 10

// release gives the parser back, with the room it has for a document and for offsets (maxMembers bounds it).
func (p *parser) release() {
	if cap(p.raw) > maxKept {
		p.raw = nil
	}
	clear(p.raw)
	*p = parser{raw: p.raw[:0], members: p.members[:0], names: p.names[:0]}
	parsers.Put(p)
}

// parser walks a copy of a document once.
type parser struct {
	raw        []byte
	pos        int
	count      int
	filter     uint64            // of the names of the outermost object
	registered map[string]string // folded name to its one right spelling
	members    []member
	names      []name // of all open objects, the innermost last
	bad        name   // of the fault, where it has one
	claim      string // the registered name it is about
}

func (p *parser) refuse(f fault) *Error {
	e := &Error{Problem: Malformed, Claim: p.claim}
	switch f {
	case faultDuplicate:
		// A name that is not registered is the peer's to choose: it might be one of our secrets, sent back.
		subject := "a member"
		if p.claim != "" {
			subject = "member " + strconv.Quote(p.claim)
		}
		e.detail = "claims: " + subject + " is there twice (case does not count)"
	case faultVariant:
		e.detail = "claims: member " + quote(text(string(p.raw[p.bad.start:p.bad.end]), p.bad.escaped)) + " is a misspelling of " + strconv.Quote(p.claim)
	default:
		e.detail = faultTexts[f]
	}
	return e
}

func (p *parser) document() fault {
	p.space()
	if p.peek() != '{' {
		return faultSyntax
	}
	if f := p.object(1); f != 0 {
		return f
	}
	p.space()
	if p.pos != len(p.raw) {
		return faultSyntax
	}
	return 0
}

// peek returns the next byte, 0 at the end (which no rule accepts).
func (p *parser) peek() byte {
	if p.pos < len(p.raw) {
		return p.raw[p.pos]
	}
	return 0
}

func (p *parser) space() {
	for p.pos < len(p.raw) {
		switch p.raw[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) object(depth int) fault {
	p.pos++
	base := len(p.names)
	var many map[string]struct{}
	p.space()
	if p.peek() == '}' {
		p.pos++
		return 0
	}
	for {
		if p.peek() != '"' {
			return faultSyntax
		}
		start := p.pos + 1
		escaped, f := p.text()
		if f != 0 {
			return f
		}
		if p.count++; p.count > maxMembers {
			return faultMembers
		}
		n := name{start: uint32(start), end: uint32(p.pos - 1), escaped: escaped}
		if f := p.admit(&n, base, depth == 1, &many); f != 0 {
			return f
		}
		p.space()
		if p.peek() != ':' {
			return faultSyntax
		}
		p.pos++
		p.space()
		valueStart := p.pos
		k, f := p.value(depth)
		if f != 0 {
			return f
		}
		if depth == 1 {
			p.members = append(p.members, member{
				nameStart: n.start, nameEnd: n.end, nameEscaped: escaped,
				valueStart: uint32(valueStart), valueEnd: uint32(p.pos), hash: n.hash, kind: k,
			})
			p.filter |= nameBit(n.hash)
		}
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
			p.space()
		case '}':
			p.pos++
			p.names = p.names[:base]
			return 0
		default:
			return faultSyntax
		}
	}
}

func (p *parser) array(depth int) fault {
	p.pos++
	p.space()
	if p.peek() == ']' {
		p.pos++
		return 0
	}
	for {
		if _, f := p.value(depth); f != 0 {
			return f
		}
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
			p.space()
		case ']':
			p.pos++
			return 0
		default:
			return faultSyntax
		}
	}
}

// value reads any value inside a container at depth.
func (p *parser) value(depth int) (kind, fault) {
	switch c := p.peek(); c {
	case '"':
		escaped, f := p.text()
		if escaped {
			return kindEscaped, f
		}
		return kindString, f
	case '{', '[':
		if depth == maxDepth {
			return 0, faultDepth
		}
		if c == '{' {
			return kindObject, p.object(depth + 1)
		}
		return kindArray, p.array(depth + 1)
	case 't':
		return kindBool, p.literal("true")
	case 'f':
		return kindBool, p.literal("false")
	case 'n':
		return kindNull, p.literal("null")
	default:
		return kindNumber, p.number()
	}
}

func (p *parser) literal(want string) fault {
	if len(p.raw)-p.pos < len(want) || string(p.raw[p.pos:p.pos+len(want)]) != want {
		return faultSyntax
	}
	p.pos += len(want)
	return 0
}
