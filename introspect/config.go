package introspect

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/endpoint"
	"github.com/relyingparty/oidc/internal/problem"
	"github.com/relyingparty/oidc/internal/redact"
	"github.com/relyingparty/oidc/internal/remote"
)

const (
	defaultCacheTTL    = 30 * time.Second
	defaultNegativeTTL = 5 * time.Second
	defaultMaxEntries  = 10_000
	defaultSkew        = 30 * time.Second
	maxSkew            = 5 * time.Minute

	withoutExpTTL = 10 * time.Second // for an answer without exp
	callTimeout   = 5 * time.Second
	maxAnswer     = 256 << 10
	maxFlights    = 64
)

// Config configures a Client: the provider's introspection endpoint, and how
// this client authenticates there. It prints as [redacted].
type Config struct {
	redact.All

	// DiscoveryURL is the issuer, or the full URL of its discovery document. It
	// may be empty only if Endpoint is set.
	DiscoveryURL string
	// Issuer is the expected iss. An answer without iss is accepted. If empty,
	// Issuer is derived from DiscoveryURL. If both are empty, every iss is
	// accepted.
	Issuer string
	// Endpoint is the URL of the introspection endpoint. It replaces the
	// introspection_endpoint of the metadata, which many providers omit. If
	// Issuer and AuthMethod are set too, and AuthMethod is not private_key_jwt,
	// introspection works during an outage of discovery. If empty, the endpoint
	// is discovered.
	Endpoint string

	// ClientID is the ID of this API at the provider. It is required.
	ClientID string
	// ClientSecret is the client secret. If empty, Auth authenticates the
	// client.
	ClientSecret string
	// AuthMethod is the client authentication method:
	//
	//   - client_secret_basic
	//   - client_secret_post
	//   - private_key_jwt
	//   - none
	//
	// If empty, it is chosen from the metadata.
	AuthMethod string
	// Auth authenticates the client without ClientSecret. If nil, ClientSecret
	// does.
	Auth oidc.Auth

	// CacheTTL is how long an active answer is cached, but never beyond the
	// token's exp, and at most 10 seconds for an answer without exp. If zero,
	// it is 30 seconds. If negative, active answers are not cached.
	CacheTTL time.Duration
	// NegativeCacheTTL is how long the answer is cached that a token is not
	// active. If zero, it is 5 seconds. If negative, these answers are not
	// cached.
	NegativeCacheTTL time.Duration
	// MaxEntries is the number of active answers that are cached. A separate
	// cache for other answers has a fifth of that size. If zero, it is 10,000.
	MaxEntries int
	// Cache is a cache that replicas share. Its comment says how far it must be
	// trusted. If nil, there is none.
	Cache Cache

	// AllowMissingAudience accepts answers without aud if the caller passes
	// [Audience]. If false, they are refused.
	AllowMissingAudience bool
	// InsecureAllowHTTP permits plain http beyond loopback. It also permits
	// metadata from another host that names an endpoint on this host (loopback,
	// link-local). If false, plain http is an error, and such an endpoint
	// counts as missing.
	InsecureAllowHTTP bool
	// ClockSkew is the tolerated difference between the clocks of the provider
	// and of this host, at most 5 minutes. If zero, it is 30 seconds.
	ClockSkew time.Duration

	// HTTPClient sends the requests. Its CheckRedirect and Jar are not used.
	// After a timeout its idle connections are closed. If nil, a private client
	// is used.
	HTTPClient *http.Client
	// Logger receives failed calls (warn, at most one in ten seconds), but
	// never a token. If nil, it is slog.Default().
	Logger *slog.Logger
	// Observer receives an event for each request to the provider. The outcome
	// of an introspection is ok if the answer is a verdict, even if the token
	// is not active. If nil, nothing is observed.
	Observer oidc.Observer
}

// New returns a client. It checks the configuration and does no I/O. The error
// joins an *oidc.ConfigError for every mistake that New finds.
func New(cfg Config) (*Client, error) {
	problems := problem.List{Package: "introspect"}
	auth, err := endpoint.NewAuthenticator(endpoint.AuthConfig{
		ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, AuthMethod: cfg.AuthMethod, Auth: cfg.Auth,
	})
	problems.Take("", err)
	if cfg.ClockSkew < 0 || cfg.ClockSkew > maxSkew {
		problems.Add("ClockSkew", "must be between 0 and %s", maxSkew)
	}
	if cfg.MaxEntries < 0 {
		problems.Add("MaxEntries", "must not be negative; a negative CacheTTL and NegativeCacheTTL turn the caches off")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.DiscoveryURL == "" && cfg.Endpoint == "" {
		problems.Add("DiscoveryURL", "set it to the provider's issuer or discovery URL, or set Endpoint")
	}
	dc := discoveryConfig(cfg)
	if cfg.Endpoint != "" {
		if err := remote.CheckURL(cfg.Endpoint, cfg.InsecureAllowHTTP); err != nil {
			problems.Add("Endpoint", "%v", err)
			dc.Endpoints.Introspection = "https://endpoint.invalid" // it has been reported: look for what else is wrong
		}
	}
	var source *discovery.Source
	if cfg.DiscoveryURL != "" || cfg.Endpoint != "" {
		source, err = discovery.New(dc)
		problems.Take("", err)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}

	maxEntries := positive(cfg.MaxEntries, defaultMaxEntries)
	c := &Client{
		source:       source,
		auth:         auth,
		caller:       endpoint.New(endpoint.Config{HTTPClient: cfg.HTTPClient, AllowHTTP: cfg.InsecureAllowHTTP, Timeout: callTimeout, MaxBytes: maxAnswer}),
		identity:     cfg.Endpoint,
		override:     cfg.Endpoint,
		shared:       cfg.Cache,
		ttl:          positive(cfg.CacheTTL, defaultCacheTTL),
		negativeTTL:  positive(cfg.NegativeCacheTTL, defaultNegativeTTL),
		skew:         positive(cfg.ClockSkew, defaultSkew),
		allowMissing: cfg.AllowMissingAudience,
		logger:       cfg.Logger,
		observer:     remote.Observer(cfg.Observer, cfg.Logger),
		positives:    plain{cache.New[facts](maxEntries)},
		negatives:    cache.New[time.Time](max(maxEntries/5, 1)),
		ended:        cache.New[time.Time](max(maxEntries/5, 1)),
		queues:       make(map[cache.Key]*queue),
		slots:        make(chan struct{}, maxFlights),
	}
	if c.identity == "" {
		c.identity = cfg.DiscoveryURL
	}
	if c.ttl < 0 { // a negative CacheTTL also forbids the shared cache
		c.shared = nil
	}
	return c, nil
}

func discoveryConfig(cfg Config) discovery.Config {
	dc := discovery.Config{
		DiscoveryURL: cfg.DiscoveryURL, Issuer: cfg.Issuer, Endpoints: discovery.Endpoints{Introspection: cfg.Endpoint},
		AllowHTTP: cfg.InsecureAllowHTTP, HTTPClient: cfg.HTTPClient, Logger: cfg.Logger,
		Observer: cfg.Observer,
	}
	return dc
}

// positive returns v, or byDefault if v is 0.
func positive[T int | time.Duration](v, byDefault T) T {
	if v == 0 {
		return byDefault
	}
	return v
}
