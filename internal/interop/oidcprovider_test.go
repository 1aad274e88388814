package interop

import "testing"

// The APIs that the provider issues tokens for. The first two take JWTs, signed with either key, the third opaque tokens.
const (
	ordersAPI  = "https://orders.example.com"
	billingAPI = "https://billing.example.com"
	archiveAPI = "https://archive.example.com"
)

// callback is where the provider sends a browser that has no app behind it: the person stops there.
const callback = "http://127.0.0.1:1/auth/callback"

// oddSecret holds every character that a careless client encodes wrongly in HTTP Basic.
const oddSecret = "s:+%/&= 20%25?#ecret-of-at-least-32-bytes"

var oidcProviderCells = []string{
	"code with PKCE, public client",
	"code with PKCE, client_secret_basic",
	"code with PKCE, client_secret_post",
	"code without PKCE",
	"client credentials",
	"refresh with rotation",
	"reuse of a rotated refresh token",
	"one resource",
	"two resources",
	"userinfo",
	"JWT access token through JWKS",
	"opaque access token through introspection",
	"JWT at the introspection endpoint",
	"revocation",
	"login, session and API call",
	"renewal in a session, many requests at once",
	"logout",
	"wrong tenant",
	"wrong audience",
	"examples/service to examples/api",
	"examples/login",
}

func TestOIDCProvider(t *testing.T) {
	s := newOIDCProviderSuite(t)
	m := NewMatrix(t, "oidc-provider "+s.op.Version, oidcProviderCells...)

	m.Cell(t, "code with PKCE, public client", s.codePublic)
	m.Cell(t, "code with PKCE, client_secret_basic", s.codeConfidential("web", "client_secret_basic"))
	m.Cell(t, "code with PKCE, client_secret_post", s.codeConfidential("web-post", "client_secret_post"))
	m.Cell(t, "code without PKCE", s.codeWithoutPKCE)
	m.Cell(t, "client credentials", s.clientCredentials)
	m.Cell(t, "refresh with rotation", s.refresh)
	m.Cell(t, "reuse of a rotated refresh token", s.reuse)
	m.Cell(t, "one resource", s.oneResource)
	m.Cell(t, "two resources", s.twoResources)
	m.Cell(t, "userinfo", s.userInfo)
	m.Cell(t, "JWT access token through JWKS", s.jwtThroughKeys)
	m.Cell(t, "opaque access token through introspection", s.opaqueThroughIntrospection)
	m.Cell(t, "JWT at the introspection endpoint", s.jwtAtIntrospection)
	m.Cell(t, "revocation", s.revocation)
	m.Cell(t, "login, session and API call", s.login)
	m.Cell(t, "renewal in a session, many requests at once", s.renewal)
	m.Cell(t, "logout", s.logout)
	m.Cell(t, "wrong tenant", s.wrongTenant)
	m.Cell(t, "wrong audience", s.wrongAudience)
	m.Cell(t, "examples/service to examples/api", s.exampleService)
	m.Cell(t, "examples/login", s.exampleLogin)
}
