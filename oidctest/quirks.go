package oidctest

import "net/url"

// quirks are the differences between a preset and a standard provider. The zero
// value is a standard provider.
type quirks struct {
	paths         map[string]string // path below the issuer by endpoint; "" if it is not served
	metadata      func(doc map[string]any)
	authorize     func(form url.Values) *oauthError        // refuses requests before the usual checks
	access        func(claims map[string]any, i *issuance) // edits the claims of access tokens
	id            func(claims map[string]any, i *issuance) // edits the claims of ID tokens
	answer        func(answer map[string]any, i *issuance) // edits responses of the token endpoint
	callback      func(values url.Values, g *grant)        // edits the values of a successful callback
	introspection func(answer map[string]any)              // edits answers about live access tokens
	grants        []string                                 // supported grant types; nil means all
	moreScopes    []string                                 // granted even if not requested
	authMethods   []string                                 // for clients; nil means all
	authorizeOnly string                                   // only HTTP method of the authorization endpoint

	noIss              bool // no iss in callbacks (RFC 9207)
	ignorePKCE         bool
	optionalPKCE       bool // also for public clients
	ignoreResource     bool // RFC 8707 is not implemented
	oneResource        bool // several resources are refused, even if one is ignored
	resourcePerRequest bool // only the resource of the token request counts
	audienceParameter  bool // the parameter audience, as in Hydra
	registeredMethod   bool // a client has one authentication method
	strictAssertion    bool // aud must contain the token endpoint; without a kid, any key fits
	openIntrospection  bool // introspection needs no authentication
	tellsRefreshTokens bool // introspection describes refresh tokens as active, to every client
	bareErrors         bool // WWW-Authenticate only at userinfo; a request without a client is invalid_request
	burnCodes          bool // any token request uses up the code that it contains
	alwaysIDToken      bool // even without scope openid
	serviceIDToken     bool // client credentials with scope openid return one
	offlineOnly        bool // refresh tokens need scope offline or offline_access
	shortLivedAccess   bool // a refresh revokes the old access token
	hintedLogout       bool // a logout with a redirect needs an id_token_hint
	draftLogoutTokens  bool // typ JWT, no exp, no sub with a sid: as before Back-Channel Logout 1.0 was final
	twoKeys            bool
	noKeyID            bool
	jwtRefresh         bool              // refresh tokens are JWTs with typ Refresh in the payload
	claimsBelow        string            // member of access tokens that contains the claims of users and clients; "" if they are at the top
	accessTyp          string            // header typ of access tokens; "" means at+jwt
	tokenType          string            // "" means Bearer
	wrongSecret        string            // error code for a wrong secret; "" means invalid_client
	assertionCodes     map[string]string // error codes (status 400) for mistakes in assertions; others are invalid_client
	audience           string            // of access tokens if none is requested; "" means the issuer, "-" means []
}
