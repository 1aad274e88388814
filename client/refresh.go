package client

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"

	"github.com/relyingparty/oidc/internal/discovery"
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

// Refresh redeems a refresh token once, never retrying: providers that rotate
// take a second use for theft and revoke the whole chain. Save the answer's
// RefreshToken before using its access token; it is the old one when none was
// sent. Without Resources and Audience it asks for Config.Resources, as the
// login did.
//
// An error means that there is nothing to save. When the answer holds a new
// refresh token but fails a check, Refresh returns Tokens without AccessToken
// and a nil error: save the refresh token, then look at [Tokens.Err], which
// says what failed, and try again later.
//
// ErrReauthRequired means one of these:
//
//   - the provider answered invalid_grant, or refreshToken is empty;
//   - the new ID token has another issuer or audience;
//   - the answer is a 400 without a body. Some providers say no more when a
//     refresh token has expired, so this one is a guess: keep the refresh token.
//
// A new ID token is verified, but only the caller knows whose tokens these
// were: compare its subject.
func (c *Client) Refresh(ctx context.Context, refreshToken string, r TokenRequest) (*Tokens, error) {
	if r.Resources == nil && r.Audience == nil {
		r.Resources = c.cfg.Resources
	}
	t, err := c.refresh(ctx, refreshToken, r, nil)
	if t == nil {
		return nil, err
	}
	t.failure = err
	return t, nil
}

// refreshOf is what a refreshed answer must agree with (OIDC Core 12.2): the
// login's ID token, and the newest one.
type refreshOf struct {
	Issuer, Subject, Nonce string
	Audience               []string
	RawIDToken             string // that was verified last
}

// refresh is the single step used by sessions. prev is nil when nothing is
// known of the login.
//
// When the provider answers with a new refresh token, but the answer fails a
// check, refresh returns both Tokens and an error. The refresh token that was
// sent is spent by then. The Tokens hold no access token; save them before
// looking at the error.
func (c *Client) refresh(ctx context.Context, refreshToken string, r TokenRequest, prev *refreshOf) (*Tokens, error) {
	const op = "refresh"
	switch {
	case refreshToken == "":
		return nil, &Error{Kind: KindRefused, Op: op, Err: ErrReauthRequired, detail: "there is no refresh token: the user has to sign in again"}
	case !printable(refreshToken):
		return nil, configError(op, "", "the refresh token holds characters that no refresh token has (a line end read from a file?)")
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
	if err == nil {
		c.noteAudience(ctx, t.AccessToken, r.Resources, r.Audience)
		err = c.refreshedIDToken(ctx, op, md, t, prev)
	}
	switch {
	case err == nil:
		if t.RefreshToken == "" {
			t.RefreshToken = refreshToken
		}
		return t, nil
	case t == nil || t.RefreshToken == "" || t.RefreshToken == refreshToken || final(err):
		return nil, refused(err)
	}
	return t.withheld(), err
}

// refreshedIDToken checks the ID token of a refresh, where one was sent. Its
// error is an ErrReauthRequired when the token is about another person.
func (c *Client) refreshedIDToken(ctx context.Context, op string, md *discovery.Metadata, t *Tokens, prev *refreshOf) error {
	switch {
	case t.RawIDToken == "":
		return nil
	case prev != nil && t.RawIDToken == prev.RawIDToken:
		// Some providers repeat the ID token that they gave before. It has been
		// checked, and says nothing new; by now its exp may have passed and its
		// at_hash is another access token's.
		t.RawIDToken = ""
		return nil
	}
	// This check comes first, whatever else is wrong with the token, because
	// the next refresh may bring no ID token at all: then another person's
	// access token would pass. Ending a session needs no signature.
	if err := c.checkSamePerson(md, t.RawIDToken, prev, op); err != nil {
		return err
	}
	checks := idTokenChecks{op: op, accessToken: t.AccessToken, direct: true, anyNonce: true}
	var err error
	if t.IDToken, err = c.idToken(ctx, md, t.RawIDToken, checks); !keysMissing(err) || !secure(md.TokenEndpoint) {
		return err
	}
	// A key that cannot be fetched now is no reason to withhold the access
	// token. TLS vouches for the claims (OIDC Core 3.1.3.7, point 6), which
	// must be right all the same. The ID token is not handed out.
	checks.unsigned = true
	if _, err = c.idToken(ctx, md, t.RawIDToken, checks); err != nil {
		return err
	}
	c.log.WarnContext(ctx, "the ID token of a refresh was dropped: the provider's keys cannot be had, or lack the one that signed it")
	t.RawIDToken, t.IDToken = "", nil
	return nil
}

// keysMissing reports whether a signature could not be judged, because the keys
// cannot be fetched or none of them is the token's. The latter may be a key
// that was published moments ago, while the key set must not be fetched again
// yet.
func keysMissing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Kind == KindUnreachable || e.Kind == KindProtocol || e.unknownKey)
}

// checkSamePerson looks for an iss, sub, aud or nonce other than the login's,
// which ends a session (OIDC Core 12.2). A claim that is absent or no string
// does not. The token need not be verified, because this can only refuse it.
func (c *Client) checkSamePerson(md *discovery.Metadata, raw string, prev *refreshOf, op string) error {
	set := unverified(raw)
	if set == nil {
		return nil
	}
	err := c.checkIssuedFor(set, md, op)
	if e, ok := errors.AsType[*Error](err); ok && e.mismatch {
		return somebodyElse(e)
	}
	if prev == nil {
		return nil
	}
	for _, was := range []struct{ claim, value string }{{"iss", prev.Issuer}, {"sub", prev.Subject}, {"nonce", prev.Nonce}} {
		got, has, err := set.String(was.claim)
		if err == nil && has && subtle.ConstantTimeCompare([]byte(got), []byte(was.value)) != 1 {
			return somebodyElse(tokenError(op, was.claim, "%s is not the one of the login", was.claim))
		}
	}
	if aud, err := set.Strings("aud"); err == nil && aud != nil && !slices.Equal(sortedSet(aud), sortedSet(prev.Audience)) {
		return somebodyElse(tokenError(op, "aud", "aud is not the one of the login"))
	}
	return nil
}

func sortedSet(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// somebodyElse makes e an ErrReauthRequired.
func somebodyElse(e *Error) *Error {
	other := *e
	if other.detail == "" && e.Err != nil {
		other.detail = plain(e.Err)
	}
	other.Err = ErrReauthRequired
	return &other
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
