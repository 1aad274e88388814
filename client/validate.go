package client

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/problem"
	"github.com/relyingparty/oidc/internal/remote"
)

const hs256 = "HS256"

// Parameters the package sends or checks itself. Prompt, login_hint and ui_locales are not among them: a provider
// that gives refresh tokens only with prompt=consent needs it in every request.
var (
	reservedAuth = []string{
		"client_id", "response_type", "response_mode", "redirect_uri", "scope", "resource", "state", "nonce",
		"code_challenge", "code_challenge_method", "max_age", "acr_values", "claims", "request", "request_uri",
		"client_secret", "client_assertion", "client_assertion_type",
	}
	reservedToken = []string{
		"grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "resource", "audience",
		"client_id", "client_secret", "client_assertion", "client_assertion_type",
	}
)

// check notes everything wrong with cfg that discovery and client authentication do not check themselves.
func (cfg Config) check(problems *problem.List) {
	bad := problems.Add
	if cfg.RedirectURL != "" {
		cfg.checkLogin(bad)
	}
	for _, s := range cfg.Scopes {
		if !validScope(s) {
			bad("Scopes", "%s is not one scope: give each its own element", remote.Quote(s))
		}
	}
	for _, r := range cfg.Resources {
		if !validResource(r) {
			bad("Resources", "%s is not an absolute URI without a fragment", remote.Quote(r))
		}
	}
	if name := reserved(cfg.ExtraAuthParams, reservedAuth); name != "" {
		bad("ExtraAuthParams", "%q is set by this package: use its Config field or option", name)
	}
	if name := reserved(cfg.ExtraTokenParams, reservedToken); name != "" {
		bad("ExtraTokenParams", "%q is set by this package: use its Config field or a TokenRequest", name)
	}
	switch cfg.ResponseMode {
	case "", "query", "form_post":
	default:
		bad("ResponseMode", "%s is unknown: use query or form_post", remote.Quote(cfg.ResponseMode))
	}
	switch cfg.AuthorizationMethod {
	case "", "GET", "POST", "POST-query":
	default:
		bad("AuthorizationMethod", "%s is unknown: use GET, POST or POST-query", remote.Quote(cfg.AuthorizationMethod))
	}
	if cfg.ClockSkew < 0 || cfg.ClockSkew > 5*time.Minute {
		bad("ClockSkew", "%v is not between 0 and 5 minutes", cfg.ClockSkew)
	}
	if cfg.RenewBefore < 0 {
		bad("RenewBefore", "%v is negative", cfg.RenewBefore)
	}
	cfg.checkIDTokens(bad)
}

func (cfg Config) checkLogin(bad func(field, format string, args ...any)) {
	if err := remote.CheckURL(cfg.RedirectURL, cfg.InsecureAllowHTTP); err != nil {
		bad("RedirectURL", "%s: give an absolute https URL (http only on loopback) without a fragment", plain(err))
	}
	if cfg.DiscoveryURL != "" {
		return
	}
	if cfg.Issuer == "" {
		bad("Issuer", "is needed for login at a provider without DiscoveryURL: set it to the iss of its ID tokens")
	}
	if cfg.Endpoints.Authorization == "" {
		bad("Endpoints.Authorization", "is needed for login at a provider without DiscoveryURL")
	}
	if cfg.Endpoints.Token == "" {
		bad("Endpoints.Token", "is needed for login at a provider without DiscoveryURL")
	}
	keyed := slices.ContainsFunc(cfg.IDTokenAlgs, func(alg string) bool { return alg != hs256 })
	if cfg.Endpoints.JWKS == "" && !cfg.SkipIDTokenSignature && (keyed || len(cfg.IDTokenAlgs) == 0) {
		bad("Endpoints.JWKS", "is needed to check ID tokens; for a provider without keys set SkipIDTokenSignature, or IDTokenAlgs to HS256 alone")
	}
}

func (cfg Config) checkIDTokens(bad func(field, format string, args ...any)) {
	if cfg.SkipIDTokenSignature {
		if cfg.Endpoints.JWKS != "" {
			bad("SkipIDTokenSignature", "contradicts Endpoints.JWKS: a provider with keys needs no exception")
		}
		// InsecureAllowHTTP does not count here: TLS is all that vouches for such a token.
		if cfg.Endpoints.Token != "" && !secure(cfg.Endpoints.Token) {
			bad("SkipIDTokenSignature", "needs an https token endpoint, for TLS alone vouches for the ID token then")
		}
	}
	for _, alg := range cfg.IDTokenAlgs {
		if alg != hs256 && !slices.Contains(jws.Algs, alg) {
			bad("IDTokenAlgs", "%s is not one of %s or %s", remote.Quote(alg), strings.Join(jws.Algs, ", "), hs256)
		}
	}
	if _, asked := cfg.Auth.(oidc.Secret); slices.Contains(cfg.IDTokenAlgs, hs256) && cfg.ClientSecret == "" && !asked {
		bad("ClientSecret", "is the key of HS256 ID tokens: set it (or Auth to an oidc.Secret), or take HS256 out of IDTokenAlgs")
	}
	if cfg.SkipPKCE && cfg.AllowMissingNonce && !cfg.AllowUnboundCode {
		bad("AllowUnboundCode", "SkipPKCE together with AllowMissingNonce leaves nothing that ties a code to the browser that began the login: "+
			"take one of them out; setting this field accepts stolen codes")
	}
}

// validScope is RFC 6749 section 3.3: one visible ASCII word without quote and backslash.
func validScope(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// validResource is RFC 8707 section 2.
func validResource(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && !strings.Contains(s, "#")
}

// reserved returns the first of v's names, in their order, that is in list.
func reserved(v url.Values, list []string) string {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if slices.Contains(list, name) {
			return name
		}
	}
	return ""
}

// secure reports whether an endpoint is reached by TLS or on loopback, whatever Config.InsecureAllowHTTP says.
func secure(endpoint string) bool { return remote.CheckURL(endpoint, false) == nil }
