package keycloak

import (
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
)

func TestKeycloak(t *testing.T) {
	s := newSuite(t)
	c := interop.NewColumn(t, "Keycloak "+s.kc.Version)

	c.Pass(t, interop.CodePublic, s.codePublic, s.issuerInCallback, s.twoHostNames)
	c.Pass(t, interop.CodeBasic, s.codeConfidential("client_secret_basic"))
	c.Pass(t, interop.CodePost, s.codeConfidential("client_secret_post"))
	c.Pass(t, interop.CodeAssertion, s.privateKeyJWT)
	c.Pass(t, interop.FormPost, s.formPost)
	c.Pass(t, interop.LoginSession, s.login, s.asked)
	c.Pass(t, interop.Service, s.clientCredentials)
	c.Pass(t, interop.Refresh, s.refresh, s.renewal, s.refreshExpired, s.offline)
	c.Pass(t, interop.Reuse, s.reuse)
	c.Pass(t, interop.OneAPI, s.resourceIgnored, s.audienceByScope)
	c.Pass(t, interop.UserInfo, s.userInfo)
	c.Pass(t, interop.APIWithJWT, s.jwtThroughKeys)
	c.Pass(t, interop.APIIntrospect, s.jwtAtIntrospection, s.lightweight)
	c.Pass(t, interop.APITenant, s.tenantClaim)
	c.Pass(t, interop.APITemplate, s.realmPerTenant, s.realmsByAnotherName)
	c.Pass(t, interop.Revocation, s.revocation)
	c.Pass(t, interop.Logout, s.logout, s.logoutWithoutHint)
	c.Pass(t, interop.BackChannel, s.backChannel)
	c.Pass(t, interop.Browser, s.browser)
	c.Pass(t, interop.Programs, s.exampleService, s.exampleLogin, s.exampleDoctor)
	c.Pass(t, interop.Faults, s.faults)
	c.Pass(t, interop.KeyRotation, s.keyRotation)
}
