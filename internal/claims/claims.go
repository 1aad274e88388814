// Package claims reads the members of one JSON object strictly: claims of tokens and of introspection answers, JOSE headers.
//
// What it accepts, encoding/json accepts with the same values; it refuses everything two readers could understand
// differently: duplicate members, members that differ in case only, invalid UTF-8, unpaired surrogates, trailing data.
// A member whose value is null counts as absent.
package claims

import (
	"encoding/json"
	"errors"
)

// Set is an immutable JSON object, indexed by its top-level members. It is safe for concurrent use.
type Set struct {
	raw     string // strings that are handed out are parts of it
	names   uint64 // a filter of the members' names: see mayHold
	members []member
}

// Parse reads raw, which must be exactly one JSON object without duplicate or case-variant members (at any depth),
// and without case variants of a registered claim at the top. Bytes are not kept, a string is.
func Parse[T doc](raw T) (*Set, error) { return parse(raw, registeredClaims) }

// ParseHeader is Parse for a JOSE header: the registered names are those of header parameters.
func ParseHeader[T doc](raw T) (*Set, error) { return parse(raw, registeredHeaders) }

// Raw returns the object as it was given to Parse.
func (s *Set) Raw() string { return s.raw }

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

// Lookup follows path through nested objects. ok: it leads to a value that is not null, as the JSON text it has in the
// object. The error is a case variant of a path element, next to which no other reading is safe.
func (s *Set) Lookup(path ...string) (v string, ok bool, err error) {
	if len(path) == 0 {
		return "", false, nil
	}
	want := nameHash(path[0])
	for i := range s.members {
		m := &s.members[i]
		if m.hash != want { // names that fold alike have the same
			continue
		}
		same, variant := compareName(s.raw[m.nameStart:m.nameEnd], m.nameEscaped, path[0])
		if variant {
			return "", false, variantError(path[0])
		}
		if same {
			v = s.raw[m.valueStart:m.valueEnd]
		}
	}
	for _, name := range path[1:] {
		if v == "" || v[0] != '{' {
			return "", false, nil
		}
		if v, err = child(v, name); err != nil {
			return "", false, err
		}
	}
	if v == "" || v[0] == 'n' {
		return "", false, nil
	}
	return v, true, nil
}

// Decode unmarshals the object into v with encoding/json, whose matching of names to struct fields ignores case.
func (s *Set) Decode(v any) error {
	err := json.Unmarshal([]byte(s.raw), v)
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
	want := nameHash(name)
	if s.names&nameBit(want) == 0 {
		return nil
	}
	for i := range s.members {
		if m := &s.members[i]; m.hash == want && equal(s.raw[m.nameStart:m.nameEnd], m.nameEscaped, name) {
			return m
		}
	}
	return nil
}

// value returns the member's value when it is present and not null.
func (s *Set) value(name string) (raw string, k kind, ok bool) {
	m := s.find(name)
	if m == nil || m.kind == kindNull {
		return "", 0, false
	}
	return s.raw[m.valueStart:m.valueEnd], m.kind, true
}
