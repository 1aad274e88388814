package oidctest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func TestDocbyteVault(t *testing.T) {
	t.Parallel()
	const issuer = "https://keycloak.acme.prod.docbyte.cloud/realms/globex"
	p := preset(t, oidctest.DocbyteVault("acme", "prod", "globex"))
	doc := get(t, p, issuer+"/.well-known/openid-configuration", "").json
	for field, path := range map[string]string{
		"issuer": "", "authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "certs", "userinfo_endpoint": "userinfo",
		"end_session_endpoint": "logout", "revocation_endpoint": "revoke", "introspection_endpoint": "token/introspect",
	} {
		want := issuer
		if path != "" {
			want += "/protocol/openid-connect/" + path
		}
		check.Equal(t, doc[field], any(want), field)
	}

	// The documented sample: a public client without PKCE, scope=openid email
	// profile.
	callback := signIn(t, p, "client_id", "spa", "scope", "openid email profile", "code_challenge", "", "code_challenge_method", "", "resource", "ignored")
	check.Equal(t, callback.Get("iss"), issuer, "iss in the callback")
	check.True(t, callback.Get("session_state") != "", "no session_state in the callback")
	a := success(t, redeemAs(t, p, "", callback.Get("code"), "client_id", "spa", "resource", "ignored"))
	for name, want := range fixture(t, "token/docbyte-vault-code.json") {
		if text, ok := want.(string); ok && strings.HasPrefix(text, "{") {
			check.True(t, a.text(name) != "", "no %s", name)
			continue
		}
		check.Equal(t, a.json[name], want, name)
	}
	check.Equal(t, a.json["not-before-policy"], any(0.0), "not-before-policy")
	access, id, renewal := payload(t, a.text("access_token")), payload(t, a.text("id_token")), payload(t, a.text("refresh_token"))
	for typ, claims := range map[string]map[string]any{"Bearer": access, "ID": id, "Refresh": renewal} {
		check.Equal(t, claims["typ"], any(typ), "typ")
		check.Equal(t, claims["azp"], any("spa"), "azp")
		check.Equal(t, claims["sid"], a.json["session_state"], "sid")
	}
	check.Equal(t, access["tenant"], any("globex"), "tenant")
	check.Equal(t, access["aud"], any("account"), "aud: resource is ignored")
	check.DeepEqual(t, access["realm_access"], any(map[string]any{
		"roles": []any{"default-roles-globex", "offline_access", "uma_authorization"},
	}), "realm_access")
	check.Equal(t, access["exp"].(float64)-access["iat"].(float64), 300.0, "lifetime")
	check.Equal(t, header(t, a.text("access_token"))["typ"], any("JWT"), "header typ")
	check.Equal(t, get(t, p, p.URL("userinfo"), a.text("access_token")).text("sub"), "alice", "sub at userinfo")
	for token, typ := range map[string]string{a.text("access_token"): "Bearer", a.text("refresh_token"): "Refresh"} {
		told := post(t, p, "introspect", "web:s3cret", "token", token).json // another client's
		check.Equal(t, told["active"], any(true), "active")
		for name, want := range map[string]any{"typ": typ, "token_type": typ, "client_id": "spa", "aud": "account", "tenant": "globex"} {
			check.Equal(t, told[name], want, name+" of introspection")
		}
	}

	renew := func(token string) answer {
		t.Helper()
		return post(t, p, "token", "", "grant_type", "refresh_token", "client_id", "spa", "refresh_token", token)
	}
	b := success(t, renew(a.text("refresh_token")))
	check.Equal(t, b.json["refresh_expires_in"], any(1800.0), "refresh_expires_in of the refresh")
	success(t, renew(a.text("refresh_token"))) // not revoked by use

	to, err := p.NewBrowser().SignOut(endSession(p, "client_id", "web", "post_logout_redirect_uri", bye))
	check.NoError(t, err)
	check.Equal(t, to, bye, "where the logout goes")
}

func TestDocbyteVaultService(t *testing.T) {
	t.Parallel()
	p := preset(t, oidctest.DocbyteVault("", "", ""), func(c *oidctest.Config) { c.Clients[2].Audience = []string{"vault-api"} })
	body := []string{"grant_type", "client_credentials", "client_id", "svc", "client_secret", "s"}
	a := success(t, post(t, p, "token", "", append(body, "scope", "openid")...))
	for name, want := range fixture(t, "token/docbyte-vault-client-credentials.json") {
		if name != "access_token" {
			check.Equal(t, a.json[name], want, name)
		}
	}
	check.True(t, a.json["refresh_token"] == nil, "a refresh token for a service")
	check.Equal(t, a.json["refresh_expires_in"], any(0.0), "refresh_expires_in")
	check.Equal(t, payload(t, a.text("id_token"))["typ"], any("ID"), "typ of the ID token")
	claims := payload(t, a.text("access_token"))
	check.Equal(t, claims["tenant"], any("acme"), "tenant")
	check.Equal(t, claims["aud"], any("vault-api"), "aud by mapper")
	check.Equal(t, claims["preferred_username"], any("service-account-svc"), "preferred_username")
	check.True(t, success(t, post(t, p, "token", "", body...)).json["id_token"] == nil, "an ID token without scope openid")
	success(t, post(t, p, "token", "", append(body, "resource", "https://a.example.test")...))
	refused(t, post(t, p, "token", "", append(body, "resource", "https://a.example.test", "resource", "https://b.example.test")...), 400, "invalid_request")
	twice := signIn(t, p, "resource", "https://a.example.test", "resource", "https://b.example.test")
	check.Equal(t, twice.Get("error"), "invalid_request", "two resources at the authorization endpoint")
	refused(t, post(t, p, "token", "svc:wrong", "grant_type", "client_credentials"), 401, "unauthorized_client")
	refused(t, post(t, p, "token", "nobody:s", "grant_type", "client_credentials"), 401, "invalid_client")
}

func TestDocbyteVaultSwitches(t *testing.T) {
	t.Parallel()
	p := preset(t, oidctest.DocbyteVault("", "", ""), func(c *oidctest.Config) {
		c.KeepRefreshTokens = false
		c.Clients[0].OmitIss = true
	})
	callback := signIn(t, p)
	check.True(t, !callback.Has("iss"), "iss although switched off")
	check.Equal(t, get(t, p, p.URL("discovery"), "").json["authorization_response_iss_parameter_supported"], any(true), "the metadata's promise")
	a := success(t, redeem(t, p, callback.Get("code")))
	success(t, refresh(t, p, a.text("refresh_token")))
	refused(t, refresh(t, p, a.text("refresh_token")), 400, "invalid_grant")

	synctest.Test(t, func(t *testing.T) {
		p := preset(t, oidctest.DocbyteVault("", "", ""))
		a := login(t, p)
		time.Sleep(1800 * time.Second)
		refused(t, refresh(t, p, a.text("refresh_token")), 400, "invalid_grant")
	})
}
