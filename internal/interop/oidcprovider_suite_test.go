package interop

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

// oidcProviderSuite is the provider with its clients, and three APIs in front of which our guard stands.
type oidcProviderSuite struct {
	op                     *OIDCProvider
	orders, billing, files string // base URLs of the APIs
}

func newOIDCProviderSuite(t *testing.T) *oidcProviderSuite {
	s := &oidcProviderSuite{op: StartOIDCProvider(t,
		map[string]Account{
			"alice": {Password: "wonder land", Tenant: "acme", Name: "Alice", Email: "alice@acme.example"},
			"bob":   {Password: "builder", Tenant: "globex", Name: "Bob", Email: "bob@globex.example"},
			"nemo":  {Password: "nobody", Name: "Nemo", Email: "nemo@example.com"},
		},
		map[string]Resource{
			ordersAPI:  {Format: "jwt", Alg: "RS256"},
			billingAPI: {Format: "jwt", Alg: "ES256"},
			archiveAPI: {Format: "opaque"},
		})}
	code := []string{"authorization_code", "refresh_token"}
	for _, c := range []Client{
		{ID: "spa", AuthMethod: "none", GrantTypes: code},
		{ID: "web", Secret: oddSecret, GrantTypes: code},
		{ID: "web-post", Secret: oddSecret, AuthMethod: "client_secret_post", GrantTypes: code},
		{ID: "legacy", Secret: oddSecret, GrantTypes: code, SkipPKCE: true},
	} {
		c.RedirectURIs, c.ResponseTypes = []string{callback}, []string{"code"}
		s.op.Register(t, c)
	}
	s.op.Register(t, machine("service", "client_credentials"))
	s.op.Register(t, machine("api"))

	s.orders = s.api(t, middleware.Config{Audience: []string{ordersAPI}, Mode: middleware.JWTOnly})
	s.billing = s.api(t, middleware.Config{Audience: []string{billingAPI}, Mode: middleware.JWTOnly})
	s.files = s.api(t, middleware.Config{Audience: []string{archiveAPI}, Introspection: s.introspection()})
	return s
}

// machine is a client without a person.
func machine(id string, grants ...string) Client {
	return Client{
		ID: id, Secret: oddSecret, Tenant: "acme",
		RedirectURIs: []string{}, ResponseTypes: []string{}, GrantTypes: append([]string{}, grants...),
	}
}

func (s *oidcProviderSuite) introspection() *introspect.Config {
	return &introspect.Config{ClientID: "api", ClientSecret: oddSecret}
}

// answer is what the API says of its caller.
type answer struct {
	Status    int    `json:"-"`
	Challenge string `json:"-"`

	Subject, ClientID, Tenant, Method string
	Scopes                            []string
}

// api serves GET /whoami and GET /tenants/{tenant}/whoami behind a guard of our own, tenant claim demanded.
func (s *oidcProviderSuite) api(t *testing.T, cfg middleware.Config) string {
	t.Helper()
	cfg.DiscoveryURL, cfg.Tenant = s.op.Issuer, middleware.RequireTenant("tenant")
	guard, err := middleware.New(cfg)
	check.NoError(t, err)
	whoami := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := middleware.FromContext(r.Context())
		if !ok {
			t.Error("no principal behind the guard")
			return
		}
		_ = json.NewEncoder(w).Encode(answer{ // the caller sees when it is cut
			Subject: p.Subject, ClientID: p.ClientID, Tenant: p.Tenant, Method: string(p.Method), Scopes: p.Scopes,
		})
	})
	mux := http.NewServeMux()
	mux.Handle("GET /whoami", guard.Wrap(whoami))
	mux.Handle("GET /tenants/{tenant}/whoami", guard.Require(middleware.Tenant(middleware.PathValue("tenant")))(whoami))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// call asks an API with a token; an empty one is not sent.
func call(t *testing.T, target, token string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	check.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	check.NoError(t, err)
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check.NoError(t, err)
	a := answer{Status: resp.StatusCode, Challenge: resp.Header.Get("WWW-Authenticate")}
	if resp.StatusCode == http.StatusOK {
		check.NoError(t, json.Unmarshal(body, &a))
	}
	return a
}

// relyingParty is our client at the provider; the secret is left out for the public one.
func (s *oidcProviderSuite) relyingParty(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	cfg.DiscoveryURL = s.op.Issuer
	if cfg.RedirectURL == "" {
		cfg.RedirectURL = callback
	}
	if cfg.ClientID != "spa" {
		cfg.ClientSecret = oddSecret
	}
	rp, err := client.New(cfg)
	check.NoError(t, err)
	return rp
}

// alice signs in at a fresh browser; she is of tenant acme.
func (s *oidcProviderSuite) alice(t *testing.T) *Person {
	return NewPerson(t, "alice", "wonder land", s.op.Issuer)
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// signIn runs the code flow: the person's part in her browser, ours with the package.
func signIn(t *testing.T, rp *client.Client, who *Person, opts ...client.AuthOption) (*client.Tokens, *client.Authorization, url.Values) {
	t.Helper()
	auth, err := rp.Authorize(deadline(t), opts...)
	check.NoError(t, err)
	back := who.Visit(t, auth.URL, callback).URL.Query()
	tokens, err := rp.Exchange(deadline(t), back, auth.Transaction)
	check.NoError(t, err)
	check.Equal(t, tokens.IDToken.Subject, who.Name, "subject of the ID token")
	return tokens, auth, back
}

// offline is a confidential client that gets a refresh token for these APIs.
func (s *oidcProviderSuite) offline(t *testing.T, resources ...string) (*client.Client, *client.Tokens) {
	t.Helper()
	rp := s.relyingParty(t, client.Config{
		ClientID: "web", Scopes: []string{"openid", "offline_access", "read"}, Resources: resources,
	})
	// This server gives a refresh token only when consent was asked for.
	tokens, _, _ := signIn(t, rp, s.alice(t), client.Prompt("consent"))
	check.True(t, tokens.RefreshToken != "", "no refresh token")
	return rp, tokens
}
