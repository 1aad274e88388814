package fosite_test

import (
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/fosite"
)

func TestFosite(t *testing.T) {
	s := newSuite(t)
	c := interop.NewColumn(t, "fosite "+fosite.Version())

	c.Pass(t, interop.CodePost, s.signIn, s.codeTwice, s.wrongSecret, s.nonce, s.pkce, s.plainHTTP, s.lacking)
	c.Pass(t, interop.LoginSession, s.login, s.expiry)
	c.Pass(t, interop.Programs, s.exampleLogin)
	c.Pass(t, interop.Faults, s.brokenExchange, s.brokenLogin)

	// miQey's documentation ends here; docs/providers.md gives the same reasons.
	const (
		noKeys    = "publishes no keys"
		noRefresh = "gives no refresh token"
	)
	for flow, why := range map[interop.Flow]string{
		interop.CodePublic:    "id and secret must be in the body",
		interop.CodeBasic:     "id and secret must be in the body",
		interop.CodeAssertion: "documents no client authentication by key",
		interop.FormPost:      "documents no response_mode",
		interop.Service:       "documents the code grant only",
		interop.Refresh:       noRefresh,
		interop.Reuse:         noRefresh,
		interop.OneAPI:        "knows neither resource nor audience",
		interop.UserInfo:      "no userinfo_endpoint",
		interop.APIWithJWT:    "publishes no keys, and documents no access token",
		interop.APIIntrospect: "no introspection_endpoint",
		interop.APITenant:     "publishes no keys, and documents no access token",
		interop.APITemplate:   noKeys,
		interop.KeyRotation:   noKeys,
		interop.Revocation:    "no revocation_endpoint",
		interop.Logout:        "no end_session_endpoint",
		interop.BackChannel:   "publishes no keys to check a logout token with",
		interop.Browser:       "a library, without pages: the sign-in form would be ours",
	} {
		c.None(t, flow, why)
	}
}
