package introspect

import (
	"context"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// ReadAnswers has read make something of each active answer, once. What it
// returns is kept with the answer, for as long as the answer is, and found again
// by Kept and Read. It must be called before the first question, and read must
// not change its argument, which is shared.
//
// It is for package middleware, which would otherwise have to keep what it reads
// in a cache of its own and could not know when an answer has been replaced.
func (c *Client) ReadAnswers(read func(*Result) any) { c.read = read }

// Kept returns what was made of the answer that is kept about the token with this
// digest, nil when there is none that names the expected issuer. It asks nobody
// and checks neither times nor audience. It is for package middleware.
func (c *Client) Kept(token cache.Key, now time.Time) any {
	f := c.positives.Find(token, now)
	if f == nil {
		return nil
	}
	if _, ok := c.issuer(f); !ok {
		return nil
	}
	return f.read
}

// Read is Introspect, and returns what was made of the answer. key is the digest
// of token. It is for package middleware.
func (c *Client) Read(ctx context.Context, key cache.Key, token string, opts ...Option) (any, error) {
	f, err := c.verdict(ctx, key, token, resolve(opts))
	if err != nil {
		return nil, err
	}
	return f.read, nil
}

// prepare is for facts that nobody else has seen yet.
func (c *Client) prepare(f *facts) {
	issuer, ok := c.issuer(f)
	if ok && f.Issuer != "" {
		f.Issuer = issuer // compared with itself on each hit: nothing of the answer's is looked at
	}
	if c.read == nil {
		return
	}
	shown := f.Result
	if ok {
		shown.Issuer = issuer
	}
	f.read = c.read(&shown)
}
