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

	withoutExpTTL = 10 * time.Second // an answer that does not say when the token ends
	callTimeout   = 5 * time.Second
	maxAnswer     = 256 << 10
	maxFlights    = 64
)

// Config describes a provider's introspection endpoint and the client that asks it. It prints as [redacted].
type Config struct {
	redact.All

	// DiscoveryURL is the issuer, or the full well-known URL. It may be empty when Endpoint is set.
	DiscoveryURL string
	// Issuer is the expected iss, when it differs from the discovery URL's or nothing is discovered. An answer that names
	// an issuer is checked against it; without Issuer and DiscoveryURL the endpoint is believed whatever it names.
	Issuer string
	// Endpoint overrides the discovered introspection_endpoint, which metadata often lacks. When Issuer and AuthMethod are
	// set too (and AuthMethod is not private_key_jwt), discovery may be away.
	Endpoint string

	// ClientID is the id that this API is registered under at the provider. It is
	// required.
	ClientID string
	// ClientSecret is the client's secret. If empty, Auth says how the client proves
	// itself.
	ClientSecret string
	// AuthMethod is the IANA name of the client authentication:
	// client_secret_basic, client_secret_post, private_key_jwt or none. If empty, it
	// is chosen from the metadata.
	AuthMethod string
	// Auth proves the client by other means than ClientSecret. If nil, ClientSecret
	// is all there is.
	Auth oidc.Auth

	// CacheTTL is how long an active answer is kept at most; default 30 s, negative = not at all. It never outlives
	// the token's exp, and is at most 10 s for an answer without one.
	CacheTTL time.Duration
	// NegativeCacheTTL is the same for tokens that are not active; default 5 s, negative = not at all.
	NegativeCacheTTL time.Duration
	// MaxEntries bounds the active answers kept; default 10 000. A fifth of it, counted apart, bounds the others.
	MaxEntries int
	// Cache is shared by replicas; nil = none. See Cache for what it is trusted with.
	Cache Cache

	// AllowMissingAudience accepts answers without aud where Audience expects one.
	AllowMissingAudience bool
	// InsecureAllowHTTP allows plain http beyond loopback, and an endpoint on this
	// machine (loopback, link-local) in metadata that came from another one. If
	// false, such an endpoint counts as missing.
	InsecureAllowHTTP bool
	// ClockSkew is how far the provider's clock may be off; default 30 s, at most 5 minutes.
	ClockSkew time.Duration

	// HTTPClient sends the requests; its redirect policy and cookie jar are never used. nil = a private one.
	// After a timeout its idle connections are closed.
	HTTPClient *http.Client
	// Logger hears of failed calls (warn, one in ten seconds), never of a token. Nil means slog.Default().
	Logger *slog.Logger
	// Observer is told of each request to the provider. Its Outcome for an
	// introspection is ok when the answer is a verdict, whichever. If nil, nobody is.
	Observer oidc.Observer
}

// New checks the configuration; its error joins every problem and names the fields. It does no I/O.
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
		lines:        make(map[cache.Key]*line),
		places:       make(chan struct{}, maxFlights),
	}
	if c.identity == "" {
		c.identity = cfg.DiscoveryURL
	}
	if c.ttl < 0 { // what may not be kept here may not be kept elsewhere either
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

// positive gives the default for 0.
func positive[T int | time.Duration](v, byDefault T) T {
	if v == 0 {
		return byDefault
	}
	return v
}
