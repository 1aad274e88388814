package oidctest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

func (p *Provider) serveUserInfo(w http.ResponseWriter, r *http.Request) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	none := !strings.EqualFold(scheme, "Bearer") || raw == ""
	p.mu.Lock()
	t := p.live(strings.TrimSpace(raw))
	p.mu.Unlock()
	switch {
	case p.cfg.quirks.bareErrors && (none || t == nil):
		const code, text = "request_unauthorized", "the request could not be authorized"
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer error=%q,error_description=%q", code, text))
		p.writeError(w, &oauthError{status: http.StatusUnauthorized, code: code, text: text})
		return
	case none:
		p.writeError(w, &oauthError{status: http.StatusUnauthorized, challenge: `Bearer realm="oidctest"`})
		return
	case t == nil:
		p.writeError(w, &oauthError{
			status: http.StatusUnauthorized, code: "invalid_token", text: "the access token is unknown, expired or revoked",
			challenge: `Bearer realm="oidctest", error="invalid_token"`,
		})
		return
	}
	subject, _ := t.claims["sub"].(string)
	u := p.user(subject)
	scopes := scopesOf(t)
	if !slices.Contains(scopes, "openid") && !p.cfg.quirks.alwaysIDToken || t.grant != nil && t.grant.subject == "" {
		p.writeError(w, &oauthError{
			status: http.StatusForbidden, code: "insufficient_scope", text: "userinfo is about a person who signed in with scope openid",
			challenge: `Bearer realm="oidctest", error="insufficient_scope", scope="openid"`,
		})
		return
	}
	answer := map[string]any{}
	if u != nil {
		maps.Copy(answer, u.Claims)
		maps.Copy(answer, profile(u, scopes))
	}
	answer["sub"] = subject
	p.edit("userinfo", answer)
	writeJSON(w, http.StatusOK, answer)
}

func scopesOf(t *accessToken) []string {
	if s, ok := t.claims["scope"].(string); ok {
		return strings.Fields(s)
	}
	list, _ := t.claims["scp"].([]string)
	return list
}
