package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
)

// maxLogoutAge bounds how long a logout token counts, and so how long its mark is kept, whatever its exp says.
// maxUndatedLogoutAge is the same for one without exp, as providers of the drafts before Back-Channel Logout 1.0 send it
// (Ory Hydra): what the specification recommends as the longest exp.
const (
	maxLogoutAge        = 24 * time.Hour
	maxUndatedLogoutAge = 2 * time.Minute
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutToken is a verified back-channel logout token: Subject or SID is set, or both.
type logoutToken struct {
	Issuer, Subject, SID, JTI string
	Issued                    time.Time
	// Expiry is its exp, or a day after its iat if that is earlier; two minutes after its iat when it has none.
	Expiry time.Time
}

// verifyLogoutToken checks a back-channel logout token (OIDC Back-Channel Logout 2.6) except for jti replay.
func (c *Client) verifyLogoutToken(ctx context.Context, raw string) (*logoutToken, error) {
	const op = "verify logout token"
	md, err := c.metadata(ctx, op)
	if err != nil {
		return nil, err
	}
	token, err := c.signed(ctx, md, raw, signatureChecks{op: op, types: []string{"logout+jwt", "jwt"}})
	if err != nil {
		// Of a token without kid nobody can say whether a key is missing.
		if e, ok := errors.AsType[*Error](err); ok && e.Claim == "signature" && token != nil && token.KeyID == "" {
			e.unknownKey = true
		}
		return nil, err
	}
	set, err := claims.Parse(token.Payload)
	if err != nil {
		return nil, wrap(op, err)
	}
	if err := c.checkIssuedFor(set, md, op); err != nil {
		return nil, err
	}
	if err := set.CheckTimes(time.Now(), c.cfg.ClockSkew, false); err != nil { // checkLogoutAge knows what holds without exp
		return nil, wrap(op, err)
	}
	if err := checkLogoutEvent(set, op); err != nil {
		return nil, err
	}
	if err := checkLogoutPurpose(set, op); err != nil {
		return nil, err
	}
	t := new(logoutToken)
	for name, field := range map[string]*string{"iss": &t.Issuer, "sub": &t.Subject, "sid": &t.SID, "jti": &t.JTI} {
		if *field, _, err = set.String(name); err != nil {
			return nil, wrap(op, err)
		}
	}
	if err := c.checkLogoutAge(set, t, op); err != nil {
		return nil, err
	}
	switch {
	case t.JTI == "":
		return nil, tokenError(op, "jti", "jti is missing")
	case t.Subject == "" && t.SID == "":
		return nil, tokenError(op, "sub", "both sub and sid are missing")
	}
	return t, nil
}

// checkLogoutAge sets t's expiry.
func (c *Client) checkLogoutAge(set *claims.Set, t *logoutToken, op string) error {
	issued, ok, err := set.Time("iat")
	switch {
	case err != nil:
		return wrap(op, err)
	case !ok:
		return tokenError(op, "iat", "iat is missing")
	}
	t.Issued = issued
	if t.Expiry, ok, err = set.Time("exp"); err != nil {
		return wrap(op, err)
	}
	last := issued.Add(maxLogoutAge)
	switch {
	case !ok && set.Holds("exp"):
		return tokenError(op, "exp", "exp is null")
	case !ok:
		last = issued.Add(maxUndatedLogoutAge)
	}
	if !ok || last.Before(t.Expiry) {
		t.Expiry = last
	}
	if time.Now().After(t.Expiry.Add(c.cfg.ClockSkew)) {
		return tokenError(op, "iat", "the logout token was issued too long ago (more than a day; two minutes without exp)")
	}
	return nil
}

// checkLogoutEvent tells a logout token from an ID token: it has the event, and no nonce.
func checkLogoutEvent(set *claims.Set, op string) error {
	if set.Holds("nonce") {
		return tokenError(op, "nonce", "a logout token must not have a nonce")
	}
	event, ok, err := set.Lookup("events", logoutEvent)
	if err != nil {
		return wrap(op, err)
	}
	var members map[string]json.RawMessage
	if !ok || json.Unmarshal([]byte(event), &members) != nil {
		return tokenError(op, "events", "events lacks the back-channel logout event")
	}
	return nil
}
