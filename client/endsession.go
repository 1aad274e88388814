package client

import (
	"context"
	"net/url"

	"github.com/relyingparty/oidc/internal/redact"
)

// EndSessionRequest is a logout at the provider, started here (OIDC RP-Initiated Logout). It prints as [redacted].
type EndSessionRequest struct {
	redact.All

	// IDTokenHint is the session's raw ID token; providers that do not get it ask the user.
	IDTokenHint string
	// PostLogoutRedirectURI is a registered URL where the browser goes afterwards; State comes back to it.
	PostLogoutRedirectURI string
	State                 string
	// LogoutHint says who is signing out, as LoginHint does for login.
	LogoutHint string
}

// EndSessionURL returns the URL that ends the user's session at the provider, to send the browser to.
// ErrEndpointMissing when the provider has no such endpoint: then only the application's own session can end.
func (c *Client) EndSessionURL(ctx context.Context, r EndSessionRequest) (string, error) {
	const op = "end session"
	md, err := c.metadata(ctx, op)
	if err != nil {
		return "", err
	}
	if md.EndSessionEndpoint == "" {
		return "", missingEndpoint(op, "end_session_endpoint", "EndSession")
	}
	params := url.Values{"client_id": {c.cfg.ClientID}}
	for name, value := range map[string]string{
		"id_token_hint": r.IDTokenHint, "post_logout_redirect_uri": r.PostLogoutRedirectURI,
		"state": r.State, "logout_hint": r.LogoutHint,
	} {
		if value != "" {
			params.Set(name, value)
		}
	}
	return withQuery(md.EndSessionEndpoint, params), nil
}
