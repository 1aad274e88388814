package endpoint_test

import (
	"crypto/elliptic"
	"net/url"
	"testing"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/endpoint"
	"github.com/relyingparty/oidc/oidctest"
)

// Each method against the provider of oidctest, which accepts nothing but the method a client is registered with.
func TestAgainstAProvider(t *testing.T) {
	t.Parallel()
	const odd = "p%ss w+rd:&ü"
	rsaSigner, ecSigner, edSigner := rsaKey(t, 2048), ecKey(t, elliptic.P521()), edKey(t)
	op := oidctest.New(oidctest.Config{Alg: "ES256", Clients: []oidctest.Client{
		{ID: "odd id:%+", Secret: odd, AuthMethod: endpoint.SecretBasic},
		{ID: "post", Secret: odd, AuthMethod: endpoint.SecretPost},
		{ID: "rsa", PublicKey: rsaSigner.Public()},
		{ID: "ec", PublicKey: ecSigner.Public()},
		{ID: "ed", PublicKey: edSigner.Public()},
	}})
	at := endpoint.Target{Name: "token endpoint", URL: op.Issuer() + "/token", Issuer: op.Issuer(), TokenEndpoint: op.Issuer() + "/token"}
	c := endpoint.New(endpoint.Config{HTTPClient: op.HTTPClient()})
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {"https://a.example", "https://b.example"}}
	for _, cfg := range []endpoint.AuthConfig{
		{ClientID: "odd id:%+", ClientSecret: odd},
		{ClientID: "post", ClientSecret: odd, AuthMethod: endpoint.SecretPost},
		{ClientID: "rsa", Auth: oidc.PrivateKeyJWT{Key: rsaSigner}},
		{ClientID: "rsa", Auth: oidc.PrivateKeyJWT{Key: rsaSigner, Alg: "PS256", Audience: "token_endpoint"}},
		{ClientID: "ec", Auth: oidc.PrivateKeyJWT{Key: ecSigner}},
		{ClientID: "ed", Auth: oidc.PrivateKeyJWT{Key: edSigner, Audience: op.Issuer()}},
	} {
		a := auth(t, cfg)
		for range 2 { // an assertion is new each time
			got, err := c.Post(t.Context(), at, a, form)
			check.NoError(t, err)
			check.Contains(t, string(got.Body), `"access_token"`)
		}
	}
	wrong := auth(t, endpoint.AuthConfig{ClientID: "post", ClientSecret: odd}) // Basic, but registered for post
	_, err := c.Post(t.Context(), at, wrong, form)
	e := fails(t, err, endpoint.Refused)
	check.Equal(t, e.Code, "invalid_client", "code")
	check.Contains(t, e.Hint, "client_secret_post")
}
