package hydra

import (
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
)

// The APIs that the clients are allowed to ask tokens for.
const (
	ordersAPI  = "https://orders.example.com"
	billingAPI = "https://billing.example.com"
	archiveAPI = "https://archive.example.com"
)

func TestHydra(t *testing.T) {
	s := newSuite(t)
	c := interop.NewColumn(t, "Hydra "+s.op.Version)

	t.Run("preset", func(t *testing.T) {
		t.Log(s.presetHolds(t))
		t.Log(s.answersHold(t))
	})
	c.Pass(t, interop.CodePublic, s.codePublic, s.shortState)
	c.Pass(t, interop.CodeBasic, s.codeConfidential(oddID, "client_secret_basic", "client_secret_post"))
	c.Pass(t, interop.CodePost, s.codeConfidential("web-post", "client_secret_post", "client_secret_basic"))
	c.Pass(t, interop.CodeAssertion, s.codeAssertion, s.assertionOnce, s.assertionRefused)
	c.Pass(t, interop.FormPost, s.formPost)
	c.Pass(t, interop.LoginSession, s.login)
	c.Pass(t, interop.Service, s.clientCredentials)
	c.Pass(t, interop.Refresh, s.refresh, s.renewal)
	c.Pass(t, interop.Reuse, s.reuse)
	c.Pass(t, interop.OneAPI, s.oneAudience, s.foreignAudience)
	c.Pass(t, interop.UserInfo, s.userInfo)
	c.Pass(t, interop.APIWithJWT, s.jwtThroughKeys)
	c.Pass(t, interop.APIIntrospect, s.opaqueThroughIntrospection)
	c.Pass(t, interop.APITenant, s.tenant)
	c.None(t, interop.APITemplate, "has one issuer: a tenant is a claim")
	c.Pass(t, interop.Revocation, s.revocation)
	c.Pass(t, interop.Logout, s.logout)
	c.Pass(t, interop.BackChannel, s.backChannel)
	c.Pass(t, interop.Browser, s.browser)
	c.Pass(t, interop.Programs, s.exampleService, s.exampleLogin)
	c.Pass(t, interop.Faults, s.faults)
	c.Pass(t, interop.KeyRotation, s.keyRotation) // last: from here on other keys sign
}
