package client

import (
	"context"
	"net/url"

	"github.com/relyingparty/oidc/internal/redact"
)

// maxLogoutURL is what every browser, proxy and server takes of a URL.
const maxLogoutURL = 2 << 10

// EndSessionRequest is a logout at the provider, started here (OIDC RP-Initiated Logout). It prints as [redacted].
type EndSessionRequest struct {
	redact.All

	// IDTokenHint is the session's raw ID token; providers that do not get it ask the user. EndSessionURL leaves it out
	// where the URL would exceed 2 KiB.
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
	endpoint, params, err := c.endSession(ctx, r)
	if err != nil {
		return "", err
	}
	to, _ := endSessionURL(endpoint, params)
	return to, nil
}

// endSession is the request that EndSessionURL puts into a URL.
func (c *Client) endSession(ctx context.Context, r EndSessionRequest) (endpoint string, params url.Values, err error) {
	const op = "end session"
	md, err := c.metadata(ctx, op)
	if err != nil {
		return "", nil, err
	}
	if md.EndSessionEndpoint == "" {
		return "", nil, missingEndpoint(op, "end_session_endpoint", "EndSession")
	}
	params = url.Values{"client_id": {c.cfg.ClientID}}
	for name, value := range map[string]string{
		"id_token_hint": r.IDTokenHint, "post_logout_redirect_uri": r.PostLogoutRedirectURI,
		"state": r.State, "logout_hint": r.LogoutHint,
	} {
		if value != "" {
			params.Set(name, value)
		}
	}
	return md.EndSessionEndpoint, params, nil
}

// endSessionURL leaves the hint out of a URL that would be too long; whole tells
// that it did not have to. A long ID token holds many claims of the person, which
// belong into no server's log either.
func endSessionURL(endpoint string, params url.Values) (to string, whole bool) {
	if to = withQuery(endpoint, params); len(to) <= maxLogoutURL || !params.Has("id_token_hint") {
		return to, true
	}
	params.Del("id_token_hint")
	return withQuery(endpoint, params), false
}
