package zitadel

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Client is a registration: public (native) without a secret and a key, private_key_jwt with a key.
type Client struct {
	ID, Secret                           string
	Key                                  *jose.JSONWebKey
	RedirectURIs, PostLogoutRedirectURIs []string
	Service                              bool // client credentials only
	JWT                                  bool // its access tokens are JWTs, not opaque
}

// Register adds a client to the running provider, or replaces it.
func (s *Server) Register(_ testing.TB, c Client) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.clients[c.ID] = c
}

// registration is a client of the example storage, with what that cannot be told.
type registration struct {
	op.Client
	c Client
}

func newRegistration(c Client) registration {
	r := registration{Client: storage.WebClient(c.ID, c.Secret, c.RedirectURIs...), c: c}
	if c.Secret == "" && c.Key == nil {
		r.Client = storage.NativeClient(c.ID, c.RedirectURIs...)
	}
	return r
}

func (r registration) AuthMethod() oidc.AuthMethod {
	if r.c.Key != nil {
		return oidc.AuthMethodPrivateKeyJWT
	}
	return r.Client.AuthMethod()
}

func (r registration) AccessTokenType() op.AccessTokenType {
	if r.c.JWT {
		return op.AccessTokenTypeJWT
	}
	return op.AccessTokenTypeBearer
}

func (r registration) GrantTypes() []oidc.GrantType {
	if r.c.Service {
		return []oidc.GrantType{oidc.GrantTypeClientCredentials}
	}
	return r.Client.GrantTypes()
}

func (r registration) PostLogoutRedirectURIs() []string { return r.c.PostLogoutRedirectURIs }
