package glewlwyd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) codePublic(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "spa", Scopes: []string{"openid", "email"}})
	tokens, auth, back := interop.SignIn(t, rp, s.server.Person(t, "alice"))
	check.Equal(t, interop.Query(t, auth.URL).Get("code_challenge_method"), "S256", "code_challenge_method")
	check.Equal(t, back.Get("iss"), s.acme, "iss in the callback")
	var claims struct {
		Tenant string `json:"tenant"`
	}
	check.NoError(t, tokens.IDToken.Claims(&claims))
	check.Equal(t, claims.Tenant, "acme", "tenant in the ID token")

	_, err := rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	refused(t, err, http.StatusForbidden, "invalid_code", "a code works once")
	// It took back what that code had brought.
	_, err = rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	refused(t, err, http.StatusBadRequest, "", "signing in again")

	auth, err = rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	auth.Transaction.Verifier = "another-verifier-of-at-least-43-characters-in-all"
	_, err = rp.Exchange(interop.Deadline(t), s.server.Person(t, "alice").Visit(t, auth.URL, interop.Callback).URL.Query(), auth.Transaction)
	refused(t, err, http.StatusForbidden, "invalid_code", "verifier of its login")
	return "signed in as alice of acme, S256, iss in the callback; the code a second time: 403 invalid_code, and its tokens are gone; another verifier: 403 invalid_code"
}

// authTimeZero: the ID token says 1970, so a login that must be fresh cannot be had here.
func (s *suite) authTimeZero(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "spa"})
	e := check.As[*client.Error](t, s.exchange(t, rp, client.MaxAge(time.Hour)))
	check.Equal(t, e.Kind, client.KindToken, "kind")
	check.Equal(t, e.Claim, "auth_time", "claim")
	check.Contains(t, e.Error(), "auth_time is 0")
	return "with max_age: refused, for auth_time is 0"
}

func (s *suite) codeBasic(t *testing.T) string {
	s.signedIn(t, "web")
	wrong := s.relyingParty(t, client.Config{ClientID: "web", ClientSecret: "another"})
	refused(t, s.exchange(t, wrong), http.StatusForbidden, "unauthorized_client", "check ClientID", "AuthMethod was client_secret_basic")
	return "signed in; a wrong secret: 403 unauthorized_client, our error names what to check"
}

func (s *suite) secretNotDecoded(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "odd"})
	refused(t, s.exchange(t, rp), http.StatusForbidden, "unauthorized_client", "do not decode", "try AuthMethod client_secret_post")
	return "a secret of :+%/&=?# and a blank: 403, for the server does not decode it; our error names client_secret_post"
}

func (s *suite) codePost(t *testing.T) string {
	s.signedIn(t, "web-post")
	rp := s.relyingParty(t, client.Config{ClientID: "web", AuthMethod: "client_secret_post"})
	refused(t, s.exchange(t, rp), http.StatusForbidden, "unauthorized_client", "AuthMethod was client_secret_post", `the provider lists "client_secret_basic"`)
	return "signed in with a secret of :+%/&=?# and a blank; a client registered for Basic only: 403 unauthorized_client"
}

func (s *suite) privateKeyJWT(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	s.server.Register(t, Client{
		ID: "keyed", Confidential: true, AuthMethods: []string{"private_key_jwt"}, RedirectURIs: []string{interop.Callback},
		Grants: []string{"code", "refresh_token", "client_credentials"}, Scopes: []string{"read"}, Tenant: "acme",
		Keys: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "key-1", Algorithm: "ES256", Use: "sig"}}},
	})
	keyed := func(key *ecdsa.PrivateKey, audience string) *client.Client {
		return s.relyingParty(t, client.Config{
			ClientID: "keyed", Auth: oidc.PrivateKeyJWT{Key: key, KeyID: "key-1", Audience: audience}, Resources: []string{ordersAPI},
		})
	}
	rp := keyed(key, "token_endpoint")
	tokens, _, _ := interop.SignIn(t, rp, s.server.Person(t, "alice"))
	renewed, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", renewed.AccessToken).Status, http.StatusOK, "status with the renewed token")

	request := client.TokenRequest{Scopes: []string{"read"}}
	_, err = keyed(key, "").ClientCredentials(request).TokenContext(interop.Deadline(t))
	refused(t, err, http.StatusForbidden, "", "Audience to be token_endpoint")
	_, err = keyed(other, "token_endpoint").ClientCredentials(request).TokenContext(interop.Deadline(t))
	refused(t, err, http.StatusForbidden, "", "check ClientID")
	return "code, refresh and client credentials by ES256, the token endpoint as aud; the issuer as aud, or another key: 403 without a body"
}

func (s *suite) clientCredentials(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "service"})
	ask := func(rp *client.Client, r client.TokenRequest) error {
		_, err := rp.ClientCredentials(r).TokenContext(interop.Deadline(t))
		return err
	}
	source := rp.ClientCredentials(client.TokenRequest{Scopes: []string{"read"}, Resources: []string{ordersAPI}})
	req, err := http.NewRequestWithContext(interop.Deadline(t), http.MethodGet, s.orders+"/whoami", nil)
	check.NoError(t, err)
	resp, err := source.HTTPClient(s.orders).Do(req)
	check.NoError(t, err)
	a := interop.ReadAnswer(t, resp)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.ClientID, "service", "client")
	check.Equal(t, a.Tenant, "acme", "tenant")
	check.DeepEqual(t, a.Scopes, []string{"read"}, "scopes")

	wrong := s.relyingParty(t, client.Config{ClientID: "service", ClientSecret: "another"})
	refused(t, ask(wrong, client.TokenRequest{Scopes: []string{"read"}}), http.StatusForbidden, "", "check ClientID, its credentials")
	refused(t, ask(rp, client.TokenRequest{}), http.StatusForbidden, "", "what it may ask for")
	refused(t, ask(rp, client.TokenRequest{Scopes: []string{"write"}}), http.StatusBadRequest, "scope_invalid", "its scopes and resources")
	refused(t, ask(rp, client.TokenRequest{Scopes: []string{"read"}, Resources: []string{"https://nobody.example.com"}}),
		http.StatusBadRequest, "invalid_target")
	return fmt.Sprintf("the API answers 200 to %s of %s; a wrong secret and no scope: 403 without a body, an unknown scope: scope_invalid, an unknown resource: invalid_target",
		a.ClientID, a.Tenant)
}

func (s *suite) refresh(t *testing.T) string {
	rp, first := s.signedIn(t, "web")
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.Equal(t, second.RefreshToken, first.RefreshToken, "the refresh token, of which the answer has none")
	check.True(t, second.AccessToken != first.AccessToken, "the same access token again")
	check.Equal(t, second.RawIDToken, "", "ID token")
	check.Equal(t, interop.Call(t, s.orders+"/whoami", second.AccessToken).Status, http.StatusOK, "status with the renewed token")

	rp, first = s.signedIn(t, "once")
	second, err = rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.True(t, second.RefreshToken != first.RefreshToken, "not rotated")
	third, err := rp.Refresh(interop.Deadline(t), second.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", third.AccessToken).Status, http.StatusOK, "status after two renewals")
	return "the refresh token stays where the answer has none, and rotates where the client is registered so; no ID token in the answer"
}

func (s *suite) reuse(t *testing.T) string {
	rp, first := s.signedIn(t, "once")
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	_, err = rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	refused(t, err, http.StatusBadRequest, "", "signing in again")
	check.Error(t, err, client.ErrReauthRequired)
	_, err = rp.Refresh(interop.Deadline(t), second.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	return "400 without a body for the rotated one, and then for its successor too: ErrReauthRequired"
}

func (s *suite) oneResource(t *testing.T) string {
	rp, first := s.signedIn(t, "web")
	check.Equal(t, interop.Call(t, s.orders+"/whoami", first.AccessToken).Status, http.StatusOK, "status")
	billing := s.api(t, middleware.Config{Audience: []string{billingAPI}, Mode: middleware.ModeJWT})
	crossed := interop.Call(t, billing+"/whoami", first.AccessToken)
	check.Equal(t, crossed.Status, http.StatusUnauthorized, "at another API")
	check.Contains(t, crossed.Challenge, `error="invalid_token"`)

	tokens, _, _ := interop.SignIn(t, s.relyingParty(t, client.Config{ClientID: "web"}), s.server.Person(t, "alice"))
	check.Equal(t, interop.Call(t, s.orders+"/whoami", tokens.AccessToken).Status, http.StatusUnauthorized, "a token without a resource")

	_, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{Resources: []string{billingAPI}})
	refused(t, err, http.StatusBadRequest, "invalid_target")
	_, err = s.relyingParty(t, client.Config{ClientID: "service"}).
		ClientCredentials(client.TokenRequest{Scopes: []string{"read"}, Resources: []string{ordersAPI, billingAPI}}).TokenContext(interop.Deadline(t))
	refused(t, err, http.StatusBadRequest, "invalid_target")
	return "the resource is the audience; the token is refused at another API with 401, as is one without a resource (aud: its scopes); another resource on refresh, and two at once: invalid_target"
}

func (s *suite) userInfo(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "web", Scopes: []string{"openid", "profile", "email"}})
	tokens, _, _ := interop.SignIn(t, rp, s.server.Person(t, "alice"))
	info, err := rp.UserInfo(interop.Deadline(t), tokens.AccessToken, tokens.IDToken.Subject)
	check.NoError(t, err)
	var claims struct {
		Email  string `json:"email"`
		Name   string `json:"name"`
		Tenant string `json:"tenant"`
	}
	check.NoError(t, info.Decode(&claims))
	check.Equal(t, claims.Email, "alice@example.com", "email")
	check.Equal(t, claims.Name, "alice", "name")
	_, err = rp.UserInfo(interop.Deadline(t), "not-a-token-of-this-server", tokens.IDToken.Subject)
	refused(t, err, http.StatusUnauthorized, "")
	_, err = rp.UserInfo(interop.Deadline(t), tokens.AccessToken, "somebody-else")
	check.Equal(t, check.As[*client.Error](t, err).Kind, client.KindToken, "another subject")
	return claims.Email + " of " + claims.Tenant + "; an invented token: 401 without a body"
}

func (s *suite) revocation(t *testing.T) string {
	rp, tokens := s.signedIn(t, "web")
	guarded := func() interop.Answer {
		// A guard of its own each time: one may hold its answer for as long as its cache is told to.
		return interop.Call(t, interop.API(t, middleware.Config{
			DiscoveryURL: s.acme, Audience: []string{ordersAPI}, Introspection: s.introspection(), Mode: middleware.ModeIntrospection,
		})+"/whoami", tokens.AccessToken)
	}
	check.Equal(t, guarded().Status, http.StatusOK, "before")
	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.AccessToken, "access_token"))
	check.Equal(t, guarded().Status, http.StatusUnauthorized, "after")

	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.RefreshToken, "refresh_token"))
	_, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	check.NoError(t, rp.Revoke(interop.Deadline(t), "not-a-token-of-this-server", ""))

	spa, public := s.signedIn(t, "spa")
	refused(t, spa.Revoke(interop.Deadline(t), public.RefreshToken, "refresh_token"), http.StatusUnauthorized, "", "AuthMethod was none")
	return "access token: 401 from then on; refresh token: ErrReauthRequired; an unknown one: no error; a public client: 401, it may not revoke here"
}
