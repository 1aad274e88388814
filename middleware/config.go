package middleware

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/introspect"
)

// Mode selects how a guard verifies tokens. The permitted values are ModeAuto,
// ModeJWT, ModeIntrospection and ModeBoth.
type Mode string

const (
	// ModeAuto verifies a compact JWT with the issuer's keys and introspects
	// any other token. Without Introspection it refuses any other token.
	ModeAuto Mode = "auto"
	// ModeJWT verifies JWTs with the issuer's keys and refuses any other token.
	ModeJWT Mode = "jwt"
	// ModeIntrospection introspects every token, including JWTs. It needs
	// Introspection.
	ModeIntrospection Mode = "introspection"
	// ModeBoth verifies a JWT with the issuer's keys and also introspects it.
	// Both must name the same subject and tenant. It needs Introspection and
	// refuses opaque tokens.
	ModeBoth Mode = "both"
)

var modes = []Mode{ModeAuto, ModeJWT, ModeIntrospection, ModeBoth}

const (
	defaultSkew      = 30 * time.Second
	maxSkew          = 5 * time.Minute
	defaultCacheSize = 10_000
)

// Config configures a Guard. An issuer and an audience are required: set
// DiscoveryURL (or Issuer and Endpoints), and Audience.
type Config struct {
	// DiscoveryURL is the issuer, or the full URL of its discovery document.
	// For a provider with one issuer per tenant, one path segment may be the
	// placeholder {tenant}, as in https://id.example.com/realms/{tenant}; this
	// needs a tenant policy with Allow, AllowFunc or AllowAnyTenant. If empty,
	// set Issuer and Endpoints, or Issuers.
	DiscoveryURL string
	// Issuer is the iss that tokens must have. If empty, it is derived from
	// DiscoveryURL.
	Issuer string
	// Endpoints replace single endpoints of the discovery document, or describe
	// a provider that has no such document. If zero, all endpoints are
	// discovered.
	Endpoints Endpoints
	// AccessTokenAlgs lists the accepted signature algorithms:
	//
	//   - RS256, RS384, RS512
	//   - PS256, PS384, PS512
	//   - ES256, ES384, ES512
	//   - EdDSA, Ed25519 (two names for the same keys)
	//
	// It also applies to entries of Issuers that list none. The algorithm none
	// and HMAC are never accepted. If empty, all of the list are accepted.
	AccessTokenAlgs []string
	// Introspection configures token introspection (RFC 7662) at the issuer
	// above. Its DiscoveryURL, Issuer, Endpoint, HTTPClient, Logger, Observer,
	// ClockSkew and MaxEntries default to the values of this Config. If
	// DiscoveryURL contains {tenant}, Introspection needs its own Endpoint or
	// DiscoveryURL, and the iss of a response must match the template or
	// another configured issuer; see AllowMissingIssuer. If nil, no token is
	// introspected.
	Introspection *introspect.Config
	// Issuers are further issuers. Each has its own keys, and at most one of
	// them may introspect opaque tokens. If empty, the issuer above is the only
	// one.
	Issuers []IssuerConfig

	// Audience lists the names of this API. The aud of a token must contain one
	// of them. It may be empty only if SkipAudienceCheck is set.
	Audience []string
	// Tenant enforces tenants. With several issuers, each must list its
	// [IssuerConfig.Tenants], except a single one with {tenant}, unless the
	// policy has AllowFunc or AllowSharedTenants. If nil, requests have no
	// tenant.
	Tenant *TenantPolicy
	// Mode selects how tokens are verified. If empty, it is ModeAuto.
	Mode Mode
	// StrictRFC9068 requires the header typ at+jwt and the claims iss, exp,
	// aud, sub, client_id, iat and jti of every JWT (RFC 9068 section 2). If
	// false, JWTs of providers that do not implement RFC 9068 are accepted too.
	StrictRFC9068 bool
	// ClockSkew is the tolerated difference between the clocks of the provider
	// and of this host, at most 5 minutes. If zero, it is 30 seconds.
	ClockSkew time.Duration
	// MaxLifetime is the longest accepted lifetime of a token, measured from
	// iat to exp, or from now to exp if the token has no iat. If zero, any
	// lifetime is accepted.
	MaxLifetime time.Duration
	// TokenCacheSize is the number of verified tokens that the guard caches. It
	// also bounds the cache of introspection responses, unless
	// Introspection.MaxEntries is set; Introspection.CacheTTL bounds how long
	// these are kept. If zero, it is 10,000. If negative, verified tokens are
	// not cached.
	TokenCacheSize int

	// Realm is the realm parameter of challenges: printable ASCII. If empty, it
	// is "api".
	Realm string
	// ResourceURL is the identifier of this API (RFC 9728). Challenges then
	// point to its metadata, which [Guard.ResourceMetadata] serves. If empty,
	// challenges point to no metadata.
	ResourceURL string
	// RenderError writes the body of a refusal. It cannot change status and
	// headers. If it panics, the response is a 500. If nil, the body is OAuth
	// JSON (RFC 6749 section 5.2).
	RenderError func(*http.Request, *Error) (contentType string, body []byte)

	// SkipAudienceCheck accepts tokens that were issued for any API. An API
	// that received such a token can then call this one with it. If false,
	// Audience is required.
	SkipAudienceCheck bool
	// AllowMissingIssuer accepts introspection responses without iss (optional
	// in RFC 7662) where DiscoveryURL contains {tenant}. The tenant claim alone
	// then decides which tenant a token belongs to, so set it only if the
	// endpoint guarantees that claim no matter which issuer issued the token.
	// JWTs always need iss. If false, a response without iss is refused,
	// because nothing ties the token to the issuer of its tenant.
	AllowMissingIssuer bool
	// AllowIDTokens accepts tokens that are marked as something other than
	// access tokens:
	//
	//   - tokens with at_hash, c_hash, events or nonce
	//   - tokens whose token_use, token_type or typ names an ID, refresh or
	//     logout token
	//
	// Everyone who ever received such a token can then call this API with it.
	// If false, these tokens are refused.
	AllowIDTokens bool

	// HTTPClient sends the requests to the provider. After a timeout the guard
	// closes its idle connections. If nil, a private client with timeouts is
	// used.
	HTTPClient *http.Client
	// Logger receives a line for each refusal (debug), each outage (warn, at
	// most one in ten seconds, otherwise debug) and each mistake in this
	// program (error), but never a token. If nil, it is slog.Default().
	Logger *slog.Logger
	// Observer receives an event for each request to the provider. If nil,
	// nothing is observed.
	Observer oidc.Observer
}

// IssuerConfig configures one of several issuers. Its fields, except Tenants,
// mean the same as in Config.
type IssuerConfig struct {
	DiscoveryURL    string
	Issuer          string
	Endpoints       Endpoints
	AccessTokenAlgs []string
	Introspection   *introspect.Config
	// Tenants lists the tenants that JWTs and introspection responses of this
	// issuer may name, within the limits of Config.Tenant. Several issuers may
	// list the same tenant. An issuer with {tenant} that lists none may name
	// every tenant that no other issuer lists. A list that is empty but not nil
	// is an error.
	//
	// If nil, this must be the only issuer, or the only one with {tenant}, or
	// Config.Tenant must have AllowFunc or AllowSharedTenants. Otherwise one
	// issuer could issue tokens for the tenants of another.
	Tenants []string
}

// Endpoints are the URLs of a provider's endpoints.
type Endpoints struct {
	// JWKS is the URL of the key set (jwks_uri). If empty, it is discovered.
	JWKS string
	// Introspection is the URL of the introspection endpoint. If empty, it is
	// discovered.
	Introspection string
}

// own returns the issuer that the fields of Config itself configure.
func (c *Config) own() IssuerConfig {
	return IssuerConfig{
		DiscoveryURL: c.DiscoveryURL, Issuer: c.Issuer, Endpoints: c.Endpoints,
		AccessTokenAlgs: c.AccessTokenAlgs, Introspection: c.Introspection,
	}
}

// issuers returns all configured issuers, each with the prefix of its fields in
// configuration errors.
func (c *Config) issuers() (list []IssuerConfig, prefixes []string) {
	first := c.own()
	if first.named() || len(c.Issuers) == 0 {
		list, prefixes = append(list, first), append(prefixes, "")
	}
	for i, one := range c.Issuers {
		if len(one.AccessTokenAlgs) == 0 {
			one.AccessTokenAlgs = c.AccessTokenAlgs
		}
		list, prefixes = append(list, one), append(prefixes, prefix(i))
	}
	return list, prefixes
}

// prefix is the prefix of the fields of Issuers[i] in configuration errors.
func prefix(i int) string { return fmt.Sprintf("Issuers[%d].", i) }

// named reports whether c identifies a provider.
func (c *IssuerConfig) named() bool {
	return c.DiscoveryURL != "" || c.Issuer != "" || c.Endpoints.JWKS != ""
}
