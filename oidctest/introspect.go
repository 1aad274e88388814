package oidctest

import (
	"maps"
	"net/http"
	"strings"
)

// live returns the access token if it is active. The caller holds p.mu.
func (p *Provider) live(raw string) *accessToken {
	t := p.access[raw]
	switch {
	case t == nil, t.revoked, t.grant != nil && t.grant.revoked, !p.cfg.Now().Before(t.expires):
		return nil
	case t.keyID != "" && !p.keys.alive(t.keyID):
		return nil
	}
	return t
}

// serveIntrospect is the introspection endpoint (RFC 7662). It describes
// refresh tokens only to their own client, unless a preset says otherwise.
func (p *Provider) serveIntrospect(w http.ResponseWriter, r *http.Request) {
	form, refusal := readForm(r)
	var c *Client
	if refusal == nil && !p.cfg.quirks.openIntrospection {
		c, refusal = p.authenticate(r, form)
		if refusal == nil && c.public() {
			refusal = &oauthError{status: http.StatusUnauthorized, code: "invalid_client", text: "a public client may not introspect"}
		}
	}
	if refusal == nil && !form.Has("token") {
		refusal = refuse("invalid_request", "token is missing")
	}
	if refusal != nil {
		p.writeError(w, refusal)
		return
	}
	answer := p.introspection(form.Get("token"), c)
	p.edit("introspection", answer)
	writeJSON(w, http.StatusOK, answer)
}

func (p *Provider) introspection(raw string, asker *Client) map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.live(raw); t != nil {
		answer := maps.Clone(t.claims)
		answer["active"], answer["token_type"] = true, "Bearer"
		if f := p.cfg.quirks.introspection; f != nil {
			f(answer)
		}
		return answer
	}
	t := p.refresh[raw]
	if t == nil || t.used || t.grant.revoked || !p.cfg.Now().Before(t.expires) {
		return map[string]any{"active": false}
	}
	answer := map[string]any{
		"active": true, "iss": p.cfg.Issuer, "client_id": t.grant.client.ID, "sub": t.grant.subject,
		"scope": strings.Join(t.grant.scopes, " "), "iat": t.issued.Unix(), "exp": t.expires.Unix(),
	}
	switch {
	case p.cfg.quirks.tellsRefreshTokens:
		if beside := p.access[t.access]; beside != nil {
			answer = merge(maps.Clone(beside.claims), answer)
		}
		answer["typ"], answer["token_type"] = "Refresh", "Refresh"
	case asker == nil || asker.ID == t.grant.client.ID:
		answer["token_use"] = "refresh_token"
	default:
		return map[string]any{"active": false}
	}
	return answer
}

// serveRevoke is the revocation endpoint (RFC 7009). Revoking a refresh token
// revokes all tokens of its login. Revoking an access token revokes only that.
func (p *Provider) serveRevoke(w http.ResponseWriter, r *http.Request) {
	form, refusal := readForm(r)
	var c *Client
	if refusal == nil {
		c, refusal = p.authenticate(r, form)
	}
	if refusal == nil && !form.Has("token") {
		refusal = refuse("invalid_request", "token is missing")
	}
	if refusal == nil {
		refusal = p.revoke(form.Get("token"), c)
	}
	if refusal != nil {
		p.writeError(w, refusal)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

func (p *Provider) revoke(raw string, c *Client) *oauthError {
	p.mu.Lock()
	defer p.mu.Unlock()
	foreign := refuse("unauthorized_client", "the token was given to another client")
	if t := p.refresh[raw]; t != nil {
		if t.grant.client.ID != c.ID {
			return foreign
		}
		t.grant.revoked = true
	}
	if t := p.access[raw]; t != nil {
		if t.grant != nil && t.grant.client.ID != c.ID || t.grant == nil && t.claims["client_id"] != c.ID {
			return foreign
		}
		t.revoked = true
	}
	return nil
}
