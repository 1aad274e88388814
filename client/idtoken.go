package client

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/jws"
)

const maxSubject = 255

// VerifyIDToken checks an ID token that came by another way than Exchange:
// signature, issuer, audience, times, that it does not say it is another kind
// of token, and the nonce as the options say. Pass either Nonce or
// WithoutNonce. A valid token does not prove who brought it, nor that it was
// meant for this session.
//
// Errors: KindToken, naming the claim; KindUnreachable when the keys cannot be
// had; KindConfig without either option, for an empty nonce, and for a provider
// without keys, whose tokens can only be trusted straight from its token
// endpoint.
func (c *Client) VerifyIDToken(ctx context.Context, raw string, opts ...IDTokenOption) (*gooidc.IDToken, error) {
	const op = "verify ID token"
	var want nonceWanted
	if err := want.read(op, opts); err != nil {
		return nil, err
	}
	md, err := c.metadata(ctx, op)
	if err != nil {
		return nil, err
	}
	return c.idToken(ctx, md, raw, idTokenChecks{op: op, nonce: want.nonce, anyNonce: want.without})
}

// idTokenChecks says what, beyond the rules for all, one ID token is held to.
type idTokenChecks struct {
	op          string
	nonce       string
	anyNonce    bool
	accessToken string // for at_hash
	maxAge      *time.Duration
	started     time.Time // of the login
	acr         []string
	direct      bool // it came straight from the token endpoint
	unsigned    bool // the signature is not checked
}

// idToken makes every check of ours, with errors that name the claim, and then go-oidc's.
func (c *Client) idToken(ctx context.Context, md *discovery.Metadata, raw string, want idTokenChecks) (*gooidc.IDToken, error) {
	token, err := c.signed(ctx, md, raw, signatureChecks{op: want.op, direct: want.direct, unsigned: want.unsigned})
	if err != nil {
		return nil, err
	}
	set, err := claims.Parse(token.Payload)
	if err != nil {
		return nil, wrap(want.op, err)
	}
	for _, check := range []func() error{
		func() error { return checkIDTokenPurpose(set, want.op) },
		func() error { return c.checkParties(set, md, want.op) },
		func() error { return c.checkTimes(set, want.op) },
		func() error { return c.checkNonce(set, want) },
		func() error { return checkAccessTokenHash(set, token.Alg, want) },
		func() error { return c.checkAuthentication(set, want) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	// go-oidc's errors are untyped and quote values of the token, so they are discarded. Its times are off because ours
	// allow Config.ClockSkew.
	verifier := gooidc.NewVerifier(md.Issuer, verified{raw, []byte(token.Payload)}, &gooidc.Config{
		ClientID: c.cfg.ClientID, SupportedSigningAlgs: []string{token.Alg}, SkipExpiryCheck: true,
	})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, tokenError(want.op, "", "the ID token does not have the form that go-oidc expects")
	}
	return id, nil
}

// verified is go-oidc's key set for one token whose signature has been dealt with.
type verified struct {
	raw     string
	payload []byte
}

var errOtherToken = errors.New("client: another token than the one that was verified")

// VerifySignature implements gooidc.KeySet.
func (v verified) VerifySignature(_ context.Context, jwt string) ([]byte, error) {
	if jwt != v.raw {
		return nil, errOtherToken
	}
	return v.payload, nil
}

// checkParties is iss, aud, azp and sub (OIDC Core 3.1.3.7, points 2 to 5, and section 2).
func (c *Client) checkParties(set *claims.Set, md *discovery.Metadata, op string) error {
	if err := c.checkIssuedFor(set, md, op); err != nil {
		return err
	}
	audience, err := set.Strings("aud")
	if err != nil {
		return wrap(op, err)
	}
	azp, has, err := set.String("azp")
	switch {
	case err != nil:
		return wrap(op, err)
	case has && azp != c.cfg.ClientID:
		return tokenError(op, "azp", "azp is another client")
	case !has && len(audience) > 1:
		return tokenError(op, "azp", "azp is missing, although the ID token has several audiences")
	}
	return checkSubject(set, op)
}

// checkIssuedFor is iss and aud.
func (c *Client) checkIssuedFor(set *claims.Set, md *discovery.Metadata, op string) error {
	if md.Issuer == "" {
		return configError(op, "Issuer", "is needed to check ID tokens at a provider without DiscoveryURL")
	}
	if err := set.CheckIssuer(md.Issuer); err != nil {
		return wrap(op, err)
	}
	return wrap(op, set.CheckAudience(c.cfg.ClientID))
}

func checkSubject(set *claims.Set, op string) error {
	sub, _, err := set.String("sub")
	switch {
	case err != nil:
		return wrap(op, err)
	case sub == "":
		return tokenError(op, "sub", "sub is missing")
	case len(sub) > maxSubject || strings.ContainsFunc(sub, func(r rune) bool { return r > '~' || r < ' ' }):
		return tokenError(op, "sub", "sub is not at most %d ASCII characters", maxSubject)
	}
	return nil
}

// checkTimes is exp, iat (both required) and nbf.
func (c *Client) checkTimes(set *claims.Set, op string) error {
	if err := set.CheckTimes(time.Now(), c.cfg.ClockSkew, true); err != nil {
		return wrap(op, err)
	}
	if !set.Has("iat") {
		return tokenError(op, "iat", "iat is missing")
	}
	return nil
}

func (c *Client) checkNonce(set *claims.Set, want idTokenChecks) error {
	nonce, has, err := set.String("nonce")
	switch {
	case err != nil:
		return wrap(want.op, err)
	case want.anyNonce:
		return nil
	case !has && c.cfg.AllowMissingNonce:
		return nil
	case !has:
		return tokenError(want.op, "nonce", "nonce is missing; Config.AllowMissingNonce accepts that")
	case subtle.ConstantTimeCompare([]byte(nonce), []byte(want.nonce)) != 1:
		return tokenError(want.op, "nonce", "nonce is not the one of this login")
	}
	return nil
}

// checkAccessTokenHash ties the access token to the ID token where the provider does (OIDC Core 3.1.3.8).
func checkAccessTokenHash(set *claims.Set, alg string, want idTokenChecks) error {
	sent, has, err := set.String("at_hash")
	if err != nil {
		return wrap(want.op, err)
	}
	if !has || want.accessToken == "" {
		return nil
	}
	hash := jws.Hash(alg)
	if hash == 0 {
		return tokenError(want.op, "at_hash", "at_hash cannot be checked: it is not known which hash goes with the token's alg")
	}
	h := hash.New()
	h.Write([]byte(want.accessToken))
	half := base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:hash.Size()/2])
	if subtle.ConstantTimeCompare([]byte(sent), []byte(half)) != 1 {
		return tokenError(want.op, "at_hash", "at_hash does not fit the access token")
	}
	return nil
}

// checkAuthentication is auth_time under max_age, and acr when one was demanded.
func (c *Client) checkAuthentication(set *claims.Set, want idTokenChecks) error {
	if want.maxAge != nil {
		at, has, err := set.Time("auth_time")
		switch {
		case err != nil:
			return wrap(want.op, err)
		case !has:
			return tokenError(want.op, "auth_time", "auth_time is missing, although a max age was asked for")
		case at.Unix() == 0: // Glewlwyd: no login would ever be fresh enough
			return tokenError(want.op, "auth_time", "auth_time is 0: the provider does not say when the user signed in, so it cannot serve a max age")
		case at.After(time.Now().Add(c.cfg.ClockSkew)):
			return tokenError(want.op, "auth_time", "auth_time lies ahead (is a clock wrong?)")
		}
		// Whoever signed in since this login began did what max_age asks for, however long a consent page kept them.
		oldest := time.Now().Add(-*want.maxAge)
		if !want.started.IsZero() && want.started.Before(oldest) {
			oldest = want.started
		}
		if at.Before(oldest.Add(-c.cfg.ClockSkew)) {
			return tokenError(want.op, "auth_time", "the user signed in longer ago than the max age asked for")
		}
	}
	if len(want.acr) == 0 {
		return nil
	}
	acr, has, err := set.String("acr")
	switch {
	case err != nil:
		return wrap(want.op, err)
	case !has:
		return tokenError(want.op, "acr", "acr is missing, although one was demanded")
	case !slices.Contains(want.acr, acr):
		return tokenError(want.op, "acr", "acr is not one of those demanded")
	}
	return nil
}
