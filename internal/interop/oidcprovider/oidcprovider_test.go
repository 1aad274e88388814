package oidcprovider

import (
	"testing"

	"github.com/relyingparty/oidc/internal/interop"
)

// The APIs that the provider issues tokens for. The first two take JWTs, signed with either key, the third opaque tokens.
const (
	ordersAPI  = "https://orders.example.com"
	billingAPI = "https://billing.example.com"
	archiveAPI = "https://archive.example.com"
)

func TestOIDCProvider(t *testing.T) {
	s := newSuite(t)
	c := interop.NewColumn(t, "oidc-provider "+s.op.Version)

	c.Pass(t, interop.CodePublic, s.codePublic, s.authorizationByPost, s.pushedRequests)
	c.Pass(t, interop.CodeBasic, s.codeConfidential("web", "client_secret_basic"), s.codeWithoutPKCE)
	c.Pass(t, interop.CodePost, s.codeConfidential("web-post", "client_secret_post"))
	c.Pass(t, interop.CodeAssertion, s.privateKeyJWT)
	c.Pass(t, interop.FormPost, s.formPost)
	c.Pass(t, interop.Service, s.clientCredentials, s.spellings)
	c.Pass(t, interop.Refresh, s.refresh, s.renewal)
	c.Pass(t, interop.Reuse, s.reuse)
	c.Pass(t, interop.OneAPI, s.oneResource, s.twoResources, s.wrongAudience)
	c.Pass(t, interop.UserInfo, s.userInfo)
	c.Pass(t, interop.APIWithJWT, s.jwtThroughKeys)
	c.Pass(t, interop.APIIntrospect, s.opaqueThroughIntrospection, s.jwtAtIntrospection)
	c.Pass(t, interop.APITenant, s.wrongTenant)
	c.Pass(t, interop.APITemplate, s.issuerPerTenant)
	c.Pass(t, interop.Faults, s.faults)
	c.Pass(t, interop.KeyRotation, s.keyRotation)
	c.Pass(t, interop.Revocation, s.revocation)
	c.Pass(t, interop.LoginSession, s.login)
	c.Pass(t, interop.Logout, s.logout)
	c.Pass(t, interop.BackChannel, s.backChannel)
	c.Pass(t, interop.Browser, s.browser)
	c.Pass(t, interop.Programs, s.exampleService, s.exampleLogin, s.exampleLoginByPost)
}
