package claims

import "time"

const maxAudiences = 64

// CheckTimes checks exp (required if requireExp), nbf and iat against now, with skew to the caller's benefit
// (a negative one counts as none). A token is expired at the very second of its exp (RFC 7519 section 4.1.4).
func (s *Set) CheckTimes(now time.Time, skew time.Duration, requireExp bool) error {
	skew = max(skew, 0)
	exp, ok, err := s.Time("exp")
	switch {
	case err != nil:
		return err
	case !ok && requireExp:
		return missing("exp")
	case ok && !now.Add(-skew).Before(exp):
		return &Error{Claim: "exp", Problem: Expired, detail: "claims: exp has passed"}
	}
	nbf, ok, err := s.Time("nbf")
	switch {
	case err != nil:
		return err
	case ok && nbf.After(now.Add(skew)):
		return &Error{Claim: "nbf", Problem: NotYetValid, detail: "claims: nbf lies ahead (is a clock wrong?)"}
	}
	iat, ok, err := s.Time("iat")
	switch {
	case err != nil:
		return err
	case ok && iat.After(now.Add(skew)):
		return &Error{Claim: "iat", Problem: NotYetValid, detail: "claims: iat lies ahead (is a clock wrong?)"}
	}
	return nil
}

// CheckIssuer requires iss to be want, byte for byte.
func (s *Set) CheckIssuer(want string) error {
	raw, k, ok := s.value("iss")
	switch {
	case !ok:
		return missing("iss")
	case k != kindString && k != kindEscaped:
		return wrongType("iss", "a string")
	case len(raw) == 2:
		return missing("iss")
	case !equal(raw[1:len(raw)-1], k == kindEscaped, want):
		got := text(raw[1:len(raw)-1], k == kindEscaped)
		return &Error{Claim: "iss", Problem: Mismatch, detail: "claims: iss is " + quote(got) + ", expected " + quote(want)}
	}
	return nil
}

// CheckAudience requires aud to hold any of want. An empty string never matches; more than 64 audiences are malformed.
func (s *Set) CheckAudience(want ...string) error {
	raw, k, ok := s.value("aud")
	if !ok {
		return missing("aud")
	}
	entries, found, filled := 0, false, false
	var first element // for the message
	check := func(e element) {
		if entries++; len(e.raw) == 0 {
			return
		}
		if !filled {
			first, filled = e, true
		}
		for _, w := range want {
			found = found || equal(e.raw, e.escaped, w)
		}
	}
	switch k {
	case kindString, kindEscaped:
		check(element{raw: raw[1 : len(raw)-1], isText: true, escaped: k == kindEscaped})
	case kindArray:
		for e := range elements(raw) {
			if !e.isText {
				return wrongType("aud", "a string or an array of strings")
			}
			check(e)
		}
	default:
		return wrongType("aud", "a string or an array of strings")
	}
	switch {
	case entries > maxAudiences:
		return &Error{Claim: "aud", Problem: Malformed, detail: "claims: aud has too many entries"}
	case found:
		return nil
	case !filled:
		return missing("aud")
	}
	detail := "claims: aud is " + quote(text(first.raw, first.escaped))
	if entries > 1 {
		detail += " and others"
	}
	if len(want) > 0 {
		detail += ", expected " + quote(want[0])
	}
	if len(want) > 1 {
		detail += " or another of ours"
	}
	return &Error{Claim: "aud", Problem: Mismatch, detail: detail}
}
