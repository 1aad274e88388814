package client_test

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// resign replaces the ID token by one that is signed differently.
func resign(p *oidctest.Provider, header map[string]any, change func(string) string) {
	var claims map[string]any
	p.Edit("id_token", func(m map[string]any) { claims = maps.Clone(m) })
	p.Edit("token_answer", func(a map[string]any) {
		if claims == nil {
			return
		}
		raw := p.Sign(header, claims)
		if change != nil {
			raw = change(raw)
		}
		a["id_token"] = raw
	})
}

// withHeader puts another header before a token's claims and signature.
func withHeader(header string) func(string) string {
	return func(raw string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + raw[strings.IndexByte(raw, '.'):]
	}
}

func cutSignature(raw string) string { return raw[:strings.LastIndexByte(raw, '.')+1] }

func spoilSignature(raw string) string {
	cut := cutSignature(raw)
	return cut + flipped(raw[len(cut):])
}

func TestIDTokenSignature(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		alg    string
		header map[string]any
		change func(string) string
		claim  string
	}{
		"oidcc-client-test-idtoken-sig-rs256":      {"RS256", nil, nil, ""},
		"oidcc-client-test-idtoken-sig-es256":      {"ES256", nil, nil, ""},
		"PS256":                                    {"PS256", nil, nil, ""},
		"ES384":                                    {"ES384", nil, nil, ""},
		"ES512":                                    {"ES512", nil, nil, ""},
		"EdDSA":                                    {"EdDSA", nil, nil, ""},
		"oidcc-client-test-invalid-sig-rs256":      {"RS256", nil, spoilSignature, "signature"},
		"oidcc-client-test-invalid-sig-es256":      {"ES256", nil, spoilSignature, "signature"},
		"oidcc-client-test-idtoken-sig-none":       {"ES256", map[string]any{"alg": "none"}, func(raw string) string { return raw + "AAAA" }, "alg"},
		"none in another case":                     {"ES256", nil, withHeader(`{"alg":"NONE"}`), "alg"},
		"no signature":                             {"ES256", nil, cutSignature, ""},
		"none, no signature":                       {"ES256", map[string]any{"alg": "none"}, nil, "alg"},
		"oidcc-client-test-invalid-sig-hs256":      {"RS256", map[string]any{"alg": "HS256"}, nil, "alg"},
		"oidcc-client-test-kid-absent-single-jwks": {"ES256", map[string]any{"kid": nil}, nil, ""},
		"unknown kid":                              {"ES256", map[string]any{"kid": "another"}, nil, "signature"},
		"access token type":                        {"ES256", map[string]any{"typ": "at+jwt"}, nil, "typ"},
		"logout token type":                        {"ES256", map[string]any{"typ": "logout+jwt"}, nil, "typ"},
		"no type":                                  {"ES256", map[string]any{"typ": nil}, nil, ""},
		"crit":                                     {"ES256", map[string]any{"crit": []string{"exp"}}, nil, ""},
		"key in the header":                        {"ES256", map[string]any{"jku": "https://evil.example.test", "x5u": "https://evil.example.test"}, nil, ""},
		"JSON serialisation":                       {"ES256", nil, func(raw string) string { return `{"payload":"` + strings.Split(raw, ".")[1] + `"}` }, ""},
		"something behind":                         {"ES256", nil, func(raw string) string { return raw + "\n" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, func(cfg *oidctest.Config) { cfg.Alg = test.alg })
			resign(p, test.header, test.change)
			_, err := logIn(t, p, newClient(t, p))
			accepted := test.claim == "" && test.change == nil && test.header["crit"] == nil
			if accepted {
				check.NoError(t, err)
				return
			}
			wantError(t, err, client.KindToken, test.claim)
		})
	}
}

func TestIDTokenAlgs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		algs     []string // Config.IDTokenAlgs
		metadata any      // nil = absent
		claim    string
		kind     client.Kind // 0 = accepted
	}{
		"metadata silent":                       {nil, nil, "", 0},
		"metadata lists it":                     {nil, []string{"RS256", "ES256"}, "", 0},
		"metadata lists another":                {nil, []string{"RS256"}, "alg", client.KindToken},
		"configured although metadata does not": {[]string{"ES256"}, []string{"RS256"}, "", 0},
		"configured another":                    {[]string{"RS256"}, nil, "alg", client.KindToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			p.Edit("discovery", set("id_token_signing_alg_values_supported", test.metadata))
			_, err := logIn(t, p, newClient(t, p, func(cfg *client.Config) { cfg.IDTokenAlgs = test.algs }))
			if test.kind == 0 {
				check.NoError(t, err)
				return
			}
			wantError(t, err, test.kind, test.claim)
		})
	}
}

func miqeyEndpoints(p *oidctest.Provider) client.Endpoints {
	return client.Endpoints{Authorization: p.URL("authorize"), Token: p.URL("token")}
}

// keylessClient is "web" at a provider of which nothing but two endpoints is known.
func keylessClient(t testing.TB, p *oidctest.Provider, edit func(*client.Config)) *client.Client {
	return newClient(t, p, func(cfg *client.Config) {
		cfg.DiscoveryURL, cfg.Issuer, cfg.Endpoints = "", p.Issuer(), miqeyEndpoints(p)
		edit(cfg)
	})
}

func TestSkipIDTokenSignature(t *testing.T) {
	t.Parallel()
	skip := func(cfg *client.Config) { cfg.SkipIDTokenSignature = true }
	t.Run("any alg but none", func(t *testing.T) {
		t.Parallel()
		for alg, ok := range map[string]bool{
			"ES256": true, "HS256": true, "HS384": true, "HS512": true, "ES256K": true, "none": false, "None": false, "": false,
		} {
			p := newProvider(t)
			p.Edit("id_token", set("at_hash", nil))
			resign(p, nil, withHeader(`{"alg":"`+alg+`"}`))
			_, err := logIn(t, p, keylessClient(t, p, skip))
			check.Equal(t, err == nil, ok, "accepted "+alg)
			if !ok {
				check.Equal(t, check.As[*client.Error](t, err).Kind, client.KindToken, "kind")
			}
			check.Equal(t, p.Requests("jwks"), 0, "key requests")
		}
	})
	t.Run("the claims count all the same", func(t *testing.T) {
		t.Parallel()
		for claim, value := range map[string]any{"iss": "x", "aud": "x", "exp": 1, "nonce": "x", "sub": nil, "at_hash": "x"} {
			p := newProvider(t)
			p.Edit("id_token", set(claim, value))
			_, err := logIn(t, p, keylessClient(t, p, skip))
			wantError(t, err, client.KindToken, claim)
		}
	})
	t.Run("at_hash under an alg whose hash nobody knows", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t)
		p.Edit("id_token", set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"))
		resign(p, nil, withHeader(`{"alg":"ES256K"}`))
		_, err := logIn(t, p, keylessClient(t, p, skip))
		wantError(t, err, client.KindToken, "at_hash")
	})
	t.Run("a provider with keys is held to them", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t)
		resign(p, nil, spoilSignature)
		_, err := logIn(t, p, newClient(t, p, skip))
		wantError(t, err, client.KindToken, "signature")
	})
	t.Run("not over http", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t, func(cfg *oidctest.Config) { cfg.Issuer = "http://op.internal.test" })
		p.Edit("discovery", set("jwks_uri", nil))
		_, err := newClient(t, p, func(cfg *client.Config) { skip(cfg); cfg.InsecureAllowHTTP = true }).Authorize(t.Context())
		wantField(t, err, "SkipIDTokenSignature")
	})
	t.Run("only from the token endpoint", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t)
		_, err := keylessClient(t, p, skip).VerifyIDToken(t.Context(), p.IDToken(nil), client.WithoutNonce())
		wantField(t, err, "SkipIDTokenSignature")
	})
}
