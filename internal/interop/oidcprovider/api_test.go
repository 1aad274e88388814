package oidcprovider

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) jwtThroughKeys(t *testing.T) string {
	var seen []string
	for audience, base := range map[string]string{ordersAPI: s.orders, billingAPI: s.billing} {
		_, tokens := s.offline(t, audience)
		a := interop.Call(t, base+"/whoami", tokens.AccessToken)
		check.Equal(t, a.Status, http.StatusOK, audience)
		check.Equal(t, a.Method, "jwt", audience)
		check.Equal(t, a.Subject, "alice", audience)
		seen = append(seen, fmt.Sprintf("%s: 200 by %s", header(t, tokens.AccessToken), a.Method))
	}
	slices.Sort(seen)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", "").Status, http.StatusUnauthorized, "no token")
	return strings.Join(seen, "; ")
}

func (s *suite) opaqueThroughIntrospection(t *testing.T) string {
	_, tokens := s.offline(t, archiveAPI)
	check.True(t, !strings.Contains(tokens.AccessToken, "."), "the token is not opaque")
	a := interop.Call(t, s.files+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Method, "introspection", "method")
	check.Equal(t, a.Tenant, "acme", "tenant")
	invented := interop.Call(t, s.files+"/whoami", "not-a-token-of-this-server")
	check.Equal(t, invented.Status, http.StatusUnauthorized, "an invented token")
	check.Contains(t, invented.Challenge, `error="invalid_token"`)
	return fmt.Sprintf("200 by %s for %s of %s, scopes %v; an invented one: 401", a.Method, a.Subject, a.Tenant, a.Scopes)
}

func (s *suite) jwtAtIntrospection(t *testing.T) string {
	api := s.api(t, middleware.Config{
		Audience: []string{archiveAPI, ordersAPI}, Introspection: s.introspection(), Mode: middleware.ModeIntrospection,
	})
	_, jwt := s.offline(t, ordersAPI)
	_, opaque := s.offline(t, archiveAPI)
	// More often than the breaker would take from a provider that is down.
	for range 8 {
		a := interop.Call(t, api+"/whoami", jwt.AccessToken)
		check.Equal(t, a.Status, http.StatusServiceUnavailable, "status for the JWT")
		check.Equal(t, a.Challenge, "", "challenge for the JWT")
	}
	check.Equal(t, interop.Call(t, api+"/whoami", opaque.AccessToken).Status, http.StatusOK, "status for the next opaque token")
	return "eight times 503 without a challenge (the server says 400 unsupported_token_type), the next opaque token 200"
}

func (s *suite) wrongTenant(t *testing.T) string {
	_, tokens := s.offline(t, ordersAPI)
	check.Equal(t, interop.Call(t, s.orders+"/tenants/acme/whoami", tokens.AccessToken).Status, http.StatusOK, "her own tenant")
	a := interop.Call(t, s.orders+"/tenants/globex/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusForbidden, "another tenant")
	check.Lacks(t, a.Challenge, "error=")

	rp := s.relyingParty(t, client.Config{ClientID: "web", Scopes: []string{"openid", "read"}, Resources: []string{ordersAPI}})
	stray, _, _ := interop.SignIn(t, rp, interop.NewPerson(t, "nemo", "nobody", s.op.Issuer))
	none := interop.Call(t, s.orders+"/whoami", stray.AccessToken)
	check.Equal(t, none.Status, http.StatusUnauthorized, "no tenant claim")
	return "403 without an error code at another tenant; 401 for a token without a tenant"
}

func (s *suite) wrongAudience(t *testing.T) string {
	_, jwt := s.offline(t, billingAPI)
	a := interop.Call(t, s.orders+"/whoami", jwt.AccessToken)
	check.Equal(t, a.Status, http.StatusUnauthorized, "a JWT for another API")
	check.Contains(t, a.Challenge, `error="invalid_token"`)

	// A token for userinfo has no audience at all.
	opaque, _, _ := interop.SignIn(t, s.relyingParty(t, client.Config{ClientID: "web"}), s.alice(t))
	b := interop.Call(t, s.files+"/whoami", opaque.AccessToken)
	check.Equal(t, b.Status, http.StatusUnauthorized, "an opaque token for no API")
	return "401 invalid_token for a JWT of another API, and for an opaque token without an audience"
}

// header shows the type and algorithm a JWT names.
func header(t *testing.T, token string) string {
	t.Helper()
	var h struct{ Typ, Alg string }
	interop.Decode(t, token, 0, &h)
	return h.Typ + " " + h.Alg
}
