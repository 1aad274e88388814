package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"github.com/relyingparty/oidc/examples/internal/env"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

// configure reads the environment and builds the API; its error names every variable that is missing or wrong.
func configure(r *env.Reader, logger *slog.Logger) (http.Handler, error) {
	p := r.Provider()
	cfg := middleware.Config{
		DiscoveryURL:  p.DiscoveryURL,
		Issuer:        p.Issuer,
		Endpoints:     middleware.Endpoints{JWKS: p.JWKS, Introspection: p.Introspection},
		Introspection: introspection(r, p),
		Mode:          mode(r, p),
		Tenant:        tenant(r, p),
		RenderError:   renderer(r),
		Logger:        logger,
	}
	setAudience(r, &cfg)
	scopes := r.List("OIDC_REQUIRED_SCOPES")
	if r.Err() != nil {
		return nil, r.Err()
	}
	guard, err := middleware.New(cfg)
	if err != nil {
		return nil, err
	}
	return routes(guard, scopes, cfg.Tenant != nil, cfg.ResourceURL), nil
}

// setAudience sets what tokens must be for: exactly one of the two variables. The first audience that is a URL names the
// resource in RFC 9728 metadata.
func setAudience(r *env.Reader, cfg *middleware.Config) {
	cfg.Audience = r.List("OIDC_AUDIENCE")
	cfg.SkipAudienceCheck = r.Flag("OIDC_SKIP_AUDIENCE_CHECK")
	if (len(cfg.Audience) > 0) == cfg.SkipAudienceCheck {
		r.Problem("OIDC_AUDIENCE", "set it to the aud this API expects, or OIDC_SKIP_AUDIENCE_CHECK=1 to accept tokens for anyone: exactly one of the two")
	}
	for _, aud := range cfg.Audience {
		if strings.HasPrefix(aud, "https://") || strings.HasPrefix(aud, "http://") {
			cfg.ResourceURL = aud
			return
		}
	}
}

// introspection is configured when there is a client to introspect as.
func introspection(r *env.Reader, p env.Provider) *introspect.Config {
	if p.ClientID == "" {
		return nil
	}
	return &introspect.Config{
		ClientID:             p.ClientID,
		ClientSecret:         p.ClientSecret,
		AuthMethod:           p.AuthMethod,
		Auth:                 p.Auth,
		AllowMissingAudience: r.Flag("OIDC_ALLOW_MISSING_AUDIENCE"),
	}
}

func mode(r *env.Reader, p env.Provider) middleware.Mode {
	name := r.OneOf("OIDC_MODE", "auto", "jwt", "introspect", "both")
	if (name == "introspect" || name == "both") && p.ClientID == "" {
		r.Problem("OIDC_CLIENT_ID", "is required with OIDC_MODE=%s: the client this API introspects as", name)
	}
	return map[string]middleware.Mode{
		"auto":       middleware.ModeAuto,
		"jwt":        middleware.ModeJWT,
		"introspect": middleware.ModeIntrospection,
		"both":       middleware.ModeBoth,
	}[name]
}

// tenant builds the tenant policy: none without a claim, a list or a template.
func tenant(r *env.Reader, p env.Provider) *middleware.TenantPolicy {
	claim := r.Get("OIDC_TENANT_CLAIM", "")
	policy := &middleware.TenantPolicy{
		Allow:          r.List("OIDC_TENANTS"),
		AllowAnyTenant: r.Flag("OIDC_ALLOW_ANY_TENANT"),
	}
	template := strings.Contains(p.DiscoveryURL, "{tenant}")
	switch {
	case strings.HasPrefix(claim, "["):
		if err := json.Unmarshal([]byte(claim), &policy.Claim); err != nil || len(policy.Claim) == 0 {
			r.Problem("OIDC_TENANT_CLAIM", `must be a claim name, or the path to it as a JSON array of strings: ["ext","tenant"]`)
		}
	case claim != "":
		policy.Claim = []string{claim}
	case template:
		policy.FromIssuer = true
	case len(policy.Allow) > 0:
		r.Problem("OIDC_TENANT_CLAIM", "is required with OIDC_TENANTS: the claim that names the tenant")
		return nil
	default:
		return nil
	}
	if template && len(policy.Allow) == 0 && !policy.AllowAnyTenant {
		r.Problem("OIDC_TENANTS", "is required with {tenant} in OIDC_DISCOVERY_URL: the tenants to serve (or OIDC_ALLOW_ANY_TENANT=1)")
	}
	if !template && len(policy.Allow) == 0 {
		policy.AllowAnyTenant = true // one issuer vouches for its tenants
	}
	return policy
}
