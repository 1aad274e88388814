package main

import (
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

const api = "https://api.example.com"

// claimsOf are those of a good token, changed; nil takes a claim out.
func claimsOf(p *oidctest.Provider, over map[string]any) map[string]any {
	now := time.Now()
	all := map[string]any{
		"iss": p.Issuer(), "sub": "ada", "aud": api, "client_id": "web", "tenant": "acme", "scope": "read write",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(all, over)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

func signed(header, over map[string]any) func(*oidctest.Provider) string {
	return func(p *oidctest.Provider) string {
		all := map[string]any{"typ": "at+jwt"}
		maps.Copy(all, header)
		return p.Sign(all, claimsOf(p, over))
	}
}

func claim(name string, value any) func(*oidctest.Provider) string {
	return signed(nil, map[string]any{name: value})
}

func ago(d time.Duration) int64 { return time.Now().Add(-d).Unix() }

// TestToken holds, for each reason a guard has, the verdict (its own), the check that is blamed and what is known of those
// before it.
func TestToken(t *testing.T) {
	t.Parallel()
	strict := []string{"-audience", api, "-tenant-claim", "tenant", "-scope", "read"}
	for name, test := range map[string]struct {
		token   func(*oidctest.Provider) string
		flags   []string // nil = strict
		verdict string
		blamed  string
		passed  string // a check that must show as ok
		unknown string // a check that must not
	}{
		"good":             {token: signed(nil, nil), verdict: "accepted", passed: "scopes"},
		"good-unasked":     {token: signed(nil, nil), flags: []string{}, verdict: "accepted", passed: "iat", unknown: "aud"},
		"opaque":           {token: func(*oidctest.Provider) string { return "opaque.f8Zk3nT0" }, verdict: "401 token_malformed: the token is malformed", blamed: "form"},
		"junk":             {token: func(*oidctest.Provider) string { return "\x1b[31mred\x1b[0m \u202ebidi" }, verdict: "401 token_malformed", blamed: "form"},
		"with-scheme":      {token: func(p *oidctest.Provider) string { return "Bearer " + signed(nil, nil)(p) }, verdict: "401 token_malformed", blamed: "form"},
		"encrypted":        {token: func(*oidctest.Provider) string { return "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA" }, verdict: "401 token_malformed", blamed: "form"},
		"too-large":        {token: func(*oidctest.Provider) string { return strings.Repeat("A", 17<<10) }, verdict: "401 token_too_large: the token is too large", blamed: "form"},
		"alg-none":         {token: signed(map[string]any{"alg": "none"}, nil), verdict: "401 alg_not_allowed: the signature algorithm is not allowed", blamed: "alg", passed: "form"},
		"alg-none-signed":  {token: func(p *oidctest.Provider) string { return signed(map[string]any{"alg": "none"}, nil)(p) + "AAAA" }, verdict: "401 alg_not_allowed: the signature algorithm is not allowed", blamed: "alg", passed: "form"},
		"alg-hs256":        {token: signed(map[string]any{"alg": "HS256"}, nil), verdict: "401 alg_not_allowed", blamed: "alg", passed: "form", unknown: "typ"},
		"crit":             {token: signed(map[string]any{"crit": []string{"exp"}}, nil), verdict: "401 token_malformed", blamed: "header", passed: "form", unknown: "alg"},
		"typ":              {token: signed(map[string]any{"typ": "logout+jwt"}, nil), verdict: "401 type_not_allowed: the token is not an access token", blamed: "typ", passed: "alg", unknown: "iss"},
		"claims-twice":     {token: func(p *oidctest.Provider) string { return splice(signed(nil, nil)(p), `{"iss":"a","iss":"b"}`) }, verdict: "401 token_malformed", blamed: "claims", passed: "typ"},
		"sub-a-number":     {token: claim("sub", 7), verdict: "401 token_malformed", blamed: "claims", passed: "signature", unknown: "kind"},
		"another-issuer":   {token: claim("iss", "https://evil.example.com/\x1b[2J"), verdict: "401 issuer_untrusted: the issuer is not trusted", blamed: "iss", passed: "typ", unknown: "signature"},
		"no-issuer":        {token: claim("iss", nil), verdict: "401 issuer_untrusted", blamed: "iss", passed: "typ"},
		"unknown-key":      {token: unknownKey, verdict: "401 key_unknown: the signing key is unknown", blamed: "signature", passed: "iss", unknown: "exp"},
		"bad-signature":    {token: tampered, verdict: "401 signature_invalid: the signature is invalid", blamed: "signature", passed: "iss", unknown: "exp"},
		"just-expired":     {token: claim("exp", ago(2*time.Minute)), verdict: "401 token_expired: the token has expired", blamed: "exp", passed: "signature", unknown: "nbf"},
		"long-expired":     {token: claim("exp", ago(72*time.Hour)), verdict: "401 token_expired", blamed: "exp", passed: "iss", unknown: "signature"},
		"no-exp":           {token: claim("exp", nil), verdict: "401 token_malformed", blamed: "exp", passed: "signature", unknown: "nbf"},
		"exp-a-string":     {token: claim("exp", "soon"), verdict: "401 token_malformed", blamed: "exp", passed: "iss", unknown: "signature"},
		"not-yet-valid":    {token: claim("nbf", ago(-time.Hour)), verdict: "401 token_not_yet_valid: the token is not valid yet", blamed: "nbf", passed: "exp", unknown: "iat"},
		"issued-tomorrow":  {token: claim("iat", ago(-time.Hour)), verdict: "401 token_not_yet_valid", blamed: "iat", passed: "nbf", unknown: "aud"},
		"another-audience": {token: claim("aud", []string{"https://other.example.com", "account"}), verdict: "401 audience_mismatch: the token is for another audience", blamed: "aud", passed: "iat", unknown: "kind"},
		"no-audience":      {token: claim("aud", nil), verdict: "401 audience_mismatch", blamed: "aud", passed: "iat"},
		"id-token": {token: func(p *oidctest.Provider) string {
			return p.IDToken(claimsOf(p, map[string]any{"nonce": "n", "at_hash": "h"}))
		}, verdict: "401 type_not_allowed", blamed: "kind", passed: "aud", unknown: "binding"},
		"bound":             {token: claim("cnf", map[string]any{"jkt": "x"}), verdict: "401 binding_missing: the token is bound to a key", blamed: "binding", passed: "kind", unknown: "tenant"},
		"no-tenant":         {token: claim("tenant", nil), verdict: "401 tenant_missing: the token names no tenant", blamed: "tenant", passed: "binding", unknown: "scopes"},
		"tenant-a-list":     {token: claim("tenant", []string{"acme"}), verdict: "401 tenant_missing", blamed: "tenant", passed: "binding"},
		"tenant-below":      {token: claim("ext", map[string]any{"tenant": "acme"}), flags: []string{"-tenant-claim", `["ext","tenant"]`}, verdict: "accepted", passed: "tenant"},
		"too-small-a-scope": {token: claim("scope", "write"), verdict: "403 insufficient_scope: the token lacks a scope", blamed: "scopes", passed: "tenant"},
		"many-of-all":       {token: signed(nil, map[string]any{"scope": strings.Repeat("s", 300) + " a b c d e f g h i j read"}), verdict: "accepted", passed: "scopes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			token := test.token(p)
			flags := test.flags
			if flags == nil {
				flags = strict
			}
			code, out, errs := visit(t, token, append([]string{p.Issuer(), "-token", "-"}, flags...)...)
			check.Equal(t, errs, "", "stderr")
			_, trace, ok := strings.Cut(out, "\ntoken\n")
			check.True(t, ok, "no token section in\n%s", out)
			if test.blamed == "" {
				check.Equal(t, code, exitOK, "exit code of\n"+out)
				check.Contains(t, trace, "ok       verdict    accepted")
				check.Lacks(t, trace, "problem")
			} else {
				check.Equal(t, code, exitProblems, "exit code of\n"+out)
				check.True(t, strings.HasPrefix(trace, "problem  verdict"), "the verdict is not the first line of\n%s", trace)
				check.Contains(t, trace, test.verdict)
				check.Equal(t, severity(t, trace, test.blamed), "problem", test.blamed+" in\n"+trace)
				check.Equal(t, strings.Count(trace, "problem  "), 2, "problems in\n"+trace)
			}
			if test.passed != "" {
				check.Equal(t, severity(t, trace, test.passed), "ok", test.passed+" in\n"+trace)
			}
			if test.unknown != "" {
				check.True(t, severity(t, trace, test.unknown) != "ok", "%s counts as passed in\n%s", test.unknown, trace)
			}
			secretless(t, out, token)
			check.Golden(t, "token/"+name+".txt", steady(trace))
		})
	}
}

// severity of the line about a check.
func severity(t *testing.T, trace, about string) string {
	t.Helper()
	for line := range strings.Lines(trace) {
		if fields := strings.Fields(line); fields[1] == about {
			return fields[0]
		}
	}
	return "no line"
}

// secretless fails the test if the token, or a part of it that proves something, was printed, or what a terminal obeys.
func secretless(t *testing.T, out, token string) {
	t.Helper()
	check.Lacks(t, out, token)
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 {
			check.Lacks(t, out, part)
		}
	}
	check.True(t, !strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }), "unprintable in %q", out)
}

// splice puts another payload into a token.
func splice(token, payload string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "." + parts[2]
}

// tampered makes the caller somebody else.
func tampered(p *oidctest.Provider) string {
	mine := strings.Split(signed(nil, nil)(p), ".")
	other := strings.Split(signed(nil, map[string]any{"sub": "mallory"})(p), ".")
	return mine[0] + "." + other[1] + "." + mine[2]
}

// unknownKey is signed with a key that is no longer published.
func unknownKey(p *oidctest.Provider) string {
	token := signed(nil, nil)(p)
	p.RotateKeys()
	return token
}

func TestTokenWhileTheProviderIsAway(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*oidctest.Provider){
		"down":            func(p *oidctest.Provider) { p.Fault("discovery", oidctest.Down) },
		"keys-down":       func(p *oidctest.Provider) { p.Fault("jwks", oidctest.Down) },
		"no-keys":         edits("jwks", "keys", []any{}),
		"issuer-mismatch": edits("discovery", "issuer", "https://evil.example.com"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			token := signed(nil, nil)(p)
			prepare(p)
			code, out, _ := visit(t, token, p.Issuer(), "-token", "-", "-audience", api)
			check.Equal(t, code, exitProblems, "exit code of\n"+out)
			check.Contains(t, out, "503 idp_unavailable: the token cannot be verified at the moment")
			_, trace, _ := strings.Cut(out, "\ntoken\n")
			check.Equal(t, severity(t, trace, "signature"), "problem", "signature in\n"+trace)
			check.Equal(t, severity(t, trace, "exp"), "note", "exp in\n"+trace)
			secretless(t, out, token)
			check.Golden(t, "away/"+name+".txt", steady(out))
		})
	}
}

// The token goes nowhere but into the guard.
func TestTheTokenStaysHere(t *testing.T) {
	t.Parallel()
	p := start(t)
	token := signed(nil, nil)(p)
	for _, endpoint := range []string{"discovery", "jwks", "token", "userinfo", "introspect"} {
		p.Fault(endpoint, func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || r.Header.Get("Authorization") != "" || r.URL.RawQuery != "" {
				t.Errorf("%s %s carries something", r.Method, r.URL)
			}
			return false
		})
	}
	code, out, _ := visit(t, token, p.Issuer(), "-token", "-")
	check.Equal(t, code, exitOK, "exit code of\n"+out)
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		1500 * time.Millisecond: "1s", 61 * time.Second: "1m1s", 47 * time.Hour: "47h0m0s", 49 * time.Hour: "2 days",
	} {
		check.Equal(t, span(d), want, d.String())
	}
}
