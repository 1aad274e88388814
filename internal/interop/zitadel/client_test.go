package zitadel

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) codePublic(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "native"})
	tokens, auth, back := interop.SignIn(t, rp, s.alice(t))
	check.Equal(t, interop.Query(t, auth.URL).Get("code_challenge_method"), "S256", "code_challenge_method")
	check.Equal(t, tokens.IDToken.Issuer, s.op.Issuer, "issuer, with its slash")
	check.Equal(t, tokens.IDToken.Subject, "id-of-alice", "subject")
	_, err := rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	refused(t, err, http.StatusBadRequest, "invalid_grant")

	auth, err = rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	auth.Transaction.Verifier = "another-verifier-of-at-least-43-characters-in-all"
	_, err = rp.Exchange(interop.Deadline(t), s.alice(t).Visit(t, auth.URL, interop.Callback).URL.Query(), auth.Transaction)
	refused(t, err, http.StatusBadRequest, "invalid_grant")
	return "signed in, S256, the issuer ends with a slash; the code a second time, or another verifier: invalid_grant"
}

func (s *suite) codeConfidential(method string) func(t *testing.T) string {
	return func(t *testing.T) string {
		interop.SignIn(t, s.relyingParty(t, client.Config{ClientID: "web", AuthMethod: method}), s.alice(t))
		wrong := s.relyingParty(t, client.Config{ClientID: "web", ClientSecret: "another", AuthMethod: method})
		auth, err := wrong.Authorize(interop.Deadline(t))
		check.NoError(t, err)
		_, err = wrong.Exchange(interop.Deadline(t), s.alice(t).Visit(t, auth.URL, interop.Callback).URL.Query(), auth.Transaction)
		refused(t, err, http.StatusUnauthorized, "invalid_client")
		return "signed in with a secret of :+%/&=?# and a blank; a wrong secret: 401 invalid_client"
	}
}

func (s *suite) privateKeyJWT(t *testing.T) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check.NoError(t, err)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	check.NoError(t, err)
	s.op.Register(t, Client{
		ID: "keyed", RedirectURIs: []string{interop.Callback},
		Key: &jose.JSONWebKey{Key: key.Public(), KeyID: "key-1", Algorithm: "RS256", Use: "sig"},
	})
	keyed := func(key *rsa.PrivateKey) *client.Client {
		return s.relyingParty(t, client.Config{ClientID: "keyed", Auth: oidc.PrivateKeyJWT{Key: key, KeyID: "key-1"}})
	}
	rp := keyed(key)
	tokens, _, _ := interop.SignIn(t, rp, s.alice(t))
	renewed, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)

	api := interop.API(t, middleware.Config{DiscoveryURL: s.op.Issuer, Audience: []string{"keyed"}, Introspection: &introspect.Config{
		ClientID: "keyed", Auth: oidc.PrivateKeyJWT{Key: key, KeyID: "key-1"}, AllowMissingAudience: true,
	}})
	check.Equal(t, interop.Call(t, api+"/whoami", renewed.AccessToken).Status, http.StatusOK, "an API that introspects by key")
	check.NoError(t, rp.Revoke(interop.Deadline(t), renewed.AccessToken, "access_token"))

	_, err = keyed(other).Refresh(interop.Deadline(t), renewed.RefreshToken, client.TokenRequest{})
	e := check.As[*client.Error](t, err)
	check.Equal(t, e.Kind, client.KindRefused, "another key under the same kid")
	// With a key it knows the refresh token still works: that refusal did not spend it.
	_, err = rp.Refresh(interop.Deadline(t), renewed.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	return fmt.Sprintf("code, refresh, introspection and revocation by RS256, the issuer as aud; another key: %d %s", e.Status, e.Code)
}

func (s *suite) clientCredentials(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "service"})
	base := s.api(t, "service")
	source := rp.ClientCredentials(client.TokenRequest{Scopes: []string{tenantScope}})
	req, err := http.NewRequestWithContext(interop.Deadline(t), http.MethodGet, base+"/whoami", nil)
	check.NoError(t, err)
	resp, err := source.HTTPClient(base).Do(req)
	check.NoError(t, err)
	a := interop.ReadAnswer(t, resp)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Tenant, "service", "tenant")

	_, err = s.relyingParty(t, client.Config{ClientID: "service", ClientSecret: "another"}).
		ClientCredentials(client.TokenRequest{}).TokenContext(interop.Deadline(t))
	refused(t, err, http.StatusUnauthorized, "invalid_client")
	_, err = s.relyingParty(t, client.Config{ClientID: "web"}).ClientCredentials(client.TokenRequest{}).TokenContext(interop.Deadline(t))
	refused(t, err, http.StatusBadRequest, "unauthorized_client")
	return "the API answers 200 to " + a.Subject + "; a wrong secret: 401 invalid_client; a client without this grant: unauthorized_client"
}

func (s *suite) refresh(t *testing.T) string {
	rp, first := s.signedIn(t, "acme")
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.True(t, second.RefreshToken != "" && second.RefreshToken != first.RefreshToken, "the refresh token was not rotated")
	check.Equal(t, interop.Call(t, s.acme+"/whoami", second.AccessToken).Status, http.StatusOK, "status with the renewed token")
	check.True(t, first.IDToken.Nonce != "" && second.IDToken.Nonce == "", "nonces %t and %t", first.IDToken.Nonce != "", second.IDToken.Nonce != "")
	_, err = rp.Refresh(interop.Deadline(t), second.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)

	plain, _, _ := interop.SignIn(t, s.relyingParty(t, client.Config{ClientID: "web", Scopes: []string{"openid"}}), s.alice(t))
	check.Equal(t, plain.RefreshToken, "", "refresh token without offline_access")
	return "two renewals, two new refresh tokens, ID tokens without the nonce; without offline_access no refresh token"
}

func (s *suite) reuse(t *testing.T) string {
	rp, first := s.signedIn(t, "web")
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	_, err = rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	_, err = rp.Refresh(interop.Deadline(t), second.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	return "ErrReauthRequired for the rotated one; its successor works on"
}

func (s *suite) userInfo(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "web", Scopes: []string{"openid", "email", "offline_access"}})
	tokens, _, _ := interop.SignIn(t, rp, s.alice(t))
	info, err := rp.UserInfo(interop.Deadline(t), tokens.AccessToken, tokens.IDToken.Subject)
	check.NoError(t, err)
	var claims struct {
		Email string `json:"email"`
	}
	check.NoError(t, info.Decode(&claims))
	check.Equal(t, claims.Email, "alice@example.com", "email")

	_, err = rp.UserInfo(interop.Deadline(t), "not-a-token-of-this-server", tokens.IDToken.Subject)
	refused(t, err, http.StatusUnauthorized, "")
	_, err = rp.UserInfo(interop.Deadline(t), tokens.AccessToken, "somebody-else")
	check.Equal(t, check.As[*client.Error](t, err).Kind, client.KindToken, "another subject")
	_, err = rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	_, err = rp.UserInfo(interop.Deadline(t), tokens.AccessToken, tokens.IDToken.Subject)
	refused(t, err, http.StatusForbidden, "")
	return claims.Email + "; an invented token: 401 in plain text; the access token from before a refresh: 403 {}"
}

func (s *suite) revocation(t *testing.T) string {
	rp, tokens := s.signedIn(t, "web")
	// A guard of its own each time: one may hold its answer for as long as its cache is told to.
	check.Equal(t, interop.Call(t, s.introspecting(t, "web")+"/whoami", tokens.AccessToken).Status, http.StatusOK, "before")
	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.AccessToken, "access_token"))
	a := interop.Call(t, s.introspecting(t, "web")+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusUnauthorized, "after")
	check.Contains(t, a.Challenge, `error="invalid_token"`)

	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.RefreshToken, "refresh_token"))
	_, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	check.NoError(t, rp.Revoke(interop.Deadline(t), "not-a-token-of-this-server", ""))
	native, public := s.signedIn(t, "native")
	check.NoError(t, native.Revoke(interop.Deadline(t), public.RefreshToken, "refresh_token"))
	_, err = native.Refresh(interop.Deadline(t), public.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	return "access token: 401 from then on; refresh token: ErrReauthRequired, of a public client too; an unknown one: no error"
}
