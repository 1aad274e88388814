package oidctest

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (p *Provider) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	doc := map[string]any{
		"issuer":                                           p.cfg.Issuer,
		"response_types_supported":                         []string{"code"},
		"response_modes_supported":                         []string{"query", "form_post"},
		"grant_types_supported":                            p.grants(),
		"subject_types_supported":                          []string{"public"},
		"id_token_signing_alg_values_supported":            []string{p.cfg.Alg},
		"scopes_supported":                                 p.scopes(),
		"claims_supported":                                 []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "sid", "name", "preferred_username", "email", "email_verified"},
		"code_challenge_methods_supported":                 []string{"S256"},
		"token_endpoint_auth_methods_supported":            authMethods,
		"authorization_response_iss_parameter_supported":   true,
		"prompt_values_supported":                          []string{"none", "login", "consent", "select_account"},
		"request_parameter_supported":                      false,
		"request_uri_parameter_supported":                  false,
		"claims_parameter_supported":                       false,
		"token_endpoint_auth_signing_alg_values_supported": assertionAlgs,
	}
	if p.cfg.quirks.noIss {
		delete(doc, "authorization_response_iss_parameter_supported")
	}
	for endpoint, field := range map[string]string{
		"authorize": "authorization_endpoint", "token": "token_endpoint", "jwks": "jwks_uri", "userinfo": "userinfo_endpoint",
		"introspect": "introspection_endpoint", "revoke": "revocation_endpoint", "end_session": "end_session_endpoint",
	} {
		if u := p.URL(endpoint); u != "" {
			doc[field] = u
		}
	}
	confidential := slices.DeleteFunc(slices.Clone(authMethods), func(m string) bool { return m == methodNone })
	if p.URL("introspect") != "" {
		doc["introspection_endpoint_auth_methods_supported"] = confidential
	}
	if p.URL("revoke") != "" {
		doc["revocation_endpoint_auth_methods_supported"] = authMethods
	}
	if p.URL("end_session") != "" {
		doc["backchannel_logout_supported"], doc["backchannel_logout_session_supported"] = true, true
	}
	if f := p.cfg.quirks.metadata; f != nil {
		f(doc)
	}
	p.edit("discovery", doc)
	serveDocument(w, r, doc)
}

func (p *Provider) serveKeys(w http.ResponseWriter, r *http.Request) {
	set := p.keys.jwks()
	p.edit("jwks", set)
	serveDocument(w, r, set)
}

// serveDocument sends public JSON with an ETag.
func serveDocument(w http.ResponseWriter, r *http.Request, doc map[string]any) {
	body := must(json.Marshal(doc))
	sum := sha256.Sum256(body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", `"`+encode(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(body)))
}

// scopes returns the standard scopes and those of the registered clients.
func (p *Provider) scopes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []string{"openid", "profile", "email", "offline_access"}
	for _, id := range p.clientIDs {
		for _, s := range p.clients[id].Scopes {
			if !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	return list
}
