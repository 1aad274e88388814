package client

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
)

var asked = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func parsed(body []byte) (*Tokens, error) {
	set, err := claims.Parse(body)
	return parseTokens("test", body, set, err, asked)
}

func TestParseTokensLifetime(t *testing.T) {
	t.Parallel()
	const bad = -1
	for raw, want := range map[string]time.Duration{
		`300`: 5 * time.Minute, `"300"`: 5 * time.Minute, `300.0`: 5 * time.Minute, `3e2`: 5 * time.Minute, `" 300 "`: 5 * time.Minute,
		`"300.0"`: 5 * time.Minute, `1.5`: 1500 * time.Millisecond, `987654321`: 987654321 * time.Second,
		`null`: 0, `0`: 0, `-1`: 0, `-300`: 0, `"0"`: 0, `""`: 0, `"-5"`: 0, `"-1e999"`: 0, `1e-400`: 0,
		`99999999999999999999`: maxLifetime, `1e300`: maxLifetime, `"1e999"`: maxLifetime, `9223372036854775807`: maxLifetime,
		`"18446744073709551616"`: maxLifetime,
		`true`:                   bad, `"soon"`: bad, `[300]`: bad, `{}`: bad, `"0x12c"`: bad, `"NaN"`: bad, `"Inf"`: bad, `"3 00"`: bad, `"1e"`: bad, `"--1"`: bad,
		`"` + strings.Repeat("1", 500) + `"`: bad,
	} {
		for _, member := range []string{"expires_in", "refresh_expires_in"} {
			got, err := parsed([]byte(`{"access_token":"a","token_type":"Bearer","` + member + `":` + raw + `}`))
			if want == bad {
				check.True(t, err != nil, "%s: %s is accepted", member, raw)
				check.Equal(t, kindOf(err), KindProtocol, "kind")
				check.Contains(t, err.Error(), member)
				continue
			}
			if err != nil {
				t.Fatalf("%s: %s: %v", member, raw, err)
			}
			at, expected := got.Expiry, asked.Add(want)
			if member == "refresh_expires_in" {
				at = got.RefreshExpiry
				if want == 0 {
					expected = time.Time{}
				}
			} else if want == 0 {
				expected = asked.Add(5 * time.Minute)
			}
			check.True(t, at.Equal(expected), "%s: %s gives %v, want %v", member, raw, at, expected)
		}
	}
}

func jwtWith(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// Without expires_in the token's own exp counts, if it is one and lies ahead.
func TestParseTokensOwnExpiry(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]time.Duration{
		"opaque":                  unknownLifetime,
		"a.b":                     unknownLifetime,
		"a.b.c.d":                 unknownLifetime,
		"a.!!!.c":                 unknownLifetime,
		jwtWith(`{}`):             unknownLifetime,
		jwtWith(`{"exp":"soon"}`): unknownLifetime,
		jwtWith(`{"exp":1}`):      unknownLifetime,
		jwtWith(fmt.Sprintf(`{"exp":%d}`, asked.Add(time.Hour).Unix())): time.Hour,
		jwtWith(`{"exp":253402300799}`):                                 maxLifetime,
	} {
		got, err := parsed(fmt.Appendf(nil, `{"access_token":%q,"token_type":"Bearer"}`, token))
		check.NoError(t, err)
		check.Equal(t, got.Expiry.Sub(asked), want, token)
	}
}

func TestParseTokens(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ body, says string }{
		"the least":            {`{"access_token":"a","token_type":"Bearer"}`, ""},
		"type in another case": {`{"access_token":"a","token_type":"bEARER"}`, ""},
		"unknown members":      {`{"access_token":"a","token_type":"Bearer","x":{"y":[1]},"z":null}`, ""},
		"nulls":                {`{"access_token":"a","token_type":"Bearer","refresh_token":null,"id_token":null,"scope":null,"expires_in":null}`, ""},
		"empty strings":        {`{"access_token":"a","token_type":"Bearer","refresh_token":"","id_token":"","scope":""}`, ""},
		"no access token":      {`{"token_type":"Bearer"}`, "access_token"},
		"empty access token":   {`{"access_token":"","token_type":"Bearer"}`, "access_token"},
		"numeric access token": {`{"access_token":1,"token_type":"Bearer"}`, "access_token"},
		"access token, space":  {`{"access_token":"a b","token_type":"Bearer"}`, "characters"},
		"access token, CRLF":   {`{"access_token":"a\r\nX: y","token_type":"Bearer"}`, "characters"},
		"access token, UTF-8":  {`{"access_token":"é","token_type":"Bearer"}`, "characters"},
		"refresh token, tab":   {`{"access_token":"a","token_type":"Bearer","refresh_token":"r\tr"}`, "characters"},
		"refresh token, DEL":   {`{"access_token":"a","token_type":"Bearer","refresh_token":"r\u007f"}`, "characters"},
		"refresh token, UTF-8": {`{"access_token":"a","token_type":"Bearer","refresh_token":"é"}`, "characters"},
		"refresh token, CRLF":  {`{"access_token":"a","token_type":"Bearer","refresh_token":"r\n"}`, "characters"},
		"refresh token, array": {`{"access_token":"a","token_type":"Bearer","refresh_token":["r"]}`, "refresh_token"},
		"no type":              {`{"access_token":"a"}`, "token_type"},
		"empty type":           {`{"access_token":"a","token_type":""}`, "token_type"},
		"DPoP":                 {`{"access_token":"a","token_type":"DPoP"}`, "token_type"},
		"scope array":          {`{"access_token":"a","token_type":"Bearer","scope":["a"]}`, "scope"},
		"ID token object":      {`{"access_token":"a","token_type":"Bearer","id_token":{}}`, "id_token"},
		"twice":                {`{"access_token":"a","access_token":"b","token_type":"Bearer"}`, "once"},
		"case variant":         {`{"access_token":"a","Access_Token":"b","token_type":"Bearer"}`, "once"},
		"an array":             {`[{"access_token":"a","token_type":"Bearer"}]`, "JSON object"},
		"two documents":        {`{"access_token":"a","token_type":"Bearer"}{}`, "JSON object"},
		"nothing":              {``, "JSON object"},
		"an error with 200":    {`{"error":"invalid_grant"}`, "access_token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parsed([]byte(test.body))
			if test.says != "" {
				check.True(t, err != nil, "accepted")
				check.Equal(t, kindOf(err), KindProtocol, "kind")
				check.Contains(t, err.Error(), test.says)
				return
			}
			check.NoError(t, err)
			check.Equal(t, got.AccessToken+got.TokenType+got.RefreshToken+got.RawIDToken, "aBearer", "tokens")
		})
	}
}

func FuzzParseTokens(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","token_type":"Bearer","expires_in":"300","refresh_expires_in":0,"scope":"a b"}`,
		`{"access_token":"a.b.c","token_type":"bearer","expires_in":1e999}`, `{"expires_in":-0}`, `{}`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parsed(body)
		if err != nil {
			check.Equal(t, kindOf(err), KindProtocol, "kind")
			return
		}
		check.True(t, json.Valid(body), "not JSON")
		check.True(t, got.AccessToken != "" && visible(got.AccessToken) && printable(got.RefreshToken), "a token no header or form can carry")
		life := got.Expiry.Sub(asked)
		check.True(t, life >= 0 && life <= maxLifetime, "lifetime %v", life)
		h := newHeldToken(got, 0)
		check.True(t, h.renewAt <= h.urgentAt && h.urgentAt <= h.expires, "times out of order")
	})
}

func TestRenewalTimes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ lifetime, configured, earliest, latest time.Duration }{
		{time.Hour, 0, time.Minute, 48 * time.Second},
		{5 * time.Minute, 0, time.Minute, 48 * time.Second},
		{100 * time.Second, 0, 20 * time.Second, 16 * time.Second},
		{time.Hour, 10 * time.Minute, 10 * time.Minute, 8 * time.Minute},
		{time.Minute, 10 * time.Minute, 30 * time.Second, 24 * time.Second},
		{0, 0, 0, 0},
		{-time.Hour, time.Minute, 0, 0},
	} {
		for range 100 {
			h := newHeldToken(&Tokens{Obtained: asked, Expiry: asked.Add(test.lifetime)}, test.configured)
			early := time.Duration(h.expires - h.renewAt)
			check.True(t, early <= test.earliest && early >= test.latest, "%v renews %v before", test.lifetime, early)
			check.True(t, h.urgentAt >= h.renewAt && h.expires-h.urgentAt <= int64(5*time.Second), "urgent too early")
		}
	}
	h := newHeldToken(&Tokens{Expiry: asked.Add(time.Hour)}, 0) // of unknown age
	check.True(t, h.expires-h.renewAt <= int64(time.Minute), "renews too early")
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	var b backoff
	now := asked
	for i, seconds := range []int{1, 2, 4, 8, 16, 30, 30, 30} {
		want := time.Duration(seconds) * time.Second
		b.step(now, 0)
		pause := b.until.Sub(now)
		check.True(t, pause >= want && pause <= min(want+want/5, maxBackoff), "step %d pauses %v", i, pause)
		check.True(t, b.waiting(now) && !b.waiting(b.until), "waiting at the wrong time")
		now = b.until
	}
	b = backoff{}
	b.step(now, 10*time.Second)
	check.Equal(t, b.until.Sub(now), 10*time.Second, "what the provider asked for")
	b.step(now, time.Hour)
	check.Equal(t, b.until.Sub(now), maxBackoff, "at most")
}

func TestShape(t *testing.T) {
	t.Parallel()
	base := TokenRequest{Scopes: []string{"a", "b"}, Resources: []string{"https://x"}, Extra: map[string][]string{"k": {"1", "2"}}}
	same := TokenRequest{Scopes: []string{"b", "a", "b"}, Resources: []string{"https://x"}, Extra: map[string][]string{"k": {"1", "2"}}}
	check.Equal(t, base.shape(), same.shape(), "order matters")
	seen := map[shape]int{}
	for i, r := range []TokenRequest{
		base, {}, {Scopes: []string{}}, {Scopes: []string{""}}, {Resources: []string{"a"}}, {Audience: []string{"a"}}, {Scopes: []string{"a"}},
		{Scopes: []string{"a b"}}, {Scopes: []string{"a", "b"}}, {Scopes: []string{`a" "b`}}, {Extra: map[string][]string{"a": {"b"}}},
		{Extra: map[string][]string{"a": {"b", "b"}}}, {Extra: map[string][]string{"a": {}, "b": {}}},
	} {
		if j, ok := seen[r.shape()]; ok {
			t.Fatalf("requests %d and %d look alike", i, j)
		}
		seen[r.shape()] = i
	}
}

func TestErrorCode(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"access_denied": "access_denied", "": "?", "a\"b\\c\r\nd": "a?b?c??d", strings.Repeat("x", 100): strings.Repeat("x", 64),
		"é": "?", "secret-state": "?", "x secret-state x": "?", "secret-s": "?", "state": "state",
	} {
		check.Equal(t, errorCode(raw, "secret-state", ""), want, raw)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]string{
		KindConfig: "config", KindCallback: "callback", KindRefused: "refused", KindUnreachable: "unreachable", KindProtocol: "protocol",
		KindToken: "token", 0: "kind(0)",
	} {
		check.Equal(t, kind.String(), want, "kind")
		check.Equal(t, (&Error{Kind: kind}).Error(), "client: "+want, "text")
	}
	check.Equal(t, kindOf(errors.New("x")), 0, "kind of another error")
}
