package hydra

import (
	"crypto"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

func (s *suite) codePublic(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "spa", Scopes: []string{"openid", "email"}})
	tokens, auth, back := interop.SignIn(t, rp, s.op.Person(t, "alice"))
	check.Equal(t, interop.Query(t, auth.URL).Get("code_challenge_method"), "S256", "code_challenge_method")
	check.True(t, !back.Has("iss"), "iss in the callback")
	var claims struct{ Tenant, Email string }
	check.NoError(t, tokens.IDToken.Claims(&claims))
	check.Equal(t, claims.Tenant, "acme", "tenant in the ID token")
	check.Equal(t, claims.Email, "alice@acme.example", "email in the ID token")
	check.Equal(t, tokens.RefreshToken, "", "refresh token without offline_access")

	_, err := rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	check.Equal(t, check.As[*client.Error](t, err).Code, "invalid_grant", "code used twice")

	// The verifier of another transaction does not fit the code.
	auth, err = rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	stolen := s.op.Person(t, "alice").Visit(t, auth.URL, interop.Callback).URL.Query()
	auth, err = rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	stolen.Set("state", interop.Query(t, auth.URL).Get("state"))
	_, err = rp.Exchange(interop.Deadline(t), stolen, auth.Transaction)
	check.Equal(t, check.As[*client.Error](t, err).Code, "invalid_grant", "code of another transaction")
	return fmt.Sprintf("signed in as %s of %s, no iss in the callback; code used twice, wrong verifier: invalid_grant", tokens.IDToken.Subject, claims.Tenant)
}

// shortState is what happens to a client whose state is shorter than Hydra takes; ours is long enough in every other test.
func (s *suite) shortState(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: "spa"})
	auth, err := rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	target, err := url.Parse(auth.URL)
	check.NoError(t, err)
	sent := target.Query()
	state := sent.Get("state")
	sent.Set("state", "7 chars")
	target.RawQuery = sent.Encode()
	back := s.op.Person(t, "alice").Visit(t, target.String(), interop.Callback).URL.Query()
	check.Equal(t, back.Get("error"), "invalid_state", "error")
	back.Set("state", state)
	_, err = rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	refusal := check.As[*client.AuthorizationError](t, err)
	check.Equal(t, refusal.Code, "invalid_state", "code")
	return fmt.Sprintf("our state has %d characters; one of 7: %v", len(state), refusal)
}

// codeConfidential also proves that a client asks once, with the method it was told, and never tries another.
func (s *suite) codeConfidential(id, method, other string) func(t *testing.T) string {
	return func(t *testing.T) string {
		var sent wire
		exchange := func(cfg client.Config) error {
			t.Helper()
			cfg.ClientID, cfg.HTTPClient = id, sent.client()
			rp := s.relyingParty(t, cfg)
			auth, err := rp.Authorize(interop.Deadline(t))
			check.NoError(t, err)
			back := s.op.Person(t, "alice").Visit(t, auth.URL, interop.Callback).URL.Query()
			_, err = rp.Exchange(interop.Deadline(t), back, auth.Transaction)
			requests, _ := sent.seen()
			check.Equal(t, requests, 1, "token requests")
			return err
		}
		check.NoError(t, exchange(client.Config{AuthMethod: method}))
		for problem, cfg := range map[string]client.Config{
			"wrong secret":   {AuthMethod: method, ClientSecret: "wrong"},
			"another method": {AuthMethod: other},
		} {
			refusal := check.As[*client.Error](t, exchange(cfg))
			check.Equal(t, refusal.Code, "invalid_client", problem)
			check.Equal(t, refusal.Status, http.StatusUnauthorized, problem)
		}
		return fmt.Sprintf("%q signed in with a secret of :+%%/&=?# and a blank; a wrong secret and %s: invalid_client, 401, one request each", id, other)
	}
}

func (s *suite) codeAssertion(t *testing.T) string {
	for _, id := range []string{"web-rs256", "web-es256"} {
		rp := s.relyingParty(t, client.Config{ClientID: id, AuthMethod: "private_key_jwt", Scopes: []string{"openid", "offline_access"}})
		tokens, _, _ := interop.SignIn(t, rp, s.op.Person(t, "alice"))
		_, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
		check.NoError(t, err)
	}
	return "signed in and refreshed with an RSA and with a P-256 key"
}

// assertionOnce: each request is signed anew, because the provider takes each assertion once.
func (s *suite) assertionOnce(t *testing.T) string {
	var sent wire
	rp := s.relyingParty(t, client.Config{ClientID: "service-key", HTTPClient: sent.client()})
	for _, audience := range []string{ordersAPI, billingAPI, archiveAPI} {
		_, err := rp.ClientCredentials(client.TokenRequest{Audience: []string{audience}}).TokenContext(interop.Deadline(t))
		check.NoError(t, err)
	}
	requests, assertions := sent.seen()
	check.Equal(t, requests, 3, "token requests")
	var ids []string
	for _, assertion := range assertions {
		var head struct{ Alg, Kid string }
		interop.Decode(t, assertion, 0, &head)
		check.Equal(t, head.Alg+" "+head.Kid, "ES256 key-ec", "header")
		var claims struct{ Jti, Aud, Iss, Sub string }
		interop.Decode(t, assertion, 1, &claims)
		check.Equal(t, claims.Aud, s.op.Issuer+"oauth2/token", "aud")
		check.Equal(t, claims.Iss+" "+claims.Sub, "service-key service-key", "iss and sub")
		check.True(t, !slices.Contains(ids, claims.Jti), "jti %q again", claims.Jti)
		ids = append(ids, claims.Jti)
	}

	resp, answer := post(t, s.op.Issuer+"oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_assertion": assertions[:1],
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	})
	check.Equal(t, fmt.Sprint(answer["error"], " ", resp.StatusCode), "jti_known 400", "an assertion sent again")
	return fmt.Sprintf("three requests, three jti; an assertion sent again: %s %d", answer["error"], resp.StatusCode)
}

func (s *suite) assertionRefused(t *testing.T) string {
	var sent wire
	var seen []string
	for _, c := range []struct {
		problem       string
		key           crypto.Signer
		kid, audience string
		want          string
	}{
		{"unregistered alg", s.rsa, "key-rsa", "token_endpoint", "invalid_client 401"},
		{"unknown kid", s.ec, "key-of-nobody", "token_endpoint", "invalid_request 400"},
		{"kid of an RSA key", s.ec, "key-rsa", "token_endpoint", "invalid_request 400"},
		{"another's key", s.stranger, "key-ec", "token_endpoint", "invalid_client 401"},
		{"issuer as aud", s.ec, "key-ec", "issuer", "invalid_client 401"},
	} {
		rp := interop.NewClient(t, client.Config{
			DiscoveryURL: s.op.Issuer, ClientID: "service-key", HTTPClient: sent.client(),
			Auth: oidc.PrivateKeyJWT{Key: c.key, KeyID: c.kid, Audience: c.audience},
		})
		_, err := rp.ClientCredentials(client.TokenRequest{}).TokenContext(interop.Deadline(t))
		refusal := check.As[*client.Error](t, err)
		check.Equal(t, fmt.Sprint(refusal.Code, " ", refusal.Status), c.want, c.problem)
		requests, _ := sent.seen()
		check.Equal(t, requests, 1, "token requests: "+c.problem)
		seen = append(seen, fmt.Sprintf("%s: %v", c.problem, refusal))
	}
	return strings.Join(seen, "\n")
}

func (s *suite) clientCredentials(t *testing.T) string {
	request := client.TokenRequest{Scopes: []string{"read"}, Audience: []string{ordersAPI}}
	for _, id := range []string{"service", "service-post", "service-key"} {
		cfg := client.Config{ClientID: id}
		if id == "service-post" {
			cfg.AuthMethod = "client_secret_post"
		}
		req, err := http.NewRequestWithContext(interop.Deadline(t), http.MethodGet, s.orders+"/tenants/acme/whoami", nil)
		check.NoError(t, err)
		resp, err := s.relyingParty(t, cfg).ClientCredentials(request).HTTPClient(s.orders).Do(req)
		check.NoError(t, err)
		a := interop.ReadAnswer(t, resp)
		check.Equal(t, a.Status, http.StatusOK, id)
		check.Equal(t, a.ClientID, id, "client")
		check.DeepEqual(t, a.Scopes, []string{"read"}, "scopes of "+id)
	}

	opaque, err := s.relyingParty(t, client.Config{ClientID: "service-opaque"}).
		ClientCredentials(client.TokenRequest{Scopes: []string{"read"}, Audience: []string{archiveAPI}}).TokenContext(interop.Deadline(t))
	check.NoError(t, err)
	check.True(t, strings.Count(opaque.AccessToken, ".") != 2, "the token is not opaque")
	check.Equal(t, opaque.Type(), "Bearer", "token type as it is sent")
	a := interop.Call(t, s.archive+"/tenants/acme/whoami", opaque.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status with an opaque token")
	check.Equal(t, a.ClientID, "service-opaque", "client of the opaque token")

	var codes []string
	for _, c := range []struct {
		cfg  client.Config
		r    client.TokenRequest
		want string
	}{
		{client.Config{ClientID: "service"}, client.TokenRequest{Scopes: []string{"admin"}}, "invalid_scope"},
		{client.Config{ClientID: "service", ClientSecret: "wrong"}, client.TokenRequest{}, "invalid_client"},
		{client.Config{ClientID: "service-post", AuthMethod: "client_secret_basic"}, client.TokenRequest{}, "invalid_client"},
		{client.Config{ClientID: oddID}, client.TokenRequest{}, "unauthorized_client"},
	} {
		var sent wire
		c.cfg.HTTPClient = sent.client()
		_, err := s.relyingParty(t, c.cfg).ClientCredentials(c.r).TokenContext(interop.Deadline(t))
		refusal := check.As[*client.Error](t, err)
		check.Equal(t, refusal.Code, c.want, c.cfg.ClientID)
		requests, _ := sent.seen()
		check.Equal(t, requests, 1, "token requests")
		codes = append(codes, fmt.Sprintf("%s %d", refusal.Code, refusal.Status))
	}
	return "the APIs answer 200 to secret, secret in the body and key, JWT and opaque; refused: " + strings.Join(codes, ", ")
}

func (s *suite) oneAudience(t *testing.T) string {
	service := s.relyingParty(t, client.Config{ClientID: "service"})
	status := func(audience ...string) [2]int {
		t.Helper()
		token, err := service.ClientCredentials(client.TokenRequest{Audience: audience}).TokenContext(interop.Deadline(t))
		check.NoError(t, err)
		return [2]int{interop.Call(t, s.orders+"/whoami", token.AccessToken).Status, interop.Call(t, s.billing+"/whoami", token.AccessToken).Status}
	}
	check.Equal(t, status(ordersAPI), [2]int{200, 401}, "for orders")
	check.Equal(t, status(billingAPI), [2]int{401, 200}, "for billing")
	check.Equal(t, status(ordersAPI, billingAPI), [2]int{200, 200}, "for both")
	check.Equal(t, status(), [2]int{401, 401}, "for none: aud is []")

	// It knows no resource, and says nothing about it.
	token, err := service.ClientCredentials(client.TokenRequest{Resources: []string{ordersAPI}}).TokenContext(interop.Deadline(t))
	check.NoError(t, err)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", token.AccessToken).Status, http.StatusUnauthorized, "asked for as a resource")

	_, person := s.offline(t, "spa", ordersAPI)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", person.AccessToken).Status, http.StatusOK, "a person's")
	check.Equal(t, interop.Call(t, s.billing+"/whoami", person.AccessToken).Status, http.StatusUnauthorized, "a person's, elsewhere")
	return "200 at the API it is for, 401 at the other, for both 200 twice; without audience, or with resource: 401"
}

func (s *suite) foreignAudience(t *testing.T) string {
	service := s.relyingParty(t, client.Config{ClientID: "service"})
	_, err := service.ClientCredentials(client.TokenRequest{Audience: []string{"https://nobody.example.com"}}).TokenContext(interop.Deadline(t))
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Code, "invalid_request", "at the token endpoint")

	rp := s.relyingParty(t, client.Config{ClientID: "spa", ExtraAuthParams: url.Values{"audience": {billingAPI}}})
	auth, err := rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	_, err = rp.Exchange(interop.Deadline(t), s.op.Person(t, "alice").Visit(t, auth.URL, interop.Callback).URL.Query(), auth.Transaction)
	login := check.As[*client.AuthorizationError](t, err)
	check.Equal(t, login.Code, "invalid_request", "at login")
	return fmt.Sprintf("an audience that is not in the registration: %s %d; at login: %s", refusal.Code, refusal.Status, login.Code)
}

func (s *suite) refresh(t *testing.T) string {
	rp, first := s.offline(t, "web-opaque", archiveAPI)
	check.Equal(t, interop.Call(t, s.archiveWith(t)+"/whoami", first.AccessToken).Status, http.StatusOK, "the first token")
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.True(t, second.RefreshToken != "" && second.RefreshToken != first.RefreshToken, "the refresh token was not rotated")
	check.True(t, second.RawIDToken != "", "no new ID token")
	check.Equal(t, interop.Call(t, s.archiveWith(t)+"/whoami", second.AccessToken).Status, http.StatusOK, "the second token")
	check.Equal(t, interop.Call(t, s.archiveWith(t)+"/whoami", first.AccessToken).Status, http.StatusUnauthorized, "the first token after the refresh")

	// A JWT lives on where only the keys are asked.
	rp, jwt := s.offline(t, "spa", ordersAPI)
	renewed, err := rp.Refresh(interop.Deadline(t), jwt.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", renewed.AccessToken).Status, http.StatusOK, "the new JWT")
	check.Equal(t, interop.Call(t, s.orders+"/whoami", jwt.AccessToken).Status, http.StatusOK, "the old JWT")
	return "rotated, audience kept, a new ID token; the old opaque token is 401 from then on, the old JWT lives until it expires"
}

func (s *suite) reuse(t *testing.T) string {
	rp, first := s.offline(t, "web-opaque", archiveAPI)
	second, err := rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.Equal(t, interop.Call(t, s.archiveWith(t)+"/whoami", second.AccessToken).Status, http.StatusOK, "before")

	_, err = rp.Refresh(interop.Deadline(t), first.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Code, "invalid_grant", "the first refresh token again")
	_, err = rp.Refresh(interop.Deadline(t), second.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	check.Equal(t, interop.Call(t, s.archiveWith(t)+"/whoami", second.AccessToken).Status, http.StatusUnauthorized, "the access token of the chain")
	return fmt.Sprintf("the first refresh token again: %s %d; with it go the second one and its access token", refusal.Code, refusal.Status)
}

func (s *suite) userInfo(t *testing.T) string {
	rp := s.relyingParty(t, client.Config{ClientID: oddID, Scopes: []string{"openid", "profile", "email"}})
	tokens, _, _ := interop.SignIn(t, rp, s.op.Person(t, "alice"))
	info, err := rp.UserInfo(interop.Deadline(t), tokens.AccessToken, tokens.IDToken.Subject)
	check.NoError(t, err)
	var claims struct{ Name, Email, Tenant string }
	check.NoError(t, info.Decode(&claims))
	check.Equal(t, claims, struct{ Name, Email, Tenant string }{"Alice", "alice@acme.example", "acme"}, "claims")

	_, err = rp.UserInfo(interop.Deadline(t), "not-a-token-of-this-server", tokens.IDToken.Subject)
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Status, http.StatusUnauthorized, "an invented token")
	_, err = rp.UserInfo(interop.Deadline(t), tokens.AccessToken, "bob")
	check.Equal(t, check.As[*client.Error](t, err).Claim, "sub", "another subject")
	return fmt.Sprintf("%+v; an invented token: %d %s", claims, refusal.Status, refusal.Code)
}

func (s *suite) revocation(t *testing.T) string {
	rp, tokens := s.offline(t, "web-opaque", archiveAPI)
	check.Equal(t, interop.Call(t, s.archiveWith(t)+"/whoami", tokens.AccessToken).Status, http.StatusOK, "before")
	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.AccessToken, "access_token"))
	a := interop.Call(t, s.archiveWith(t)+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusUnauthorized, "after")
	check.Contains(t, a.Challenge, `error="invalid_token"`)

	rp, tokens = s.offline(t, "web-opaque", archiveAPI)
	check.NoError(t, rp.Revoke(interop.Deadline(t), tokens.RefreshToken, "refresh_token"))
	_, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	check.Equal(t, interop.Call(t, s.archiveWith(t)+"/whoami", tokens.AccessToken).Status, http.StatusUnauthorized, "its access token")
	check.NoError(t, rp.Revoke(interop.Deadline(t), "not-a-token-of-this-server", ""))

	wrong := s.relyingParty(t, client.Config{ClientID: "web-opaque", ClientSecret: "wrong"})
	refusal := check.As[*client.Error](t, wrong.Revoke(interop.Deadline(t), "not-a-token-of-this-server", ""))
	check.Equal(t, refusal.Code, "invalid_client", "a wrong secret")
	return "access token: 401 from then on; refresh token: ErrReauthRequired, its access token 401; an unknown one: no error; a wrong secret: " + refusal.Code
}
