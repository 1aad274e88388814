package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/relyingparty/oidc/middleware"
)

// skew is the clock skew that every library is told to allow, where it can be told.
const skew = 30 * time.Second

// verify accepts or refuses a token.
type verify func(ctx context.Context, token string) error

// verifier is one library, set up to verify access tokens with a provider's keys, as strictly as it can be told to with
// its own options.
type verifier struct {
	name  string
	setUp func(ctx context.Context, p *provider, alg string) (verify, error)
}

// ours is verified against all peers.
var ours = verifier{"relyingparty/oidc", setUpOurs}

// guard is ours; tokens are verified anew each time when size is negative.
func guard(p *provider, size int, edits ...func(*middleware.Config)) (*middleware.Guard, error) {
	cfg := middleware.Config{
		DiscoveryURL: p.issuer, HTTPClient: p.client(), Audience: []string{audience}, ClockSkew: skew,
		Tenant: middleware.RequireTenant("tenant"), TokenCacheSize: size, Logger: slog.New(slog.DiscardHandler),
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	return middleware.New(cfg)
}

func setUpOurs(_ context.Context, p *provider, _ string) (verify, error) {
	g, err := guard(p, -1)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, token string) error {
		_, err := g.Authenticate(ctx, middleware.Credential{Token: token})
		return err
	}, nil
}

// setUpTimeout is for libraries that wait for ever when their first fetch fails.
const setUpTimeout = 10 * time.Second

var errSetUpHangs = errors.New("setting it up does not end")

// ready sets v up, in time or not at all.
func (v verifier) ready(ctx context.Context, p *provider, alg string) (verify, error) {
	type result struct {
		accept verify
		err    error
	}
	done := make(chan result, 1)
	go func() {
		accept, err := v.setUp(ctx, p, alg)
		done <- result{accept, err}
	}()
	select {
	case r := <-done:
		return r.accept, r.err
	case <-time.After(setUpTimeout):
		return nil, errSetUpHangs
	}
}

var (
	errRefusesGood     = errors.New("refuses a good token")
	errAcceptsCorrupt  = errors.New("accepts a corrupted signature")
	errAcceptsStranger = errors.New("accepts a token of somebody else's key")
)

// inspect makes sure that a verifier verifies, and says which flawed tokens it accepts.
func inspect(ctx context.Context, v verify, s *signer) (lacks string, err error) {
	good := s.sign(standard())
	if err := v(ctx, good); err != nil {
		return "", errors.Join(errRefusesGood, err)
	}
	if v(ctx, corrupt(good)) == nil {
		return "", errAcceptsCorrupt
	}
	if v(ctx, newSigner(s.alg, s.kid).sign(standard())) == nil {
		return "", errAcceptsStranger
	}
	var flaws []string
	for _, p := range s.probes() {
		if v(ctx, p.token) == nil {
			flaws = append(flaws, p.flaw)
		}
	}
	if err := v(ctx, good); err != nil { // the probes must not have broken it
		return "", errors.Join(errRefusesGood, err)
	}
	return strings.Join(flaws, ", "), nil
}
