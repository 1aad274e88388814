package zitadel

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
	_, tokens := s.signedIn(t, "acme")
	a := interop.Call(t, s.acme+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Method, "jwt", "method")
	check.Equal(t, a.Subject, "id-of-alice", "subject")
	check.Equal(t, a.ClientID, "acme", "client")

	// The ID token has the same issuer, audience and custom claim.
	id := interop.Call(t, s.acme+"/whoami", tokens.RawIDToken)
	check.Equal(t, id.Status, http.StatusUnauthorized, "the ID token")
	check.Contains(t, id.Challenge, `error="invalid_token"`)
	_, others := s.signedIn(t, "globex")
	check.Equal(t, interop.Call(t, s.acme+"/whoami", others.AccessToken).Status, http.StatusUnauthorized, "another client's token")
	check.Equal(t, interop.Call(t, s.acme+"/whoami", "").Status, http.StatusUnauthorized, "no token")

	// Why there is no flow for one API.
	const resource = "https://orders.example.com"
	asked, _, _ := interop.SignIn(t, s.relyingParty(t, client.Config{ClientID: "acme", Resources: []string{resource}}), s.alice(t))
	check.Equal(t, interop.Call(t, s.api(t, resource)+"/whoami", asked.AccessToken).Status, http.StatusUnauthorized, "at the API that was asked for")
	check.Equal(t, interop.Call(t, s.acme+"/whoami", asked.AccessToken).Status, http.StatusOK, "at the client's own")
	return fmt.Sprintf("200 by %s, of %d scopes, for it names none; the ID token, or another client's token: 401; a resource is ignored", a.Method, len(a.Scopes))
}

// introspecting is an API that asks as the client itself, which is what the example storage allows.
func (s *suite) introspecting(t *testing.T, clientID string, edit ...func(*introspect.Config)) string {
	t.Helper()
	cfg := &introspect.Config{ClientID: clientID, ClientSecret: interop.OddSecret, AllowMissingAudience: true}
	for _, f := range edit {
		f(cfg)
	}
	return interop.API(t, middleware.Config{
		DiscoveryURL: s.op.Issuer, Audience: []string{clientID}, Tenant: tenant(), Introspection: cfg, Mode: middleware.ModeIntrospection,
	})
}

func (s *suite) introspected(t *testing.T) string {
	_, tokens := s.signedIn(t, "web")
	check.True(t, !strings.Contains(tokens.AccessToken, "."), "the token is not opaque")
	api := s.introspecting(t, "web")
	a := interop.Call(t, api+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Method, "introspection", "method")
	check.Equal(t, a.Tenant, "web", "tenant")
	check.DeepEqual(t, a.Scopes, []string{"openid", "offline_access", tenantScope}, "scopes")
	check.Equal(t, interop.Call(t, api+"/whoami", "not-a-token-of-this-server").Status, http.StatusUnauthorized, "an invented token")
	_, others := s.signedIn(t, "acme")
	check.Equal(t, interop.Call(t, api+"/whoami", others.AccessToken).Status, http.StatusUnauthorized, "another client's token")

	strict := s.introspecting(t, "web", func(c *introspect.Config) { c.AllowMissingAudience = false })
	check.Equal(t, interop.Call(t, strict+"/whoami", tokens.AccessToken).Status, http.StatusUnauthorized, "without AllowMissingAudience")
	wrong := s.introspecting(t, "web", func(c *introspect.Config) { c.ClientSecret = "another" })
	down := interop.Call(t, wrong+"/whoami", tokens.AccessToken)
	check.Equal(t, down.Status, http.StatusServiceUnavailable, "an API with a wrong secret")
	check.Equal(t, down.Challenge, "", "its challenge")
	return "200 for scopes and tenant, from an answer without exp, iss and aud (AllowMissingAudience; else 401); invented, or another client's: 401; an API with a wrong secret: 503"
}

func (s *suite) wrongTenant(t *testing.T) string {
	api := s.api(t, "acme", "globex")
	_, tokens := s.signedIn(t, "acme")
	check.Equal(t, interop.Call(t, api+"/tenants/acme/whoami", tokens.AccessToken).Status, http.StatusOK, "its own tenant")
	a := interop.Call(t, api+"/tenants/globex/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusForbidden, "another tenant")
	check.Lacks(t, a.Challenge, "error=")
	stray, _, _ := interop.SignIn(t, s.relyingParty(t, client.Config{ClientID: "acme", Scopes: []string{"openid"}}), s.alice(t))
	check.Equal(t, interop.Call(t, api+"/whoami", stray.AccessToken).Status, http.StatusUnauthorized, "no tenant claim")
	return "403 without an error code at another tenant; 401 for a token without a tenant"
}

// issuerPerTenant: two providers under paths of one server, one guard for both.
func (s *suite) issuerPerTenant(t *testing.T) string {
	realms := map[string]*Server{"acme": s.op.Realm(t, "acme"), "globex": s.op.Realm(t, "globex")}
	token := func(realm, id string) string {
		t.Helper()
		realms[realm].Register(t, Client{ID: id, Secret: interop.OddSecret, Service: true, JWT: true})
		rp := interop.NewClient(t, client.Config{DiscoveryURL: realms[realm].Issuer, ClientID: id, ClientSecret: interop.OddSecret})
		issued, err := rp.ClientCredentials(client.TokenRequest{Scopes: []string{tenantScope}}).TokenContext(interop.Deadline(t))
		check.NoError(t, err)
		return issued.AccessToken
	}
	policy := tenant()
	policy.Allow = []string{"acme", "globex"}
	both := interop.API(t, middleware.Config{
		DiscoveryURL: s.op.Issuer + "realms/{tenant}/", Audience: []string{"acme", "globex"}, Tenant: policy,
	})
	for _, c := range []struct {
		what, path, token string
		want              int
	}{
		{"acme", "/tenants/acme/whoami", token("acme", "acme"), 200},
		{"globex", "/tenants/globex/whoami", token("globex", "globex"), 200},
		{"acme at globex's page", "/tenants/globex/whoami", token("acme", "acme"), 403},
		{"realm globex claiming to be acme", "/whoami", token("globex", "acme"), 401},
	} {
		check.Equal(t, interop.Call(t, both+c.path, c.token).Status, c.want, c.what)
	}
	_, outside := s.signedIn(t, "acme")
	check.Equal(t, interop.Call(t, both+"/whoami", outside.AccessToken).Status, http.StatusUnauthorized, "the issuer above the realms")
	return "one guard for realms/{tenant}/, each issuer ends with a slash; another tenant's page 403, another tenant's claim or issuer 401"
}

// keyRotation: neither the guard nor the client is told of the new key.
func (s *suite) keyRotation(t *testing.T) string {
	api := s.api(t, "acme")
	rp, old := s.signedIn(t, "acme")
	check.Equal(t, interop.Call(t, api+"/whoami", old.AccessToken).Status, http.StatusOK, "before")

	s.op.RotateKeys(t)
	renewed, err := rp.Refresh(interop.Deadline(t), old.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.Equal(t, kid(t, old.AccessToken)+" "+kid(t, renewed.AccessToken)+" "+kid(t, renewed.RawIDToken), "key-1 key-2 key-2", "kids")
	check.Equal(t, interop.Call(t, api+"/whoami", renewed.AccessToken).Status, http.StatusOK, "signed by the new key")
	check.Equal(t, interop.Call(t, api+"/whoami", old.AccessToken).Status, http.StatusOK, "signed by the old key")

	_, signed, _ := strings.Cut(old.AccessToken, ".")
	header, _, _ := strings.Cut(renewed.AccessToken, ".")
	check.Equal(t, interop.Call(t, api+"/whoami", header+"."+signed).Status, http.StatusUnauthorized, "the old signature under the new key's name")
	return "ID and access tokens under key-1, then under key-2, pass client and guard that run on; so does the old token"
}

func kid(t *testing.T, token string) string {
	t.Helper()
	var h struct{ Kid string }
	interop.Decode(t, token, 0, &h)
	return h.Kid
}
