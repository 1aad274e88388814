package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/redact"
	"github.com/relyingparty/oidc/pkce"
)

// transactionLifetime is how long a user may take to sign in.
const transactionLifetime = 10 * time.Minute

// Authorization is a request that the browser is to take to the provider. Respond writes it.
//
// It prints as [redacted]: its URL and form hold the state and the nonce.
type Authorization struct {
	redact.All

	// Method is GET, or POST by Config.AuthorizationMethod.
	Method string
	// URL is where to send the browser.
	URL string
	// Form is what to post there; nil unless the parameters travel in a form body.
	Form url.Values
	// Transaction is what Exchange needs when the browser comes back.
	Transaction *Transaction
}

// Authorize starts a login: it makes state, nonce and PKCE verifier, and the
// request that the browser takes to the provider. Keep the Transaction where
// only this browser's requests find it, and use it once.
//
// It needs the provider's metadata, so it may block and fail with
// KindUnreachable or KindProtocol; ErrEndpointMissing when there is no
// authorization endpoint; KindConfig when no ID token of this provider could be
// accepted afterwards.
func (c *Client) Authorize(ctx context.Context, opts ...AuthOption) (*Authorization, error) {
	const op = "authorize"
	if c.cfg.RedirectURL == "" {
		return nil, configError(op, "RedirectURL", "is needed for login: set it to the registered URL the provider sends the browser back to")
	}
	r := &authRequest{
		params: cloneValues(c.cfg.ExtraAuthParams), resources: slices.Clone(c.cfg.Resources), scopes: slices.Clone(c.loginScopes()),
	}
	if r.params == nil {
		r.params = url.Values{}
	}
	for _, opt := range opts {
		opt(r)
	}
	if r.err != nil {
		return nil, r.err
	}
	md, err := c.metadata(ctx, op)
	if err != nil {
		return nil, err
	}
	if md.AuthorizationEndpoint == "" {
		return nil, missingEndpoint(op, "authorization_endpoint", "Authorization")
	}
	if md.TokenEndpoint == "" { // nobody should sign in for a code that cannot be redeemed
		return nil, missingEndpoint(op, "token_endpoint", "Token")
	}
	if slices.Contains(r.scopes, "openid") { // nobody should sign in for an ID token that can never be accepted
		if _, err := c.signatures(ctx, op, md, true); err != nil {
			return nil, err
		}
	}
	now := time.Now().Round(0)
	tx := &Transaction{
		State: random(), Nonce: random(), RedirectURI: c.cfg.RedirectURL, Issuer: md.Issuer, ClientID: c.cfg.ClientID,
		Resources: r.resources, Scopes: r.scopes, MaxAge: r.maxAge, ACRValues: r.acr, ReturnTo: r.returnTo,
		Started: now, Expires: now.Add(transactionLifetime),
	}
	r.params.Set("response_type", "code")
	r.params.Set("client_id", c.cfg.ClientID)
	r.params.Set("redirect_uri", tx.RedirectURI)
	r.params.Set("scope", strings.Join(tx.Scopes, " "))
	r.params.Set("state", tx.State)
	r.params.Set("nonce", tx.Nonce)
	if c.cfg.ResponseMode != "" {
		r.params.Set("response_mode", c.cfg.ResponseMode)
	}
	if len(tx.Resources) > 0 {
		r.params["resource"] = slices.Clone(tx.Resources)
	}
	if tx.MaxAge != nil {
		r.params.Set("max_age", strconv.FormatInt(int64(*tx.MaxAge/time.Second), 10))
	}
	if !c.cfg.SkipPKCE {
		verifier := pkce.New()
		tx.Verifier = verifier.Secret()
		r.params.Set("code_challenge", verifier.Challenge())
		r.params.Set("code_challenge_method", pkce.Method)
	}
	return c.authorization(md.AuthorizationEndpoint, r.params, tx), nil
}

// loginScopes are those that every login asks for.
func (c *Client) loginScopes() []string {
	if c.cfg.Scopes == nil {
		return []string{"openid"}
	}
	return c.cfg.Scopes
}

// authorization puts params where Config.AuthorizationMethod wants them.
func (c *Client) authorization(endpoint string, params url.Values, tx *Transaction) *Authorization {
	switch c.cfg.AuthorizationMethod {
	case "POST":
		return &Authorization{Method: "POST", URL: endpoint, Form: params, Transaction: tx}
	case "POST-query":
		return &Authorization{Method: "POST", URL: withQuery(endpoint, params), Transaction: tx}
	}
	return &Authorization{Method: "GET", URL: withQuery(endpoint, params), Transaction: tx}
}

// withQuery adds params to an endpoint, which keeps a query of its own (RFC 6749 section 3.1) save parameters we send.
func withQuery(endpoint string, params url.Values) string {
	base, own, _ := strings.Cut(endpoint, "?")
	var kept []string
	for pair := range strings.SplitSeq(own, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && name != "" && !params.Has(name) {
			kept = append(kept, pair)
		}
	}
	// A space as %20: not every provider reads "+" as one.
	kept = append(kept, strings.ReplaceAll(params.Encode(), "+", "%20"))
	return base + "?" + strings.Join(kept, "&")
}

// random returns 256 bits in base64url.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}
