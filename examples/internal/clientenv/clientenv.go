// Package clientenv turns the environment into a client.Config for the examples that are clients. It stands apart from env,
// so that the API example links no login code.
package clientenv

import (
	"log/slog"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/examples/internal/env"
)

// Config reads what login and service share.
func Config(r *env.Reader, logger *slog.Logger) client.Config {
	p := r.Provider()
	r.Require("OIDC_CLIENT_ID", "the id this program is registered under")
	return client.Config{
		DiscoveryURL: p.DiscoveryURL,
		Issuer:       p.Issuer,
		Endpoints: client.Endpoints{
			Authorization: p.Authorization,
			Token:         p.Token,
			JWKS:          p.JWKS,
			UserInfo:      p.UserInfo,
			Introspection: p.Introspection,
			Revocation:    p.Revocation,
			EndSession:    p.EndSession,
		},
		ClientID:     p.ClientID,
		ClientSecret: p.ClientSecret,
		AuthMethod:   p.AuthMethod,
		Auth:         p.Auth,
		Scopes:       r.List("OIDC_SCOPES"),
		Resources:    r.List("OIDC_RESOURCES"),
		Logger:       logger,
	}
}
