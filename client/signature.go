package client

import (
	"context"
	"slices"

	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/jws"
)

// signatureChecks says how a token's form and signature are checked.
type signatureChecks struct {
	op       string
	types    []string // of the header; nil = JWT
	direct   bool
	unsigned bool
}

// signed parses a token and checks its signature in the way the provider and the configuration call for.
func (c *Client) signed(ctx context.Context, md *discovery.Metadata, raw string, want signatureChecks) (*jws.Token, error) {
	symmetric := slices.Contains(c.cfg.IDTokenAlgs, hs256)
	switch {
	case md.JWKSURI != "" && symmetric:
		return nil, configError(want.op, "IDTokenAlgs", "HS256 is for a provider without keys, this one has a jwks_uri")
	case md.JWKSURI != "":
		algs := c.idTokenAlgs(md)
		if len(algs) == 0 {
			return nil, configError(want.op, "IDTokenAlgs", "the provider's metadata lists no asymmetric algorithm for ID tokens; set this field if it does use one")
		}
		if c.cfg.SkipIDTokenSignature {
			c.warnKeysUse.Do(func() {
				c.log.WarnContext(ctx, "SkipIDTokenSignature is set, but the provider has keys: signatures are checked; remove it")
			})
		}
		token, err := jws.Parse(raw, jws.Options{Algs: algs, Types: want.types})
		if err == nil && !want.unsigned {
			_, err = c.keys.Verify(ctx, token)
		}
		if c.unlisted(err, want) {
			token, err = c.relisted(ctx, md, raw, want, err)
		}
		return token, wrap(want.op, err)
	case symmetric:
		token, err := jws.Parse(raw, jws.Options{Algs: c.cfg.IDTokenAlgs, Types: want.types})
		if err == nil {
			err = token.VerifyHMAC(c.secret())
		}
		return token, wrap(want.op, err)
	case !c.cfg.SkipIDTokenSignature:
		return nil, missingEndpoint(want.op, "jwks_uri", "JWKS")
	case !want.direct:
		return nil, configError(want.op, "SkipIDTokenSignature", "trusts only what comes straight from the token endpoint: this token cannot be checked")
	case !secure(md.TokenEndpoint):
		return nil, configError(want.op, "SkipIDTokenSignature", "needs an https token endpoint, for TLS alone vouches for the ID token then")
	}
	token, err := jws.Parse(raw, jws.Options{AnyAlg: true, Types: want.types}) // nothing can check the signature
	return token, wrap(want.op, err)
}

// readyKeys makes sure that keys are held, where signatures are checked with keys: no I/O while they are.
func (c *Client) readyKeys(ctx context.Context, op string, md *discovery.Metadata) error {
	if md.JWKSURI == "" || slices.Contains(c.cfg.IDTokenAlgs, hs256) {
		return nil
	}
	return wrap(op, c.keys.Ready(ctx))
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
