package client

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/endpoint"
)

// UserInfo is what the userinfo endpoint says about a user (OIDC Core 5.3). It is immutable.
type UserInfo struct {
	Subject string
	set     *claims.Set
}

// Decode unmarshals the claims into v with encoding/json.
func (u *UserInfo) Decode(v any) error { return wrap("userinfo", u.set.Decode(v)) }

// Raw returns a copy of the claims' JSON.
func (u *UserInfo) Raw() json.RawMessage { return json.RawMessage(u.set.Raw()) }

// UserInfo asks for the claims of the user whose access token this is. subject is the ID token's and must be the
// answer's: without that comparison another user's claims could be slipped in (OIDC Core 5.3.2).
//
// ErrEndpointMissing when the provider has no such endpoint; KindRefused when it does not take the token (a token for
// another resource, for example); KindToken when sub differs or a signed answer fails a check.
func (c *Client) UserInfo(ctx context.Context, accessToken, subject string) (*UserInfo, error) {
	const op = "userinfo"
	if subject == "" {
		return nil, configError(op, "", "needs the subject of the ID token, to compare it with the answer's")
	}
	md, err := c.metadata(ctx, op)
	if err != nil {
		return nil, err
	}
	if md.UserInfoEndpoint == "" {
		return nil, missingEndpoint(op, "userinfo_endpoint", "UserInfo")
	}
	got, err := c.wire.Get(ctx, endpoint.Target{Name: oidc.OperationUserInfo, URL: md.UserInfoEndpoint, Issuer: md.Issuer}, accessToken)
	c.outcome(ctx, md.UserInfoEndpoint, err)
	if err != nil {
		return nil, wrap(op, err)
	}
	set, err := c.userInfoClaims(ctx, op, md, got)
	if err != nil {
		return nil, err
	}
	sub, _, err := set.String("sub")
	switch {
	case err != nil:
		return nil, wrap(op, err)
	case sub == "":
		return nil, tokenError(op, "sub", "the userinfo answer has no sub")
	case sub != subject:
		return nil, tokenError(op, "sub", "the userinfo answer is about another subject than the ID token")
	}
	return &UserInfo{Subject: sub, set: set}, nil
}

// userInfoClaims reads an answer in JSON, or a signed one (OIDC Core 5.3.2),
// which names its issuer and audience. One with an exp counts until then: an
// old answer would bring back rights that the user has lost since.
func (c *Client) userInfoClaims(ctx context.Context, op string, md *discovery.Metadata, got *endpoint.Answer) (*claims.Set, error) {
	mediaType, _, _ := strings.Cut(got.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(mediaType), "application/jwt") {
		set, err := got.Claims()
		if err != nil {
			return nil, protocolError(op, "the userinfo answer is not one JSON object with each member once")
		}
		return set, nil
	}
	token, err := c.signed(ctx, md, strings.TrimSpace(string(got.Body)), signatureChecks{op: op})
	if err != nil {
		return nil, err
	}
	set, err := claims.Parse(token.Payload)
	if err != nil {
		return nil, wrap(op, err)
	}
	if err := c.checkIssuedFor(set, md, op); err != nil {
		return nil, err
	}
	if err := set.CheckTimes(time.Now(), c.cfg.ClockSkew, false); err != nil {
		return nil, wrap(op, err)
	}
	return set, checkUserInfoPurpose(set, op)
}
