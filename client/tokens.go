package client

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/redact"
)

const (
	unknownLifetime = 5 * time.Minute
	maxLifetime     = 100 * 365 * 24 * time.Hour
)

// Tokens is a token endpoint's answer. It prints as [redacted].
type Tokens struct {
	redact.All

	// AccessToken is empty only when Err is not nil.
	AccessToken string
	// TokenType is always "Bearer".
	TokenType string
	// RefreshToken is empty when none was sent.
	RefreshToken string
	// Obtained is when the tokens were asked for. Keep it with them: early renewal counts from it.
	Obtained time.Time
	// Expiry of the access token: by expires_in, else the token's own exp, else five minutes after Obtained.
	Expiry time.Time
	// RefreshExpiry is zero when the provider did not say.
	RefreshExpiry time.Time
	// Scopes are those granted. Nil, after a refresh only: as before.
	Scopes []string
	// IDToken is verified; nil when none was sent.
	IDToken *gooidc.IDToken
	// RawIDToken is for id_token_hint. It may be there without IDToken when nothing asked for an ID token.
	RawIDToken string

	failure error
}

// Err is nil unless [Client.Refresh] withheld an access token: then it says
// which check the answer failed, and RefreshToken is a new one that must be
// saved, because the one before it is spent.
func (t *Tokens) Err() error { return t.failure }

// withheld returns the part of t that may be kept although the answer failed a
// check: the refresh token.
func (t *Tokens) withheld() *Tokens {
	return &Tokens{TokenType: "Bearer", RefreshToken: t.RefreshToken, RefreshExpiry: t.RefreshExpiry, Obtained: t.Obtained}
}

// OAuth2 returns the tokens in x/oauth2's form; Extra knows "id_token" and "scope". Unlike Tokens it prints its secrets.
func (t *Tokens) OAuth2() *oauth2.Token {
	token := &oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType, RefreshToken: t.RefreshToken, Expiry: t.Expiry}
	return token.WithExtra(map[string]any{"id_token": t.RawIDToken, "scope": strings.Join(t.Scopes, " ")})
}

// parseTokens reads a token answer (RFC 6749 section 5.1); err says that it
// could not be read as claims. Nothing of the answer gets into its errors.
//
// Beside an error it returns Tokens with nothing but the answer's refresh
// token, if that can be read.
func parseTokens(op string, body []byte, set *claims.Set, err error, asked time.Time) (*Tokens, error) {
	if err != nil {
		return refreshTokenOf(body, asked), protocolError(op, "the token answer is not one JSON object with each member once")
	}
	t, err := readTokens(op, set, asked)
	if err != nil {
		return refreshTokenOf(body, asked), err
	}
	return t, nil
}

// refreshTokenOf looks for the refresh token of an answer that is refused,
// because the one that was sent may be spent and the session would end without
// the new one. It returns nil if there is none, or if it is not clear which it
// is.
func refreshTokenOf(body []byte, asked time.Time) *Tokens {
	token := soleMember(body, "refresh_token")
	if token == "" || !printable(token) {
		return nil
	}
	return &Tokens{TokenType: "Bearer", RefreshToken: token, Obtained: asked.Round(0)}
}

// soleMember reads a string member of a JSON object, which may be broken behind
// it. It returns "" if the member is absent, is no string, or occurs twice with
// different values.
func soleMember(body []byte, name string) (value string) {
	seen := false
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	for d.More() {
		member, err := d.Token()
		if err != nil {
			break
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			break
		}
		if member != name {
			continue
		}
		var s string
		if json.Unmarshal(raw, &s) != nil || seen && s != value {
			return ""
		}
		value, seen = s, true
	}
	return value
}

// readTokens reads an answer that is one JSON object with each member once.
func readTokens(op string, set *claims.Set, asked time.Time) (*Tokens, error) {
	a := answer{op: op, set: set}
	// Copies: one of them must not keep the whole answer in memory.
	t := &Tokens{
		AccessToken: strings.Clone(a.text("access_token")), TokenType: "Bearer", RefreshToken: strings.Clone(a.text("refresh_token")),
		RawIDToken: strings.Clone(a.text("id_token")), Obtained: asked.Round(0),
	}
	kind, scope := a.text("token_type"), a.text("scope")
	lifetime, refreshLifetime := a.seconds("expires_in"), a.seconds("refresh_expires_in")
	switch {
	case a.err != nil:
		return nil, a.err
	case t.AccessToken == "":
		return nil, protocolError(op, "the token answer has no access_token")
	case !strings.EqualFold(kind, "Bearer"):
		return nil, protocolError(op, "the token answer's token_type is not Bearer: other tokens, such as DPoP's, are not supported")
	case !visible(t.AccessToken) || !printable(t.RefreshToken):
		return nil, protocolError(op, "the token answer holds a token with characters that no token has")
	}
	if set.Has("scope") {
		t.Scopes = strings.Fields(scope)
	}
	switch exp := jwtExpiry(t.AccessToken); {
	case lifetime > 0:
		t.Expiry = t.Obtained.Add(lifetime)
	case exp.After(t.Obtained):
		t.Expiry = t.Obtained.Add(min(exp.Sub(t.Obtained), maxLifetime))
	default:
		t.Expiry = t.Obtained.Add(unknownLifetime)
	}
	if refreshLifetime > 0 {
		t.RefreshExpiry = t.Obtained.Add(refreshLifetime)
	}
	return t, nil
}

// answer reads members and remembers the first that has the wrong type.
type answer struct {
	op  string
	set *claims.Set
	err error
}

func (a *answer) text(name string) string {
	s, _, err := a.set.String(name)
	if err != nil {
		a.fail(name, "a string")
	}
	return s
}

// seconds reads a lifetime: a number, or one in quotes. Zero: none, for what is absent, null, not positive or empty.
func (a *answer) seconds(name string) time.Duration {
	raw, ok, _ := a.set.Lookup(name)
	if !ok {
		return 0
	}
	number := raw
	if raw[0] == '"' {
		if err := json.Unmarshal([]byte(raw), &number); err != nil {
			a.fail(name, "a number")
			return 0
		}
		if number = strings.TrimSpace(number); number == "" {
			return 0
		}
	}
	if strings.Trim(number, "0123456789.eE+-") != "" || len(number) > 400 {
		a.fail(name, "a number")
		return 0
	}
	v, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil && !math.IsInf(v, 0):
		a.fail(name, "a number")
		return 0
	case v <= 0:
		return 0
	case v >= maxLifetime.Seconds():
		return maxLifetime
	}
	return time.Duration(v * float64(time.Second))
}

func (a *answer) fail(name, want string) {
	if a.err == nil {
		a.err = protocolError(a.op, "the token answer's %s is not %s", name, want)
	}
}

// printable reports whether s consists of the characters that codes and refresh
// tokens are made of, %x20-7E (RFC 6749 appendix A).
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// visible reports whether s consists of visible ASCII characters: what a header and a form can carry unharmed.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// jwtExpiry returns the exp of a token that looks like a JWT, unverified; zero if it does not.
func jwtExpiry(token string) time.Time {
	set := unverified(token)
	if set == nil {
		return time.Time{}
	}
	exp, _, err := set.Time("exp")
	if err != nil {
		return time.Time{}
	}
	return exp
}
