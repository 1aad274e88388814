package claims

import (
	"strconv"
	"unicode/utf8"
)

// Problem says what is wrong with a claim.
type Problem uint8

const (
	Malformed   Problem = iota + 1 // not JSON, a duplicate, a case variant, a wrong type
	Missing                        // required and absent (or empty)
	Expired                        // exp has passed
	NotYetValid                    // nbf or iat lies ahead
	Mismatch                       // present, but not what was expected
)

// Error names the claim and the problem; it never quotes a value or a name that is not registered, save an issuer or audience (quoted, capped).
type Error struct {
	Claim   string // "" when it is the whole object
	Problem Problem
	detail  string
}

func (e *Error) Error() string { return e.detail }

func missing(claim string) *Error {
	return &Error{Claim: claim, Problem: Missing, detail: "claims: claim " + quote(claim) + " is missing"}
}

func wrongType(claim, want string) *Error {
	return &Error{Claim: claim, Problem: Malformed, detail: "claims: claim " + quote(claim) + " is not " + want}
}

func variantError(claim string) *Error {
	return &Error{Claim: claim, Problem: Malformed, detail: "claims: a member is a case variant of " + quote(claim)}
}

// quote quotes what a peer or a caller sent, capped.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		return strconv.QuoteToASCII(s[:cut]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
