package interop

// Flow is a row of the matrix: something a user of this module does with a provider.
type Flow string

// The flows, in the order of the matrix. Each provider passes or names the reason why it does not offer it.
const (
	CodePublic    Flow = "code, PKCE, public client"
	CodeBasic     Flow = "code, client_secret_basic"
	CodePost      Flow = "code, client_secret_post"
	CodeAssertion Flow = "code, private_key_jwt"
	FormPost      Flow = "response_mode form_post"
	LoginSession  Flow = "login with a session"
	Service       Flow = "client credentials"
	Refresh       Flow = "refresh"
	Reuse         Flow = "refresh token used twice"
	OneAPI        Flow = "token for one API"
	UserInfo      Flow = "userinfo"
	APIWithJWT    Flow = "API: JWT"
	APIIntrospect Flow = "API: introspection"
	APITenant     Flow = "API: tenant"
	APITemplate   Flow = "API: one issuer a tenant"
	KeyRotation   Flow = "keys rotated while it runs"
	Revocation    Flow = "revocation"
	Logout        Flow = "logout at the provider"
	BackChannel   Flow = "back-channel logout"
	Programs      Flow = "the programs of examples/"
	Browser       Flow = "a real browser"
	Faults        Flow = "faults on the line"
)

// Flows lists all of them.
func Flows() []Flow {
	return []Flow{
		CodePublic, CodeBasic, CodePost, CodeAssertion, FormPost, LoginSession, Service, Refresh, Reuse, OneAPI, UserInfo,
		APIWithJWT, APIIntrospect, APITenant, APITemplate, KeyRotation, Revocation, Logout, BackChannel, Programs, Browser, Faults,
	}
}
