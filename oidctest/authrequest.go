package oidctest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// authRequest is an authorization request that has been checked.
type authRequest struct {
	client      *Client
	redirectURI string
	state       string
	mode        string
	nonce       string
	challenge   string
	scopes      []string
	resources   []string
	prompt      []string
	acr         []string
	maxAge      time.Duration // negative if the request has none
	loginHint   string
	hinted      string // sub of the id_token_hint
}

// readAuthRequest checks an authorization request. If it returns no request,
// the browser must not be redirected, and text is the reason. Any other refusal
// is sent to the client.
func (p *Provider) readAuthRequest(raw url.Values) (req *authRequest, text string, refusal *oauthError) {
	for _, name := range []string{"client_id", "redirect_uri"} {
		if len(raw[name]) != 1 {
			return nil, "Exactly one " + name + " is needed.", nil
		}
	}
	c := p.client(raw.Get("client_id"))
	if c == nil {
		return nil, "Its client_id is not registered here.", nil
	}
	if !slices.Contains(c.RedirectURIs, raw.Get("redirect_uri")) {
		return nil, "Its redirect_uri is not registered for this client.", nil
	}
	req = &authRequest{client: c, redirectURI: raw.Get("redirect_uri"), mode: "query", maxAge: -1}
	if len(raw["state"]) == 1 {
		req.state = raw.Get("state")
	}
	if f := p.cfg.quirks.authorize; f != nil {
		if refusal := f(raw); refusal != nil {
			return req, "", refusal
		}
	}
	form, refusal := clean(raw)
	if refusal != nil {
		return req, "", refusal
	}
	switch mode := form.Get("response_mode"); mode {
	case "", "query":
	case "form_post":
		req.mode = mode
	default:
		return req, "", refuse("invalid_request", "response_mode must be query or form_post")
	}
	return req, "", p.fillAuthRequest(req, form)
}

func (p *Provider) fillAuthRequest(req *authRequest, form url.Values) *oauthError {
	c := req.client
	for _, name := range []string{"request", "request_uri", "registration"} {
		if form.Has(name) {
			return refuse(name+"_not_supported", "this provider does not know "+name)
		}
	}
	switch {
	case !form.Has("response_type"):
		return refuse("invalid_request", "response_type is missing")
	case form.Get("response_type") != "code":
		return refuse("unsupported_response_type", "only code is supported")
	case !c.may(grantCode):
		return refuse("unauthorized_client", "this client may not use the authorization code flow")
	}
	req.nonce, req.loginHint = form.Get("nonce"), form.Get("login_hint")
	req.scopes, req.prompt, req.acr = strings.Fields(form.Get("scope")), strings.Fields(form.Get("prompt")), strings.Fields(form.Get("acr_values"))
	if c.Scopes != nil && missing(req.scopes, append([]string{"openid"}, c.Scopes...)) != "" {
		return refuse("invalid_scope", "a scope that this client may not have")
	}
	if bad := missing(req.prompt, []string{"none", "login", "consent", "select_account"}); bad != "" || slices.Contains(req.prompt, "none") && len(req.prompt) > 1 {
		return refuse("invalid_request", "prompt is unknown, or none beside another")
	}
	if form.Has("max_age") {
		seconds, err := strconv.ParseUint(form.Get("max_age"), 10, 31)
		if err != nil {
			return refuse("invalid_request", "max_age is no number of seconds")
		}
		req.maxAge = time.Duration(seconds) * time.Second
	}
	if form.Has("id_token_hint") {
		hint := p.ownToken(form.Get("id_token_hint"))
		if hint == nil {
			return refuse("invalid_request", "id_token_hint is not from here")
		}
		req.hinted, _, _ = hint.String("sub")
	}
	if p.cfg.quirks.oneResource && len(form["resource"]) > 1 {
		return refuse("invalid_request", "duplicated parameter")
	}
	if q := &p.cfg.quirks; !q.ignoreResource && !q.audienceParameter && !q.resourcePerRequest {
		if req.resources = form["resource"]; !p.knows(req.resources) {
			return refuse("invalid_target", "an unknown resource")
		}
	} else if q.audienceParameter {
		for _, v := range form["audience"] {
			req.resources = append(req.resources, strings.Fields(v)...)
		}
		if p.cfg.Resources != nil && missing(req.resources, p.cfg.Resources) != "" {
			return refuse("invalid_request", "the requested audience is not allowed for this client")
		}
	}
	return p.readChallenge(req, form)
}

func (p *Provider) readChallenge(req *authRequest, form url.Values) *oauthError {
	q := &p.cfg.quirks
	req.challenge = form.Get("code_challenge")
	switch {
	case q.ignorePKCE:
		req.challenge = ""
	case req.challenge == "" && (req.client.RequirePKCE || req.client.public() && !q.optionalPKCE):
		return refuse("invalid_request", "code_challenge is required (PKCE)")
	case req.challenge == "" && form.Has("code_challenge_method"):
		return refuse("invalid_request", "code_challenge_method without code_challenge")
	case req.challenge != "" && form.Get("code_challenge_method") != "S256":
		return refuse("invalid_request", "code_challenge_method must be S256")
	case req.challenge != "" && len(req.challenge) != 43:
		return refuse("invalid_request", "code_challenge is no SHA-256 digest")
	}
	return nil
}
