package oidcprovider

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) codePublic(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "spa", Scopes: []string{"openid", "email"}})
	tokens, auth, back := interop.SignIn(t, rp, s.alice(t))
	sent := interop.Query(t, auth.URL)
	check.Equal(t, sent.Get("code_challenge_method"), "S256", "code_challenge_method")
	check.Equal(t, back.Get("iss"), s.op.Issuer, "iss in the callback")
	var claims struct {
		Tenant string `json:"tenant"`
		AtHash string `json:"at_hash"`
	}
	check.NoError(t, tokens.IDToken.Claims(&claims))
	check.Equal(t, claims.Tenant, "acme", "tenant in the ID token")
	check.Equal(t, claims.AtHash, "", "at_hash") // it sends none, which is allowed
	check.Equal(t, tokens.RefreshToken, "", "refresh token")

	_, err := rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	check.Equal(t, check.As[*client.Error](t, err).Code, "invalid_grant", "code used twice")
	return fmt.Sprintf("signed in as %s of %s, S256, iss in the callback, no at_hash, no refresh token; the code a second time: invalid_grant",
		tokens.IDToken.Subject, claims.Tenant)
}

func (s *suite) codeConfidential(id, method string) func(t *testing.T) string {
	return func(t *testing.T) string {
		rp := s.relyingParty(t, client.Config{ClientID: id, AuthMethod: method})
		_, auth, _ := interop.SignIn(t, rp, s.alice(t))
		check.Equal(t, interop.Query(t, auth.URL).Get("code_challenge_method"), "S256", "code_challenge_method")

		wrong, err := client.New(client.Config{
			DiscoveryURL: s.op.Issuer, ClientID: id, ClientSecret: "wrong", AuthMethod: method, RedirectURL: interop.Callback,
		})
		check.NoError(t, err)
		auth, err = wrong.Authorize(interop.Deadline(t))
		check.NoError(t, err)
		_, err = wrong.Exchange(interop.Deadline(t), s.alice(t).Visit(t, auth.URL, interop.Callback).URL.Query(), auth.Transaction)
		refusal := check.As[*client.Error](t, err)
		check.Equal(t, refusal.Code, "invalid_client", "wrong secret")
		return fmt.Sprintf("signed in with a secret of :+%%/&=?# and a blank; a wrong secret: %s, %d", refusal.Code, refusal.Status)
	}
}

func (s *suite) codeWithoutPKCE(t *testing.T) string {
	_, auth, _ := interop.SignIn(t, s.relyingParty(t, client.Config{ClientID: "legacy", SkipPKCE: true}), s.alice(t))
	check.True(t, !interop.Query(t, auth.URL).Has("code_challenge"), "a challenge was sent")

	rp := s.relyingParty(t, client.Config{ClientID: "web", SkipPKCE: true})
	auth, err := rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	_, err = rp.Exchange(interop.Deadline(t), s.alice(t).Visit(t, auth.URL, interop.Callback).URL.Query(), auth.Transaction)
	check.Equal(t, check.As[*client.AuthorizationError](t, err).Code, "invalid_request", "code where the server demands a challenge")
	return "signed in without a challenge; where the server demands one it sends back invalid_request"
}

func (s *suite) clientCredentials(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "service"})
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

	_, err = rp.ClientCredentials(client.TokenRequest{Resources: []string{"https://nobody.example.com"}}).TokenContext(interop.Deadline(t))
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Code, "invalid_target", "unknown resource")
	return fmt.Sprintf("the API answers 200 to %s of %s, sub %q; an unknown resource: %s", a.ClientID, a.Tenant, a.Subject, refusal.Code)
}

// spellings of what a person copies as the issuer; all mean the same realm.
func (s *suite) spellings(t *testing.T) string {
	get := func(cfg client.Config) error {
		cfg.ClientID, cfg.ClientSecret = "service", interop.OddSecret
		source := interop.NewClient(t, cfg).ClientCredentials(client.TokenRequest{Scopes: []string{"read"}, Resources: []string{ordersAPI}})
		token, err := source.TokenContext(interop.Deadline(t))
		if err != nil {
			return err
		}
		api := interop.API(t, middleware.Config{
			DiscoveryURL: cfg.DiscoveryURL, Audience: []string{ordersAPI}, Tenant: middleware.RequireTenant("tenant"),
		})
		check.Equal(t, interop.Call(t, api+"/whoami", token.AccessToken).Status, http.StatusOK, "at the API, by "+cfg.DiscoveryURL)
		return nil
	}
	for _, spelling := range []string{"", "/", "/.well-known/openid-configuration"} {
		check.NoError(t, get(client.Config{DiscoveryURL: s.op.Issuer + spelling}))
	}
	mismatch := check.As[*client.IssuerMismatchError](t, get(client.Config{DiscoveryURL: s.op.Issuer, Issuer: "https://your-domain.com"}))
	check.Equal(t, mismatch.Got, s.op.Issuer, "the issuer the error names")
	return "the realm's URL with and without a slash, and of its metadata: 200 each; another Issuer: IssuerMismatchError"
}

func (s *suite) refresh(t *testing.T) string {
	rp, first := s.offline(t, ordersAPI)
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{Resources: []string{ordersAPI}})
	check.NoError(t, err)
	check.True(t, second.RefreshToken != "" && second.RefreshToken != first.RefreshToken, "the refresh token was not rotated")
	check.True(t, second.AccessToken != first.AccessToken, "the same access token again")
	check.Equal(t, interop.Call(t, s.orders+"/whoami", second.AccessToken).Status, http.StatusOK, "status with the renewed token")
	third, err := rp.Refresh(interop.Deadline(t), second.RefreshToken, client.TokenRequest{Resources: []string{ordersAPI}})
	check.NoError(t, err)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", third.AccessToken).Status, http.StatusOK, "status after two renewals")
	check.True(t, second.IDToken != nil, "no ID token in the answer")
	_, err = rp.Refresh(interop.Deadline(t), "not-a-token-of-this-server", client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	return "two renewals, two new refresh tokens and ID tokens, the API accepts each new access token; an invented one: ErrReauthRequired"
}

func (s *suite) reuse(t *testing.T) string {
	rp, first := s.offline(t, ordersAPI)
	request := client.TokenRequest{Resources: []string{ordersAPI}}
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, request)
	check.NoError(t, err)
	_, err = rp.Refresh(interop.Deadline(t), first.RefreshToken, request)
	check.Error(t, err, client.ErrReauthRequired)
	_, err = rp.Refresh(interop.Deadline(t), second.RefreshToken, request)
	check.Error(t, err, client.ErrReauthRequired)
	return "ErrReauthRequired for the rotated one, and then for its successor too: the server ends the chain"
}

func (s *suite) oneResource(t *testing.T) string {
	rp, first := s.offline(t, ordersAPI)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", first.AccessToken).Status, http.StatusOK, "status")

	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", second.AccessToken).Status, http.StatusOK, "status after a refresh for what the login asked for")
	// What a client that forgets the resource gets: a token for userinfo, which no API accepts.
	third, err := rp.Refresh(interop.Deadline(t), second.RefreshToken, client.TokenRequest{Resources: []string{}})
	check.NoError(t, err)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", third.AccessToken).Status, http.StatusUnauthorized, "status after a refresh for nothing")
	return "the API accepts the code flow's token and its refreshes; one that asks for no resource brings a token the API answers with 401"
}

func (s *suite) twoResources(t *testing.T) string {
	rp, first := s.offline(t, ordersAPI, archiveAPI)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", first.AccessToken).Status, http.StatusOK, "status at the first API")
	check.Equal(t, interop.Call(t, s.files+"/whoami", first.AccessToken).Status, http.StatusUnauthorized, "status at the second API")

	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{Resources: []string{archiveAPI}})
	check.NoError(t, err)
	a := interop.Call(t, s.files+"/whoami", second.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status at the second API")
	check.Equal(t, a.Method, "introspection", "method at the second API")

	third, err := rp.Refresh(interop.Deadline(t), second.RefreshToken, client.TokenRequest{Resources: []string{ordersAPI}})
	check.NoError(t, err)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", third.AccessToken).Status, http.StatusOK, "status at the first API again")

	_, err = s.relyingParty(t, client.Config{ClientID: "service"}).
		ClientCredentials(client.TokenRequest{Resources: []string{ordersAPI, archiveAPI}}).TokenContext(interop.Deadline(t))
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Code, "invalid_target", "client credentials for two resources")
	return "one sign-in for both, the code's token is for the first, refreshes bring one for either; client credentials for both at once: " + refusal.Code
}

func (s *suite) userInfo(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "web", Scopes: []string{"openid", "profile", "email"}})
	tokens, _, _ := interop.SignIn(t, rp, s.alice(t))
	info, err := rp.UserInfo(interop.Deadline(t), tokens.AccessToken, tokens.IDToken.Subject)
	check.NoError(t, err)
	var claims struct {
		Email  string `json:"email"`
		Tenant string `json:"tenant"`
	}
	check.NoError(t, info.Decode(&claims))
	check.Equal(t, claims.Email, "alice@acme.example", "email")

	_, orders := s.offline(t, ordersAPI)
	_, err = rp.UserInfo(interop.Deadline(t), orders.AccessToken, orders.IDToken.Subject)
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Status, http.StatusUnauthorized, "status for a token of an API")
	return fmt.Sprintf("%s of %s; the token of an API there: %d", claims.Email, claims.Tenant, refusal.Status)
}

func (s *suite) revocation(t *testing.T) string {
	rp, tokens := s.offline(t, archiveAPI)
	check.Equal(t, interop.Call(t, s.files+"/whoami", tokens.AccessToken).Status, http.StatusOK, "before")
	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.AccessToken, "access_token"))
	// A guard of its own: the first may hold its answer for as long as its cache is told to.
	fresh := s.api(t, middleware.Config{Audience: []string{archiveAPI}, Introspection: s.introspection()})
	a := interop.Call(t, fresh+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusUnauthorized, "after")
	check.Contains(t, a.Challenge, `error="invalid_token"`)

	rp, tokens = s.offline(t, ordersAPI)
	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.RefreshToken, "refresh_token"))
	_, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{Resources: []string{ordersAPI}})
	check.Error(t, err, client.ErrReauthRequired)
	check.NoError(t, rp.Revoke(interop.Deadline(t), "not-a-token-of-this-server", ""))
	return "access token: 401 from then on; refresh token: ErrReauthRequired; an unknown one: no error"
}
