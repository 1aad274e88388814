package oidctest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// preset is a provider with the clients "web" (confidential), "spa" (public) and "svc" (a service).
func preset(t testing.TB, cfg oidctest.Config, edit ...func(*oidctest.Config)) *oidctest.Provider {
	t.Helper()
	cfg.Clients = []oidctest.Client{
		web(),
		{ID: "spa", RedirectURIs: []string{redirectURI}},
		{ID: "svc", Secret: "s", Claims: map[string]any{"tenant": "acme"}},
	}
	if cfg.Alg == "" {
		cfg.Key = sharedKey()
	}
	for _, f := range edit {
		f(&cfg)
	}
	return oidctest.New(cfg)
}

// sharedKey saves the making of one key per provider.
var sharedKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// redeemAs is the token request for a code in the words of one provider.
func redeemAs(t testing.TB, p *oidctest.Provider, basic, code string, pairs ...string) answer {
	t.Helper()
	return post(t, p, "token", basic, append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI}, pairs...)...)
}

func success(t testing.TB, a answer) answer {
	t.Helper()
	check.Equal(t, a.status, http.StatusOK, a.body)
	return a
}

func names(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func fixture(t testing.TB, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile("../testdata/" + name)
	check.NoError(t, err)
	var m map[string]any
	check.NoError(t, json.Unmarshal(raw, &m))
	return m
}

// The documents other packages' tests read are what the presets send.
func TestPresetDiscovery(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]oidctest.Config{
		"voxkey": oidctest.VoxKey("", ""), "docbyte-vault": oidctest.DocbyteVault("", "", ""), "tokenos": oidctest.TokenOS(""),
	} {
		var b bytes.Buffer
		p := preset(t, cfg)
		check.NoError(t, json.Indent(&b, []byte(get(t, p, p.URL("discovery"), "").body), "", "  "))
		b.WriteByte('\n')
		check.Golden(t, "../../testdata/discovery/preset-"+name+".json", b.Bytes())
	}
}

func TestVoxKey(t *testing.T) {
	t.Parallel()
	const base = "https://voxkey.example.test/oauth2/realm-1"
	p := preset(t, oidctest.VoxKey("", ""))
	doc := get(t, p, base+"/.well-known/openid-configuration", "").json
	for field, want := range map[string]string{
		"issuer": base, "authorization_endpoint": base + "/code", "token_endpoint": base + "/token", "userinfo_endpoint": base + "/userinfo",
		"jwks_uri": base + "/oidc/jwks", "introspection_endpoint": base + "/introspect", "revocation_endpoint": base + "/revoke",
	} {
		check.Equal(t, doc[field], any(want), field)
	}
	wrong := get(t, p, authURL(p), "")
	check.Equal(t, wrong.status, http.StatusMethodNotAllowed, "GET on the authorization endpoint")
	check.Equal(t, wrong.header.Get("Allow"), http.MethodPost, "Allow")

	aud := func(a answer) any { t.Helper(); return payload(t, success(t, a).text("access_token"))["aud"] }
	const api = oidctest.DefaultResource
	// Code without PKCE, confidential; the resource counts in the token request only.
	noPKCE := []string{"code_challenge", "", "code_challenge_method", ""}
	callback := signIn(t, p, append(noPKCE, "resource", "https://ignored.example.test")...)
	check.True(t, !callback.Has("iss"), "iss in the callback is not documented")
	a := redeemAs(t, p, "web:s3cret", callback.Get("code"), "resource", api)
	check.Equal(t, aud(a), any(api), "aud of the code's token")
	check.Equal(t, aud(refresh(t, p, a.text("refresh_token"), "resource", api)), any(api), "aud of the refreshed token")
	b := redeemAs(t, p, "web:s3cret", signIn(t, p, noPKCE...).Get("code"))
	refused(t, refresh(t, p, b.text("refresh_token"), "resource", "https://x.example.test"), 400, "invalid_target")
	check.Equal(t, aud(b), any(base), "aud without resource")
	c := success(t, refresh(t, p, b.text("refresh_token"), "resource", api))
	check.Equal(t, aud(refresh(t, p, c.text("refresh_token"))), any(base), "aud of a refresh that forgets the resource")
	refused(t, redeemAs(t, p, "web:s3cret", signIn(t, p, noPKCE...).Get("code"), "resource", "https://x.example.test"), 400, "invalid_target")

	// Code with PKCE, public.
	code := signIn(t, p, "client_id", "spa").Get("code")
	spa := success(t, redeemAs(t, p, "", code, "client_id", "spa", "code_verifier", verifier))
	check.Equal(t, get(t, p, p.URL("userinfo"), spa.text("access_token")).text("sub"), "alice", "sub at userinfo")

	svc := post(t, p, "token", "svc:s", "grant_type", "client_credentials", "resource", api)
	check.Equal(t, aud(svc), any(api), "aud of client credentials")
	refused(t, post(t, p, "token", "svc:s", "grant_type", "client_credentials", "resource", "https://x.example.test"), 400, "invalid_target")
	check.True(t, verified(t, p, svc.text("access_token")), "the keys do not verify the token")
	check.True(t, active(t, p, svc.text("access_token")), "introspection")
	check.Equal(t, post(t, p, "revoke", "svc:s", "token", svc.text("access_token")).status, 200, "revocation")
	check.True(t, !active(t, p, svc.text("access_token")), "introspection after revocation")
}

func TestMiQey(t *testing.T) {
	t.Parallel()
	p := preset(t, oidctest.MiQey())
	check.Equal(t, p.URL("authorize"), "https://app.miqey.com/oauth/authorize", "authorization endpoint")
	check.Equal(t, p.URL("token"), "https://app.miqey.com/oauth/token", "token endpoint")
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json", "/jwks", "/userinfo", "/introspect", "/revoke", "/end-session"} {
		check.Equal(t, get(t, p, p.Issuer()+path, "").status, http.StatusNotFound, path)
	}
	for _, endpoint := range []string{"discovery", "jwks", "userinfo", "introspect", "revoke", "end_session"} {
		check.Equal(t, p.URL(endpoint), "", endpoint)
	}
	check.Equal(t, signIn(t, p, "scope", "profile").Get("error"), "invalid_scope", "error without openid")
	check.Equal(t, signIn(t, p, "state", "").Get("error"), "invalid_request", "error without a state")
	check.Equal(t, post(t, p, "authorize", "").status, http.StatusMethodNotAllowed, "POST on the authorization endpoint")

	body := []string{"client_id", "web", "client_secret", "s3cret"}
	callback := signIn(t, p)
	check.True(t, !callback.Has("iss"), "iss in the callback")
	a := success(t, redeemAs(t, p, "", callback.Get("code"), body...)) // PKCE was sent and is not checked
	check.DeepEqual(t, names(a.json), names(fixture(t, "token/miqey.json")), "members of the answer")
	check.Equal(t, a.json["expires_in"], any(3600.0), "expires_in")
	check.Equal(t, a.text("token_type"), "Bearer", "token_type")
	id := a.text("id_token")
	check.True(t, header(t, id)["kid"] == nil && header(t, id)["alg"] != "none", "header is %v", header(t, id))
	check.True(t, payload(t, id)["nonce"] == nil && payload(t, id)["aud"] == "web", "claims are %v", payload(t, id))
	check.True(t, !strings.HasPrefix(a.text("access_token"), "eyJ"), "the access token is a JWT")

	refused(t, redeemAs(t, p, "web:s3cret", signIn(t, p).Get("code")), 401, "invalid_client") // Basic
	refused(t, post(t, p, "token", "", append(body, "grant_type", "refresh_token", "refresh_token", "x")...), 400, "unsupported_grant_type")
	refused(t, post(t, p, "token", "", append(body, "grant_type", "client_credentials")...), 400, "unsupported_grant_type")
}

// The code is spent by the first attempt, whatever is wrong with it.
func TestMiQeyBurnsCodes(t *testing.T) {
	t.Parallel()
	good := []string{"client_id", "web", "client_secret", "s3cret"}
	for name, wrong := range map[string][]string{
		"secret":            {"redirect_uri", redirectURI, "client_id", "web", "client_secret", "wrong"},
		"no secret":         {"redirect_uri", redirectURI, "client_id", "web"},
		"client":            {"redirect_uri", redirectURI, "client_id", "svc", "client_secret", "s"},
		"redirect_uri":      append([]string{"redirect_uri", "x"}, good...),
		"two redirect URIs": append([]string{"redirect_uri", "x", "redirect_uri", redirectURI}, good...),
	} {
		p := preset(t, oidctest.MiQey())
		code := signIn(t, p).Get("code")
		first := post(t, p, "token", "", append([]string{"grant_type", "authorization_code", "code", code}, wrong...)...)
		check.True(t, first.status >= 400, "%s: accepted", name)
		refused(t, redeemAs(t, p, "", code, good...), 400, "invalid_grant")
	}
}

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

	// The sample: a public client, no PKCE, scope=openid email profile.
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

func TestAuthcore(t *testing.T) {
	t.Parallel()
	p := preset(t, oidctest.Authcore(""), func(c *oidctest.Config) { c.Clients[0].Grants = []string{"authorization_code"} })
	check.DeepEqual(t, get(t, p, "https://auth.acme.com/.well-known/openid-configuration", "").json, fixture(t, "discovery/authcore.json"), "discovery")
	want := fixture(t, "jwks/authcore.json")["keys"].([]any)[0].(map[string]any)
	keys := get(t, p, "https://auth.acme.com/.well-known/jwks.json", "").json["keys"].([]any)
	check.Equal(t, len(keys), 1, "keys")
	key := keys[0].(map[string]any)
	check.DeepEqual(t, names(key), names(want), "members of the key")
	for _, name := range []string{"use", "kty", "crv", "alg"} {
		check.Equal(t, key[name], want[name], name)
	}
	for _, endpoint := range []string{"userinfo", "introspect", "revoke", "end_session"} {
		check.Equal(t, p.URL(endpoint), "", endpoint)
	}

	check.Equal(t, signIn(t, p, "state", "").Get("error"), "invalid_request", "error without a state")
	check.Equal(t, signIn(t, p, "scope", "").Get("error"), "invalid_request", "error without a scope")
	check.Equal(t, signIn(t, p, "code_challenge_method", "plain").Get("error"), "invalid_request", "error for plain PKCE")
	empty := func() string {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, authURL(p, "scope", "")+"&scope=", nil) // POST with the query, as documented
		check.NoError(t, err)
		u, err := p.NewBrowser().Do(r, "alice")
		check.NoError(t, err)
		return u.Query().Get("code")
	}
	a := success(t, redeem(t, p, empty()))
	check.DeepEqual(t, names(a.json), names(fixture(t, "token/authcore.json")), "members of the answer")
	for name, want := range map[string]any{"scope": "", "refresh_token": "", "expires_in": 987654321.0} {
		check.Equal(t, a.json[name], want, name)
	}
	check.Equal(t, header(t, a.text("id_token"))["alg"], any("ES256"), "alg")
	check.True(t, verified(t, p, a.text("id_token")), "the ID token does not verify")
	check.Equal(t, payload(t, a.text("id_token"))["nonce"], any("nonce-123"), "nonce")
	refused(t, redeem(t, p, empty(), "code_verifier", verifier+"x"), 400, "invalid_grant")

	// With the refresh grant, and a lifetime of this world.
	p = preset(t, oidctest.Authcore(""), func(c *oidctest.Config) { c.AccessTokenTTL = time.Minute })
	b := login(t, p)
	check.Equal(t, b.json["expires_in"], any(60.0), "expires_in")
	check.True(t, b.text("refresh_token") != "", "no refresh token")
	check.True(t, success(t, refresh(t, p, b.text("refresh_token"))).text("id_token") != "", "no refreshed ID token")
}

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
	// Exactly the registered method, and no hint in a header.
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
