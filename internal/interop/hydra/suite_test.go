package hydra

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

// oddID holds what a careless client encodes wrongly in HTTP Basic, above all the colon that ends the id there.
const oddID = "web:+%/&= app"

// suite is the provider with its clients, and three APIs in front of which our guard stands.
type suite struct {
	op                       *Server
	rsa                      *rsa.PrivateKey
	ec, stranger             *ecdsa.PrivateKey
	orders, billing, archive string // base URLs of the APIs; archive introspects
}

func newSuite(t *testing.T) *suite {
	s := &suite{op: Start(t, map[string]Account{
		"alice": {Password: "wonder land", Tenant: "acme", Name: "Alice", Email: "alice@acme.example"},
		"bob":   {Password: "builder", Tenant: "globex", Name: "Bob", Email: "bob@globex.example"},
		"nemo":  {Password: "nobody", Name: "Nemo", Email: "nemo@example.com"},
	})}
	var err error
	s.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	check.NoError(t, err)
	s.stranger, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	s.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)

	s.register(t, Client{ID: "spa", AuthMethod: "none"})
	s.register(t, Client{ID: oddID, Secret: interop.OddSecret})
	s.register(t, Client{ID: "web-post", Secret: interop.OddSecret, AuthMethod: "client_secret_post"})
	s.register(t, Client{ID: "web-opaque", Secret: interop.OddSecret, AccessTokens: "opaque"})
	keys := &KeySet{Keys: []map[string]string{jwk(t, "key-rsa", s.rsa.Public()), jwk(t, "key-ec", s.ec.Public())}}
	s.register(t, Client{ID: "web-rs256", AuthMethod: "private_key_jwt", AuthAlg: "RS256", Keys: keys})
	s.register(t, Client{ID: "web-es256", AuthMethod: "private_key_jwt", AuthAlg: "ES256", Keys: keys})

	s.registerService(t, Client{ID: "service", Secret: interop.OddSecret})
	s.registerService(t, Client{ID: "service-post", Secret: interop.OddSecret, AuthMethod: "client_secret_post"})
	s.registerService(t, Client{ID: "service-opaque", Secret: interop.OddSecret, AccessTokens: "opaque"})
	s.registerService(t, Client{ID: "service-key", AuthMethod: "private_key_jwt", AuthAlg: "ES256", Keys: keys})

	s.orders = s.api(t, middleware.Config{Audience: []string{ordersAPI}, Mode: middleware.ModeJWT})
	s.billing = s.api(t, middleware.Config{Audience: []string{billingAPI}, Mode: middleware.ModeJWT})
	s.archive = s.archiveWith(t)
	return s
}

// register adds a client for people. It may have tokens for two of the APIs.
func (s *suite) register(t *testing.T, c Client) {
	t.Helper()
	if c.RedirectURIs == nil {
		c.RedirectURIs = []string{interop.Callback}
	}
	c.GrantTypes = []string{"authorization_code", "refresh_token"}
	c.Scope, c.Audience = "openid offline_access profile email read", []string{ordersAPI, archiveAPI}
	s.op.Register(t, c)
}

// registerService adds a client without a person, of tenant acme, that may have tokens for every API.
func (s *suite) registerService(t *testing.T, c Client) {
	t.Helper()
	c.GrantTypes, c.Tenant = []string{"client_credentials"}, "acme"
	c.Scope, c.Audience = "read", []string{ordersAPI, billingAPI, archiveAPI}
	s.op.Register(t, c)
}

// api is an API of the provider's behind our guard, tenant claim demanded.
func (s *suite) api(t *testing.T, cfg middleware.Config) string {
	t.Helper()
	cfg.DiscoveryURL, cfg.Tenant = s.op.Issuer, &middleware.TenantPolicy{Claim: []string{"ext", "tenant"}}
	return interop.API(t, cfg)
}

// archiveWith is an API that introspects opaque tokens at the admin port, with a cache of its own.
func (s *suite) archiveWith(t *testing.T) string {
	t.Helper()
	return s.api(t, middleware.Config{Audience: []string{archiveAPI}, Introspection: s.introspection()})
}

// introspection is how to ask at the admin port, where nobody has to say who they are.
func (s *suite) introspection() *introspect.Config {
	return &introspect.Config{Endpoint: s.op.IntrospectionURL(), ClientID: "api", AuthMethod: "none"}
}

// relyingParty is our client at the provider, with its secret or key.
func (s *suite) relyingParty(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	cfg.DiscoveryURL = s.op.Issuer
	switch cfg.ClientID {
	case "spa":
	case "web-rs256":
		cfg.Auth = oidc.PrivateKeyJWT{Key: s.rsa, KeyID: "key-rsa", Audience: "token_endpoint"}
	case "web-es256", "service-key":
		cfg.Auth = oidc.PrivateKeyJWT{Key: s.ec, KeyID: "key-ec", Audience: "token_endpoint"}
	default:
		if cfg.ClientSecret == "" {
			cfg.ClientSecret = interop.OddSecret
		}
	}
	return interop.NewClient(t, cfg)
}

// offline signs alice in with refresh token and gives tokens for one API.
func (s *suite) offline(t *testing.T, clientID, audience string) (*client.Client, *client.Tokens) {
	t.Helper()
	rp := s.relyingParty(t, client.Config{
		ClientID: clientID, Scopes: []string{"openid", "offline_access", "read"},
		ExtraAuthParams: url.Values{"audience": {audience}},
	})
	tokens, _, _ := interop.SignIn(t, rp, s.op.Person(t, "alice"))
	check.True(t, tokens.RefreshToken != "", "no refresh token")
	return rp, tokens
}

// wire counts what goes to the token endpoint and keeps the assertions in it.
type wire struct {
	mu         sync.Mutex
	requests   int
	assertions []string
}

// client is for client.Config.HTTPClient.
func (w *wire) client() *http.Client { return &http.Client{Transport: w} }

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/oauth2/token") {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		w.requests++
		w.assertions = append(w.assertions, form["client_assertion"]...)
		w.mu.Unlock()
	}
	return http.DefaultTransport.RoundTrip(req)
}

// seen gives what was counted since it was last asked.
func (w *wire) seen() (requests int, assertions []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	requests, assertions = w.requests, slices.Clone(w.assertions)
	w.requests, w.assertions = 0, nil
	return requests, assertions
}

// jwk is a public key as a client registers it.
func jwk(t *testing.T, kid string, key crypto.PublicKey) map[string]string {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := key.(type) {
	case *rsa.PublicKey:
		return map[string]string{
			"kid": kid, "use": "sig", "alg": "RS256", "kty": "RSA", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
		}
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		check.NoError(t, err)
		return map[string]string{
			"kid": kid, "use": "sig", "alg": "ES256", "kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:]),
		}
	}
	t.Fatalf("a key of type %T", key)
	return nil
}
