package claims

import "time"

// String returns a string claim. ok: present and not null.
func (s *Set) String(name string) (v string, ok bool, err error) {
	raw, k, ok := s.value(name)
	if !ok {
		return "", false, nil
	}
	if k != kindString && k != kindEscaped {
		return "", false, wrongType(name, "a string")
	}
	return text(raw[1:len(raw)-1], k == kindEscaped), true, nil
}

// Bool returns a boolean claim. ok: present and not null.
func (s *Set) Bool(name string) (v, ok bool, err error) {
	raw, k, ok := s.value(name)
	if !ok {
		return false, false, nil
	}
	if k != kindBool {
		return false, false, wrongType(name, "true or false")
	}
	return raw[0] == 't', true, nil
}

// Time returns a NumericDate (RFC 7519 section 2), fractions of a second cut off. ok: present and not null.
// A string, a negative number and a year after 9999 are malformed.
func (s *Set) Time(name string) (v time.Time, ok bool, err error) {
	raw, k, ok := s.value(name)
	if !ok {
		return time.Time{}, false, nil
	}
	if k != kindNumber {
		return time.Time{}, false, wrongType(name, "a number of seconds")
	}
	sec, ok := seconds(raw)
	if !ok {
		return time.Time{}, false, &Error{Claim: name, Problem: Malformed, detail: "claims: claim " + quote(name) + " is no time between 1970 and 9999"}
	}
	return time.Unix(sec, 0).UTC(), true, nil
}

// Strings returns a claim that is a string or an array of strings, in a fresh slice; nil when it is absent or null.
func (s *Set) Strings(name string) (v []string, err error) {
	raw, k, ok := s.value(name)
	if !ok {
		return nil, nil
	}
	switch k {
	case kindString, kindEscaped:
		return []string{text(raw[1:len(raw)-1], k == kindEscaped)}, nil
	case kindArray:
		v = []string{}
		for e := range elements(raw) {
			if !e.isText {
				return nil, wrongType(name, "a string or an array of strings")
			}
			v = append(v, text(e.raw, e.escaped))
		}
		return v, nil
	}
	return nil, wrongType(name, "a string or an array of strings")
}
