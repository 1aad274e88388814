package claims

import (
	"slices"
	"strings"
)

const maxScopes = 1024

// Scopes returns the union of scope (a string, split at spaces) and scp (such a string, or an array of scopes) in their
// order, each once, in a fresh slice.
func (s *Set) Scopes() ([]string, error) {
	var u union
	scope, _, err := s.String("scope")
	if err != nil {
		return nil, err
	}
	u.split(scope)
	if raw, k, ok := s.value("scp"); ok {
		switch k {
		case kindString, kindEscaped:
			u.split(text(raw[1:len(raw)-1], k == kindEscaped))
		case kindArray:
			for e := range elements(raw) {
				if !e.isText {
					return nil, wrongType("scp", "a string or an array of strings")
				}
				one := text(e.raw, e.escaped)
				if strings.Contains(one, " ") {
					return nil, wrongType("scp", "an array of scopes without spaces")
				}
				u.add(one)
			}
		default:
			return nil, wrongType("scp", "a string or an array of strings")
		}
	}
	if len(u.list) > maxScopes {
		return nil, &Error{Claim: "scope", Problem: Malformed, detail: "claims: too many scopes"}
	}
	return u.list, nil
}

// union is a list without duplicates.
type union struct {
	list []string
	seen map[string]struct{} // once the list is long
}

func (u *union) split(s string) {
	if u.list == nil && s != "" {
		u.list = make([]string, 0, min(strings.Count(s, " ")+1, maxScopes+1))
	}
	for one := range strings.SplitSeq(s, " ") {
		u.add(one)
	}
}

func (u *union) add(s string) {
	if s == "" || len(u.list) > maxScopes {
		return
	}
	if u.seen == nil {
		if slices.Contains(u.list, s) {
			return
		}
		if len(u.list) == maxLinear {
			u.seen = make(map[string]struct{}, 2*maxLinear)
			for _, have := range u.list {
				u.seen[have] = struct{}{}
			}
		}
	}
	if u.seen != nil {
		if _, ok := u.seen[s]; ok {
			return
		}
		u.seen[s] = struct{}{}
	}
	u.list = append(u.list, s)
}
