package glewlwyd

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

const password = "wonder land"

// Client is a registration, in the words of the server's REST interface.
type Client struct {
	ID             string              `json:"client_id"`
	Confidential   bool                `json:"confidential"`
	Secret         string              `json:"client_secret,omitempty"`
	AuthMethods    []string            `json:"token_endpoint_auth_method,omitempty"`
	RedirectURIs   []string            `json:"redirect_uri,omitempty"`
	Grants         []string            `json:"authorization_type"`
	Scopes         []string            `json:"scope"`
	Resources      []string            `json:"resource,omitempty"`
	Keys           *jose.JSONWebKeySet `json:"jwks,omitempty"`
	PostLogoutURIs []string            `json:"post_logout_redirect_uris,omitempty"`
	BackChannelURI string              `json:"backchannel_logout_uri,omitempty"`
	BackChannelSID string              `json:"backchannel_logout_session_required,omitempty"` // "1": the logout token names the session
	RefreshOnce    string              `json:"refresh-token-one-use,omitempty"`               // "1": each refresh token works once
	Tenant         string              `json:"tenant,omitempty"`
	Enabled        bool                `json:"enabled"`
}

// Register adds a client, for all issuers of the server.
func (s *Server) Register(t testing.TB, c Client) {
	t.Helper()
	c.Enabled = true
	s.ok(t, s.admin, http.MethodPost, "/client/", c)
}

// Change replaces a registration while the server runs.
func (s *Server) Change(t testing.TB, c Client) {
	t.Helper()
	c.Enabled = true
	s.ok(t, s.admin, http.MethodPut, "/client/"+c.ID, c)
}

// AddScope lets people grant a scope by their password.
func (s *Server) AddScope(t testing.TB, name string) {
	t.Helper()
	s.ok(t, s.admin, http.MethodPost, "/scope/", map[string]any{"name": name, "display_name": name, "password_required": true, "password_max_age": 0, "scheme": map[string]any{}})
}

// AddUser adds a person of a tenant who may grant these scopes.
func (s *Server) AddUser(t testing.TB, name, tenant string, scopes ...string) {
	t.Helper()
	user := map[string]any{"username": name, "password": password, "name": name, "email": name + "@example.com", "scope": scopes, "enabled": true}
	if tenant != "" {
		user["tenant"] = tenant
	}
	s.ok(t, s.admin, http.MethodPost, "/user/", user)
}

// AddIssuer adds an instance of the OpenID Connect plugin and gives its issuer URL. Its parameters are merged over defaults.
func (s *Server) AddIssuer(t testing.TB, name string, parameters map[string]any) string {
	t.Helper()
	issuer := s.Base + "/api/" + name
	all := map[string]any{
		"iss": issuer, "jwks-private": encode(t, NewKey(t, name+"-1")), "jwks-show": true, "subject-type": "public", "oauth-as-iss-id": true,
		"allow-non-oidc": true, "auth-type-code-enabled": true, "auth-type-client-enabled": true, "auth-type-refresh-enabled": true,
		"auth-type-code-revoke-replayed": true, "access-token-duration": 600, "refresh-token-duration": 3600, "code-duration": 60,
		"refresh-token-one-use": "client-driven", "client-refresh-token-one-use-parameter": "refresh-token-one-use",
		"pkce-allowed": true, "introspection-revocation-allowed": true, "introspection-revocation-allow-target-client": true,
		"session-management-allowed": true, "session-cookie-name": "SID_" + name, "session-cookie-expiration": 3600, "back-channel-logout-allowed": true,
		"request-parameter-allow": true, "client-jwks-parameter": "jwks",
		"name-claim": "on-demand", "name-claim-scope": []string{"profile"}, "email-claim": "on-demand", "email-claim-scope": []string{"email"},
		"claims":                []any{map[string]any{"name": "tenant", "user-property": "tenant", "type": "string", "mandatory": true, "on-demand": true}},
		"additional-parameters": []any{map[string]string{"user-parameter": "tenant", "client-parameter": "tenant", "token-parameter": "tenant"}},
	}
	maps.Copy(all, parameters)
	s.ok(t, s.admin, http.MethodPost, "/mod/plugin/", plugin(name, all))
	return issuer
}

// SetKeys gives an issuer other private keys while it runs; the first signs from now on.
func (s *Server) SetKeys(t testing.TB, name string, keys ...jose.JSONWebKey) {
	t.Helper()
	s.edit(t, name, map[string]any{"jwks-private": encode(t, keys...)})
}

// edit changes parameters of an issuer and makes it read them.
func (s *Server) edit(t testing.TB, name string, parameters map[string]any) {
	t.Helper()
	var was struct {
		Parameters map[string]any `json:"parameters"`
	}
	if err := json.Unmarshal([]byte(s.ok(t, s.admin, http.MethodGet, "/mod/plugin/"+name, nil).Body), &was); err != nil {
		t.Fatal(err)
	}
	maps.Copy(was.Parameters, parameters)
	s.ok(t, s.admin, http.MethodPut, "/mod/plugin/"+name, plugin(name, was.Parameters))
	s.ok(t, s.admin, http.MethodPut, "/mod/plugin/"+name+"/reset", nil)
}

func plugin(name string, parameters map[string]any) map[string]any {
	return map[string]any{"module": "oidc", "name": name, "display_name": name, "order_rank": 0, "readonly": false, "parameters": parameters}
}

// NewKey makes a private RS256 key.
func NewKey(t testing.TB, kid string) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: "RS256", Use: "sig"}
}

// encode writes a JWK set as the text that the configuration holds.
func encode(t testing.TB, keys ...jose.JSONWebKey) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
