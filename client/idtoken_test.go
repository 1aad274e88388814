package client_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// set edits one claim; nil takes it out.
func set(name string, value any) func(map[string]any) {
	return func(m map[string]any) {
		if value == nil {
			delete(m, name)
			return
		}
		m[name] = value
	}
}

// setIn edits a time, counted from when the token is made.
func setIn(name string, d time.Duration) func(map[string]any) {
	return func(m map[string]any) { m[name] = in(d) }
}

func in(d time.Duration) int64 { return time.Now().Add(d).Unix() }

// The names of the OpenID Foundation's conformance suite for relying parties, where it has such a test.
func TestIDToken(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	for name, test := range map[string]struct {
		edit  func(map[string]any)
		claim string // "" = accepted
	}{
		"oidcc-client-test":               {func(map[string]any) {}, ""},
		"oidcc-client-test-invalid-iss":   {set("iss", "https://evil.example.test"), "iss"},
		"iss with a slash":                {set("iss", oidctest.DefaultIssuer+"/"), "iss"},
		"iss missing":                     {set("iss", nil), "iss"},
		"iss an array":                    {set("iss", []string{oidctest.DefaultIssuer}), "iss"},
		"oidcc-client-test-missing-sub":   {set("sub", nil), "sub"},
		"sub empty":                       {set("sub", ""), "sub"},
		"sub a number":                    {set("sub", 1), "sub"},
		"sub too long":                    {set("sub", long), "sub"},
		"sub of 255":                      {set("sub", long[1:]), ""},
		"sub beyond ASCII":                {set("sub", "ålice"), "sub"},
		"sub with a line end":             {set("sub", "alice\n"), "sub"},
		"oidcc-client-test-invalid-aud":   {set("aud", "other"), "aud"},
		"oidcc-client-test-missing-aud":   {set("aud", nil), "aud"},
		"aud empty":                       {set("aud", []string{}), "aud"},
		"aud an array":                    {set("aud", []string{"web"}), ""},
		"aud several":                     {set("aud", []string{"web", "other"}), "azp"},
		"aud several, azp ours":           {func(m map[string]any) { m["aud"], m["azp"] = []string{"web", "other"}, "web" }, ""},
		"aud several, azp another's":      {func(m map[string]any) { m["aud"], m["azp"] = []string{"web", "other"}, "other" }, "azp"},
		"azp another's":                   {set("azp", "other"), "azp"},
		"azp ours":                        {set("azp", "web"), ""},
		"azp empty":                       {set("azp", ""), "azp"},
		"oidcc-client-test-missing-iat":   {set("iat", nil), "iat"},
		"iat ahead":                       {setIn("iat", time.Hour), "iat"},
		"iat within the skew":             {setIn("iat", 20*time.Second), ""},
		"iat a string":                    {set("iat", "1"), "iat"},
		"exp missing":                     {set("exp", nil), "exp"},
		"exp passed":                      {setIn("exp", -time.Minute), "exp"},
		"exp within the skew":             {setIn("exp", -20*time.Second), ""},
		"exp a string":                    {set("exp", "9999999999"), "exp"},
		"exp with a fraction":             {func(m map[string]any) { m["exp"] = float64(in(time.Minute)) + 0.5 }, ""},
		"nbf ahead":                       {setIn("nbf", time.Hour), "nbf"},
		"nbf within the skew":             {setIn("nbf", 20*time.Second), ""},
		"oidcc-client-test-nonce-invalid": {set("nonce", "another"), "nonce"},
		"nonce missing":                   {set("nonce", nil), "nonce"},
		"nonce empty":                     {set("nonce", ""), "nonce"},
		"nonce an array":                  {set("nonce", []string{"x"}), "nonce"},
		"at_hash wrong":                   {set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "at_hash"},
		"at_hash missing":                 {set("at_hash", nil), ""},
		"at_hash a number":                {set("at_hash", 1), "at_hash"},
		"at_hash empty":                   {set("at_hash", ""), "at_hash"},
		"case variant of sub":             {set("Sub", "mallory"), "sub"},
		"case variant of nonce":           {set("NONCE", "x"), "nonce"},
		"unknown claims":                  {set("https://example.test/x", map[string]any{"y": []int{1}}), ""},
		"claim names without sources":     {set("_claim_names", map[string]string{"x": "nowhere"}), "?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				p.Edit("id_token", test.edit)
				tokens, err := logIn(t, p, newClient(t, p))
				switch test.claim {
				case "":
					check.NoError(t, err)
					check.True(t, tokens.IDToken.Subject != "", "no subject")
				case "?":
					wantError(t, err, client.KindToken, "")
				default:
					wantError(t, err, client.KindToken, test.claim)
				}
				check.Equal(t, p.Requests("token"), 1, "token requests")
				check.Equal(t, p.Requests("jwks"), 1, "key requests")
				if err != nil {
					check.Lacks(t, err.Error(), long[:200], "mallory", "ålice")
				}
			})
		})
	}
}

// A claim that the provider leaves out is a matter of its settings, one that is
// wrong is not: the error says which it is.
func TestIDTokenMissingIsSaid(t *testing.T) {
	t.Parallel()
	for claim, opts := range map[string][]client.AuthOption{
		"nonce": nil, "iat": nil, "auth_time": {client.MaxAge(time.Minute)}, "acr": {client.ACRValues("gold")},
	} {
		p := newProvider(t)
		p.Edit("id_token", set(claim, nil))
		_, err := logIn(t, p, newClient(t, p), opts...)
		wantError(t, err, client.KindToken, claim)
		check.Contains(t, err.Error(), claim+" is missing")
	}
}

func TestIDTokenAllowMissingNonce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		nonce any
		ok    bool
	}{{nil, true}, {"another", false}, {"", false}} {
		p := newProvider(t)
		p.Edit("id_token", set("nonce", test.nonce))
		_, err := logIn(t, p, newClient(t, p, func(cfg *client.Config) { cfg.AllowMissingNonce = true }))
		if test.ok {
			check.NoError(t, err)
		} else {
			wantError(t, err, client.KindToken, "nonce")
		}
	}
}

func TestIDTokenMaxAge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		maxAge   time.Duration
		authTime func() any
		wait     time.Duration // between authorization and callback
		ok       bool
	}{
		"fresh":                         {time.Minute, func() any { return in(0) }, 0, true},
		"missing":                       {time.Minute, func() any { return nil }, 0, false},
		"a string":                      {time.Minute, func() any { return "1" }, 0, false},
		"zero":                          {time.Minute, func() any { return 0 }, 0, false},
		"too old":                       {time.Minute, func() any { return in(-2 * time.Minute) }, 0, false},
		"within the skew":               {time.Minute, func() any { return in(-80 * time.Second) }, 0, true},
		"ahead":                         {time.Minute, func() any { return in(time.Hour) }, 0, false},
		"max_age 0, old":                {0, func() any { return in(-time.Hour) }, 0, false},
		"max_age 0, a long consent":     {0, func() any { return in(-4 * time.Minute) }, 5 * time.Minute, true},
		"max_age 0, before a long wait": {0, func() any { return in(-6 * time.Minute) }, 5 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t, func(cfg *oidctest.Config) { cfg.CodeTTL = time.Hour })
				c := newClient(t, p)
				p.Edit("id_token", func(m map[string]any) { set("auth_time", test.authTime())(m) })
				callback, tx := startLogin(t, p, c, client.MaxAge(test.maxAge))
				time.Sleep(test.wait)
				_, err := c.Exchange(t.Context(), callback, tx)
				if test.ok {
					check.NoError(t, err)
				} else {
					wantError(t, err, client.KindToken, "auth_time")
				}
				if name == "zero" {
					check.Contains(t, err.Error(), "auth_time is 0")
				}
			})
		})
	}
}

func TestIDTokenACR(t *testing.T) {
	t.Parallel()
	essential := func(acr map[string]any) client.AuthOption {
		return client.ClaimsRequest(map[string]any{"id_token": map[string]any{"acr": acr}})
	}
	for name, test := range map[string]struct {
		opt client.AuthOption
		acr any
		ok  bool
	}{
		"the first":        {client.ACRValues("gold", "silver"), "gold", true},
		"the second":       {client.ACRValues("gold", "silver"), "silver", true},
		"another":          {client.ACRValues("gold", "silver"), "bronze", false},
		"none":             {client.ACRValues("gold", "silver"), nil, false},
		"not demanded":     {client.Prompt("login"), "bronze", true},
		"essential claim":  {essential(map[string]any{"essential": true, "values": []string{"gold"}}), "bronze", false},
		"essential single": {essential(map[string]any{"essential": true, "value": "gold"}), "gold", true},
		"voluntary claim":  {essential(map[string]any{"values": []string{"gold"}}), "bronze", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			p.Edit("id_token", set("acr", test.acr))
			_, err := logIn(t, p, newClient(t, p), test.opt)
			if test.ok {
				check.NoError(t, err)
			} else {
				wantError(t, err, client.KindToken, "acr")
			}
		})
	}
}

// An option that demands nothing takes no demand of another away, and sends nothing empty.
func TestEmptyDemands(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.Edit("id_token", set("acr", "bronze"))
	essential := client.ClaimsRequest(map[string]any{"id_token": map[string]any{"acr": map[string]any{"essential": true}}})
	for _, opt := range []client.AuthOption{essential, client.ACRValues()} {
		_, err := logIn(t, p, newClient(t, p), client.ACRValues("gold"), opt)
		wantError(t, err, client.KindToken, "acr")
	}
	_, err := logIn(t, p, newClient(t, p), essential)
	check.NoError(t, err)
	a, err := newClient(t, p).Authorize(t.Context(), client.Prompt(), client.ACRValues(), client.UILocales())
	check.NoError(t, err)
	check.Lacks(t, a.URL, "prompt=", "acr_values=", "ui_locales=")
}

func TestVerifyIDToken(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	for name, test := range map[string]struct {
		claims map[string]any
		opt    client.IDTokenOption
		claim  string
	}{
		"any nonce":       {map[string]any{"nonce": "n"}, client.WithoutNonce(), ""},
		"no nonce":        {nil, client.WithoutNonce(), ""},
		"the nonce":       {map[string]any{"nonce": "n"}, client.Nonce("n"), ""},
		"another nonce":   {map[string]any{"nonce": "n"}, client.Nonce("m"), "nonce"},
		"nonce missing":   {nil, client.Nonce("n"), "nonce"},
		"nonce empty":     {map[string]any{"nonce": ""}, client.Nonce("n"), "nonce"},
		"nonce a number":  {map[string]any{"nonce": 1}, client.WithoutNonce(), "nonce"},
		"at_hash unknown": {map[string]any{"at_hash": "x"}, client.WithoutNonce(), ""},
		"another client":  {map[string]any{"aud": "x"}, client.WithoutNonce(), "aud"},
	} {
		id, err := c.VerifyIDToken(t.Context(), p.IDToken(test.claims), test.opt)
		if test.claim != "" {
			wantError(t, err, client.KindToken, test.claim)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		check.Equal(t, id.Subject, "alice", name)
	}
	_, err := c.VerifyIDToken(t.Context(), "", client.WithoutNonce())
	wantError(t, err, client.KindToken, "")
	_, err = c.VerifyIDToken(t.Context(), p.AccessToken(map[string]any{"aud": "web"}), client.WithoutNonce())
	wantError(t, err, client.KindToken, "typ")
}

// A lookup that found no nonce must not switch the check off, nor may leaving the options out.
func TestVerifyIDTokenNeedsANonce(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	for name, opts := range map[string][]client.IDTokenOption{
		"nothing":     nil,
		"empty":       {client.Nonce("")},
		"both":        {client.Nonce("n"), client.WithoutNonce()},
		"empty, both": {client.WithoutNonce(), client.Nonce("")},
	} {
		for _, nonce := range []any{nil, "", "n"} {
			_, err := c.VerifyIDToken(t.Context(), p.IDToken(map[string]any{"nonce": nonce}), opts...)
			if err == nil {
				t.Fatalf("%s accepts a token with nonce %v", name, nonce)
			}
			wantError(t, err, client.KindConfig, "")
			check.Contains(t, err.Error(), "WithoutNonce")
		}
	}
	check.Equal(t, p.Requests("discovery"), 0, "requests")
}
