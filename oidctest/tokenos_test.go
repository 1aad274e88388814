package oidctest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func TestTokenOS(t *testing.T) {
	t.Parallel()
	const issuer = "https://acme.projects.oryapis.com/"
	p := preset(t, oidctest.TokenOS("acme"), func(c *oidctest.Config) { c.Clients[0].AuthMethod = "client_secret_basic" })
	doc := get(t, p, issuer+".well-known/openid-configuration", "").json
	check.Equal(t, doc["issuer"], any(issuer), "issuer")
	hydra := fixture(t, "discovery/hydra.discovery.json")
	for field, value := range hydra {
		if u, ok := value.(string); ok && (strings.HasSuffix(field, "_endpoint") || field == "jwks_uri") {
			parsed, err := url.Parse(u)
			check.NoError(t, err)
			check.Equal(t, doc[field], any(strings.TrimSuffix(issuer, "/")+parsed.Path), field)
		}
	}
	check.True(t, doc["introspection_endpoint"] == nil, "the metadata names an introspection endpoint")
	check.Equal(t, len(published(t, p)), 2, "keys")

	check.Equal(t, signIn(t, p, "state", "short67").Get("error"), "invalid_state", "error for a state of 7 characters")
	check.True(t, login(t, p).json["refresh_token"] == nil, "a refresh token without scope offline")
	a := login(t, p, "scope", "openid offline_access", "audience", "https://api.example.test")
	check.Equal(t, a.text("token_type"), "bearer", "token_type")
	access := payload(t, a.text("access_token"))
	check.DeepEqual(t, access["scp"], any([]any{"openid", "offline_access"}), "scp")
	check.DeepEqual(t, access["aud"], any([]any{"https://api.example.test"}), "aud")
	check.DeepEqual(t, access["ext"], any(map[string]any{"tenant": "acme"}), "ext")
	check.True(t, access["scope"] == nil && access["tenant"] == nil, "claims are %v", access)
	check.Equal(t, header(t, a.text("access_token"))["typ"], any("JWT"), "typ")
	check.True(t, header(t, a.text("access_token"))["kid"] != header(t, a.text("id_token"))["kid"], "one key signs both")
	check.True(t, verified(t, p, a.text("access_token")) && verified(t, p, a.text("id_token")), "a token does not verify")
	check.DeepEqual(t, payload(t, a.text("id_token"))["aud"], any([]any{"web"}), "aud of the ID token")
	check.Equal(t, get(t, p, p.URL("userinfo"), a.text("access_token")).text("sub"), "alice", "sub at userinfo")

	admin := post(t, p, "introspect", "", "token", a.text("access_token"))
	check.Equal(t, p.URL("introspect"), issuer+"admin/oauth2/introspect", "admin address")
	check.Equal(t, admin.text("scope"), "openid offline_access", "scope by introspection")
	check.Equal(t, admin.text("token_use"), "access_token", "token_use")

	check.True(t, admin.json["jti"] == nil, "jti by introspection")
	check.Equal(t, signIn(t, p, "scope", "openid email").Get("scope"), "openid email", "scope in the callback")
	_, err := p.NewBrowser().SignOut(endSession(p, "client_id", "web", "post_logout_redirect_uri", bye))
	check.True(t, err != nil, "a logout without id_token_hint comes back")
	_, err = p.NewBrowser().SignOut(endSession(p, "id_token_hint", a.text("id_token"), "post_logout_redirect_uri", bye))
	check.NoError(t, err)
	told := p.LogoutToken("web", "alice", "sid-1")
	check.Equal(t, header(t, told)["typ"], any("JWT"), "typ of a logout token")
	check.DeepEqual(t, names(payload(t, told)), []string{"aud", "events", "iat", "iss", "jti", "sid"}, "claims of a logout token")

	b := success(t, refresh(t, p, a.text("refresh_token")))
	check.DeepEqual(t, payload(t, b.text("access_token"))["aud"], access["aud"], "aud of the refreshed token")
	check.Equal(t, payload(t, b.text("id_token"))["nonce"], any("nonce-123"), "nonce of the refreshed ID token")
	check.Equal(t, post(t, p, "introspect", "", "token", a.text("access_token")).json["active"], any(false), "the old access token")
	refused(t, refresh(t, p, a.text("refresh_token")), 400, "invalid_grant")
	check.Equal(t, post(t, p, "introspect", "", "token", b.text("access_token")).json["active"], any(false), "the chain after reuse")
	refused(t, refresh(t, p, b.text("refresh_token")), 400, "invalid_grant")
}

func TestTokenOSService(t *testing.T) {
	t.Parallel()
	p := preset(t, oidctest.TokenOS(""), func(c *oidctest.Config) {
		c.Resources = []string{"https://api.example.test", "https://two.example.test"}
		c.Clients = append(c.Clients,
			oidctest.Client{ID: "odd:id", Secret: "a b%c"},
			oidctest.Client{ID: "post", Secret: "s", AuthMethod: "client_secret_post"})
	})
	cc := func(basic string, pairs ...string) answer {
		t.Helper()
		return post(t, p, "token", basic, append([]string{"grant_type", "client_credentials"}, pairs...)...)
	}
	// Only the registered method is accepted, and the response has no
	// WWW-Authenticate.
	success(t, cc("svc:s"))
	success(t, cc("", "client_id", "post", "client_secret", "s"))
	refused(t, cc(""), 400, "invalid_request")
	for _, bad := range []answer{cc("", "client_id", "svc", "client_secret", "s"), cc("post:s"), cc("svc:wrong"), cc("odd:id:a b%c")} {
		refused(t, bad, 401, "invalid_client")
		check.Equal(t, bad.header.Get("WWW-Authenticate"), "", "WWW-Authenticate")
	}
	success(t, cc("odd%3Aid:a+b%25c"))

	a := success(t, cc("svc:s", "scope", "read", "resource", "https://api.example.test"))
	claims := payload(t, a.text("access_token"))
	check.DeepEqual(t, claims["aud"], any([]any{}), "aud: resource is ignored")
	check.DeepEqual(t, claims["scp"], any([]any{"read"}), "scp")
	check.DeepEqual(t, claims["ext"], any(map[string]any{"tenant": "acme"}), "ext")
	two := success(t, cc("svc:s", "audience", "https://api.example.test https://two.example.test"))
	check.DeepEqual(t, payload(t, two.text("access_token"))["aud"], any([]any{"https://api.example.test", "https://two.example.test"}), "aud")
	refused(t, cc("svc:s", "audience", "https://other.example.test"), 400, "invalid_request")

	for name, bearer := range map[string]string{"no token": "", "bad token": "x"} {
		info := get(t, p, p.URL("userinfo"), bearer)
		check.Equal(t, info.status, http.StatusUnauthorized, name)
		check.Contains(t, info.header.Get("WWW-Authenticate"), `Bearer error="request_unauthorized",error_description="`)
		check.Equal(t, info.text("error"), "request_unauthorized", name)
	}
}

func TestTokenOSPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	key := sharedKey()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	p := preset(t, oidctest.TokenOS(""), func(c *oidctest.Config) {
		c.Clients = []oidctest.Client{{ID: "svc", PublicKey: key.Public()}, {ID: "named", PublicKey: key.Public(), KeyID: "key-1"}}
	})
	good := map[string]any{"aud": p.URL("token")}
	raw := assertion(p, key, "RS256", good)
	success(t, withAssertion(t, p, raw))
	refused(t, withAssertion(t, p, raw), 400, "jti_known")
	refused(t, withAssertion(t, p, assertion(p, key, "RS256", nil)), 401, "invalid_client") // aud is the issuer
	refused(t, withAssertion(t, p, assertion(p, key, "PS256", good)), 401, "invalid_client")
	refused(t, withAssertion(t, p, assertion(p, ec, "ES256", good)), 401, "invalid_client")
	for kid, want := range map[any]int{"key-1": http.StatusOK, nil: http.StatusOK, "key-2": http.StatusBadRequest} {
		a := withAssertion(t, p, oidctest.New(oidctest.Config{Key: key}).Sign(map[string]any{"kid": kid}, map[string]any{
			"iss": "named", "sub": "named", "aud": p.URL("token"), "jti": rand.Text(), "exp": time.Now().Add(time.Minute).Unix(),
		}))
		if check.Equal(t, a.status, want, a.body); want != http.StatusOK {
			refused(t, a, want, "invalid_request")
		}
	}
}
