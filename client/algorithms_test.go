package client_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func allow(algs ...string) func(*client.Config) {
	return func(cfg *client.Config) { cfg.IDTokenAlgs = algs }
}

// hmacSigned is a token under HS256 and this secret, whatever alg its header
// names.
func hmacSigned(header, claims map[string]any, secret []byte) string {
	part := func(v any) string {
		raw, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	signed := part(header) + "." + part(claims)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// hmacProvider signs the ID tokens of "web" with its secret, and has keys as
// well.
func hmacProvider(t *testing.T) *oidctest.Provider {
	p := newProvider(t)
	p.AddClient(oidctest.Client{ID: "web", Secret: appSecret, RedirectURIs: []string{appCallback}, IDTokenAlg: "HS256"})
	return p
}

func TestIDTokenHS256(t *testing.T) {
	t.Parallel()
	t.Run("without a key set", func(t *testing.T) {
		t.Parallel()
		p := hmacProvider(t)
		_, err := logIn(t, p, keylessClient(t, p, allow("HS256")))
		check.NoError(t, err)
	})
	t.Run("beside a key set", func(t *testing.T) {
		t.Parallel()
		p := hmacProvider(t)
		c := newClient(t, p, allow("HS256"))
		tokens, err := logIn(t, p, c)
		check.NoError(t, err)
		tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
		check.NoError(t, err)
		check.NoError(t, tokens.Err())
		check.NoError(t, c.Ready(t.Context()))
		check.Equal(t, p.Requests("jwks"), 0, "key requests: no key can be its")
	})
	t.Run("with a secret that rotates", func(t *testing.T) {
		t.Parallel()
		p := hmacProvider(t)
		var failure error
		c := keylessClient(t, p, func(cfg *client.Config) {
			allow("HS256")(cfg)
			cfg.ClientSecret, cfg.Auth = "", oidc.Secret(func(context.Context) (string, error) { return appSecret, failure })
		})
		_, err := logIn(t, p, c)
		check.NoError(t, err)
		failure = errors.New("the vault is sealed")
		_, err = c.VerifyIDToken(t.Context(), p.Sign(map[string]any{"alg": "HS256"}, nil), client.WithoutNonce())
		wantField(t, err, "Auth")
		check.Error(t, err, failure)
	})
	t.Run("beside asymmetric algorithms", func(t *testing.T) {
		t.Parallel()
		for _, p := range []*oidctest.Provider{hmacProvider(t), newProvider(t)} {
			_, err := logIn(t, p, newClient(t, p, allow("ES256", "HS256")))
			check.NoError(t, err)
		}
	})
	t.Run("another secret", func(t *testing.T) {
		t.Parallel()
		p := hmacProvider(t)
		resign(p, map[string]any{"alg": "HS256"}, nil) // with the published key as the secret
		_, err := logIn(t, p, keylessClient(t, p, allow("HS256")))
		wantError(t, err, client.KindToken, "signature")
	})
	t.Run("an asymmetric one", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t)
		_, err := logIn(t, p, keylessClient(t, p, allow("HS256")))
		wantError(t, err, client.KindToken, "alg")
	})
	t.Run("an asymmetric one, allowed, of a provider that has lost its keys", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t)
		p.Edit("discovery", set("jwks_uri", nil))
		_, err := logIn(t, p, newClient(t, p, allow("ES256", "HS256")))
		check.Error(t, err, client.ErrEndpointMissing)
		wantField(t, err, "Endpoints.JWKS")
	})
	t.Run("not listed", func(t *testing.T) {
		t.Parallel()
		p := hmacProvider(t)
		_, err := logIn(t, p, newClient(t, p, allow("ES256")))
		wantError(t, err, client.KindToken, "alg")
		p.Edit("discovery", set("id_token_signing_alg_values_supported", []string{"ES256", "HS256"}))
		_, err = logIn(t, p, newClient(t, p)) // metadata alone allows no HS256
		wantError(t, err, client.KindToken, "alg")
	})
}

// Whoever knows the public key, as everybody does, must not be able to sign
// with it: where HS256 is allowed beside asymmetric algorithms it is checked
// with the client secret and nothing else, and they with the keys and nothing
// else.
func TestAlgorithmConfusion(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	der, err := x509.MarshalPKIXPublicKey(signingKey().Public())
	check.NoError(t, err)
	point, err := signingKey().PublicKey.Bytes()
	check.NoError(t, err)
	var document []byte // of the key set
	p.Edit("jwks", func(m map[string]any) { document, _ = json.Marshal(m) })
	c := newClient(t, p, allow("ES256", "HS256"))
	check.NoError(t, c.Ready(t.Context()))
	check.True(t, len(document) > 0, "no key set was seen")
	claims := map[string]any{"iss": p.Issuer(), "aud": "web", "sub": "alice", "nonce": "n", "iat": in(0), "exp": in(60e9)}
	logout := map[string]any{"iss": p.Issuer(), "aud": "web", "sub": "alice", "jti": "j", "iat": in(0), "exp": in(60e9), "events": logoutEvents}
	var kid string
	p.Edit("header", func(m map[string]any) { kid, _ = m["kid"].(string) })
	_ = p.IDToken(nil)
	check.True(t, kid != "", "no kid was seen")

	for name, secret := range map[string][]byte{
		"DER":          der,
		"PEM":          pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"PEM, trimmed": []byte(strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))),
		"point":        point,
		"x":            point[1:33],
		"key set":      document,
		"nothing":      nil,
		"the kid":      []byte(kid),
		"the id":       []byte("web"),
	} {
		for _, header := range []map[string]any{{"alg": "HS256"}, {"alg": "HS256", "kid": kid}} {
			_, err := c.VerifyIDToken(t.Context(), hmacSigned(header, claims, secret), client.Nonce("n"))
			if err == nil {
				t.Fatalf("a token signed with the public key as a secret (%s) is accepted", name)
			}
			wantError(t, err, client.KindToken, "signature")
		}
	}
	for name, raw := range map[string]string{
		"the key's JSON":          p.Sign(map[string]any{"alg": "HS256"}, claims),
		"ES256, by the secret":    hmacSigned(map[string]any{"alg": "ES256", "kid": kid}, claims, []byte(appSecret)),
		"RS256, by the secret":    hmacSigned(map[string]any{"alg": "RS256"}, claims, []byte(appSecret)),
		"HS512, by the secret":    hmacSigned(map[string]any{"alg": "HS512"}, claims, []byte(appSecret)),
		"HS256, by the key":       withHeader(`{"alg":"HS256","kid":"` + kid + `"}`)(p.Sign(nil, claims)),
		"hs256, in another case":  hmacSigned(map[string]any{"alg": "hs256"}, claims, []byte(appSecret)),
		"ES256 as a logout token": hmacSigned(map[string]any{"alg": "ES256", "kid": kid, "typ": "logout+jwt"}, logout, []byte(appSecret)),
	} {
		_, err := c.VerifyIDToken(t.Context(), raw, client.Nonce("n"))
		if err == nil {
			t.Fatalf("accepted: %s", name)
		}
		check.Equal(t, check.As[*client.Error](t, err).Kind, client.KindToken, name)
	}
	_, err = c.VerifyIDToken(t.Context(), hmacSigned(map[string]any{"alg": "HS256"}, claims, []byte(appSecret)), client.Nonce("n"))
	check.NoError(t, err) // the attacks fail for the right reason
	_, err = c.VerifyIDToken(t.Context(), p.Sign(nil, claims), client.Nonce("n"))
	check.NoError(t, err)
}

// A provider that lists nothing but HS256 beside its keys: no ID token can ever
// be accepted, so nobody is sent there to sign in, and no code is spent if the
// metadata has become such since.
func TestNoAlgorithmIsLeft(t *testing.T) {
	t.Parallel()
	for name, algs := range map[string][]string{
		"HS256": {"HS256"}, "none": {"none"}, "both": {"HS256", "none"}, "not known here": {"ES256K"}, "empty values": {""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			callback, tx := startLogin(t, p, newClient(t, p))
			p.Edit("discovery", set("id_token_signing_alg_values_supported", algs))
			c := newClient(t, p)
			if algs[0] == "" { // lists nothing
				check.NoError(t, c.Ready(t.Context()))
				return
			}
			_, authorize := c.Authorize(t.Context())
			_, exchange := c.Exchange(t.Context(), callback, tx)
			_, verify := c.VerifyIDToken(t.Context(), p.IDToken(nil), client.WithoutNonce())
			for what, err := range map[string]error{"Authorize": authorize, "Exchange": exchange, "VerifyIDToken": verify, "Ready": c.Ready(t.Context())} {
				if err == nil {
					t.Fatalf("%s succeeds", what)
				}
				wantField(t, err, "IDTokenAlgs")
				check.Contains(t, err.Error(), algs[0], "set this field", "HS256", "ClientSecret")
			}
			check.Equal(t, p.Requests("token"), 0, "token requests: the code is spent")
			_, err := newClient(t, p, allow("ES256")).Exchange(t.Context(), callback, tx)
			check.NoError(t, err)
		})
	}
}

// A login needs an ID token, whatever scopes it asks for.
func TestNoAlgorithmIsLeftForALogin(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) { cfg.client.Scopes = []string{} })
	a.op.Edit("discovery", set("id_token_signing_alg_values_supported", []string{"HS256"}))
	b := a.browser()
	callback := b.signIn(b.begin("/auth/login"), "alice")
	check.Equal(t, b.get(callback.String()).StatusCode, http.StatusInternalServerError, "status")
	check.Equal(t, a.op.Requests("token"), 0, "token requests")
	check.Contains(t, a.lastError().Error(), "Config.IDTokenAlgs")
}

// A provider may list more algorithms than it uses for this client. Tokens
// under any of them are accepted, unless Config.IDTokenAlgs says which one it
// is.
func TestLogoutTokenAlgs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		configured []string
		alg        string
		status     int
	}{
		"listed, the usual one":      {nil, "RS256", http.StatusOK},
		"listed, another one":        {nil, "PS256", http.StatusOK},
		"configured":                 {[]string{"RS256"}, "RS256", http.StatusOK},
		"listed, but not configured": {[]string{"RS256"}, "PS256", http.StatusBadRequest},
		"not listed":                 {nil, "RS512", http.StatusBadRequest},
		"not listed, but configured": {[]string{"RS256", "RS512"}, "RS512", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, func(cfg *appConfig) { rs256(cfg); cfg.client.IDTokenAlgs = test.configured })
			a.op.Edit("discovery", set("id_token_signing_alg_values_supported", []string{"RS256", "PS256"}))
			publish(a.op, func(keys []any) []any { // for any algorithm that it fits
				delete(keys[0].(map[string]any), "alg")
				return keys
			})
			b := a.browser()
			b.login("/auth/login", "alice")
			raw := a.op.Sign(map[string]any{"alg": test.alg, "typ": "logout+jwt"}, map[string]any{
				"iss": a.op.Issuer(), "aud": "web", "sub": "alice", "jti": "j", "iat": in(0), "exp": in(60e9), "events": logoutEvents,
			})
			check.Equal(t, a.tell(raw).StatusCode, test.status, "status")
			check.Equal(t, b.signedIn() == "", test.status == http.StatusOK, "the session has ended")
		})
	}
}

// The list in force is logged once: by New when it is configured, else when the
// metadata is known.
func TestAlgorithmsAreLogged(t *testing.T) {
	t.Parallel()
	const says = "signatures of ID tokens, logout tokens and userinfo are accepted"
	p := newProvider(t)
	p.Edit("discovery", set("id_token_signing_alg_values_supported", []string{"HS256", "ES256", "RS256"}))

	log := new(logBuffer)
	c := newClient(t, p, func(cfg *client.Config) { cfg.Logger = log.logger() })
	check.Lacks(t, log.String(), says)
	for range 3 {
		_, err := logIn(t, p, c)
		check.NoError(t, err)
	}
	check.Equal(t, strings.Count(log.String(), says), 1, "lines")
	check.Contains(t, log.String(), "level=INFO", `algs="RS256 ES256"`, "configured=false", "Config.IDTokenAlgs")

	log = new(logBuffer)
	c = newClient(t, p, func(cfg *client.Config) { cfg.Logger = log.logger(); allow("ES256", "HS256")(cfg) })
	check.Contains(t, log.String(), says, `algs="ES256 HS256"`, "configured=true")
	_, err := logIn(t, p, c)
	check.NoError(t, err)
	check.Equal(t, strings.Count(log.String(), says), 1, "lines")

	log = new(logBuffer) // a service has nothing to do with ID tokens
	service := newClient(t, p, func(cfg *client.Config) { cfg.Logger, cfg.RedirectURL = log.logger(), "" })
	check.NoError(t, service.Ready(t.Context()))
	check.Lacks(t, log.String(), says)
}
