package zitadel

import (
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
)

func TestZitadel(t *testing.T) {
	s := newSuite(t)
	c := interop.NewColumn(t, "zitadel/oidc "+s.op.Version)

	c.Pass(t, interop.CodePublic, s.codePublic)
	c.Pass(t, interop.CodeBasic, s.codeConfidential("client_secret_basic"))
	c.Pass(t, interop.CodePost, s.codeConfidential("client_secret_post"))
	c.Pass(t, interop.CodeAssertion, s.privateKeyJWT)
	c.Pass(t, interop.FormPost, s.formPost)
	c.Pass(t, interop.LoginSession, s.login)
	c.Pass(t, interop.Service, s.clientCredentials)
	c.Pass(t, interop.Refresh, s.refresh, s.renewal)
	c.Pass(t, interop.Reuse, s.reuse)
	c.None(t, interop.OneAPI, "ignores resource and audience: its example storage makes the client the audience")
	c.Pass(t, interop.UserInfo, s.userInfo)
	c.Pass(t, interop.APIWithJWT, s.jwtThroughKeys)
	c.Pass(t, interop.APIIntrospect, s.introspected)
	c.Pass(t, interop.APITenant, s.wrongTenant)
	c.Pass(t, interop.APITemplate, s.issuerPerTenant)
	c.Pass(t, interop.Faults, s.faults)
	c.Pass(t, interop.KeyRotation, s.keyRotation)
	c.Pass(t, interop.Revocation, s.revocation)
	c.Pass(t, interop.Logout, s.logout)
	c.None(t, interop.BackChannel, "sends no logout tokens")
	c.Pass(t, interop.Browser, s.browser)
	c.Pass(t, interop.Programs, s.exampleService, s.exampleLogin)
}
