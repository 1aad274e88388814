package oidctest

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/redact"
)

// DefaultIssuer is the issuer of a provider with a zero Config, and
// DefaultResource is the audience of its access tokens from AccessToken.
const (
	DefaultIssuer   = "https://op.example.test"
	DefaultResource = "https://api.example.test"
)

// Config configures a Provider. The zero value is a provider at
// https://op.example.test with one user ("alice" of the tenant "acme") and no
// client.
type Config struct {
	redact.All

	// Issuer is the issuer and the base of all endpoints. It may have a path or a
	// trailing slash. If empty, it is https://op.example.test.
	Issuer string
	// Alg is the signature algorithm of tokens:
	//
	//   - RS256, RS384, RS512
	//   - PS256, PS384, PS512
	//   - ES256, ES384, ES512
	//   - EdDSA, Ed25519 (two names for the same keys)
	//
	// If empty, it is RS256.
	Alg string
	// Key is the first signing key: an *rsa.PrivateKey, *ecdsa.PrivateKey or
	// ed25519.PrivateKey that fits Alg. If nil, the provider creates one when it
	// first needs it. That takes a moment for RSA, so tests that start many
	// providers should share a key or use ES256.
	Key crypto.Signer
	// Clients are the registered clients. If empty, no client is registered; see
	// [Provider.AddClient].
	Clients []Client
	// Users are the users who can sign in. If nil, the only user is "alice",
	// whose claim "tenant" is "acme".
	Users []User
	// Resources are the API resources that clients may request (RFC 8707). If
	// nil, clients may request any absolute URI.
	Resources []string
	// AccessTokenTTL is the lifetime of access tokens. If zero, it is 5 minutes.
	AccessTokenTTL time.Duration
	// RefreshTokenTTL is the lifetime of refresh tokens. If zero, it is 8 hours.
	RefreshTokenTTL time.Duration
	// IDTokenTTL is the lifetime of ID tokens. If zero, it is 5 minutes.
	IDTokenTTL time.Duration
	// CodeTTL is the lifetime of authorization codes. If zero, it is 1 minute.
	CodeTTL time.Duration
	// OpaqueAccessTokens makes access tokens opaque, so that an API must
	// introspect them. If false, they are JWTs.
	OpaqueAccessTokens bool
	// KeepRefreshTokens lets clients use a refresh token more than once. If
	// false, each use replaces it, and a second use ends the login.
	KeepRefreshTokens bool
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
	// HTTPClient delivers back-channel logout tokens to clients, over the
	// network. If nil, it is a client with a timeout of 5 seconds.
	HTTPClient *http.Client
	// Logger receives failed back-channel deliveries. If nil, nothing is logged.
	Logger *slog.Logger

	quirks quirks // set by the presets
}

// Client is a registered client. Without Secret and PublicKey it is a public
// client and must use PKCE.
type Client struct {
	redact.All

	// ID is the client ID. It is required.
	ID string
	// Secret is the client secret. If empty, the client has none.
	Secret string
	// RedirectURIs are the permitted redirect URIs, compared byte by byte. If
	// empty, nobody can sign in at this client.
	RedirectURIs []string
	// PostLogoutRedirectURIs are the permitted redirect URIs of a logout. If
	// empty, a logout does not return to the client.
	PostLogoutRedirectURIs []string
	// BackChannelLogoutURI receives logout tokens. If empty, none are sent.
	BackChannelLogoutURI string
	// AuthMethod is the only permitted authentication method. If empty, every
	// method that fits Secret and PublicKey is permitted.
	AuthMethod string
	// PublicKey verifies private_key_jwt assertions. If nil, the client cannot
	// use them.
	PublicKey crypto.PublicKey
	// KeyID is the kid that assertions must have. If empty, any kid is accepted.
	KeyID string
	// AssertionAlg is the alg that assertions must have. If empty, any alg that
	// fits PublicKey is accepted.
	AssertionAlg string
	// RequirePKCE refuses authorization requests without PKCE. If false, only
	// public clients must use it.
	RequirePKCE bool
	// Grants are the permitted grant types: authorization_code, refresh_token
	// and client_credentials. A client with refresh_token receives a refresh
	// token at each login. If nil, all are permitted.
	Grants []string
	// Claims are added to the access tokens of client credentials, such as
	// "tenant": "acme".
	Claims map[string]any
	// Scopes are the permitted scopes. If nil, all are permitted.
	Scopes []string
	// Audience is the audience of access tokens for which no resource was
	// requested. If nil, it is the issuer.
	Audience []string
	// IDTokenAlg is the alg of this client's ID tokens: HS256, which signs with
	// Secret. If empty, it is Config.Alg.
	IDTokenAlg string
	// OmitIss omits iss (RFC 9207) from this client's callbacks, although the
	// metadata announces it. Keycloak can be configured to do that.
	OmitIss bool
}

// User is a user who can sign in.
type User struct {
	// Subject is the sub of the user. It is required.
	Subject string
	// Name and Email are the claims name and email. If empty, tokens omit them.
	Name, Email string
	// Claims are added to the ID token, the access token and userinfo, such as
	// "tenant": "acme".
	Claims map[string]any
}

func setDefaults(cfg *Config) {
	cfg.Issuer = cmp.Or(cfg.Issuer, DefaultIssuer)
	cfg.Alg = cmp.Or(cfg.Alg, "RS256")
	cfg.AccessTokenTTL = cmp.Or(cfg.AccessTokenTTL, 5*time.Minute)
	cfg.RefreshTokenTTL = cmp.Or(cfg.RefreshTokenTTL, 8*time.Hour)
	cfg.IDTokenTTL = cmp.Or(cfg.IDTokenTTL, 5*time.Minute)
	cfg.CodeTTL = cmp.Or(cfg.CodeTTL, time.Minute)
	cfg.HTTPClient = cmp.Or(cfg.HTTPClient, &http.Client{Timeout: 5 * time.Second})
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Users == nil {
		cfg.Users = []User{{
			Subject: "alice", Name: "Alice Example", Email: "alice@example.test",
			Claims: map[string]any{"tenant": "acme"},
		}}
	}
}

func (c *Client) check() error {
	if c.ID == "" {
		return errors.New("set ID")
	}
	for _, raw := range slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs) {
		u, err := url.Parse(raw)
		if err != nil || !u.IsAbs() || strings.Contains(raw, "#") {
			return fmt.Errorf("redirect URI %q must be absolute and without a fragment", raw)
		}
	}
	fits := true
	switch c.AuthMethod {
	case "":
	case methodBasic, methodPost:
		fits = c.Secret != ""
	case methodAssertion:
		fits = c.PublicKey != nil
	case methodNone:
		fits = c.Secret == "" && c.PublicKey == nil
	default:
		return fmt.Errorf("AuthMethod %q is unknown", c.AuthMethod)
	}
	if !fits {
		return fmt.Errorf("AuthMethod %q does not fit Secret and PublicKey", c.AuthMethod)
	}
	if c.IDTokenAlg != "" && (c.IDTokenAlg != "HS256" || c.Secret == "") {
		return fmt.Errorf("IDTokenAlg %q must be empty, or HS256 with a Secret", c.IDTokenAlg)
	}
	return nil
}
