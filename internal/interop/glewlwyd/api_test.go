package glewlwyd

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) jwtThroughKeys(t *testing.T) string {
	_, tokens := s.signedIn(t, "web")
	a := interop.Call(t, s.orders+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Method, "jwt", "method")
	check.Equal(t, a.ClientID, "web", "client")
	check.DeepEqual(t, a.Scopes, []string{"openid", "read"}, "scopes")
	strict := s.api(t, middleware.Config{Audience: []string{ordersAPI}, Mode: middleware.ModeJWT, StrictRFC9068: true})
	check.Equal(t, interop.Call(t, strict+"/whoami", tokens.AccessToken).Status, http.StatusOK, "under StrictRFC9068")

	id := interop.Call(t, s.orders+"/whoami", tokens.RawIDToken)
	check.Equal(t, id.Status, http.StatusUnauthorized, "an ID token")
	check.Contains(t, id.Challenge, `error="invalid_token"`)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", "").Status, http.StatusUnauthorized, "no token")
	var header struct{ Typ, Alg string }
	interop.Decode(t, tokens.AccessToken, 0, &header)
	return fmt.Sprintf("%s %s: 200, under StrictRFC9068 too; the ID token: 401", header.Typ, header.Alg)
}

// introspected: the server's answer has no additional claims, so no tenant.
func (s *suite) introspected(t *testing.T) string {
	cfg := middleware.Config{
		DiscoveryURL: s.acme, Audience: []string{ordersAPI}, Introspection: s.introspection(), Mode: middleware.ModeIntrospection,
	}
	api := interop.API(t, cfg)
	_, tokens := s.signedIn(t, "web")
	a := interop.Call(t, api+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Method, "introspection", "method")
	check.Equal(t, a.ClientID, "web", "client")
	check.DeepEqual(t, a.Scopes, []string{"openid", "read"}, "scopes")

	_, others := s.signedIn(t, "once")
	foreign := interop.Call(t, api+"/whoami", others.AccessToken)
	check.Equal(t, foreign.Status, http.StatusUnauthorized, "another client's token")
	check.Contains(t, foreign.Challenge, `error="invalid_token"`)
	check.Equal(t, interop.Call(t, api+"/whoami", "not-a-token-of-this-server").Status, http.StatusUnauthorized, "an invented token")

	cfg.Tenant = middleware.RequireTenant("tenant")
	check.Equal(t, interop.Call(t, interop.API(t, cfg)+"/whoami", tokens.AccessToken).Status, http.StatusUnauthorized, "where a tenant is demanded")
	cfg.Mode = middleware.ModeBoth
	check.Equal(t, interop.Call(t, interop.API(t, cfg)+"/whoami", tokens.AccessToken).Status, http.StatusUnauthorized, "the two must agree on it")

	cfg.Introspection = &introspect.Config{ClientID: "web", ClientSecret: "another"}
	down := interop.Call(t, interop.API(t, cfg)+"/whoami", tokens.AccessToken)
	check.Equal(t, down.Status, http.StatusServiceUnavailable, "an API with a wrong secret")
	check.Equal(t, down.Challenge, "", "its challenge")
	return "200 with exp, aud, client and scopes; its answer has no tenant: 401 where one is demanded; another client's token: inactive, 401; an API with a wrong secret: 503"
}

func (s *suite) wrongTenant(t *testing.T) string {
	_, tokens := s.signedIn(t, "web")
	check.Equal(t, interop.Call(t, s.orders+"/tenants/acme/whoami", tokens.AccessToken).Status, http.StatusOK, "her own tenant")
	a := interop.Call(t, s.orders+"/tenants/globex/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusForbidden, "another tenant")
	check.Lacks(t, a.Challenge, "error=")

	rp := s.relyingParty(t, client.Config{ClientID: "web", Resources: []string{ordersAPI}})
	stray, _, _ := interop.SignIn(t, rp, s.server.Person(t, "nemo"))
	check.Equal(t, interop.Call(t, s.orders+"/whoami", stray.AccessToken).Status, http.StatusUnauthorized, "no tenant claim")
	return "403 without an error code at another tenant; 401 for a token without a tenant"
}

// issuerPerTenant: two instances of the plugin, one guard for both.
func (s *suite) issuerPerTenant(t *testing.T) string {
	token := func(issuer, name string) string {
		t.Helper()
		rp := interop.NewClient(t, client.Config{
			DiscoveryURL: issuer, ClientID: "web", ClientSecret: plainSecret, Scopes: []string{"openid", "read"}, Resources: []string{ordersAPI},
		})
		tokens, _, _ := interop.SignIn(t, rp, s.server.Person(t, name))
		return tokens.AccessToken
	}
	template, _ := strings.CutSuffix(s.acme, "acme")
	both := interop.API(t, middleware.Config{
		DiscoveryURL: template + "{tenant}", Audience: []string{ordersAPI},
		Tenant: &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme", "globex"}},
	})
	alice, bob, crossed := token(s.acme, "alice"), token(s.globex, "bob"), token(s.globex, "alice")
	for _, c := range []struct {
		what, target, token string
		want                int
	}{
		{"acme at both", both + "/tenants/acme/whoami", alice, 200},
		{"globex at both", both + "/tenants/globex/whoami", bob, 200},
		{"acme at globex's page", both + "/tenants/globex/whoami", alice, 403},
		{"issuer globex for a person of acme", both + "/whoami", crossed, 401},
		{"globex at acme's API", s.orders + "/whoami", bob, 401},
	} {
		check.Equal(t, interop.Call(t, c.target, c.token).Status, c.want, c.what)
	}
	return "one guard for two instances of its plugin: each issuer's token for its own tenant; another tenant's page 403, another issuer or tenant 401"
}

// keyRotation: neither the guard nor the client is told of the new key.
func (s *suite) keyRotation(t *testing.T) string {
	api := s.api(t, middleware.Config{Audience: []string{ordersAPI}, Mode: middleware.ModeJWT})
	rp, old := s.signedIn(t, "web")
	check.Equal(t, interop.Call(t, api+"/whoami", old.AccessToken).Status, http.StatusOK, "before")

	s.server.SetKeys(t, "acme", NewKey(t, "acme-2"), s.key)
	renewed, _, _ := interop.SignIn(t, rp, s.server.Person(t, "alice"))
	check.Equal(t, kid(t, old.AccessToken)+" "+kid(t, renewed.AccessToken)+" "+kid(t, renewed.RawIDToken), "acme-1 acme-2 acme-2", "kids")
	check.Equal(t, interop.Call(t, api+"/whoami", renewed.AccessToken).Status, http.StatusOK, "signed by the new key")
	check.Equal(t, interop.Call(t, api+"/whoami", old.AccessToken).Status, http.StatusOK, "signed by the old key")

	_, signed, _ := strings.Cut(old.AccessToken, ".")
	header, _, _ := strings.Cut(renewed.AccessToken, ".")
	check.Equal(t, interop.Call(t, api+"/whoami", header+"."+signed).Status, http.StatusUnauthorized, "the old signature under the new key's name")
	return "ID and access tokens under acme-1, then under acme-2, pass client and guard that run on; so does the old token"
}

func kid(t *testing.T, token string) string {
	t.Helper()
	var h struct{ Kid string }
	interop.Decode(t, token, 0, &h)
	return h.Kid
}
