package client

import (
	"context"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/endpoint"
	"github.com/relyingparty/oidc/internal/keyset"
	"github.com/relyingparty/oidc/internal/problem"
	"github.com/relyingparty/oidc/internal/redact"
	"github.com/relyingparty/oidc/internal/remote"
)

const defaultSkew = 30 * time.Second

// Client is one client at one provider. It is safe for concurrent use, keeps nothing running but a request under way, and
// needs no Close.
type Client struct {
	redact.All

	cfg  Config // without its secrets, which sit behind the closures below and in auth
	meta *discovery.Source
	keys *keyset.Source
	auth *endpoint.Authenticator
	wire *endpoint.Caller
	log  *slog.Logger

	extraToken  func() url.Values
	warnKeysUse sync.Once
	algs        atomic.Pointer[string] // the allow-list that was logged last
	noted       *cache.Cache[struct{}] // what noteAudience has logged
}

// New checks the configuration and does no network: a provider that is down does not stop a server from starting.
// Its error joins everything that is wrong, each an *oidc.ConfigError that says what to change.
func New(cfg Config) (*Client, error) {
	cfg = cfg.copy()
	problems := problem.List{Package: "client"}
	cfg.check(&problems)

	extra := cfg.ExtraTokenParams
	c := &Client{
		log:        cfg.Logger,
		extraToken: func() url.Values { return extra },
		noted:      cache.New[struct{}](maxNoted),
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	if cfg.ClockSkew == 0 {
		cfg.ClockSkew = defaultSkew
	}
	var err error
	observer := cfg.observer(c.log)
	c.meta, err = discovery.New(discovery.Config{
		DiscoveryURL: cfg.DiscoveryURL,
		Issuer:       cfg.Issuer,
		Endpoints:    discovery.Endpoints(cfg.Endpoints),
		AllowHTTP:    cfg.InsecureAllowHTTP,
		HTTPClient:   cfg.HTTPClient,
		Logger:       c.log,
		Observer:     observer,
	})
	problems.Take("", err)
	c.auth, err = endpoint.NewAuthenticator(endpoint.AuthConfig{
		ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, AuthMethod: cfg.AuthMethod, Auth: cfg.Auth,
	})
	problems.Take("", err)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	c.wire = endpoint.New(endpoint.Config{
		HTTPClient: cfg.HTTPClient, AllowHTTP: cfg.InsecureAllowHTTP, Observer: observer,
	})
	c.keys = keyset.New(keyset.Config{
		URL: c.jwksURL, AllowHTTP: cfg.InsecureAllowHTTP, HTTPClient: cfg.HTTPClient, Logger: c.log,
		Observer: func(ctx context.Context, e oidc.Event) {
			c.meta.Outcome("jwks_uri", remote.Moved(e.Err)) // a key set may move: the metadata knows where to
			if observer != nil {
				observer(ctx, e)
			}
		},
	})
	cfg.ClientSecret, cfg.Auth, cfg.ExtraTokenParams = "", nil, nil
	c.cfg = cfg
	if len(cfg.IDTokenAlgs) > 0 { // otherwise the metadata says
		c.noteAlgs(context.Background(), cfg.IDTokenAlgs)
	}
	return c, nil
}

// Ready fetches the provider's metadata and, for login, its keys, unless they are held. It is for programs that
// would rather fail at the start than at the first login.
func (c *Client) Ready(ctx context.Context) error {
	const op = "ready"
	md, err := c.metadata(ctx, op)
	if err != nil {
		return err
	}
	if c.cfg.RedirectURL == "" {
		return nil
	}
	return c.readySignatures(ctx, op, md)
}

// metadata returns what is known of the provider, fetching it when nothing is.
func (c *Client) metadata(ctx context.Context, op string) (*discovery.Metadata, error) {
	md, err := c.meta.Metadata(ctx)
	if err != nil {
		return nil, wrap(op, err)
	}
	return md, nil
}

// jwksURL tells the key set where to look.
func (c *Client) jwksURL(ctx context.Context) (string, error) {
	md, err := c.metadata(ctx, "keys")
	switch {
	case err != nil:
		return "", err
	case md.JWKSURI == "":
		return "", missingEndpoint("keys", "jwks_uri", "JWKS")
	}
	return md.JWKSURI, nil
}

// keyless reports whether the configuration alone says that nothing can check
// a logout token: neither keys nor the client secret.
func (c *Client) keyless() bool {
	return c.meta.Static() && c.cfg.Endpoints.JWKS == "" && !slices.Contains(c.cfg.IDTokenAlgs, hs256)
}

// copy makes cfg independent of what the caller does to its slices and maps.
func (cfg Config) copy() Config {
	cfg.Scopes = slices.Clone(cfg.Scopes)
	cfg.Resources = slices.Clone(cfg.Resources)
	cfg.IDTokenAlgs = slices.Clone(cfg.IDTokenAlgs)
	cfg.ExtraAuthParams = cloneValues(cfg.ExtraAuthParams)
	cfg.ExtraTokenParams = cloneValues(cfg.ExtraTokenParams)
	return cfg
}

// observer is cfg's, which gets errors of this package.
func (cfg Config) observer(log *slog.Logger) oidc.Observer {
	if cfg.Observer == nil {
		return nil
	}
	observer := remote.Observer(cfg.Observer, log)
	return func(ctx context.Context, e oidc.Event) {
		e.Err = wrap("", e.Err)
		observer(ctx, e)
	}
}

func cloneValues(v url.Values) url.Values {
	c := maps.Clone(v)
	for name, values := range c {
		c[name] = slices.Clone(values)
	}
	return c
}
