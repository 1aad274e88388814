package oidctest

import "net/url"

// quirks are the ways in which a preset differs from a provider by the book. The zero value is by the book.
type quirks struct {
	paths         map[string]string // endpoint -> path below the issuer; "" = not served
	metadata      func(doc map[string]any)
	authorize     func(form url.Values) *oauthError        // refuses before the usual checks
	access        func(claims map[string]any, i *issuance) // claims of access tokens
	id            func(claims map[string]any, i *issuance) // claims of ID tokens
	answer        func(answer map[string]any, i *issuance) // of the token endpoint
	callback      func(values url.Values, g *grant)        // of a successful authorization
	introspection func(answer map[string]any)              // of live access tokens
	grants        []string                                 // grant types; nil = all
	moreScopes    []string                                 // granted without being asked for
	authMethods   []string                                 // of clients; nil = all
	authorizeOnly string                                   // the only HTTP method of the authorization endpoint

	noIss              bool // no RFC 9207
	ignorePKCE         bool
	optionalPKCE       bool // for public clients too
	ignoreResource     bool // RFC 8707 is not implemented
	oneResource        bool // more than one is refused, ignored or not
	resourcePerRequest bool // only the token request's resource counts, and is not remembered
	audienceParameter  bool // audience=, as Hydra has it
	registeredMethod   bool // a client has one way to authenticate
	strictAssertion    bool // the assertion's aud must hold the token endpoint; without a kid any key will do
	openIntrospection  bool // no authentication: it sits at an admin address
	tellsRefreshTokens bool // introspection: active, and to every client
	bareErrors         bool // no WWW-Authenticate but at userinfo, and a request that names no client is only invalid
	burnCodes          bool // a code is spent by any token request that holds it
	alwaysIDToken      bool // without scope openid too
	serviceIDToken     bool // client credentials with scope openid
	offlineOnly        bool // refresh tokens only with scope offline or offline_access
	shortLivedAccess   bool // a refresh ends the old access token
	hintedLogout       bool // a logout that is to come back needs an id_token_hint
	draftLogoutTokens  bool // typ JWT, no exp, and no sub beside a sid: as before Back-Channel Logout was final
	twoKeys            bool
	noKeyID            bool
	jwtRefresh         bool              // refresh tokens are JWTs of payload typ Refresh
	claimsBelow        string            // where access tokens hold the claims of users and clients; "" = at the top
	accessTyp          string            // header typ of access tokens; "" = at+jwt
	tokenType          string            // "" = Bearer
	wrongSecret        string            // error code for it; "" = invalid_client
	assertionCodes     map[string]string // error codes, sent with 400, for what is wrong with an assertion; others are invalid_client
	audience           string            // of access tokens when nothing was asked for; "" = the issuer, "-" = []
}
