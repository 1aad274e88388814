package glewlwyd

import (
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
)

func TestGlewlwyd(t *testing.T) {
	s := newSuite(t)
	c := interop.NewColumn(t, "glewlwyd "+s.server.Version)

	c.Pass(t, interop.CodePublic, s.codePublic, s.authTimeZero)
	c.Pass(t, interop.CodeBasic, s.codeBasic, s.secretNotDecoded)
	c.Pass(t, interop.CodePost, s.codePost)
	c.Pass(t, interop.CodeAssertion, s.privateKeyJWT)
	c.Pass(t, interop.FormPost, s.formPost)
	c.Pass(t, interop.LoginSession, s.login)
	c.Pass(t, interop.Service, s.clientCredentials)
	c.Pass(t, interop.Refresh, s.refresh, s.renewal, s.refreshSurvives)
	c.Pass(t, interop.Reuse, s.reuse)
	c.Pass(t, interop.OneAPI, s.oneResource)
	c.Pass(t, interop.UserInfo, s.userInfo)
	c.Pass(t, interop.APIWithJWT, s.jwtThroughKeys)
	c.Pass(t, interop.APIIntrospect, s.introspected)
	c.Pass(t, interop.APITenant, s.wrongTenant)
	c.Pass(t, interop.APITemplate, s.issuerPerTenant)
	c.Pass(t, interop.Faults, s.faults)
	c.Pass(t, interop.KeyRotation, s.keyRotation)
	c.Pass(t, interop.Revocation, s.revocation)
	c.Pass(t, interop.Logout, s.logout)
	c.Pass(t, interop.BackChannel, s.backChannel)
	c.Pass(t, interop.Browser, s.browser)
	c.Pass(t, interop.Programs, s.exampleService, s.exampleLogin)
}
