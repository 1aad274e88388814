package oidctest

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantService = "client_credentials"
)

func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	if p.cfg.quirks.burnCodes {
		defer func() { p.burn(r.PostForm.Get("code")) }()
	}
	form, refusal := readForm(r)
	var answer map[string]any
	if refusal == nil {
		answer, refusal = p.token(r, form)
	}
	if refusal != nil {
		p.writeError(w, refusal)
		return
	}
	w.Header().Set("Pragma", "no-cache")
	writeJSON(w, http.StatusOK, answer)
}

func (p *Provider) token(r *http.Request, form url.Values) (map[string]any, *oauthError) {
	c, refusal := p.authenticate(r, form)
	if refusal != nil {
		return nil, refusal
	}
	grantType := form.Get("grant_type")
	switch {
	case grantType == "":
		return nil, refuse("invalid_request", "grant_type is missing")
	case !slices.Contains(p.grants(), grantType):
		return nil, refuse("unsupported_grant_type", "this provider does not know the grant type")
	case !c.may(grantType):
		return nil, refuse("unauthorized_client", "this client may not use the grant type")
	}
	i := &issuance{client: c, grantType: grantType, now: p.cfg.Now()}
	switch grantType {
	case grantCode:
		refusal = p.redeem(i, form)
	case grantRefresh:
		refusal = p.renew(i, form)
	default:
		refusal = p.serve(i, form)
	}
	if refusal != nil {
		return nil, refusal
	}
	return p.issue(i), nil
}

// grants returns the grant types of this provider.
func (p *Provider) grants() []string {
	if p.cfg.quirks.grants != nil {
		return p.cfg.quirks.grants
	}
	return []string{grantCode, grantRefresh, grantService}
}

func (c *Client) may(grantType string) bool {
	return c.Grants == nil || slices.Contains(c.Grants, grantType)
}

func (c *Client) public() bool { return c.Secret == "" && c.PublicKey == nil }

// redeem fills i from a code.
func (p *Provider) redeem(i *issuance, form url.Values) *oauthError {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := p.codes[form.Get("code")]
	if !form.Has("code") {
		return refuse("invalid_request", "code is missing")
	}
	if code == nil || code.grant.client.ID != i.client.ID {
		return refuse("invalid_grant", "the code is unknown, or was given to another client")
	}
	if code.used {
		code.grant.revoked = true // RFC 6749 section 4.1.2
		return refuse("invalid_grant", "the code was used before; the tokens issued for it are revoked")
	}
	if code.grant.revoked || !i.now.Before(code.expires) {
		return refuse("invalid_grant", "the code is expired")
	}
	if form.Get("redirect_uri") != code.redirectURI {
		return refuse("invalid_grant", "redirect_uri differs from that of the authorization request")
	}
	if refusal := p.checkVerifier(code.challenge, form.Get("code_verifier")); refusal != nil {
		return refusal
	}
	i.grant, i.scopes = code.grant, code.grant.scopes
	if refusal := p.aim(i, form, code.grant.resources); refusal != nil {
		return refusal
	}
	code.used = true
	if len(code.grant.resources) == 0 {
		code.grant.resources = p.remembered(form)
	}
	p.complete(i)
	return nil
}

func (p *Provider) checkVerifier(challenge, verifier string) *oauthError {
	sum := sha256.Sum256([]byte(verifier))
	switch {
	case p.cfg.quirks.ignorePKCE, challenge == "" && verifier == "":
		return nil
	case len(verifier) < 43 || len(verifier) > 128 || subtle.ConstantTimeCompare([]byte(encode(sum[:])), []byte(challenge)) != 1:
		return refuse("invalid_grant", "code_verifier does not fit code_challenge")
	}
	return nil
}

// burn uses up a code, whatever the result of the request.
func (p *Provider) burn(raw string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if code := p.codes[raw]; code != nil {
		code.used = true
	}
}

// renew fills i from a refresh token.
func (p *Provider) renew(i *issuance, form url.Values) *oauthError {
	p.mu.Lock()
	defer p.mu.Unlock()
	raw := form.Get("refresh_token")
	if raw == "" {
		return refuse("invalid_request", "refresh_token is missing")
	}
	t := p.refresh[raw]
	if t == nil || t.grant.client.ID != i.client.ID {
		return refuse("invalid_grant", "the refresh token is unknown, or was given to another client")
	}
	if t.used {
		t.grant.revoked = true // RFC 9700 section 4.14.2
		return refuse("invalid_grant", "the refresh token was used before; all tokens of the login are revoked")
	}
	if t.grant.revoked || !i.now.Before(t.expires) {
		return refuse("invalid_grant", "the refresh token is expired or revoked")
	}
	i.grant, i.scopes = t.grant, t.grant.scopes
	if form.Has("scope") {
		asked := strings.Fields(form.Get("scope"))
		if extra := missing(asked, t.grant.scopes); extra != "" {
			return refuse("invalid_scope", "a scope that was not granted")
		}
		i.scopes = asked
	}
	if refusal := p.aim(i, form, t.grant.resources); refusal != nil {
		return refusal
	}
	if p.cfg.quirks.shortLivedAccess && p.access[t.access] != nil {
		p.access[t.access].revoked = true
	}
	switch {
	case !p.cfg.KeepRefreshTokens:
		t.used = true
	case !p.cfg.quirks.jwtRefresh: // these contain their expiry, so a new one is issued and the old one remains valid
		i.keep = raw
	}
	p.complete(i)
	return nil
}

// serve fills i for client credentials.
func (p *Provider) serve(i *issuance, form url.Values) *oauthError {
	if i.client.public() {
		return refuse("unauthorized_client", "a public client has no credentials to use")
	}
	i.scopes = strings.Fields(form.Get("scope"))
	if i.client.Scopes != nil {
		if !form.Has("scope") {
			i.scopes = i.client.Scopes
		}
		if extra := missing(i.scopes, i.client.Scopes); extra != "" {
			return refuse("invalid_scope", "a scope that this client may not have")
		}
	}
	i.scopes = union(i.scopes, p.cfg.quirks.moreScopes)
	i.grant = &grant{client: i.client, scopes: i.scopes}
	i.withID = p.cfg.quirks.serviceIDToken && slices.Contains(i.scopes, "openid")
	return p.aim(i, form, nil)
}

// complete fills in what logins and refreshes have in common. The caller holds
// p.mu.
func (p *Provider) complete(i *issuance) {
	q := &p.cfg.quirks
	i.user = cmp.Or(p.lookUp(i.grant.subject), &User{Subject: i.grant.subject})
	i.withID = q.alwaysIDToken || slices.Contains(i.scopes, "openid")
	i.refresh = i.client.may(grantRefresh) && slices.Contains(p.grants(), grantRefresh)
	if q.offlineOnly {
		i.refresh = i.refresh && (slices.Contains(i.grant.scopes, "offline") || slices.Contains(i.grant.scopes, "offline_access"))
	}
}

// union returns all, followed by the elements of more that it lacks.
func union(all, more []string) []string {
	out := slices.Clone(all)
	for _, s := range more {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// missing returns the first element of some that is not in all.
func missing(some, all []string) string {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return s
		}
	}
	return ""
}
