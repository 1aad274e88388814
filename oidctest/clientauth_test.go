package oidctest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

func TestClientSecret(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) {
		c.Clients = append(c.Clients,
			oidctest.Client{ID: "odd id:%+", Secret: "p%ss w+rd:&ü"},
			oidctest.Client{ID: "post", Secret: "s", AuthMethod: "client_secret_post"},
			oidctest.Client{ID: "basic", Secret: "s", AuthMethod: "client_secret_basic"},
			oidctest.Client{ID: "public"})
	})
	const cc = "client_credentials"
	ok := func(a answer) {
		t.Helper()
		check.Equal(t, a.status, 200, a.body)
	}
	ok(post(t, p, "token", "web:s3cret", "grant_type", cc))
	ok(post(t, p, "token", "web:s3cret", "grant_type", cc, "client_id", "web"))
	ok(post(t, p, "token", "", "grant_type", cc, "client_id", "web", "client_secret", "s3cret"))
	ok(post(t, p, "token", "", "grant_type", cc, "client_id", "odd id:%+", "client_secret", "p%ss w+rd:&ü"))
	ok(post(t, p, "token", "odd+id%3A%25%2B:p%25ss+w%2Brd%3A%26%C3%BC", "grant_type", cc)) // RFC 6749 section 2.3.1
	ok(post(t, p, "token", "", "grant_type", cc, "client_id", "post", "client_secret", "s"))

	bad := func(a answer) {
		t.Helper()
		refused(t, a, 401, "invalid_client")
	}
	bad(post(t, p, "token", "", "grant_type", cc))
	bad(post(t, p, "token", "", "grant_type", cc, "client_id", "web"))
	bad(post(t, p, "token", "", "grant_type", cc, "client_id", "web", "client_secret", "wrong"))
	bad(post(t, p, "token", "web:wrong", "grant_type", cc))
	bad(post(t, p, "token", "web:", "grant_type", cc))
	bad(post(t, p, "token", "nobody:s3cret", "grant_type", cc))
	bad(post(t, p, "token", "web:s3cret", "grant_type", cc, "client_id", "post"))
	bad(post(t, p, "token", "odd id%3A%25%2B:p%ss w+rd", "grant_type", cc)) // not encoded
	bad(post(t, p, "token", "post:s", "grant_type", cc))
	bad(post(t, p, "token", "", "grant_type", cc, "client_id", "basic", "client_secret", "s"))
	bad(post(t, p, "token", "", "grant_type", cc, "client_id", "public", "client_secret", "guess"))
	bad(post(t, p, "token", "public:", "grant_type", cc))
	refused(t, post(t, p, "token", "web:s3cret", "grant_type", cc, "client_id", "web", "client_secret", "s3cret"), 400, "invalid_request")

	check.Contains(t, post(t, p, "token", "web:wrong", "grant_type", cc).header.Get("WWW-Authenticate"), "Basic")
}

func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	check.NoError(t, err)
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			var key crypto.Signer = rsaKey
			var err error
			switch alg {
			case "ES256":
				key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			case "ES384":
				key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			case "EdDSA":
				_, key, err = ed25519.GenerateKey(rand.Reader)
			}
			check.NoError(t, err)
			p := provider(t, func(c *oidctest.Config) {
				c.Clients = append(c.Clients, oidctest.Client{ID: "svc", PublicKey: key.Public()})
			})
			raw := assertion(p, key, alg, nil)
			check.Equal(t, withAssertion(t, p, raw).status, 200, "status of a good assertion")
			refused(t, withAssertion(t, p, raw), 401, "invalid_client") // replayed
		})
	}
}

// assertion signs a client assertion of "svc". A nil value in edit omits the
// claim.
func assertion(p *oidctest.Provider, key crypto.Signer, alg string, edit map[string]any) string {
	claims := map[string]any{
		"iss": "svc", "sub": "svc", "aud": p.Issuer(), "jti": rand.Text(), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	for name, v := range edit {
		if claims[name] = v; v == nil {
			delete(claims, name)
		}
	}
	return oidctest.New(oidctest.Config{Alg: alg, Key: key}).Sign(map[string]any{"typ": "JWT"}, claims)
}

func withAssertion(t testing.TB, p *oidctest.Provider, raw string) answer {
	t.Helper()
	return post(t, p, "token", "", "grant_type", "client_credentials", "client_assertion_type", assertionType, "client_assertion", raw)
}

func TestPrivateKeyJWTRefusals(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	p := provider(t, func(c *oidctest.Config) {
		c.Clients = append(c.Clients, oidctest.Client{ID: "svc", PublicKey: key.Public()}, oidctest.Client{ID: "kid", PublicKey: key.Public(), KeyID: "other"})
	})
	now := time.Now()
	for name, raw := range map[string]string{
		"foreign key":     assertion(p, foreign, "ES256", nil),
		"foreign aud":     assertion(p, key, "ES256", map[string]any{"aud": "https://other.example.test"}),
		"no aud":          assertion(p, key, "ES256", map[string]any{"aud": nil}),
		"expired":         assertion(p, key, "ES256", map[string]any{"exp": now.Add(-time.Minute).Unix()}),
		"no exp":          assertion(p, key, "ES256", map[string]any{"exp": nil}),
		"lives too long":  assertion(p, key, "ES256", map[string]any{"exp": now.Add(2 * time.Hour).Unix()}),
		"not yet":         assertion(p, key, "ES256", map[string]any{"nbf": now.Add(time.Minute).Unix()}),
		"no jti":          assertion(p, key, "ES256", map[string]any{"jti": nil}),
		"foreign iss":     assertion(p, key, "ES256", map[string]any{"iss": "web"}),
		"foreign sub":     assertion(p, key, "ES256", map[string]any{"sub": "web"}),
		"foreign kid":     assertion(p, key, "ES256", map[string]any{"iss": "kid", "sub": "kid"}),
		"no assertion":    "",
		"not a JWT":       "a.b",
		"alg none":        p.Sign(map[string]any{"alg": "none"}, map[string]any{"iss": "svc", "sub": "svc"}),
		"JSON of the key": p.Sign(map[string]any{"alg": "HS256"}, map[string]any{"iss": "svc", "sub": "svc"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, withAssertion(t, p, raw), 401, "invalid_client")
		})
	}
	t.Run("aud is the token endpoint", func(t *testing.T) {
		t.Parallel()
		check.Equal(t, withAssertion(t, p, assertion(p, key, "ES256", map[string]any{"aud": []string{"x", p.URL("token")}})).status, 200, "status")
	})
	t.Run("another type", func(t *testing.T) {
		t.Parallel()
		a := post(t, p, "token", "", "grant_type", "client_credentials", "client_assertion_type", "urn:x", "client_assertion", assertion(p, key, "ES256", nil))
		refused(t, a, 401, "invalid_client")
	})
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	p := provider(t)
	a := login(t, p, "scope", "openid email")
	info := get(t, p, p.URL("userinfo"), a.text("access_token"))
	check.DeepEqual(t, info.json, map[string]any{"sub": "alice", "email": "alice@example.test", "email_verified": true, "tenant": "acme"}, "userinfo")

	none := get(t, p, p.URL("userinfo"), "")
	check.Equal(t, none.status, http.StatusUnauthorized, "status without a token")
	check.Lacks(t, none.header.Get("WWW-Authenticate"), "error")
	for name, token := range map[string]string{"unknown": "x", "ID token": a.text("id_token"), "refresh token": a.text("refresh_token")} {
		bad := get(t, p, p.URL("userinfo"), token)
		check.Equal(t, bad.status, http.StatusUnauthorized, "status for "+name)
		check.Contains(t, bad.header.Get("WWW-Authenticate"), `Bearer`, `error="invalid_token"`)
	}
	plain := get(t, p, p.URL("userinfo"), p.AccessToken(map[string]any{"scope": "read"}))
	check.Equal(t, plain.status, http.StatusForbidden, "status without scope openid")
	check.Equal(t, get(t, p, p.URL("userinfo"), p.AccessToken(map[string]any{"scope": "openid"})).text("sub"), "alice", "sub for a made token")
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) {
		c.OpaqueAccessTokens = true
		c.Clients = append(c.Clients, oidctest.Client{ID: "api", Secret: "a"}, oidctest.Client{ID: "public"})
	})
	a := login(t, p)
	check.True(t, !strings.Contains(a.text("access_token"), "eyJ"), "%s is not opaque", a.text("access_token"))
	got := post(t, p, "introspect", "api:a", "token", a.text("access_token"), "token_type_hint", "access_token")
	for name, want := range map[string]any{
		"active": true, "sub": "alice", "client_id": "web", "iss": p.Issuer(), "scope": "openid profile email", "token_type": "Bearer", "tenant": "acme",
	} {
		check.Equal(t, got.json[name], want, name)
	}
	check.Equal(t, post(t, p, "introspect", "web:s3cret", "token", a.text("refresh_token")).json["active"], any(true), "its own refresh token")
	for name, token := range map[string]string{
		"unknown": "x", "refresh token of another": a.text("refresh_token"), "ID token": a.text("id_token"),
		"expired": p.AccessToken(map[string]any{"exp": time.Now().Add(-time.Second).Unix()}),
	} {
		inactive := post(t, p, "introspect", "api:a", "token", token)
		check.DeepEqual(t, inactive.json, map[string]any{"active": false}, name)
	}
	refused(t, post(t, p, "introspect", "", "token", "x"), 401, "invalid_client")
	refused(t, post(t, p, "introspect", "api:wrong", "token", "x"), 401, "invalid_client")
	refused(t, post(t, p, "introspect", "", "token", "x", "client_id", "public"), 401, "invalid_client")
	refused(t, post(t, p, "introspect", "api:a"), 400, "invalid_request")
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *oidctest.Config) { c.Clients = append(c.Clients, oidctest.Client{ID: "other", Secret: "o"}) })
	a := login(t, p)
	check.Equal(t, post(t, p, "revoke", "web:s3cret", "token", "unknown").status, 200, "status for an unknown token")
	refused(t, post(t, p, "revoke", "other:o", "token", a.text("access_token")), 400, "unauthorized_client")
	refused(t, post(t, p, "revoke", "other:o", "token", a.text("refresh_token")), 400, "unauthorized_client")
	refused(t, post(t, p, "revoke", "web:wrong", "token", a.text("refresh_token")), 401, "invalid_client")
	check.True(t, active(t, p, a.text("access_token")), "revoked by a stranger")

	check.Equal(t, post(t, p, "revoke", "web:s3cret", "token", a.text("access_token")).status, 200, "status")
	check.True(t, !active(t, p, a.text("access_token")), "active after revocation")
	check.Equal(t, get(t, p, p.URL("userinfo"), a.text("access_token")).status, 401, "userinfo after revocation")
	b := refresh(t, p, a.text("refresh_token"))
	check.Equal(t, b.status, 200, "the refresh token is untouched")

	check.Equal(t, post(t, p, "revoke", "web:s3cret", "token", b.text("refresh_token"), "token_type_hint", "refresh_token").status, 200, "status")
	check.True(t, !active(t, p, b.text("access_token")), "the access token outlived its refresh token")
	refused(t, refresh(t, p, b.text("refresh_token")), 400, "invalid_grant")
}

func TestRevokeSubject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, func(c *oidctest.Config) { c.Users = []oidctest.User{{Subject: "alice"}, {Subject: "bob"}} })
		b := p.NewBrowser()
		u, err := b.SignIn(authURL(p), "alice")
		check.NoError(t, err)
		alice := redeem(t, p, u.Query().Get("code"))
		pending := signIn(t, p).Get("code")
		u, err = p.SignIn(authURL(p), "bob")
		check.NoError(t, err)
		bob := redeem(t, p, u.Query().Get("code"))
		made := p.AccessToken(nil)

		p.RevokeSubject("alice")
		check.True(t, !active(t, p, alice.text("access_token")) && !active(t, p, made), "a token of alice is active")
		check.True(t, active(t, p, bob.text("access_token")), "bob lost his token")
		refused(t, refresh(t, p, alice.text("refresh_token")), 400, "invalid_grant")
		refused(t, redeem(t, p, pending), 400, "invalid_grant")
		u, err = b.SignIn(authURL(p, "prompt", "none"), "")
		check.NoError(t, err)
		check.Equal(t, u.Query().Get("error"), "login_required", "error of a silent sign-in")
	})
}
