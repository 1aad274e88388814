package oidcprovider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
)

const keyID = "key-1"

// clientKeys are one of each algorithm that private_key_jwt is proved with.
func clientKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	es256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	rs256, err := rsa.GenerateKey(rand.Reader, 2048)
	check.NoError(t, err)
	return map[string]crypto.Signer{"ES256": es256, "RS256": rs256}
}

func (s *suite) privateKeyJWT(t *testing.T) string {
	var seen []string
	keys := clientKeys(t)
	for _, alg := range []string{"ES256", "RS256"} {
		id, key := "keyed-"+alg, keys[alg]
		s.op.Register(t, Client{
			ID: id, AuthMethod: "private_key_jwt", Tenant: "acme",
			JWKS:         &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: keyID, Algorithm: alg, Use: "sig"}}},
			RedirectURIs: []string{interop.Callback}, ResponseTypes: []string{"code"},
			GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}, AlwaysRefresh: true,
		})
		keyed := func(key crypto.Signer, audience string) *client.Client {
			return interop.NewClient(t, client.Config{
				DiscoveryURL: s.op.Issuer, ClientID: id, Auth: oidc.PrivateKeyJWT{Key: key, KeyID: keyID, Audience: audience},
				Scopes: []string{"openid", "read"}, Resources: []string{archiveAPI},
			})
		}
		rp := keyed(key, "")
		tokens, _, _ := interop.SignIn(t, rp, s.alice(t))
		// A second assertion: this server keeps the jti of each.
		renewed, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{Resources: []string{archiveAPI}})
		check.NoError(t, err)
		_, err = keyed(key, "token_endpoint").ClientCredentials(client.TokenRequest{Resources: []string{archiveAPI}}).
			TokenContext(interop.Deadline(t))
		check.NoError(t, err)

		api := s.api(t, middleware.Config{
			Audience:      []string{archiveAPI},
			Introspection: &introspect.Config{ClientID: id, Auth: oidc.PrivateKeyJWT{Key: key, KeyID: keyID}},
		})
		check.Equal(t, interop.Call(t, api+"/whoami", renewed.AccessToken).Status, http.StatusOK, "an API that introspects by key")

		_, err = keyed(clientKeys(t)[alg], "").ClientCredentials(client.TokenRequest{}).TokenContext(interop.Deadline(t))
		refusal := check.As[*client.Error](t, err)
		check.Equal(t, refusal.Code, "invalid_client", "another key under the same kid")
		check.Equal(t, refusal.Status, http.StatusUnauthorized, "its status")
		seen = append(seen, alg)
	}
	return "code, refresh, client credentials and introspection by " + strings.Join(seen, " and ") +
		", for the issuer and the token endpoint as aud; another key: invalid_client"
}
