package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// The five providers of the README, each through every flow it offers.

// at is a provider of a preset with one client, and this side's client for it.
func at(t *testing.T, preset oidctest.Config, registered oidctest.Client, cfg client.Config) (*oidctest.Provider, *client.Client) {
	t.Helper()
	if preset.Alg == "ES256" {
		preset.Key = signingKey()
	}
	p := oidctest.New(preset)
	registered.RedirectURIs = []string{appCallback}
	p.AddClient(registered)
	cfg.ClientID, cfg.HTTPClient = registered.ID, p.HTTPClient()
	c, err := client.New(cfg)
	check.NoError(t, err)
	return p, c
}

func TestVoxKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		preset := oidctest.VoxKey("", "realm-1")
		preset.Alg = "ES256"
		p, c := at(t, preset, oidctest.Client{ID: "web", Secret: appSecret}, client.Config{
			DiscoveryURL: preset.Issuer, ClientSecret: appSecret, RedirectURL: appCallback,
			AuthorizationMethod: "POST", Resources: []string{oidctest.DefaultResource},
		})
		tokens, err := logIn(t, p, c)
		check.NoError(t, err)
		check.DeepEqual(t, tokenAudience(t, tokens.AccessToken), []string{oidctest.DefaultResource}, "aud")
		fresh, err := c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{Resources: []string{oidctest.DefaultResource}})
		check.NoError(t, err)
		check.DeepEqual(t, tokenAudience(t, fresh.AccessToken), []string{oidctest.DefaultResource}, "aud after a refresh")

		s := c.ClientCredentials(client.TokenRequest{Resources: []string{oidctest.DefaultResource}})
		check.DeepEqual(t, tokenAudience(t, tokenOf(t, s)), []string{oidctest.DefaultResource}, "aud of a service")
		_, err = c.ClientCredentials(client.TokenRequest{Resources: []string{"https://unknown.example.test"}}).Token()
		check.Equal(t, wantError(t, err, client.KindRefused, "").Code, "invalid_target", "code")
		check.NoError(t, c.Revoke(t.Context(), fresh.RefreshToken, "refresh_token"))
		_, err = c.Refresh(t.Context(), fresh.RefreshToken, client.TokenRequest{})
		check.Error(t, err, client.ErrReauthRequired)
	})
}

func TestMiQey(t *testing.T) {
	t.Parallel()
	preset := oidctest.MiQey()
	preset.Alg = "ES256"
	p, c := at(t, preset, oidctest.Client{ID: "web", Secret: appSecret}, client.Config{
		Issuer: "https://app.miqey.com",
		Endpoints: client.Endpoints{
			Authorization: "https://app.miqey.com/oauth/authorize", Token: "https://app.miqey.com/oauth/token",
		},
		ClientSecret: appSecret, AuthMethod: "client_secret_post", RedirectURL: appCallback,
		AllowMissingNonce: true, SkipIDTokenSignature: true,
	})
	tokens, err := logIn(t, p, c)
	check.NoError(t, err)
	check.Equal(t, tokens.IDToken.Subject, "alice", "sub")
	check.Equal(t, tokens.RefreshToken, "", "refresh token")
	_, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	_, err = c.UserInfo(t.Context(), tokens.AccessToken, "alice")
	check.Error(t, err, client.ErrEndpointMissing)
	_, err = c.EndSessionURL(t.Context(), client.EndSessionRequest{})
	check.Error(t, err, client.ErrEndpointMissing)

	p.Fault("token", oidctest.Times(1, oidctest.Down))
	_, err = logIn(t, p, c)
	wantError(t, err, client.KindUnreachable, "")
	check.Equal(t, p.Requests("token"), 2, "token requests") // one each, whatever happens
}

func TestDocbyteVault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		preset := oidctest.DocbyteVault("", "", "acme")
		preset.Alg = "ES256"
		p, c := at(t, preset, oidctest.Client{ID: "app"}, client.Config{ // a public client
			DiscoveryURL: preset.Issuer, RedirectURL: appCallback, Scopes: []string{"openid", "email", "profile"},
		})
		tokens, err := logIn(t, p, c)
		check.NoError(t, err)
		check.Equal(t, tokens.RefreshExpiry.Sub(tokens.Obtained), 1800*time.Second, "refresh_expires_in")
		check.True(t, slices.Contains(tokens.Scopes, "tenant"), "scopes %v are not the granted ones", tokens.Scopes)
		fresh, err := c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
		check.NoError(t, err)
		check.Equal(t, fresh.IDToken.Subject, "alice", "sub")

		p.AddClient(oidctest.Client{ID: "service", Secret: appSecret})
		log := new(logBuffer)
		service, err := client.New(client.Config{
			DiscoveryURL: preset.Issuer, ClientID: "service", ClientSecret: appSecret, AuthMethod: "client_secret_post",
			HTTPClient: p.HTTPClient(), Logger: log.logger(),
		})
		check.NoError(t, err)
		s := service.ClientCredentials(client.TokenRequest{Scopes: []string{"openid"}, Resources: []string{apiResource}})
		first := tokenOf(t, s)
		check.Contains(t, log.String(), "aud") // a Keycloak ignores resource
		time.Sleep(299 * time.Second)
		check.True(t, tokenOf(t, s) != first, "not renewed") // without a refresh token
		check.Equal(t, p.Requests("token"), 4, "token requests")
	})
}

func TestAuthcore(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "POST-query"} {
		preset := oidctest.Authcore("")
		p, c := at(t, preset, oidctest.Client{ID: "web", Secret: appSecret, Grants: []string{"authorization_code"}}, client.Config{
			DiscoveryURL: preset.Issuer, ClientSecret: appSecret, RedirectURL: appCallback, Scopes: []string{}, AuthorizationMethod: method,
		})
		tokens, err := logIn(t, p, c)
		check.NoError(t, err)
		check.Equal(t, tokens.IDToken.Subject, "alice", "sub")
		check.Equal(t, tokens.RefreshToken, "", "refresh token")
		check.Equal(t, len(tokens.Scopes), 0, "scopes")
		check.Equal(t, tokens.Expiry.Sub(tokens.Obtained), 987654321*time.Second, "lifetime")
		check.True(t, tokens.OAuth2().Valid(), "x/oauth2 finds it invalid")
	}
}

func TestTokenOS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		preset := oidctest.TokenOS("acme")
		preset.Alg = "ES256"
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check.NoError(t, err)
		const odd = "s3cret%with+special/chars&="
		for name, test := range map[string]struct {
			registered oidctest.Client
			cfg        client.Config
		}{
			"basic": {oidctest.Client{ID: "a:b c", Secret: odd}, client.Config{ClientSecret: odd}},
			"post":  {oidctest.Client{ID: "web", Secret: odd, AuthMethod: "client_secret_post"}, client.Config{ClientSecret: odd, AuthMethod: "client_secret_post"}},
			"key": {
				oidctest.Client{ID: "web", PublicKey: key.Public(), KeyID: "k1", AssertionAlg: "ES256"},
				client.Config{Auth: oidc.PrivateKeyJWT{Key: key, KeyID: "k1", Audience: "token_endpoint"}},
			},
		} {
			test.cfg.DiscoveryURL, test.cfg.RedirectURL = preset.Issuer, appCallback
			test.cfg.Scopes = []string{"openid", "offline"}
			p, c := at(t, preset, test.registered, test.cfg)
			tokens, err := logIn(t, p, c)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fresh, err := c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
			check.NoError(t, err)
			s := c.ClientCredentials(client.TokenRequest{Scopes: []string{"read"}, Audience: []string{apiResource}})
			check.DeepEqual(t, tokenAudience(t, tokenOf(t, s)), []string{apiResource}, "aud")
			info, err := c.UserInfo(t.Context(), fresh.AccessToken, "alice")
			check.NoError(t, err)
			check.Equal(t, info.Subject, "alice", "sub")
			check.NoError(t, c.Revoke(t.Context(), fresh.RefreshToken, "refresh_token"))
			p.AddKey()
			_, err = logIn(t, p, c)
			check.NoError(t, err)
		}
	})
}

// An assertion is fresh each time, and its audience is the issuer unless told otherwise.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.AddClient(oidctest.Client{ID: "service", PublicKey: signingKey().Public(), AuthMethod: "private_key_jwt"})
	seen := map[string]bool{}
	p.Fault("token", func(_ http.ResponseWriter, r *http.Request) bool {
		var claims struct{ Aud, JTI, Iss, Sub string }
		form := bodyOf(r)
		jwtClaims(t, form.Get("client_assertion"), &claims)
		check.Equal(t, claims.Aud, p.Issuer(), "aud")
		check.Equal(t, claims.Iss+claims.Sub, "serviceservice", "iss and sub")
		check.True(t, !seen[claims.JTI] && claims.JTI != "", "the jti repeats")
		seen[claims.JTI] = true
		check.True(t, !form.Has("client_secret"), "a secret from nowhere")
		return false
	})
	c, err := client.New(client.Config{DiscoveryURL: p.Issuer(), ClientID: "service", Auth: oidc.PrivateKeyJWT{Key: signingKey()}, HTTPClient: p.HTTPClient()})
	check.NoError(t, err)
	for i := range 3 {
		tokenOf(t, c.ClientCredentials(client.TokenRequest{Extra: url.Values{"n": {string(rune('a' + i))}}}))
	}
	check.Equal(t, len(seen), 3, "assertions")
}
