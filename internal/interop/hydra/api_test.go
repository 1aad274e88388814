package hydra

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

func (s *suite) jwtThroughKeys(t *testing.T) string {
	_, tokens := s.offline(t, "spa", ordersAPI)
	var header struct{ Alg, Typ string }
	interop.Decode(t, tokens.AccessToken, 0, &header)
	check.True(t, kid(t, tokens.AccessToken) != kid(t, tokens.RawIDToken), "one key signs both")
	a := interop.Call(t, s.orders+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Method, "jwt", "method")
	check.Equal(t, a.Subject+" "+a.ClientID, "alice spa", "subject and client")
	check.DeepEqual(t, a.Scopes, []string{"openid", "offline_access", "read"}, "scopes of an scp array")

	for problem, token := range map[string]string{
		"ID token": tokens.RawIDToken, "refresh token": tokens.RefreshToken, "cut": tokens.AccessToken[:len(tokens.AccessToken)-4],
	} {
		refused := interop.Call(t, s.orders+"/whoami", token)
		check.Equal(t, refused.Status, http.StatusUnauthorized, problem)
		check.Contains(t, refused.Challenge, `error="invalid_token"`)
	}
	check.Lacks(t, interop.Call(t, s.orders+"/whoami", "").Challenge, "error=")
	return fmt.Sprintf("%s %s, scopes %v of an array: 200 by %s; an ID token, a refresh token, a cut one: 401 invalid_token", header.Typ, header.Alg, a.Scopes, a.Method)
}

func (s *suite) opaqueThroughIntrospection(t *testing.T) string {
	_, tokens := s.offline(t, "web-opaque", archiveAPI)
	a := interop.Call(t, s.archive+"/whoami", tokens.AccessToken)
	check.Equal(t, a.Status, http.StatusOK, "status")
	check.Equal(t, a.Method, "introspection", "method")
	check.Equal(t, a.Subject+" "+a.ClientID+" "+a.Tenant, "alice web-opaque acme", "subject, client and tenant")

	_, signed := s.offline(t, "spa", archiveAPI)
	check.Equal(t, interop.Call(t, s.archive+"/whoami", signed.AccessToken).Method, "jwt", "method for a JWT at the same guard")

	_, elsewhere := s.offline(t, "web-opaque", ordersAPI)
	for problem, token := range map[string]string{
		"invented": "not-a-token-of-this-server", "for another API": elsewhere.AccessToken, "refresh token": tokens.RefreshToken,
	} {
		refused := interop.Call(t, s.archive+"/whoami", token)
		check.Equal(t, refused.Status, http.StatusUnauthorized, problem)
		check.Contains(t, refused.Challenge, `error="invalid_token"`)
	}

	// The metadata names no introspection endpoint: without the override nothing can be asked.
	lost := s.api(t, middleware.Config{Audience: []string{archiveAPI}, Introspection: &introspect.Config{ClientID: "api", AuthMethod: "none"}})
	check.Equal(t, interop.Call(t, lost+"/whoami", tokens.AccessToken).Status, http.StatusServiceUnavailable, "without Endpoint")

	// A JWT is known to both: once revoked, the keys still vouch for it and introspection does not.
	both := func() string {
		return s.api(t, middleware.Config{
			Audience: []string{ordersAPI}, Mode: middleware.ModeBoth, Introspection: s.introspection(),
		})
	}
	rp, jwt := s.offline(t, "spa", ordersAPI)
	check.Equal(t, interop.Call(t, both()+"/whoami", jwt.AccessToken).Status, http.StatusOK, "a JWT by both")
	check.NoError(t, rp.Revoke(interop.Deadline(t), jwt.AccessToken, "access_token"))
	check.Equal(t, interop.Call(t, s.orders+"/whoami", jwt.AccessToken).Status, http.StatusOK, "a revoked JWT by its keys")
	check.Equal(t, interop.Call(t, both()+"/whoami", jwt.AccessToken).Status, http.StatusUnauthorized, "a revoked JWT by both")
	return fmt.Sprintf("200 by %s for %s of %s, a JWT there by its keys; invented, for another API, a refresh token: 401; without the override: 503; a revoked JWT: 401 by both, 200 by keys alone",
		a.Method, a.Subject, a.Tenant)
}

func (s *suite) tenant(t *testing.T) string {
	_, jwt := s.offline(t, "spa", ordersAPI)
	_, opaque := s.offline(t, "web-opaque", archiveAPI)
	for base, token := range map[string]string{s.orders: jwt.AccessToken, s.archive: opaque.AccessToken} {
		own := interop.Call(t, base+"/tenants/acme/whoami", token)
		check.Equal(t, own.Status, http.StatusOK, "her own tenant")
		check.Equal(t, own.Tenant, "acme", "tenant")
		a := interop.Call(t, base+"/tenants/globex/whoami", token)
		check.Equal(t, a.Status, http.StatusForbidden, "another tenant")
		check.Lacks(t, a.Challenge, "error=")
	}

	rp := s.relyingParty(t, client.Config{ClientID: "spa", ExtraAuthParams: map[string][]string{"audience": {ordersAPI}}})
	stray, _, _ := interop.SignIn(t, rp, s.op.Person(t, "nemo"))
	none := interop.Call(t, s.orders+"/whoami", stray.AccessToken)
	check.Equal(t, none.Status, http.StatusUnauthorized, "no tenant claim")
	check.Contains(t, none.Challenge, `error="invalid_token"`)
	return "under ext, in a JWT and in an introspection answer; 403 without an error code at another tenant; 401 for a token without a tenant"
}

// keyRotation: new keys sign from one moment to the next, and a key that was taken back counts no more.
func (s *suite) keyRotation(t *testing.T) string {
	rp, before := s.offline(t, "spa", ordersAPI)
	check.Equal(t, interop.Call(t, s.orders+"/whoami", before.AccessToken).Status, http.StatusOK, "before, old key")
	s.op.Rotate(t, AccessTokenKeys)
	s.op.Rotate(t, IDTokenKeys)

	after, _, _ := interop.SignIn(t, rp, s.op.Person(t, "alice"))
	check.True(t, kid(t, after.RawIDToken) != kid(t, before.RawIDToken), "the same key signs ID tokens")
	check.True(t, kid(t, after.AccessToken) != kid(t, before.AccessToken), "the same key signs access tokens")
	check.Equal(t, interop.Call(t, s.orders+"/whoami", after.AccessToken).Status, http.StatusOK, "a guard that knew the old key only")
	check.Equal(t, interop.Call(t, s.orders+"/whoami", before.AccessToken).Status, http.StatusOK, "the old key beside it")

	s.op.Withdraw(t, AccessTokenKeys, kid(t, before.AccessToken))
	fresh := s.api(t, middleware.Config{Audience: []string{ordersAPI}, Mode: middleware.ModeJWT})
	check.Equal(t, interop.Call(t, fresh+"/whoami", after.AccessToken).Status, http.StatusOK, "the new key")
	check.Equal(t, interop.Call(t, fresh+"/whoami", before.AccessToken).Status, http.StatusUnauthorized, "the key that was taken back")
	return "a running client and a running guard take the new keys at once, the old one counts until it is taken back: 401"
}

func kid(t *testing.T, token string) string {
	t.Helper()
	var header struct{ Kid string }
	interop.Decode(t, token, 0, &header)
	return header.Kid
}
