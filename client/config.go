package client

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/redact"
)

// Config describes one client at one provider. The zero value of every optional field is the safe choice.
//
// A Config prints as [redacted].
type Config struct {
	redact.All

	// DiscoveryURL is the provider's issuer, or the full URL of its metadata when that has a well-known part.
	// Empty means a static provider: see Endpoints.
	DiscoveryURL string
	// Issuer is the expected "iss" when it differs from DiscoveryURL's, or when nothing is discovered.
	Issuer string
	// Endpoints describes a static provider, or overrides single discovered endpoints.
	Endpoints Endpoints

	// ClientID is required.
	ClientID string
	// ClientSecret is empty for a public client and with private_key_jwt.
	ClientSecret string
	// AuthMethod is the IANA name of the client authentication: client_secret_basic, client_secret_post,
	// private_key_jwt or none. Empty: chosen from the metadata (without it client_secret_basic), or none without secret and key.
	AuthMethod string

	// Auth proves the client by other means than ClientSecret: an
	// [oidc.PrivateKeyJWT], or an [oidc.Secret] that is asked for each request. If
	// nil, ClientSecret is all there is.
	Auth oidc.Auth

	// RedirectURL is where the provider sends the browser back: https, or http on loopback.
	// Only login needs it.
	RedirectURL string
	// Scopes are login's. Nil means "openid"; empty and not nil sends an empty scope.
	Scopes []string
	// Resources are the APIs that login's access token is for (RFC 8707).
	Resources []string
	// ExtraAuthParams and ExtraTokenParams are added to each authorization and token request.
	// What the package itself sends or checks cannot be set here.
	ExtraAuthParams  url.Values
	ExtraTokenParams url.Values
	// ResponseMode is "query", "form_post", or empty for the provider's default, which is query.
	ResponseMode string
	// AuthorizationMethod is "GET" (the default), "POST" (parameters in a form body) or "POST-query" (POST with them in the query).
	AuthorizationMethod string
	// IDTokenAlgs is the allow-list of signature algorithms of ID tokens, of
	// back-channel logout tokens and of signed userinfo answers. It may hold
	//
	//   - RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and
	//     Ed25519, whose signatures are checked with the provider's keys;
	//   - HS256, whose key is the client secret, alone or beside the others. Neither kind
	//     of signature is ever checked with the other's key.
	//
	// Set it to what the client is registered for
	// (id_token_signed_response_alg): a provider may list algorithms that it
	// uses for other clients only, and tokens under these are accepted as well.
	// The list in force is logged at info level when it is known. If empty, the
	// asymmetric algorithms that the metadata lists are allowed, and all of
	// them when it lists none.
	IDTokenAlgs []string
	// ClockSkew is how far the provider's clock may be off: 30 s when zero, at most 5 minutes.
	ClockSkew time.Duration
	// RenewBefore is how long before its expiry a token source renews a token: when zero, 60 s or a fifth of the
	// token's lifetime, whichever is less. It is jittered and never more than half the lifetime.
	RenewBefore time.Duration

	// SkipPKCE sends no code challenge: for a provider that refuses one.
	// Together with AllowMissingNonce it needs AllowUnboundCode too.
	SkipPKCE bool
	// SkipIDTokenSignature trusts an ID token because it came straight from an https token endpoint: for a
	// provider without keys. Where the provider does have a jwks_uri, signatures are checked all the same.
	SkipIDTokenSignature bool
	// AllowMissingNonce accepts an ID token without a nonce; a different one still fails.
	AllowMissingNonce bool
	// AllowUnboundCode accepts a login that nothing ties to the browser it
	// began in: SkipPKCE together with AllowMissingNonce, or SkipPKCE at a
	// provider that sends no ID token. It opens code injection (RFC 9700
	// section 4.5): an attacker who gets hold of another person's code, from a
	// log, a Referer header or a shared machine, brings it to the callback of a
	// login of their own and is signed in as that person. Set it only for a provider
	// that supports neither PKCE nor nonce. If false, New or Exchange refuses
	// such a login.
	AllowUnboundCode bool
	// AllowMissingIss accepts a callback without "iss" from a provider that says it sends one (RFC 9207).
	AllowMissingIss bool
	// InsecureAllowHTTP allows plain http beyond loopback, and endpoints on this
	// machine (loopback, link-local) in metadata that came from another one. It is
	// for tests inside a closed network only. If false, such endpoints count as
	// missing: whoever publishes the metadata could otherwise have the client
	// secret sent to a service on loopback.
	InsecureAllowHTTP bool

	// HTTPClient reaches the provider; its transport also carries the calls of [TokenSource.HTTPClient].
	// Nil means one with sane timeouts, which finds out about HTTP/2 connections that have died. Redirects are never
	// followed at the provider's POST endpoints. After a request to the provider timed out, idle connections are closed.
	HTTPClient *http.Client
	// Logger gets what no caller sees: why a login failed, or that a renewal did while the old token serves. Never a
	// secret. Nil means slog.Default(), as it is when New is called.
	Logger *slog.Logger
	// Observer is told of each request to the provider. If nil, nobody is.
	Observer oidc.Observer
}

// Endpoints are a static provider's, or override single discovered ones.
type Endpoints struct {
	Authorization, Token, JWKS, UserInfo, Introspection, Revocation, EndSession string
}
