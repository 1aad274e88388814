package client

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/remote"
)

// signatureChecks says how a token's form and signature are checked.
type signatureChecks struct {
	op       string
	types    []string // of the header; nil = JWT
	direct   bool
	unsigned bool
}

// signed parses a token and checks its signature in the way the provider and
// the configuration call for: an HS256 signature against the client secret,
// every other against the provider's keys. The two never cross, so that a token
// signed with a published key as the secret of HS256 is refused.
func (c *Client) signed(ctx context.Context, md *discovery.Metadata, raw string, want signatureChecks) (*jws.Token, error) {
	options, err := c.signatures(ctx, want.op, md, want.direct)
	if err != nil {
		return nil, err
	}
	options.Types = want.types
	token, err := jws.Parse(raw, options)
	switch {
	case err != nil, options.AnyAlg:
	case token.Alg == hs256:
		return token, c.verifyHMAC(ctx, token, want.op)
	case !want.unsigned:
		_, err = c.keys.Verify(ctx, token)
	}
	if c.unlisted(err, want) {
		token, err = c.relisted(ctx, md, raw, want, err)
	}
	return token, wrap(want.op, err)
}

// verifyHMAC checks an HS256 signature with the client secret as it is now.
func (c *Client) verifyHMAC(ctx context.Context, token *jws.Token, op string) error {
	secret, err := c.auth.Secret(ctx)
	if err != nil {
		e := configError(op, "Auth", "oidc.Secret gave no usable client secret, which is the key of HS256 ID tokens")
		e.Err = errors.Join(e.Err, err)
		return e
	}
	return wrap(op, token.VerifyHMAC([]byte(secret)))
}

// signatures says under which algorithms tokens are accepted, or what to change
// because none can ever be. AnyAlg means that nothing can check the signature:
// TLS vouches for a token that came directly from the token endpoint.
func (c *Client) signatures(ctx context.Context, op string, md *discovery.Metadata, direct bool) (jws.Options, error) {
	switch {
	case md.JWKSURI != "" || slices.Contains(c.cfg.IDTokenAlgs, hs256):
		algs := c.idTokenAlgs(md)
		if len(algs) == 0 {
			return jws.Options{}, configError(op, "IDTokenAlgs", "the provider's metadata lists %s for ID tokens, and no asymmetric algorithm that is known here: "+
				"set this field to the one it signs this client's ID tokens with; HS256, if that is it, takes ClientSecret as its key", remote.Quote(strings.Join(md.IDTokenSigningAlgs, " ")))
		}
		c.noteAlgs(ctx, algs)
		if c.cfg.SkipIDTokenSignature && md.JWKSURI != "" {
			c.warnKeysUse.Do(func() {
				c.log.WarnContext(ctx, "SkipIDTokenSignature is set, but the provider has keys: signatures are checked; remove it")
			})
		}
		return jws.Options{Algs: algs}, nil
	case !c.cfg.SkipIDTokenSignature:
		return jws.Options{}, missingEndpoint(op, "jwks_uri", "JWKS")
	case !direct:
		return jws.Options{}, configError(op, "SkipIDTokenSignature", "trusts only what comes straight from the token endpoint: this token cannot be checked")
	case !secure(md.TokenEndpoint):
		return jws.Options{}, configError(op, "SkipIDTokenSignature", "needs an https token endpoint, for TLS alone vouches for the ID token then")
	}
	return jws.Options{AnyAlg: true}, nil
}

// readySignatures makes sure, before a code is spent, that the ID token it
// brings can be checked: that the configuration allows it at all, and that keys
// are held where they are needed. No I/O while they are.
func (c *Client) readySignatures(ctx context.Context, op string, md *discovery.Metadata) error {
	options, err := c.signatures(ctx, op, md, true)
	if err != nil {
		return err
	}
	if md.JWKSURI == "" || !slices.ContainsFunc(options.Algs, func(alg string) bool { return alg != hs256 }) {
		return nil
	}
	return wrap(op, c.keys.Ready(ctx))
}

// noteAlgs logs each allow-list once, when it comes into force: an operator
// should see when it holds more than the one algorithm that the provider uses
// for this client, because logout tokens under the others are accepted too.
func (c *Client) noteAlgs(ctx context.Context, algs []string) {
	list := strings.Join(algs, " ")
	if last := c.algs.Swap(&list); last != nil && *last == list {
		return
	}
	c.log.InfoContext(ctx, "signatures of ID tokens, logout tokens and userinfo are accepted under these algorithms; Config.IDTokenAlgs restricts them",
		"algs", list, "configured", len(c.cfg.IDTokenAlgs) > 0)
}

// idTokenAlgs is the allow-list: the configured one, or what the metadata lists of the asymmetric algorithms, or these.
func (c *Client) idTokenAlgs(md *discovery.Metadata) []string {
	if len(c.cfg.IDTokenAlgs) > 0 {
		return c.cfg.IDTokenAlgs
	}
	if len(md.IDTokenSigningAlgs) == 0 {
		return jws.Algs
	}
	return slices.DeleteFunc(slices.Clone(jws.Algs), func(alg string) bool { return !slices.Contains(md.IDTokenSigningAlgs, alg) })
}
