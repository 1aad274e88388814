package oidcprovider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/middleware"
)

// issuerPerTenant: realm acme and realm globex, one guard for both.
func (s *suite) issuerPerTenant(t *testing.T) string {
	acme, globex := s.op.Realm(t, "acme"), s.op.Realm(t, "globex")
	token := func(realm *Server, tenant string) string {
		t.Helper()
		c := machine("of-"+tenant, "client_credentials")
		c.Tenant = tenant
		realm.Register(t, c)
		rp := interop.NewClient(t, client.Config{DiscoveryURL: realm.Issuer, ClientID: c.ID, ClientSecret: c.Secret})
		issued, err := rp.ClientCredentials(client.TokenRequest{Resources: []string{ordersAPI}}).TokenContext(interop.Deadline(t))
		check.NoError(t, err)
		return issued.AccessToken
	}
	template, _ := strings.CutSuffix(s.op.Issuer, "realm-1")
	both := interop.API(t, middleware.Config{
		DiscoveryURL: template + "{tenant}", Audience: []string{ordersAPI},
		Tenant: &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme", "globex"}},
	})
	one := interop.API(t, middleware.Config{
		DiscoveryURL: acme.Issuer, Audience: []string{ordersAPI}, Tenant: middleware.RequireTenant("tenant"),
	})

	ofAcme, ofGlobex, crossed := token(acme, "acme"), token(globex, "globex"), token(globex, "acme")
	for _, c := range []struct {
		what, target, token string
		want                int
	}{
		{"acme at both", both + "/tenants/acme/whoami", ofAcme, 200},
		{"globex at both", both + "/tenants/globex/whoami", ofGlobex, 200},
		{"acme at globex's page", both + "/tenants/globex/whoami", ofAcme, 403},
		{"realm globex claiming to be acme", both + "/whoami", crossed, 401},
		{"a realm that is not allowed", both + "/whoami", token(s.op, "acme"), 401},
		{"acme at its own API", one + "/whoami", ofAcme, 200},
		{"globex at acme's API", one + "/whoami", ofGlobex, 401},
		{"realm globex claiming to be acme, at acme's API", one + "/whoami", crossed, 401},
	} {
		check.Equal(t, interop.Call(t, c.target, c.token).Status, c.want, c.what)
	}
	return "one guard for " + template + "{tenant}: each realm's token for its own tenant; another tenant's page 403, another tenant's claim or realm 401"
}

// keyRotation: neither the guard nor the client is told of the new keys.
func (s *suite) keyRotation(t *testing.T) string {
	api := s.api(t, middleware.Config{Audience: []string{ordersAPI}, Mode: middleware.ModeJWT})
	rp, old := s.offline(t, ordersAPI)
	check.Equal(t, interop.Call(t, api+"/whoami", old.AccessToken).Status, http.StatusOK, "before")

	s.op.RotateKeys(t)
	renewed, err := rp.Refresh(interop.Deadline(t), old.RefreshToken, client.TokenRequest{Resources: []string{ordersAPI}})
	check.NoError(t, err) // its ID token passed with the client's key set of before
	before, after := kid(t, old.AccessToken), kid(t, renewed.AccessToken)
	check.True(t, before != after && kid(t, renewed.RawIDToken) == after, "kid %s and %s", before, after)
	check.Equal(t, interop.Call(t, api+"/whoami", renewed.AccessToken).Status, http.StatusOK, "signed by the new key")
	check.Equal(t, interop.Call(t, api+"/whoami", old.AccessToken).Status, http.StatusOK, "signed by the old key")

	// The old signature under the new key's header.
	_, signed, _ := strings.Cut(old.AccessToken, ".")
	header, _, _ := strings.Cut(renewed.AccessToken, ".")
	check.Equal(t, interop.Call(t, api+"/whoami", header+"."+signed).Status, http.StatusUnauthorized, "a mix of both")
	return fmt.Sprintf("ID and access tokens under %s, then under %s, pass client and guard that run on; so does the old token", before, after)
}

func kid(t *testing.T, token string) string {
	t.Helper()
	var h struct{ Kid string }
	interop.Decode(t, token, 0, &h)
	return h.Kid
}
