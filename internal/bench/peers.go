package main

import (
	"context"
	"net/url"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	jwksv2 "github.com/auth0/go-jwt-middleware/v2/jwks"
	validatorv2 "github.com/auth0/go-jwt-middleware/v2/validator"
	jwksv3 "github.com/auth0/go-jwt-middleware/v3/jwks"
	validatorv3 "github.com/auth0/go-jwt-middleware/v3/validator"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/httprc/v3"
	jwkv2 "github.com/lestrrat-go/jwx/v2/jwk"
	jwtv2 "github.com/lestrrat-go/jwx/v2/jwt"
	jwkv3 "github.com/lestrrat-go/jwx/v3/jwk"
	jwtv3 "github.com/lestrrat-go/jwx/v3/jwt"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// peers are the other libraries. What this project itself must not use is used here: it is what is compared with.
var peers = []verifier{
	{"golang-jwt v5 + keyfunc v3", setUpGolangJWT},
	{"go-oidc v3", setUpGoOIDC},
	{"jwx v2", setUpJWX2},
	{"jwx v3", setUpJWX3},
	{"auth0/go-jwt-middleware v2", setUpAuth02},
	{"auth0/go-jwt-middleware v3", setUpAuth03},
	{"zitadel/oidc v3", setUpZitadel},
}

func setUpGolangJWT(ctx context.Context, p *provider, alg string) (verify, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{p.issuer + "/jwks"}, keyfunc.Override{Client: p.client()})
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithIssuer(p.issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(skew))
	return func(_ context.Context, token string) error {
		_, err := parser.Parse(token, keys.Keyfunc)
		return err
	}, nil
}

func newGoOIDC(ctx context.Context, p *provider, alg string) *oidc.IDTokenVerifier {
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(ctx, p.client()), p.issuer+"/jwks") //nolint:forbidigo // a peer, as its users set it up
	return oidc.NewVerifier(p.issuer, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{alg}})
}

func setUpGoOIDC(ctx context.Context, p *provider, alg string) (verify, error) {
	v := newGoOIDC(ctx, p, alg)
	return func(ctx context.Context, token string) error {
		_, err := v.Verify(ctx, token)
		return err
	}, nil
}

func setUpJWX2(ctx context.Context, p *provider, _ string) (verify, error) {
	location := p.issuer + "/jwks"
	cache := jwkv2.NewCache(ctx) //nolint:forbidigo // a peer, as its users set it up
	if err := cache.Register(location, jwkv2.WithHTTPClient(p.client())); err != nil {
		return nil, err
	}
	if _, err := cache.Refresh(ctx, location); err != nil {
		return nil, err
	}
	keys := jwkv2.NewCachedSet(cache, location)
	return func(_ context.Context, token string) error {
		_, err := jwtv2.Parse([]byte(token), //nolint:forbidigo // a peer, as its users set it up
			jwtv2.WithKeySet(keys), jwtv2.WithValidate(true), jwtv2.WithIssuer(p.issuer),
			jwtv2.WithAudience(audience), jwtv2.WithRequiredClaim("exp"), jwtv2.WithAcceptableSkew(skew))
		return err
	}, nil
}

func setUpJWX3(ctx context.Context, p *provider, _ string) (verify, error) {
	location := p.issuer + "/jwks"
	cache, err := jwkv3.NewCache(ctx, httprc.NewClient()) //nolint:forbidigo // a peer, as its users set it up
	if err != nil {
		return nil, err
	}
	if err := cache.Register(ctx, location, jwkv3.WithHTTPClient(p.client())); err != nil {
		return nil, err
	}
	keys, err := cache.CachedSet(location)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, token string) error {
		_, err := jwtv3.Parse([]byte(token), //nolint:forbidigo // a peer, as its users set it up
			jwtv3.WithKeySet(keys), jwtv3.WithValidate(true), jwtv3.WithIssuer(p.issuer),
			jwtv3.WithAudience(audience), jwtv3.WithRequiredClaim("exp"), jwtv3.WithAcceptableSkew(skew))
		return err
	}, nil
}

func newAuth02(p *provider, alg string) (*validatorv2.Validator, error) {
	at, err := url.Parse(p.issuer)
	if err != nil {
		return nil, err
	}
	keys := jwksv2.NewCachingProvider(at, time.Hour, jwksv2.WithCustomClient(p.client()))
	return validatorv2.New(keys.KeyFunc, validatorv2.SignatureAlgorithm(alg), p.issuer, []string{audience}, validatorv2.WithAllowedClockSkew(skew))
}

func setUpAuth02(_ context.Context, p *provider, alg string) (verify, error) {
	v, err := newAuth02(p, alg)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, token string) error {
		_, err := v.ValidateToken(ctx, token)
		return err
	}, nil
}

func newAuth03(p *provider, alg string) (*validatorv3.Validator, error) {
	at, err := url.Parse(p.issuer)
	if err != nil {
		return nil, err
	}
	keys, err := jwksv3.NewCachingProvider(jwksv3.WithIssuerURL(at), jwksv3.WithCustomClient(p.client()), jwksv3.WithCacheTTL(time.Hour))
	if err != nil {
		return nil, err
	}
	return validatorv3.New(validatorv3.WithKeyFunc(keys.KeyFunc), validatorv3.WithAlgorithm(validatorv3.SignatureAlgorithm(alg)),
		validatorv3.WithIssuer(p.issuer), validatorv3.WithAudience(audience), validatorv3.WithAllowedClockSkew(skew))
}

func setUpAuth03(_ context.Context, p *provider, alg string) (verify, error) {
	v, err := newAuth03(p, alg)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, token string) error {
		_, err := v.ValidateToken(ctx, token)
		return err
	}, nil
}

func setUpZitadel(_ context.Context, p *provider, alg string) (verify, error) {
	v := op.NewAccessTokenVerifier(p.issuer, rp.NewRemoteKeySet(p.client(), p.issuer+"/jwks"), op.WithSupportedAccessTokenSigningAlgorithms(alg))
	return func(ctx context.Context, token string) error {
		_, err := op.VerifyAccessToken[*zoidc.AccessTokenClaims](ctx, token, v)
		return err
	}, nil
}
