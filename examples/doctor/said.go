package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/remote"
)

// mostQuoted bounds how many values of a list are shown.
const mostQuoted = 8

// said is what a token says of itself. Nothing of it is believed: it explains a verdict and makes none.
type said struct {
	size, dots     int
	spaced         bool // white space inside
	unsigned       bool // the third part is empty
	decoded        bool // three parts of base64url, none empty
	header, claims *claims.Set
	tenant         []string // path to the claim
}

func read(raw string, tenant []string) *said {
	s := &said{size: len(raw), dots: strings.Count(raw, "."), spaced: strings.ContainsAny(raw, " \t\r\n"), tenant: tenant}
	if s.dots != 2 {
		return s
	}
	parts := strings.Split(raw, ".")
	s.unsigned = parts[2] == ""
	s.decoded = !s.spaced
	for i, part := range parts {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
		s.decoded = s.decoded && err == nil && part != ""
		if err != nil {
			continue
		}
		switch i { // what cannot be read strictly stays nil
		case 0:
			s.header, _ = claims.ParseHeader(decoded)
		case 1:
			s.claims, _ = claims.Parse(decoded)
		}
	}
	return s
}

// text is what the token says where a check looks; empty when it cannot be read.
func (s *said) text(c step) string {
	switch {
	case c == stepForm:
		return s.form()
	case s.header == nil && c < stepClaims, s.claims == nil && c >= stepClaims:
		return ""
	}
	switch c {
	case stepHeader:
		return "has " + quoted(s.header.Names())
	case stepAlg, stepTyp:
		return text(s.header, c.String())
	case stepClaims:
		return fmt.Sprintf("%d of them", len(s.claims.Names()))
	case stepIss:
		return text(s.claims, "iss")
	case stepSignature:
		return s.keyID()
	case stepExp, stepNbf, stepIat:
		return moment(s.claims, c.String(), time.Now())
	case stepAud:
		return texts(s.claims.Strings("aud"))
	case stepKind:
		return s.marks()
	case stepBinding:
		if s.claims.Has("cnf") {
			return "bound to a key (cnf)"
		}
		return "not bound to a key"
	case stepTenant:
		return s.tenantClaim()
	case stepScopes:
		return texts(s.claims.Scopes())
	}
	return ""
}

func (s *said) form() string {
	size := fmt.Sprintf("%d bytes", s.size)
	switch {
	case s.spaced:
		return size + " with white space inside: give the bare token, in one line and without Bearer"
	case s.dots == 4:
		return size + " in five parts: perhaps encrypted (JWE), which only who has the key can read"
	case s.dots != 2:
		return size + ", not the three parts of a JWT: if the provider made it, its introspection endpoint understands it (Config.Introspection)"
	case s.unsigned:
		return size + " in three parts: the signature is empty"
	case !s.decoded:
		return size + " in three parts: not all are base64url"
	}
	return size + " in three parts"
}

// keyID says by which key the token claims to be signed.
func (s *said) keyID() string {
	if s.header == nil || !s.header.Has("kid") {
		return "names no kid"
	}
	return "kid " + text(s.header, "kid")
}

// marks names what tells tokens for other purposes from access tokens.
func (s *said) marks() string {
	var found []string
	for _, name := range []string{"at_hash", "c_hash", "events", "nonce"} {
		if s.claims.Has(name) {
			found = append(found, name)
		}
	}
	for _, name := range []string{"token_use", "token_type", "typ"} {
		if s.claims.Has(name) {
			found = append(found, name+" "+text(s.claims, name))
		}
	}
	if found == nil {
		return "nothing says that it is no access token"
	}
	return "has " + strings.Join(found, ", ")
}

func (s *said) tenantClaim() string {
	value, ok, err := s.claims.Lookup(s.tenant...)
	var tenant string
	switch {
	case len(s.tenant) == 0:
		return "unknown"
	case err != nil:
		return "there in another case"
	case !ok:
		return "absent"
	case json.Unmarshal([]byte(value), &tenant) != nil:
		return "not a string"
	}
	return remote.Quote(tenant)
}

// text is a member that should be a string.
func text(set *claims.Set, name string) string {
	value, ok, err := set.String(name)
	switch {
	case err != nil:
		return "not a string"
	case !ok:
		return "absent"
	}
	return remote.Quote(value)
}

// texts is a member that should be a list of strings.
func texts(values []string, err error) string {
	switch {
	case err != nil:
		return "not a list of strings"
	case values == nil:
		return "absent"
	}
	return quoted(values)
}

func quoted(values []string) string {
	if len(values) == 0 {
		return "empty"
	}
	var list []string
	for _, v := range values[:min(len(values), mostQuoted)] {
		list = append(list, remote.Quote(v))
	}
	more := ""
	if n := len(values) - mostQuoted; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(list, ", ") + more
}

// moment is a member that should be a time, and how far away it is.
func moment(set *claims.Set, name string, now time.Time) string {
	at, ok, err := set.Time(name)
	switch {
	case err != nil:
		return "not a time in seconds"
	case !ok:
		return "absent"
	}
	date := at.UTC().Format(time.RFC3339)
	if away := at.Sub(now); away > 0 {
		return date + ", in " + span(away)
	}
	return date + ", " + span(now.Sub(at)) + " ago"
}

// span is a duration in the units a person would use.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.Truncate(time.Second).String()
}
