package zitadel

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// store is the example storage with clients, and signing keys, that can change while it runs.
type store struct {
	*storage.Storage

	mu      sync.RWMutex
	clients map[string]Client
	keys    []jose.JSONWebKey // the first signs
}

var ( // looked for by type assertion
	_ op.ClientCredentialsStorage  = (*store)(nil)
	_ op.CanSetUserinfoFromRequest = (*store)(nil)
)

func newStore(t testing.TB) *store {
	t.Helper()
	return &store{
		Storage: storage.NewStorageWithClients(newUsers(), nil),
		clients: map[string]Client{}, keys: []jose.JSONWebKey{newKey(t, "key-1")},
	}
}

func newKey(t testing.TB, kid string) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: string(jose.RS256), Use: "sig"}
}

// RotateKeys makes a new key sign from now on; the old ones stay in the key set.
func (s *Server) RotateKeys(t testing.TB) {
	t.Helper()
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	name := fmt.Sprintf("key-%d", len(s.store.keys)+1)
	s.store.keys = append([]jose.JSONWebKey{newKey(t, name)}, s.store.keys...)
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return signingKey{s.keys[0]}, nil
}

func (s *store) KeySet(context.Context) ([]op.Key, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var set []op.Key
	for _, key := range s.keys {
		set = append(set, publicKey{key})
	}
	return set, nil
}

type signingKey struct{ jwk jose.JSONWebKey }

func (k signingKey) ID() string { return k.jwk.KeyID }

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

func (k signingKey) Key() any { return k.jwk.Key }

type publicKey struct{ jwk jose.JSONWebKey }

func (k publicKey) ID() string { return k.jwk.KeyID }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }

func (k publicKey) Use() string { return "sig" }

func (k publicKey) Key() any { return k.jwk.Public().Key }

func (s *store) client(id string) (Client, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.clients[id]
	if !ok {
		return Client{}, errors.New("client not found")
	}
	return c, nil
}

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c, err := s.client(id)
	if err != nil {
		return nil, err
	}
	return newRegistration(c), nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	c, err := s.client(id)
	if err == nil && (c.Secret == "" || c.Secret != secret) {
		err = errors.New("wrong secret")
	}
	return err
}

func (s *store) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	if err := s.AuthorizeClientIDSecret(ctx, id, secret); err != nil {
		return nil, err
	}
	return s.GetClientByClientID(ctx, id)
}

func (s *store) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: id, Audience: []string{id}, Scopes: scopes}, nil
}

func (s *store) GetKeyByIDAndClientID(_ context.Context, kid, id string) (*jose.JSONWebKey, error) {
	c, err := s.client(id)
	if err != nil || c.Key == nil || c.Key.KeyID != kid {
		return nil, errors.New("key not found")
	}
	return c.Key, nil
}
