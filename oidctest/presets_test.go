package oidctest_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// preset returns a provider with the clients "web" (confidential), "spa"
// (public) and "svc" (a service).
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

// sharedKey saves creating a key per provider.
var sharedKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// redeemAs sends the token request for a code as one provider expects it.
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

// The presets send the documents that tests of other packages read.
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
	// A confidential client with a code and without PKCE. Only the token
	// request's resource counts.
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

	// A public client with a code and PKCE.
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

// The first attempt uses up the code, whatever is wrong with it.
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

	// With the refresh grant and a realistic lifetime.
	p = preset(t, oidctest.Authcore(""), func(c *oidctest.Config) { c.AccessTokenTTL = time.Minute })
	b := login(t, p)
	check.Equal(t, b.json["expires_in"], any(60.0), "expires_in")
	check.True(t, b.text("refresh_token") != "", "no refresh token")
	check.True(t, success(t, refresh(t, p, b.text("refresh_token"))).text("id_token") != "", "no refreshed ID token")
}
