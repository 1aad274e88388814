// Package claims reads the members of one JSON object strictly: claims of tokens and of introspection answers, JOSE headers.
//
// What it accepts, encoding/json accepts with the same values; it refuses everything two readers could understand
// differently: duplicate members, members that differ in case only, invalid UTF-8, unpaired surrogates, trailing data.
// A member whose value is null counts as absent.
package claims

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Set is an immutable JSON object, indexed by its top-level members. It is safe for concurrent use.
type Set struct {
	raw     []byte
	members []member
}

// Parse reads raw, which must be exactly one JSON object without duplicate or case-variant members (at any depth),
// and without case variants of a registered claim at the top. raw is kept and must not be modified.
func Parse(raw []byte) (*Set, error) { return parse(raw, registeredClaims) }

// ParseHeader is Parse for a JOSE header: the registered names are those of header parameters.
func ParseHeader(raw []byte) (*Set, error) { return parse(raw, registeredHeaders) }

// Raw returns the object as it was given to Parse. It must not be modified.
func (s *Set) Raw() []byte { return s.raw }

// Has reports whether the object has the member and it is not null.
func (s *Set) Has(name string) bool {
	m := s.find(name)
	return m != nil && m.kind != kindNull
}

// Holds reports whether the object has the member, be it null.
func (s *Set) Holds(name string) bool { return s.find(name) != nil }

// Names returns the names of all members in their order, in a fresh slice.
func (s *Set) Names() []string {
	names := make([]string, len(s.members))
	for i := range s.members {
		m := &s.members[i]
		names[i] = text(s.raw[m.nameStart:m.nameEnd], m.nameEscaped)
	}
	return names
}

// Lookup follows path through nested objects. ok: it leads to a value that is not null. The error is a case variant
// of a path element, next to which no other reading is safe. v must not be modified.
func (s *Set) Lookup(path ...string) (v json.RawMessage, ok bool, err error) {
	if len(path) == 0 {
		return nil, false, nil
	}
	for i := range s.members {
		m := &s.members[i]
		same, variant := compareName(s.raw[m.nameStart:m.nameEnd], m.nameEscaped, path[0])
		if variant {
			return nil, false, variantError(path[0])
		}
		if same {
			v = s.raw[m.valueStart:m.valueEnd:m.valueEnd]
		}
	}
	for _, name := range path[1:] {
		if len(v) == 0 || v[0] != '{' {
			return nil, false, nil
		}
		if v, err = child(v, name); err != nil {
			return nil, false, err
		}
	}
	if len(v) == 0 || v[0] == 'n' {
		return nil, false, nil
	}
	return v, true, nil
}

// Decode unmarshals the object into v with encoding/json, whose matching of names to struct fields ignores case. It
// hands out a copy: an UnmarshalJSON of v may write to what it is given.
func (s *Set) Decode(v any) error {
	err := json.Unmarshal(bytes.Clone(s.raw), v)
	if err == nil {
		return nil
	}
	e := &Error{Problem: Malformed, detail: "claims: the claims do not fit the type they are decoded into"}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		e.detail = "claims: claim " + quote(wrong.Field) + " does not fit the type it is decoded into"
	} else if _, ok := errors.AsType[*json.InvalidUnmarshalError](err); ok {
		e.detail = "claims: decode into a non-nil pointer"
	}
	return e
}

// find returns the member called name, nil when there is none.
func (s *Set) find(name string) *member {
	for i := range s.members {
		m := &s.members[i]
		if m.nameEscaped {
			if equal(s.raw[m.nameStart:m.nameEnd], true, name) {
				return m
			}
		} else if string(s.raw[m.nameStart:m.nameEnd]) == name {
			return m
		}
	}
	return nil
}

// value returns the member's value when it is present and not null.
func (s *Set) value(name string) (raw []byte, k kind, ok bool) {
	m := s.find(name)
	if m == nil || m.kind == kindNull {
		return nil, 0, false
	}
	return s.raw[m.valueStart:m.valueEnd:m.valueEnd], m.kind, true
}
