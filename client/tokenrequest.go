package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/endpoint"
	"github.com/relyingparty/oidc/internal/redact"
	"github.com/relyingparty/oidc/internal/remote"
)

const (
	maxNoted  = 100
	noteEvery = 24 * time.Hour
)

// TokenRequest says what a token is for. It prints as [redacted], for Extra may hold secrets.
type TokenRequest struct {
	redact.All

	// Scopes to ask for; nil sends no scope parameter, empty and not nil sends an empty one.
	Scopes []string
	// Resources are the APIs the token is for (RFC 8707): one resource parameter each.
	Resources []string
	// Audience is the same for providers that want it as audience parameters (Hydra, Auth0).
	Audience []string
	// Extra parameters win over Config.ExtraTokenParams. What the package itself sends cannot be set.
	Extra url.Values
}

// form returns a token request with r's parameters.
func (r TokenRequest) form(op, grant string) (url.Values, error) {
	form := url.Values{"grant_type": {grant}}
	if name := reserved(r.Extra, reservedToken); name != "" {
		return nil, configError(op, "", "parameter %q of TokenRequest.Extra is set by this package", name)
	}
	for name, values := range r.Extra {
		form[name] = slices.Clone(values)
	}
	for _, s := range r.Scopes {
		if !validScope(s) {
			return nil, configError(op, "", "%s is not one scope: give each its own element of TokenRequest.Scopes", remote.Quote(s))
		}
	}
	for _, u := range r.Resources {
		if !validResource(u) {
			return nil, configError(op, "", "resource %s is not an absolute URI without a fragment", remote.Quote(u))
		}
	}
	if slices.Contains(r.Audience, "") {
		return nil, configError(op, "", "an element of TokenRequest.Audience is empty")
	}
	if r.Scopes != nil {
		form.Set("scope", strings.Join(r.Scopes, " "))
	}
	if len(r.Resources) > 0 {
		form["resource"] = slices.Clone(r.Resources)
	}
	if len(r.Audience) > 0 {
		form["audience"] = slices.Clone(r.Audience)
	}
	return form, nil
}

func (r TokenRequest) copy() TokenRequest {
	return TokenRequest{
		Scopes: slices.Clone(r.Scopes), Resources: slices.Clone(r.Resources), Audience: slices.Clone(r.Audience),
		Extra: cloneValues(r.Extra),
	}
}

// shape identifies requests that get the same token; the order of a list does not matter.
type shape [sha256.Size]byte

func (r TokenRequest) shape() shape {
	h := sha256.New()
	for _, list := range [][]string{r.Scopes, r.Resources, r.Audience} {
		sorted := slices.Compact(slices.Sorted(slices.Values(list)))
		fmt.Fprintf(h, "%t %q\n", list == nil, sorted) // quoted: no two lists look alike
	}
	for _, name := range slices.Sorted(maps.Keys(r.Extra)) {
		fmt.Fprintf(h, "%q %q\n", name, r.Extra[name])
	}
	return shape(h.Sum(nil))
}

// requestTokens sends one token request and reads its answer; the ID token in
// it is not checked yet. Beside an error it returns Tokens as parseTokens does.
func (c *Client) requestTokens(ctx context.Context, op string, md *discovery.Metadata, form url.Values) (*Tokens, error) {
	if md.TokenEndpoint == "" {
		return nil, missingEndpoint(op, "token_endpoint", "Token")
	}
	for name, values := range c.extraToken() {
		if !form.Has(name) {
			form[name] = values
		}
	}
	asked := time.Now()
	got, err := c.post(ctx, op, endpoint.Target{
		Name: oidc.OperationToken, URL: md.TokenEndpoint, Issuer: md.Issuer, TokenEndpoint: md.TokenEndpoint, Methods: md.TokenEndpointAuthMethods,
	}, form)
	switch {
	case got == nil:
		return nil, err
	case err != nil:
		return refreshTokenOf(got.Body, asked), err
	}
	set, err := got.Claims()
	return parseTokens(op, got.Body, set, err, asked)
}

// post sends an authenticated request once, and tells discovery how the
// endpoint fares. An answer beside an error is one that cannot be used, as
// endpoint.Caller.Post says.
func (c *Client) post(ctx context.Context, op string, t endpoint.Target, form url.Values) (*endpoint.Answer, error) {
	got, err := c.wire.Post(ctx, t, c.auth, form)
	c.outcome(ctx, t.URL, err)
	return got, wrap(op, err)
}

// outcome counts what a change of the provider's metadata could explain. A caller who left says nothing about it.
func (c *Client) outcome(ctx context.Context, url string, err error) {
	if ctx.Err() == nil {
		c.meta.Outcome(url, endpoint.Moved(err))
	}
}

// noteAudience logs when a token is not for the APIs it was asked for: some providers ignore resource or audience,
// and the API's refusal would be a riddle. Once a day for each: it is the same at every renewal. Opaque tokens tell nothing.
func (c *Client) noteAudience(ctx context.Context, accessToken string, resources, audience []string) {
	if len(resources)+len(audience) == 0 {
		return
	}
	set := unverified(accessToken)
	if set == nil {
		return
	}
	got, err := set.Strings("aud")
	if err != nil {
		return
	}
	for _, want := range slices.Concat(resources, audience) {
		if slices.Contains(got, want) {
			continue
		}
		key := cache.Digest(want)
		if _, told := c.noted.Get(key); !told {
			c.noted.Set(key, struct{}{}, noteEvery)
			c.log.WarnContext(ctx, "the access token's aud lacks what was asked for: the provider may want another parameter, or a setting of its own",
				"asked", remote.Quote(want), "aud", remote.Quote(strings.Join(got, " ")))
		}
		return
	}
}

// unverified reads the claims of a token that looks like a JWT; nil if it does not. Nothing in them is proved.
func unverified(token string) *claims.Set {
	_, rest, ok := strings.Cut(token, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || strings.Contains(signature, ".") {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil
	}
	set, err := claims.Parse(raw)
	if err != nil {
		return nil
	}
	return set
}
