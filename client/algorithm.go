package client

import (
	"context"
	"errors"
	"slices"

	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/keyset"
)

// unlisted reports whether err refuses an algorithm that newer metadata might
// list.
func (c *Client) unlisted(err error, want signatureChecks) bool {
	e, ok := errors.AsType[*jws.Error](err)
	return ok && e.Reason == jws.AlgNotAllowed && len(c.cfg.IDTokenAlgs) == 0 && !want.unsigned
}

// relisted looks again at a token whose algorithm the metadata does not list:
// the provider may have changed it since. refused is the error that stands
// otherwise.
//
// Anybody can send a token with an odd algorithm, so newer metadata is asked
// for only after a key that the provider publishes has verified the signature,
// and then once in 30 seconds. Looking for that key costs what an unknown kid
// costs.
func (c *Client) relisted(ctx context.Context, md *discovery.Metadata, raw string, want signatureChecks, refused error) (*jws.Token, error) {
	token, err := jws.Parse(raw, jws.Options{Algs: jws.Algs, Types: want.types})
	if err != nil {
		return nil, refused
	}
	if _, err := c.keys.Verify(ctx, token); err != nil {
		if _, ok := errors.AsType[*jws.Error](err); ok || errors.Is(err, keyset.ErrKeyUnfit) {
			return nil, refused
		}
		return nil, err // no verdict: the key may be as new as the algorithm
	}
	newer, err := c.meta.Newer(ctx, md)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(c.idTokenAlgs(newer), token.Alg) {
		return nil, refused
	}
	return token, nil
}
