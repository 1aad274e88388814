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

// member is a top-level member: where its name (without quotes) and its value are.
type member struct {
	nameStart, nameEnd   uint32
	valueStart, valueEnd uint32
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

func parse(raw []byte, registered map[string]string) (*Set, error) {
	if len(raw) > maxSize {
		return nil, &Error{Problem: Malformed, detail: "claims: the object is too large"}
	}
	if !utf8.Valid(raw) {
		return nil, &Error{Problem: Malformed, detail: "claims: not valid UTF-8"}
	}
	p := parsers.Get().(*parser)
	defer p.release()
	p.raw, p.registered = raw, registered
	if f := p.document(); f != 0 {
		return nil, p.refuse(f)
	}
	switch n := len(p.members); {
	case n <= len(set8{}.room):
		s := &set8{Set: Set{raw: raw}}
		s.members = append(s.room[:0], p.members...)
		return &s.Set, nil
	case n <= len(set24{}.room):
		s := &set24{Set: Set{raw: raw}}
		s.members = append(s.room[:0], p.members...)
		return &s.Set, nil
	default:
		return &Set{raw: raw, members: append(make([]member, 0, n), p.members...)}, nil
	}
}

var parsers = sync.Pool{New: func() any {
	return &parser{members: make([]member, 0, 32), names: make([]name, 0, 48)}
}}

// release gives the parser back, with the room it has for offsets (maxMembers bounds it) and nothing else.
func (p *parser) release() {
	*p = parser{members: p.members[:0], names: p.names[:0]}
	parsers.Put(p)
}

// parser walks a document once. It never keeps anything but offsets.
type parser struct {
	raw        []byte
	pos        int
	count      int
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
		e.detail = "claims: member " + quote(text(p.raw[p.bad.start:p.bad.end], p.bad.escaped)) + " is a misspelling of " + strconv.Quote(p.claim)
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
		if f := p.admit(n, base, depth == 1, &many); f != 0 {
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
				valueStart: uint32(valueStart), valueEnd: uint32(p.pos), kind: k,
			})
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
