package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
)

// ClientCredentials returns a source of the client's own tokens (RFC 6749 section 4.4). It asks for none yet: a
// request that cannot be made shows itself as a KindConfig error of the source.
func (c *Client) ClientCredentials(r TokenRequest) *TokenSource {
	return newTokenSource(c, r, c.clientCredentials)
}

func (c *Client) clientCredentials(ctx context.Context, r TokenRequest) (*Tokens, error) {
	const op = "client credentials"
	form, err := r.form(op, "client_credentials")
	if err != nil {
		return nil, err
	}
	md, err := c.metadata(ctx, op)
	if err != nil {
		return nil, err
	}
	t, err := c.requestTokens(ctx, op, md, form)
	if err != nil {
		return nil, err
	}
	if t.Scopes == nil {
		t.Scopes = slices.Clone(r.Scopes)
	}
	t.RefreshToken, t.RawIDToken = "", "" // this grant has neither, though some providers send them
	c.noteAudience(ctx, t.AccessToken, r.Resources, r.Audience)
	return t, nil
}

// Refresh redeems a refresh token once, never retrying: providers that rotate take a second use for theft and revoke
// the whole chain. Save the answer's RefreshToken before using its access token; it is the old one when none was sent.
// Without Resources and Audience it asks for Config.Resources, as the login did.
//
// ErrReauthRequired when the provider answers invalid_grant, or refreshToken is empty, or the answer is a 400 without a
// word (some say no more when a refresh token has expired: a guess, so keep it). A new ID token is verified, but only the
// caller knows whose tokens these were: compare its subject.
func (c *Client) Refresh(ctx context.Context, refreshToken string, r TokenRequest) (*Tokens, error) {
	if r.Resources == nil && r.Audience == nil {
		r.Resources = c.cfg.Resources
	}
	return c.refresh(ctx, refreshToken, r, refreshOf{})
}

// refreshOf is what a refreshed answer must agree with (OIDC Core 12.2); zero = nothing known.
type refreshOf struct {
	Issuer, Subject, Nonce string
	Audience               []string
}

// refresh is the single step used by sessions. A KindToken error comes after the refresh token was spent.
func (c *Client) refresh(ctx context.Context, refreshToken string, r TokenRequest, prev refreshOf) (*Tokens, error) {
	const op = "refresh"
	if refreshToken == "" {
		return nil, &Error{Kind: KindRefused, Op: op, Err: ErrReauthRequired, detail: "there is no refresh token: the user has to sign in again"}
	}
	form, err := r.form(op, "refresh_token")
	if err != nil {
		return nil, err
	}
	form.Set("refresh_token", refreshToken)
	md, err := c.metadata(ctx, op)
	if err != nil {
		return nil, err
	}
	t, err := c.requestTokens(ctx, op, md, form)
	if err != nil {
		return nil, refused(err)
	}
	if t.RefreshToken == "" {
		t.RefreshToken = refreshToken
	}
	c.noteAudience(ctx, t.AccessToken, r.Resources, r.Audience)
	if t.RawIDToken == "" {
		return t, nil
	}
	checks := idTokenChecks{op: op, accessToken: t.AccessToken, direct: true, refresh: &prev}
	t.IDToken, err = c.idToken(ctx, md, t.RawIDToken, checks)
	if kind := kindOf(err); (kind == KindUnreachable || kind == KindProtocol) && secure(md.TokenEndpoint) {
		// The refresh token may be spent, so the answer must not be lost because no usable keys can be had now. TLS
		// vouches for the claims (OIDC Core 3.1.3.7, point 6), which must agree all the same; the ID token is not handed out.
		checks.unsigned = true
		_, err = c.idToken(ctx, md, t.RawIDToken, checks)
		c.log.WarnContext(ctx, "the ID token of a refresh was dropped: the provider's keys cannot be had")
		t.RawIDToken, t.IDToken = "", nil
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// refused makes invalid_grant an ErrReauthRequired, and so an empty 400. The latter is no verdict: what it was about may
// work again later, so it ends nothing that is kept.
func refused(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != KindRefused {
		return err
	}
	switch {
	case e.Code == "invalid_grant":
		e.Err = ErrReauthRequired
	case e.silent && e.Status == http.StatusBadRequest:
		e.Err = ErrReauthRequired
	}
	return e
}

// final reports whether err says for good that tokens cannot be renewed any more.
func final(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return errors.Is(err, ErrReauthRequired) && !(ok && e.silent)
}
