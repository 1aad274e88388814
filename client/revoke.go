package client

import (
	"context"
	"net/url"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/endpoint"
)

// Revoke makes a token invalid (RFC 7009). hint is "refresh_token", "access_token" or empty; revoking a refresh token
// usually ends its access tokens too. Success does not prove that the token was valid before.
//
// ErrEndpointMissing when the provider has no such endpoint.
func (c *Client) Revoke(ctx context.Context, token, hint string) error {
	const op = "revoke"
	if token == "" {
		return configError(op, "", "needs a token")
	}
	md, err := c.metadata(ctx, op)
	if err != nil {
		return err
	}
	if md.RevocationEndpoint == "" {
		return missingEndpoint(op, "revocation_endpoint", "Revocation")
	}
	methods := md.RevocationEndpointAuthMethods
	if methods == nil {
		methods = md.TokenEndpointAuthMethods // RFC 8414 leaves it open; no provider authenticates differently there without saying so
	}
	form := url.Values{"token": {token}}
	if hint != "" {
		form.Set("token_type_hint", hint)
	}
	_, err = c.post(ctx, op, endpoint.Target{
		Name: oidc.OperationRevocation, URL: md.RevocationEndpoint, Issuer: md.Issuer, TokenEndpoint: md.TokenEndpoint,
		Methods: methods, EmptyOK: true,
	}, form)
	return err
}
