package client

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/endpoint"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/keyset"
	"github.com/relyingparty/oidc/internal/remote"
)

const (
	probeTimeout = 10 * time.Second
	probeLimit   = 512 << 10
)

// Diagnose asks the provider for its metadata and keys and reports what is missing, contradictory or insecure there and
// in the configuration, and how far its clock is off. It sends nothing but two GET requests.
func (c *Client) Diagnose(ctx context.Context) *Report {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r := new(Report)
	c.diagnoseConfig(r)
	md, err := c.metadata(ctx, "diagnose")
	if err != nil {
		r.add(Problem, "metadata", "%v", err)
		return r
	}
	r.Issuer = md.Issuer
	for _, p := range md.Problems {
		r.add(Problem, "metadata", "%s", p)
	}
	c.diagnoseEndpoints(r, md)
	c.diagnoseCode(r, md)
	c.diagnoseAuth(r, md)
	c.diagnoseAlgs(r, md)
	c.diagnoseKeys(ctx, r, md)
	return r
}

// diagnoseConfig names the weakenings that are in force.
func (c *Client) diagnoseConfig(r *Report) {
	for _, w := range []struct {
		set         bool
		field, text string
	}{
		{c.cfg.SkipPKCE, "SkipPKCE", "a stolen code can be redeemed by whoever has it and the client's credentials"},
		{c.cfg.SkipIDTokenSignature, "SkipIDTokenSignature", "TLS alone vouches for ID tokens"},
		{c.cfg.AllowMissingNonce, "AllowMissingNonce", "an ID token of another login may be slipped in"},
		{c.cfg.AllowUnboundCode, "AllowUnboundCode", "a stolen code signs its thief in where neither PKCE nor a nonce is used"},
		{c.cfg.AllowMissingIss, "AllowMissingIss", "answers of another provider are harder to tell apart"},
		{c.cfg.InsecureAllowHTTP, "InsecureAllowHTTP", "tokens may travel in the clear"},
	} {
		if w.set {
			r.add(Warning, "Config."+w.field, "is set: %s", w.text)
		}
	}
}

func (c *Client) diagnoseEndpoints(r *Report, md *discovery.Metadata) {
	login := c.cfg.RedirectURL != ""
	need := func(yes bool) Severity {
		if yes {
			return Problem
		}
		return Note
	}
	for _, e := range []struct {
		severity          Severity
		member, url, what string
	}{
		{need(login), "authorization_endpoint", md.AuthorizationEndpoint, "login is not possible"},
		{Problem, "token_endpoint", md.TokenEndpoint, "no token can be had"},
		{need(login && !c.cfg.SkipIDTokenSignature && !slices.Contains(c.cfg.IDTokenAlgs, hs256)), "jwks_uri", md.JWKSURI, "signatures cannot be checked"},
		{Note, "userinfo_endpoint", md.UserInfoEndpoint, "UserInfo is not possible"},
		{Note, "introspection_endpoint", md.IntrospectionEndpoint, "opaque tokens cannot be checked (it may exist all the same: some providers do not publish it)"},
		{Note, "revocation_endpoint", md.RevocationEndpoint, "tokens stay valid after logout"},
		{Note, "end_session_endpoint", md.EndSessionEndpoint, "logout ends the application's session only"},
	} {
		switch {
		case e.url == "":
			r.add(e.severity, e.member, "is missing: %s", e.what)
		case remote.CheckURL(e.url, false) != nil: // loopback aside
			r.add(Warning, e.member, "is plain http")
		case md.Issuer != "" && !remote.SameOrigin(e.url, md.Issuer):
			r.add(Note, e.member, "is at another origin than the issuer: %s", remote.Quote(e.url))
		}
	}
	if md.Issuer == "" {
		r.add(need(login), "Config.Issuer", "is not set: ID tokens cannot be checked")
	}
}

// diagnoseCode looks at what the authorization code flow needs.
func (c *Client) diagnoseCode(r *Report, md *discovery.Metadata) {
	lacks := func(list []string, value string) bool { return len(list) > 0 && !slices.Contains(list, value) }
	if !c.meta.Static() {
		switch {
		case len(md.CodeChallengeMethodsSupported) == 0:
			r.add(Warning, "code_challenge_methods_supported", "is missing: the provider may ignore PKCE")
		case lacks(md.CodeChallengeMethodsSupported, "S256"):
			r.add(Problem, "code_challenge_methods_supported", "lacks S256, which is sent unless SkipPKCE is set")
		}
		if !md.IssParameterSupported {
			r.add(Note, "authorization_response_iss_parameter_supported", "is not true: callbacks do not name their issuer (RFC 9207)")
		}
	}
	if lacks(md.ResponseTypesSupported, "code") {
		r.add(Problem, "response_types_supported", "lacks code")
	}
	if lacks(md.GrantTypesSupported, "authorization_code") && c.cfg.RedirectURL != "" {
		r.add(Warning, "grant_types_supported", "lacks authorization_code")
	}
	if mode := c.cfg.ResponseMode; mode != "" && lacks(md.ResponseModesSupported, mode) {
		r.add(Problem, "response_modes_supported", "lacks %s, which Config.ResponseMode asks for", mode)
	}
	for _, s := range c.cfg.Scopes {
		if lacks(md.ScopesSupported, s) {
			r.add(Warning, "scopes_supported", "lacks %s of Config.Scopes", remote.Quote(s))
		}
	}
}

func (c *Client) diagnoseAuth(r *Report, md *discovery.Metadata) {
	t := endpoint.Target{Name: oidc.OperationToken, Methods: md.TokenEndpointAuthMethods}
	method, err := c.auth.Method(t)
	switch {
	case err != nil:
		r.add(Problem, "token_endpoint_auth_methods_supported", "%s", plain(err))
	case len(t.Methods) > 0 && !slices.Contains(t.Methods, method) && method != endpoint.None:
		r.add(Warning, "token_endpoint_auth_methods_supported", "lacks %s, which Config.AuthMethod asks for", method)
	case len(t.Methods) == 0 && !c.meta.Static() && method == endpoint.None:
		r.add(Note, "token_endpoint_auth_methods_supported", "is missing: a client with a secret uses client_secret_basic, unless Config.AuthMethod names another")
	case len(t.Methods) == 0 && !c.meta.Static():
		r.add(Note, "token_endpoint_auth_methods_supported", "is missing: %s is used", method)
	}
}

func (c *Client) diagnoseAlgs(r *Report, md *discovery.Metadata) {
	const member = "id_token_signing_alg_values_supported"
	algs := md.IDTokenSigningAlgs
	switch {
	case len(algs) == 0:
		if !c.meta.Static() {
			r.add(Note, member, "is missing: %s are accepted", strings.Join(jws.Algs, ", "))
		}
		return
	case md.JWKSURI != "" && !slices.ContainsFunc(c.idTokenAlgs(md), func(alg string) bool { return slices.Contains(algs, alg) }):
		r.add(Problem, member, "holds none of the algorithms that are accepted: set Config.IDTokenAlgs to what the provider uses")
	}
	if slices.Contains(algs, "none") {
		r.add(Warning, member, "holds none: unsigned ID tokens, which are refused here")
	}
	if slices.ContainsFunc(algs, func(alg string) bool { return strings.HasPrefix(alg, "HS") }) {
		r.add(Note, member, "holds HS algorithms, which need the client secret as a key: refused here unless Config.IDTokenAlgs names HS256")
	}
}

// diagnoseKeys fetches the keys, and the Date header with them.
func (c *Client) diagnoseKeys(ctx context.Context, r *Report, md *discovery.Metadata) {
	if md.JWKSURI == "" {
		return
	}
	body, date, err := c.probe(ctx, md.JWKSURI)
	if err != nil {
		r.add(Problem, "jwks_uri", "%v", err)
		return
	}
	keys, skipped, err := keyset.Parse(body)
	r.Keys = len(keys)
	if err != nil {
		r.add(Problem, "keys", "%s", plain(err))
	}
	for _, s := range skipped {
		r.add(Note, "keys", "%s", s)
	}
	if len(keys) > 1 && slices.ContainsFunc(keys, func(k keyset.Key) bool { return k.ID == "" }) {
		r.add(Warning, "keys", "some have no kid: tokens are checked against one after the other")
	}
	if date.IsZero() {
		return
	}
	off := time.Until(date).Round(time.Second)
	r.Clock = &off
	switch {
	case off.Abs() > c.cfg.ClockSkew:
		r.add(Problem, "clock", "the provider's clock differs from ours by %v, more than Config.ClockSkew (%v) allows: set the clocks", off, c.cfg.ClockSkew)
	case off.Abs() > 5*time.Second:
		r.add(Warning, "clock", "the provider's clock differs from ours by %v", off)
	}
}

// probe is one GET, with the time the server says it is.
func (c *Client) probe(ctx context.Context, url string) (body []byte, date time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, date, fmt.Errorf("%s is no URL", remote.Quote(url))
	}
	resp, err := remote.HTTPClient(c.cfg.HTTPClient).Do(req)
	if err != nil {
		return nil, date, fmt.Errorf("%s cannot be reached", remote.Quote(url))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, date, fmt.Errorf("%s answers with status %d", remote.Quote(url), resp.StatusCode)
	}
	if body, err = remote.ReadBody(resp, probeLimit, "application/jwk-set+json"); err != nil {
		return nil, date, err
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		date = at
	}
	return body, date, nil
}
