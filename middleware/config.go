package middleware

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/introspect"
)

// Mode says how tokens are verified.
type Mode string

const (
	// ModeAuto verifies a compact JWT with the issuer's keys; anything else is introspected, if that is configured.
	ModeAuto Mode = "auto"
	// ModeJWT verifies JWTs with the issuer's keys and refuses everything else.
	ModeJWT Mode = "jwt"
	// ModeIntrospection asks the issuer about every token, whatever it looks like.
	ModeIntrospection Mode = "introspection"
	// ModeBoth does both: they must agree on subject and tenant. An opaque token is refused.
	ModeBoth Mode = "both"
)

var modes = []Mode{ModeAuto, ModeJWT, ModeIntrospection, ModeBoth}

const (
	defaultSkew      = 30 * time.Second
	maxSkew          = 5 * time.Minute
	defaultCacheSize = 10_000
)

// Config of a Guard. Needed are an issuer (DiscoveryURL, or Issuer and Endpoints) and Audience.
type Config struct {
	// DiscoveryURL is the issuer, or the full URL of its discovery document. One path segment may be {tenant}, for a
	// provider with an issuer a tenant: https://id.example.com/realms/{tenant}. That needs a tenant policy with Allow,
	// AllowFunc or AllowAnyTenant.
	DiscoveryURL string
	// Issuer is the iss to expect, where it differs from the discovery URL's or nothing is discovered.
	Issuer string
	// Endpoints are those of a provider without discovery, or take the place of single discovered ones.
	Endpoints Endpoints
	// AccessTokenAlgs are the signature algorithms accepted; empty means RS, PS and ES with 256, 384 and 512, and EdDSA.
	// It also holds for Issuers that name none.
	AccessTokenAlgs []string
	// Introspection configures token introspection (RFC 7662) at the issuer above. What names the provider, its HTTP
	// client, logger, observer and clock skew default to the guard's. Where DiscoveryURL holds {tenant}, it needs an
	// Endpoint or a DiscoveryURL of its own, and the iss of an answer must be that of a realm, or of another issuer
	// configured here (see AllowMissingIssuer). Nil means none.
	Introspection *introspect.Config
	// Issuers are further issuers, each with keys of its own. At most one may introspect opaque tokens.
	Issuers []IssuerConfig

	// Audience is this API's names: a token's aud must hold one of them.
	Audience []string
	// Tenant enforces tenants. With several issuers each needs [IssuerConfig.Tenants], but for one that holds {tenant};
	// or else AllowFunc, or AllowSharedTenants. Nil means there are none.
	Tenant *TenantPolicy
	// Mode says how tokens are verified; ModeAuto.
	Mode Mode
	// StrictRFC9068 demands typ at+jwt and the claims iss, exp, aud, sub, client_id, iat and jti (RFC 9068 section 2).
	StrictRFC9068 bool
	// ClockSkew is how far clocks may differ; 30 s when zero, at most 5 min.
	ClockSkew time.Duration
	// MaxLifetime refuses tokens that live longer, from iat to exp, or without iat from now; 0 means any.
	MaxLifetime time.Duration
	// TokenCacheSize bounds the cache of tokens whose signature was verified. If zero, it is 10 000; if negative, none is
	// kept. Answers of introspection are in a cache of their own, which it bounds too unless Introspection.MaxEntries does;
	// Introspection.CacheTTL says how long they are kept.
	TokenCacheSize int

	// Realm is the protection space named in challenges; "api" when empty.
	Realm string
	// ResourceURL identifies this API (RFC 9728): challenges then point to its metadata, which ResourceMetadata serves.
	ResourceURL string
	// RenderError makes the body of refusals; nil means OAuth JSON. Status and headers are not its business.
	RenderError func(*http.Request, *Error) (contentType string, body []byte)

	// SkipAudienceCheck accepts tokens that were issued for any API.
	SkipAudienceCheck bool
	// AllowMissingIssuer accepts introspection answers without iss (RFC 7662 leaves it optional) where DiscoveryURL
	// holds {tenant}. The tenant claim alone then says which realm a token is from: set it only when the endpoint
	// vouches for that claim whichever realm issued the token. A JWT always needs its iss. If false, an answer
	// without iss is refused, because nothing ties the token to the realm of its tenant.
	AllowMissingIssuer bool
	// AllowIDTokens accepts tokens that say they are no access tokens: with at_hash, c_hash, events, a nonce, or a token_use,
	// token_type or typ of ID, refresh or logout tokens. Anyone who was ever sent one of those can then call this API.
	AllowIDTokens bool

	// HTTPClient reaches the provider; nil means one with sane timeouts. After a timeout its idle connections are closed.
	HTTPClient *http.Client
	// Logger hears of each refusal (debug), of outages (warn, one in ten seconds, else debug) and of mistakes in this
	// program (error), never of a token. Nil means slog.Default().
	Logger *slog.Logger
	// Observer is told of each request to the provider. If nil, nobody is.
	Observer oidc.Observer
}

// IssuerConfig is one of several issuers. Its fields mean what they mean in Config; Tenants it has alone.
type IssuerConfig struct {
	DiscoveryURL    string
	Issuer          string
	Endpoints       Endpoints
	AccessTokenAlgs []string
	Introspection   *introspect.Config
	// Tenants are those that this issuer may vouch for, by a JWT or an introspection answer, within what Config.Tenant
	// allows. A tenant may be on the lists of several issuers. An issuer with {tenant} that lists none may vouch for any
	// tenant that is on no other list. If nil, this is the only issuer, or it holds {tenant}, or Config.Tenant has
	// AllowFunc or AllowSharedTenants: otherwise one issuer could vouch for the tenants of another. An empty list that
	// is not nil is an error.
	Tenants []string
}

// Endpoints are a static provider's, or override single discovered ones.
type Endpoints struct {
	JWKS, Introspection string
}

// own is the issuer that Config itself is about.
func (c *Config) own() IssuerConfig {
	return IssuerConfig{
		DiscoveryURL: c.DiscoveryURL, Issuer: c.Issuer, Endpoints: c.Endpoints,
		AccessTokenAlgs: c.AccessTokenAlgs, Introspection: c.Introspection,
	}
}

// issuers are all issuers of a configuration, with the name their errors begin with.
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

// prefix is how the fields of an entry of Issuers begin.
func prefix(i int) string { return fmt.Sprintf("Issuers[%d].", i) }

// named reports whether the configuration says which provider it is about.
func (c *IssuerConfig) named() bool {
	return c.DiscoveryURL != "" || c.Issuer != "" || c.Endpoints.JWKS != ""
}
