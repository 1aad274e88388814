package keycloak

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) jwtThroughKeys(t *testing.T) string {
	_, tokens := s.tokens(t, Acme)
	a := interop.Call(t, s.orders+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Method, "jwt", "method")
	check.Equal(t, a.Subject, tokens.IDToken.Subject, "subject")
	check.Equal(t, a.ClientID, "web", "client, by azp")

	for what, token := range map[string]string{
		"no token": "", "the ID token": tokens.RawIDToken, "the refresh token": tokens.RefreshToken,
	} {
		check.Equal(t, interop.Call(t, s.orders+"/whoami", token).Status, http.StatusUnauthorized, what)
	}
	billing := s.api(t, middleware.Config{Audience: []string{"https://billing.example.com"}})
	other := interop.Call(t, billing+"/whoami", tokens.AccessToken)
	check.Equal(t, other.Status, http.StatusUnauthorized, "at another API")
	check.Contains(t, other.Challenge, `error="invalid_token"`)
	var header struct{ Typ, Alg string }
	interop.Decode(t, tokens.AccessToken, 0, &header)
	return fmt.Sprintf("typ %s, %s, scopes %q; the ID token, the refresh token, and a token at another API: 401", header.Typ, header.Alg, a.Scopes)
}

func (s *suite) jwtAtIntrospection(t *testing.T) string {
	_, tokens := s.tokens(t, Acme)
	cfg := middleware.Config{Audience: []string{OrdersAPI}, Introspection: s.introspection(), Mode: middleware.ModeIntrospection}
	api := s.api(t, cfg)
	a := interop.Call(t, api+"/tenants/acme/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Method, "introspection", "method")
	check.Equal(t, a.Subject, tokens.IDToken.Subject, "subject")
	check.Equal(t, a.Tenant, Acme, "tenant")
	cfg.Mode = middleware.ModeBoth
	check.Equal(t, interop.Call(t, s.api(t, cfg)+"/whoami", tokens.AccessToken).Method, "both", "method")
	check.Equal(t, interop.Call(t, api+"/whoami", "not-a-token-of-this-server").Status, http.StatusUnauthorized, "an invented token")

	// Keycloak calls them active, with the API's audience and the tenant.
	for typ, token := range map[string]string{"Refresh": tokens.RefreshToken, "ID": tokens.RawIDToken} {
		told, err := s.introspector(t).Introspect(interop.Deadline(t), token)
		check.NoError(t, err)
		check.Equal(t, told.TokenType, typ, "token_type")
		check.True(t, slices.Contains(told.Audience, OrdersAPI), "aud %q", told.Audience)
		bad := interop.Call(t, api+"/whoami", token)
		check.Equal(t, bad.Status, http.StatusUnauthorized, "a token of type "+typ)
		check.Contains(t, bad.Challenge, "the token is not an access token")
	}

	cfg.Mode = middleware.ModeIntrospection
	cfg.Introspection.ClientSecret = "wrong"
	check.Equal(t, interop.Call(t, s.api(t, cfg)+"/whoami", tokens.AccessToken).Status, http.StatusServiceUnavailable, "an API with a wrong secret")
	return fmt.Sprintf("200 for %s of %s, scopes %q; the ID and the refresh token, which the provider calls active: 401; an API with a wrong secret: 503",
		a.ClientID, a.Tenant, a.Scopes)
}

// lightweight access tokens are JWTs that leave out what introspection tells.
func (s *suite) lightweight(t *testing.T) string {
	const id = "service-light"
	s.kc.Register(t, Acme, "service", map[string]any{
		"clientId": id, "attributes": map[string]any{"client.use.lightweight.access.token.enabled": "true"},
	})
	token, err := s.service(t, Acme, id).TokenContext(interop.Deadline(t))
	check.NoError(t, err)
	byKeys := interop.Call(t, s.orders+"/whoami", token.AccessToken)
	check.Equal(t, byKeys.Status, http.StatusUnauthorized, "by the keys: the token has no audience")
	api := s.api(t, middleware.Config{Audience: []string{OrdersAPI}, Introspection: s.introspection(), Mode: middleware.ModeIntrospection})
	a := interop.Call(t, api+"/whoami", token.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "by introspection")
	check.Equal(t, a.Tenant, Acme, "tenant")
	return "a lightweight access token: 401 by the keys, which find neither audience nor tenant in it, 200 by introspection, which tells both"
}

// tenantClaim is the Vault's answer to a token without one.
func (s *suite) tenantClaim(t *testing.T) string {
	guard, err := middleware.New(middleware.Config{
		DiscoveryURL: s.kc.Issuer(Acme), Audience: []string{OrdersAPI}, Tenant: middleware.RequireTenant("tenant", middleware.PathSegment(0)),
		RenderError: func(_ *http.Request, e *middleware.Error) (contentType string, body []byte) {
			code := map[int]string{http.StatusUnauthorized: "NOT_AUTHORIZED", http.StatusForbidden: "FORBIDDEN"}[e.Status()]
			body, _ = json.Marshal(map[string]any{"message": nil, "code": code})
			return "application/json", body
		},
	})
	check.NoError(t, err)
	api := guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	ask := func(source *client.TokenSource, path string) (int, string) {
		t.Helper()
		token, err := source.TokenContext(interop.Deadline(t))
		check.NoError(t, err)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+token.AccessToken)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, c := range []struct {
		client, path string
		status       int
		body         string
	}{
		{"service", "/acme/documents", http.StatusOK, "ok"},
		{"service-stray", "/acme/documents", http.StatusUnauthorized, `{"code":"NOT_AUTHORIZED","message":null}`},
		{"service", "/globex/documents", http.StatusForbidden, `{"code":"FORBIDDEN","message":null}`},
	} {
		status, body := ask(s.service(t, Acme, c.client), c.path)
		check.Equal(t, status, c.status, c.client+" at "+c.path)
		check.Equal(t, body, c.body, c.client+" at "+c.path)
	}
	tokens, _, _ := interop.SignIn(t, s.relyingParty(t, Acme, client.Config{ClientID: "web"}), s.person(t, Nemo))
	nemo := interop.Call(t, s.orders+"/whoami", tokens.AccessToken)
	check.Equal(t, nemo.Status, http.StatusUnauthorized, "a person without a tenant")
	check.Contains(t, nemo.Challenge, `error="invalid_token"`)
	return `no tenant claim, of a service or a person: 401, in the Vault's words {"code":"NOT_AUTHORIZED","message":null}; another tenant's path: 403`
}

// realmPerTenant is one guard for every realm; the realm in a token's issuer must be its tenant claim.
func (s *suite) realmPerTenant(t *testing.T) string {
	guard := func(allow ...string) *middleware.Guard {
		t.Helper()
		g, err := middleware.New(middleware.Config{
			DiscoveryURL: s.kc.Base + "/realms/{tenant}", Audience: []string{OrdersAPI},
			Tenant: &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: allow},
		})
		check.NoError(t, err)
		return g
	}
	both, acmeOnly := guard(Acme, Globex, "initech"), guard(Acme)
	reason := func(g *middleware.Guard, token string, tenants ...string) middleware.Reason {
		t.Helper()
		p, err := g.Authenticate(interop.Deadline(t), middleware.Credential{Token: token, Tenants: tenants})
		if err == nil {
			check.True(t, p.Issuer == s.kc.Issuer(p.Tenant), "issuer %s, tenant %s", p.Issuer, p.Tenant)
			return ""
		}
		return check.As[*middleware.Error](t, err).Reason
	}
	service := func(realm, id string) string {
		t.Helper()
		token, err := s.service(t, realm, id).TokenContext(interop.Deadline(t))
		check.NoError(t, err)
		return token.AccessToken
	}
	mallory, _, _ := interop.SignIn(t, s.relyingParty(t, Acme, client.Config{ClientID: "web"}), s.person(t, Mallory))
	acme, globex := service(Acme, "service"), service(Globex, "service")
	// The claims of acme's token under the issuer of a realm that does not exist, so signed by nobody.
	parts := strings.Split(acme, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	check.NoError(t, err)
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), "/realms/acme", "/realms/initech", 1)))

	for _, c := range []struct {
		what  string
		guard *middleware.Guard
		token string
		call  string
		want  middleware.Reason
	}{
		{"acme at acme", both, acme, Acme, ""},
		{"globex at globex", both, globex, Globex, ""},
		{"acme at globex", both, acme, Globex, middleware.ReasonTenantMismatch},
		{"globex at acme", both, globex, Acme, middleware.ReasonTenantMismatch},
		{"realm acme, claim globex", both, mallory.AccessToken, Globex, middleware.ReasonTenantMismatch},
		{"realm acme, claim globex, at acme", both, mallory.AccessToken, Acme, middleware.ReasonTenantMismatch},
		{"no claim", both, service(Acme, "service-stray"), Acme, middleware.ReasonTenantMissing},
		{"a realm that is not on the list", acmeOnly, globex, Globex, middleware.ReasonTenantUnknown},
		{"a realm that does not exist", both, strings.Join(parts, "."), "initech", middleware.ReasonIssuerUntrusted},
	} {
		check.Equal(t, reason(c.guard, c.token, c.call), c.want, c.what)
	}

	api := interop.API(t, middleware.Config{
		DiscoveryURL: s.kc.Base + "/realms/{tenant}", Audience: []string{OrdersAPI},
		Tenant: &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{Acme, Globex}},
	})
	for path, status := range map[string]int{"/tenants/acme/whoami": http.StatusOK, "/tenants/globex/whoami": http.StatusForbidden} {
		check.Equal(t, interop.Call(t, api+path, acme).Status, status, path)
	}
	check.Equal(t, interop.Call(t, api+"/whoami", mallory.AccessToken).Status, http.StatusUnauthorized, "realm and claim differ")
	return "a token of either realm at its tenant: 200; at the other: 403; realm and claim differ, no claim, a realm not on the list or that does not exist: 401"
}

// realmsByAnotherName is realmPerTenant for an API that reaches the server by another name than is in the tokens.
func (s *suite) realmsByAnotherName(t *testing.T) string {
	inside := strings.Replace(s.kc.Base, "127.0.0.1", "localhost", 1)
	var asked []string
	api := interop.API(t, middleware.Config{
		DiscoveryURL: inside + "/realms/{tenant}", Issuer: s.kc.Base + "/realms/{tenant}", Audience: []string{OrdersAPI},
		Tenant:   &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{Acme, Globex}},
		Observer: func(_ context.Context, e oidc.Event) { asked = append(asked, e.URL) },
	})
	for _, realm := range []string{Acme, Globex} {
		token, err := s.service(t, realm, "service").TokenContext(interop.Deadline(t))
		check.NoError(t, err)
		check.Equal(t, interop.Call(t, api+"/tenants/"+realm+"/whoami", token.AccessToken).Status, http.StatusOK, realm)
	}
	for _, url := range asked {
		check.True(t, strings.HasPrefix(url, inside), "the guard went to %s", url)
	}
	check.True(t, len(asked) > 0, "the guard asked for nothing")
	return "DiscoveryURL " + inside + "/realms/{tenant} and Issuer " + s.kc.Base + "/realms/{tenant}: 200 for both realms, all requests at the first"
}

// keyRotation gives globex a new key while our guard has the old ones, and then takes the old one away.
func (s *suite) keyRotation(t *testing.T) string {
	cfg := middleware.Config{DiscoveryURL: s.kc.Issuer(Globex), Audience: []string{OrdersAPI}, Tenant: middleware.RequireTenant("tenant")}
	api := interop.API(t, cfg)
	status := func(api, token string) int { t.Helper(); return interop.Call(t, api+"/whoami", token).Status }
	token := func() (token, kid string) {
		t.Helper()
		got, err := s.service(t, Globex, "service").TokenContext(interop.Deadline(t))
		check.NoError(t, err)
		var header struct{ Kid string }
		interop.Decode(t, got.AccessToken, 0, &header)
		return got.AccessToken, header.Kid
	}
	before, oldKey := token()
	check.Equal(t, status(api, before), http.StatusOK, "before")

	const keys = "org.keycloak.keys.KeyProvider"
	var providers []map[string]any
	s.kc.Admin(t, http.MethodGet, Globex, "/components?type="+keys, nil, &providers)
	s.kc.Admin(t, http.MethodPost, Globex, "/components", map[string]any{
		"name": "rotated", "providerId": "rsa-generated", "providerType": keys,
		"config": map[string][]string{"priority": {"200"}, "algorithm": {"RS256"}},
	}, nil)
	after, newKey := token()
	check.True(t, newKey != oldKey, "the key is the old one")
	check.Equal(t, status(api, after), http.StatusOK, "a token of the new key")
	check.Equal(t, status(api, before), http.StatusOK, "a token of the old key")

	for _, p := range providers {
		if config, _ := p["config"].(map[string]any); p["providerId"] == "rsa-generated" {
			config["enabled"] = []string{"false"}
			s.kc.Admin(t, http.MethodPut, Globex, "/components/"+p["id"].(string), p, nil)
		}
	}
	check.Equal(t, status(interop.API(t, cfg), before), http.StatusUnauthorized, "the old key withdrawn, at a guard that fetches the keys now")
	check.Equal(t, status(interop.API(t, cfg), after), http.StatusOK, "the new key there")
	held := status(api, before)
	check.Equal(t, held, http.StatusOK, "the old key withdrawn, at a guard that holds the keys")
	return "a token of the new key: 200 at once, one of the old: 200 too; the old key withdrawn: 401 for whoever fetches the keys from then on, 200 where they are held still"
}
