package keycloak

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
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
	rp := s.relyingParty(t, Acme, client.Config{ClientID: "spa", Scopes: []string{"openid", "email", "profile"}})
	tokens, auth, back := interop.SignIn(t, rp, s.person(t, Alice))
	check.Equal(t, interop.Query(t, auth.URL).Get("code_challenge_method"), "S256", "code_challenge_method")
	check.Equal(t, back.Get("iss"), s.kc.Issuer(Acme), "iss in the callback")
	check.True(t, back.Get("session_state") != "", "no session_state in the callback")
	check.Equal(t, tokens.Expiry.Sub(tokens.Obtained), 300*time.Second, "lifetime")
	check.Equal(t, tokens.RefreshExpiry.Sub(tokens.Obtained), 1800*time.Second, "refresh_expires_in")
	var claims struct {
		Tenant string `json:"tenant"`
		AtHash string `json:"at_hash"`
		SID    string `json:"sid"`
	}
	check.NoError(t, tokens.IDToken.Claims(&claims))
	check.Equal(t, claims.Tenant, Acme, "tenant in the ID token")
	check.True(t, claims.AtHash != "" && claims.SID != "", "at_hash %q, sid %q", claims.AtHash, claims.SID)

	_, err := rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	check.Equal(t, check.As[*client.Error](t, err).Code, "invalid_grant", "code used twice")

	bare := s.relyingParty(t, Acme, client.Config{ClientID: "spa", SkipPKCE: true})
	auth, err = bare.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	_, err = bare.Exchange(interop.Deadline(t), s.person(t, Alice).Authorize(t, auth, interop.Callback).URL.Query(), auth.Transaction)
	refusal := check.As[*client.AuthorizationError](t, err)
	check.Equal(t, refusal.Code, "invalid_request", "without PKCE")
	return fmt.Sprintf("signed in as %s, 300 s, refresh token for 1800 s, scopes %q; the code a second time: invalid_grant; without PKCE: %s",
		claims.Tenant, tokens.Scopes, refusal.Code)
}

// issuerInCallback is RFC 9207, which a client's setting switches off while the metadata goes on to promise it.
func (s *suite) issuerInCallback(t *testing.T) string {
	strict := s.relyingParty(t, Acme, client.Config{ClientID: "web-silent"})
	auth, err := strict.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	back := s.person(t, Alice).Authorize(t, auth, interop.Callback).URL.Query()
	check.True(t, !back.Has("iss"), "iss although it is switched off")
	_, err = strict.Exchange(interop.Deadline(t), back, auth.Transaction)
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Kind, client.KindCallback, "kind")
	check.Contains(t, refusal.Error(), "AllowMissingIss")

	interop.SignIn(t, s.relyingParty(t, Acme, client.Config{ClientID: "web-silent", AllowMissingIss: true}), s.person(t, Alice))
	return "switched off for a client: " + refusal.Error() + "; with it: signed in"
}

// twoHostNames is a client that reaches the server by another name than browsers do (hostname-backchannel-dynamic).
func (s *suite) twoHostNames(t *testing.T) string {
	inside := strings.Replace(s.kc.Issuer(Acme), "127.0.0.1", "localhost", 1)
	config := client.Config{DiscoveryURL: inside, ClientID: "web", ClientSecret: interop.OddSecret}
	_, err := interop.NewClient(t, config).Authorize(interop.Deadline(t))
	mismatch := check.As[*client.IssuerMismatchError](t, err)
	check.Equal(t, mismatch.Got, s.kc.Issuer(Acme), "the issuer in the metadata")
	check.Contains(t, err.Error(), "Issuer")

	var asked []string
	config.Issuer = s.kc.Issuer(Acme)
	config.Observer = func(_ context.Context, e oidc.Event) { asked = append(asked, e.URL) }
	tokens, auth, _ := interop.SignIn(t, interop.NewClient(t, config), s.person(t, Alice))
	check.True(t, strings.HasPrefix(auth.URL, s.kc.Base), "the browser is sent to %s", auth.URL)
	check.Equal(t, tokens.IDToken.Issuer, s.kc.Issuer(Acme), "iss")
	for _, url := range asked {
		check.True(t, strings.HasPrefix(url, inside), "the client went to %s", url)
	}
	return fmt.Sprintf("with Issuer set: the browser at %s, the client's requests at %s; without: %v", s.kc.Base, inside, mismatch)
}

func (s *suite) codeConfidential(method string) func(t *testing.T) string {
	return func(t *testing.T) string {
		interop.SignIn(t, s.relyingParty(t, Acme, client.Config{ClientID: "web", AuthMethod: method}), s.person(t, Alice))

		wrong := s.relyingParty(t, Acme, client.Config{ClientID: "web", ClientSecret: "wrong", AuthMethod: method})
		auth, err := wrong.Authorize(interop.Deadline(t))
		check.NoError(t, err)
		back := s.person(t, Alice).Authorize(t, auth, interop.Callback).URL.Query()
		_, err = wrong.Exchange(interop.Deadline(t), back, auth.Transaction)
		refusal := check.As[*client.Error](t, err)
		check.Equal(t, refusal.Kind, client.KindRefused, "kind")
		check.Equal(t, refusal.Status, http.StatusUnauthorized, "status")
		return fmt.Sprintf("signed in with a secret of :+%%/&=?# and a blank; a wrong secret: %v", refusal)
	}
}

// privateKeyJWT has the provider fetch the client's keys from us.
func (s *suite) privateKeyJWT(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	const id, keyID = "web-keyed", "key-1"
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{ // the provider sees when it is cut
			{Key: key.Public(), KeyID: keyID, Algorithm: "ES256", Use: "sig"},
		}})
	}))
	t.Cleanup(keys.Close)
	s.kc.Register(t, Acme, "web", map[string]any{
		"clientId": id, "clientAuthenticatorType": "client-jwt", "serviceAccountsEnabled": true,
		"attributes": map[string]any{
			"use.jwks.url": "true", "jwks.url": keys.URL, "token.endpoint.auth.signing.alg": "ES256",
		},
	})
	keyed := func(key *ecdsa.PrivateKey, audience string) *client.Client {
		return s.relyingParty(t, Acme, client.Config{ClientID: id, Auth: oidc.PrivateKeyJWT{Key: key, KeyID: keyID, Audience: audience}})
	}
	rp := keyed(key, "")
	tokens, _, _ := interop.SignIn(t, rp, s.person(t, Alice))
	_, err = rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{}) // an assertion of its own
	check.NoError(t, err)
	_, err = keyed(key, "token_endpoint").ClientCredentials(client.TokenRequest{}).TokenContext(interop.Deadline(t))
	check.NoError(t, err)

	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	_, err = keyed(other, "").ClientCredentials(client.TokenRequest{}).TokenContext(interop.Deadline(t))
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Kind, client.KindRefused, "kind for another key")
	check.Equal(t, refusal.Code, "invalid_client", "another key under the same kid")
	return fmt.Sprintf("ES256, keys fetched from our jwks_uri: code, refresh, client credentials, the issuer and the token endpoint as aud; another key: %v", refusal)
}

func (s *suite) clientCredentials(t *testing.T) string {
	rp := s.relyingParty(t, Acme, client.Config{ClientID: "service", AuthMethod: "client_secret_post"})
	source := rp.ClientCredentials(client.TokenRequest{Scopes: []string{"openid"}})
	token, err := source.TokenContext(interop.Deadline(t))
	check.NoError(t, err)
	check.True(t, token.RefreshToken == "" && token.Extra("id_token") == nil, "a refresh or ID token was kept")
	left := time.Until(token.Expiry)
	check.True(t, left > 290*time.Second && left <= 300*time.Second, "it expires in %v", left)
	req, err := http.NewRequestWithContext(interop.Deadline(t), http.MethodGet, s.orders+"/tenants/acme/whoami", nil)
	check.NoError(t, err)
	resp, err := source.HTTPClient(s.orders).Do(req)
	check.NoError(t, err)
	a := interop.ReadAnswer(t, resp)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.ClientID, "service", "client")
	check.Equal(t, a.Tenant, Acme, "tenant")

	_, err = s.relyingParty(t, Acme, client.Config{ClientID: "service", ClientSecret: "wrong"}).
		ClientCredentials(client.TokenRequest{}).TokenContext(interop.Deadline(t))
	check.Equal(t, check.As[*client.Error](t, err).Status, http.StatusUnauthorized, "status for a wrong secret")
	_, err = rp.ClientCredentials(client.TokenRequest{Scopes: []string{"nonsense"}}).TokenContext(interop.Deadline(t))
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Code, "invalid_scope", "unknown scope")
	return fmt.Sprintf("300 s, no refresh token, the ID token of scope openid tolerated; the API answers 200 to %s of %s, sub %q; an unknown scope: %s",
		a.ClientID, a.Tenant, a.Subject, refusal.Code)
}

func (s *suite) refresh(t *testing.T) string {
	for realm, rotates := range map[string]bool{Acme: false, Globex: true} {
		rp, first := s.tokens(t, realm)
		second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
		check.NoError(t, err)
		check.True(t, second.AccessToken != first.AccessToken, "the same access token again")
		check.Equal(t, second.IDToken.Subject, first.IDToken.Subject, "subject")
		check.True(t, second.RefreshToken != first.RefreshToken, "the same refresh token again")
		_, err = rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
		if rotates {
			check.Error(t, err, client.ErrReauthRequired)
		} else {
			check.NoError(t, err)
		}
	}
	return "a new refresh token each time; the first one once more: tokens in acme, ErrReauthRequired in globex, which rotates"
}

func (s *suite) offline(t *testing.T) string {
	rp, first := s.tokens(t, Acme, "offline_access")
	var refresh struct{ Typ string }
	interop.Decode(t, first.RefreshToken, 1, &refresh)
	check.Equal(t, refresh.Typ, "Offline", "typ of the refresh token")
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.True(t, first.RefreshExpiry.IsZero(), "refresh_expires_in 0 is the expiry %v", first.RefreshExpiry)
	check.Equal(t, second.IDToken.Subject, first.IDToken.Subject, "subject")
	return "offline_access: refresh_expires_in 0 is no expiry, renewed"
}

func (s *suite) reuse(t *testing.T) string {
	rp, first := s.tokens(t, Globex)
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	_, err = rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	_, err = rp.Refresh(interop.Deadline(t), second.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	return "ErrReauthRequired for the rotated one, and then for its successor too: the provider ends the client's session"
}

// resourceIgnored shows that the log tells what the answer does not.
func (s *suite) resourceIgnored(t *testing.T) string {
	const other = "https://billing.example.com"
	var log bytes.Buffer
	rp := s.relyingParty(t, Acme, client.Config{
		ClientID: "service", Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	ask := func(resource string) string {
		t.Helper()
		log.Reset()
		_, err := rp.ClientCredentials(client.TokenRequest{Resources: []string{resource}}).TokenContext(interop.Deadline(t))
		check.NoError(t, err)
		return log.String()
	}
	check.Contains(t, ask(other), "level=WARN", "aud", other)
	check.Equal(t, ask(OrdersAPI), "", "the log when the mapper gives the audience that was asked for")

	_, err := rp.ClientCredentials(client.TokenRequest{Resources: []string{other, OrdersAPI}}).TokenContext(interop.Deadline(t))
	two := check.As[*client.Error](t, err)
	check.Equal(t, two.Code, "invalid_request", "two resources")
	web := s.relyingParty(t, Acme, client.Config{ClientID: "web", Resources: []string{other, OrdersAPI}})
	auth, err := web.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	_, err = web.Exchange(interop.Deadline(t), s.person(t, Alice).Authorize(t, auth, interop.Callback).URL.Query(), auth.Transaction)
	check.Equal(t, check.As[*client.AuthorizationError](t, err).Code, "invalid_request", "two resources with a login")
	return "resource is ignored, and the log says so; nothing is logged when an audience mapper gives what was asked for; two of them: " + two.Error()
}

// audienceByScope is how a Keycloak gives a token for one API: an optional client scope that holds an audience mapper.
func (s *suite) audienceByScope(t *testing.T) string {
	const billing, id = "https://billing.example.com", "service-by-scope"
	s.kc.Admin(t, http.MethodPost, Acme, "/client-scopes", map[string]any{
		"name": "billing", "protocol": "openid-connect", "attributes": map[string]string{"include.in.token.scope": "true"},
		"protocolMappers": []map[string]any{{
			"name": "billing", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
			"config": map[string]string{"included.custom.audience": billing, "access.token.claim": "true"},
		}},
	}, nil)
	s.kc.Register(t, Acme, "service", map[string]any{"clientId": id, "optionalClientScopes": []string{"billing"}})
	api := s.api(t, middleware.Config{Audience: []string{billing}})
	rp := s.relyingParty(t, Acme, client.Config{ClientID: id})
	source := rp.ClientCredentials(client.TokenRequest{})
	status := func(source *client.TokenSource, api string) int {
		t.Helper()
		token, err := source.TokenContext(interop.Deadline(t))
		check.NoError(t, err)
		return interop.Call(t, api+"/whoami", token.AccessToken).Status
	}
	check.Equal(t, status(source, api), http.StatusUnauthorized, "without the scope")
	check.Equal(t, status(source.For(client.TokenRequest{Scopes: []string{"billing"}}), api), http.StatusOK, "with the scope")
	check.Equal(t, status(source, s.orders), http.StatusOK, "at the API of its mapper")
	return "an optional client scope with an audience mapper brings the token for the API: 200; without that scope: 401"
}

func (s *suite) userInfo(t *testing.T) string {
	rp, tokens := s.tokens(t, Acme, "email")
	info, err := rp.UserInfo(interop.Deadline(t), tokens.AccessToken, tokens.IDToken.Subject)
	check.NoError(t, err)
	var claims struct{ Email, Tenant string }
	check.NoError(t, info.Decode(&claims))
	check.Equal(t, claims.Email, "alice@acme.example", "email")
	check.Equal(t, claims.Tenant, Acme, "tenant")

	_, other := s.tokens(t, Globex)
	_, err = rp.UserInfo(interop.Deadline(t), other.AccessToken, other.IDToken.Subject)
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Status, http.StatusUnauthorized, "status for a token of another realm")
	service, err := s.service(t, Acme, "service").TokenContext(interop.Deadline(t))
	check.NoError(t, err)
	_, err = rp.UserInfo(interop.Deadline(t), service.AccessToken, "somebody")
	scope := check.As[*client.Error](t, err)
	check.Equal(t, scope.Code, "insufficient_scope", "a token without scope openid")
	return fmt.Sprintf("%s of %s; a token of another realm: %s, %d; one without scope openid: %s, %d",
		claims.Email, claims.Tenant, refusal.Code, refusal.Status, scope.Code, scope.Status)
}

func (s *suite) revocation(t *testing.T) string {
	rp, tokens := s.tokens(t, Acme)
	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.AccessToken, "access_token"))
	fresh := s.api(t, middleware.Config{Audience: []string{OrdersAPI}, Introspection: s.introspection(), Mode: middleware.ModeIntrospection})
	a := interop.Call(t, fresh+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusUnauthorized, "a revoked access token at an API that introspects")
	check.Contains(t, a.Challenge, `error="invalid_token"`)
	_, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err) // revoking the access token leaves the other alone

	rp, tokens = s.tokens(t, Acme)
	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.RefreshToken, "refresh_token"))
	_, err = rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	with := interop.Call(t, fresh+"/whoami", tokens.AccessToken).Status
	check.Equal(t, with, http.StatusUnauthorized, "its access token at an API that introspects")
	check.NoError(t, rp.Revoke(interop.Deadline(t), "not-a-token-of-this-server", ""))
	_, tokens = s.tokens(t, Acme)
	err = s.relyingParty(t, Acme, client.Config{ClientID: "api"}).Revoke(interop.Deadline(t), tokens.AccessToken, "access_token")
	foreign := check.As[*client.Error](t, err)
	check.Equal(t, foreign.Kind, client.KindRefused, "kind for another client's token")
	check.Equal(t, interop.Call(t, fresh+"/whoami", tokens.AccessToken).Status, http.StatusOK, "the token another client tried to revoke")
	return "access token: 401 from then on where it is introspected; refresh token: ErrReauthRequired, and the access token with it; " +
		"an unknown one: no error; another client's: " + foreign.Code
}
