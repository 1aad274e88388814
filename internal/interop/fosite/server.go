// Package fosite runs ory/fosite in the shape of miQey: over https, an authorization endpoint, a token endpoint, and
// nothing else. It is a module of its own because fosite brings so many others.
package fosite

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"
)

// Server is a running provider. Its issuer is its URL.
type Server struct {
	URL         string
	Certificate *x509.Certificate // what clients and browsers have to trust

	oauth    fosite.OAuth2Provider
	store    *storage.MemoryStore
	accounts map[string]Account
	requests atomic.Int64
	fault    atomic.Pointer[Fault]
}

// Account is a person; the name is the key it is registered under.
type Account struct {
	Password string
	Claims   map[string]any // in the ID token
}

// Fault stands before the token endpoint until Mend; next is the endpoint.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Start serves until the end of t. Access and ID tokens live for lifetime, an hour for miQey.
func Start(t testing.TB, accounts map[string]Account, lifetime time.Duration) *Server {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{store: storage.NewMemoryStore(), accounts: accounts}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth/authorize", s.authorize)
	mux.HandleFunc("POST /oauth/authorize", s.authorize) // the sign-in form
	mux.HandleFunc("POST /oauth/token", s.faulty)
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that a Fault ends
	server.StartTLS()
	t.Cleanup(server.Close)
	s.URL, s.Certificate = server.URL, server.Certificate()
	s.oauth = provider(s.store, key, s.URL, lifetime)
	return s
}

// provider has the two handlers miQey documents, takes PKCE without asking for it, and signs without a kid.
func provider(store *storage.MemoryStore, key *rsa.PrivateKey, issuer string, lifetime time.Duration) fosite.OAuth2Provider {
	config := &fosite.Config{
		IDTokenIssuer: issuer, AccessTokenLifespan: lifetime, IDTokenLifespan: lifetime,
		GlobalSecret: []byte("thirty-two bytes for this test.."), HashCost: bcrypt.MinCost,
	}
	private := func(context.Context) (any, error) { return key, nil }
	return compose.Compose(config, store,
		&compose.CommonStrategy{
			CoreStrategy:               compose.NewOAuth2HMACStrategy(config),
			OpenIDConnectTokenStrategy: compose.NewOpenIDConnectStrategy(private, config),
			Signer:                     &jwt.DefaultSigner{GetPrivateKey: private},
		},
		compose.OAuth2AuthorizeExplicitFactory, compose.OpenIDConnectExplicitFactory, compose.OAuth2PKCEFactory,
		compose.OAuth2TokenIntrospectionFactory, // for Subject
	)
}

// Register adds a client that has its secret in the body of its requests.
func (s *Server) Register(t testing.TB, id, secret string, redirectURIs ...string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s.store.Clients[id] = &fosite.DefaultOpenIDConnectClient{
		DefaultClient: &fosite.DefaultClient{
			ID: id, Secret: hash, RedirectURIs: redirectURIs, Scopes: []string{"openid", "profile", "email"},
			GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"},
		},
		TokenEndpointAuthMethod: "client_secret_post",
	}
}

// Subject is whose access token this is; "" when it is nobody's. It stands for an API of the provider's own.
func (s *Server) Subject(ctx context.Context, token string) string {
	_, request, err := s.oauth.IntrospectToken(ctx, token, fosite.AccessToken, new(openid.DefaultSession))
	if err != nil {
		return ""
	}
	return request.GetSession().GetSubject()
}

// Requests counts those that reached the token endpoint.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Break puts a fault before the token endpoint.
func (s *Server) Break(f Fault) { s.fault.Store(&f) }

// Mend takes the fault away.
func (s *Server) Mend() { s.fault.Store(nil) }

// authorize answers with a sign-in form until it is filled in rightly.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := s.oauth.NewAuthorizeRequest(ctx, r)
	if err != nil {
		s.oauth.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	name := r.PostFormValue("name")
	account, ok := s.accounts[name]
	if !ok || r.PostFormValue("password") != account.Password {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = signIn.Execute(w, r.URL.RequestURI()) // the browser sees when it is cut
		return
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	now := time.Now().UTC()
	response, err := s.oauth.NewAuthorizeResponse(ctx, request, &openid.DefaultSession{
		Subject: name, Claims: &jwt.IDTokenClaims{Subject: name, RequestedAt: now, AuthTime: now, Extra: maps.Clone(account.Claims)},
	})
	if err != nil {
		s.oauth.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	s.oauth.WriteAuthorizeResponse(ctx, w, request, response)
}

var signIn = template.Must(template.New("sign in").Parse(`<!doctype html><html lang="en"><title>Sign in</title><h1>Sign in</h1>
<form method="post" action="{{.}}"><label>Name <input name="name"></label>
<label>Password <input name="password" type="password"></label><button>Sign in</button></form></html>
`))

// faulty counts, and gives the request to the fault if there is one.
func (s *Server) faulty(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	next := http.HandlerFunc(s.token)
	if fault := s.fault.Load(); fault != nil {
		(*fault)(w, r, next)
		return
	}
	next(w, r)
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := s.oauth.NewAccessRequest(ctx, r, new(openid.DefaultSession))
	if err != nil {
		s.oauth.WriteAccessError(ctx, w, request, err)
		return
	}
	response, err := s.oauth.NewAccessResponse(ctx, request)
	if err != nil {
		s.oauth.WriteAccessError(ctx, w, request, err)
		return
	}
	answer := response.ToMap()
	delete(answer, "scope") // the four members miQey documents are left
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(answer) // the client sees when it is cut
}

//go:embed go.mod
var goMod string

// Version is that of the fosite module; a test binary's build information would not tell.
func Version() string {
	_, rest, _ := strings.Cut(goMod, "github.com/ory/fosite v")
	version, _, _ := strings.Cut(rest, "\n")
	return version
}
