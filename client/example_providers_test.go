package client_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strings"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/oidctest"
)

// The recipes of docs/providers.md. TestProviders runs each of them through every flow its provider offers.

func voxKeyApp(secret string) client.Config {
	return client.Config{
		DiscoveryURL:        "https://your-domain.com/oauth2/your-realm",
		ClientID:            "web",
		ClientSecret:        secret, // none for a public client
		RedirectURL:         "https://app.example.com/auth/callback",
		AuthorizationMethod: "POST",                              // the only method its documentation names
		Resources:           []string{"https://api.example.com"}, // sent with the code and with every refresh
	}
}

func miQeyApp(secret string) client.Config {
	return client.Config{
		Issuer: "https://app.miqey.com", // assumed: the iss of its ID tokens
		Endpoints: client.Endpoints{
			Authorization: "https://app.miqey.com/oauth/authorize",
			Token:         "https://app.miqey.com/oauth/token",
		},
		ClientID:             "web",
		ClientSecret:         secret,
		AuthMethod:           "client_secret_post",
		RedirectURL:          "https://app.example.com/auth/callback",
		SkipIDTokenSignature: true, // it publishes no keys: TLS to its token endpoint vouches instead
		AllowMissingNonce:    true, // assumed: it does not send the nonce back; a different one still fails
	}
}

func vaultApp() client.Config {
	return client.Config{
		DiscoveryURL: "https://keycloak.acme.prod.docbyte.cloud/realms/globex",
		ClientID:     "app", // a public client: there is no secret
		RedirectURL:  "https://app.example.com/auth/callback",
		Scopes:       []string{"openid", "email", "profile"},
	}
}

func vaultService(secret string) client.Config {
	return client.Config{
		DiscoveryURL: "https://keycloak.acme.prod.docbyte.cloud/realms/globex",
		ClientID:     "service",
		ClientSecret: secret,
		AuthMethod:   "client_secret_post",
	}
}

func authcoreApp(secret string) client.Config {
	return client.Config{
		DiscoveryURL: "https://auth.acme.com",
		ClientID:     "web",
		ClientSecret: secret, // assumed: sent as client_secret_basic; none for a public client
		RedirectURL:  "https://app.example.com/auth/callback",
		Scopes:       []string{}, // the parameter must be there, and is empty
	}
}

func tokenOSApp(secret string) client.Config {
	return client.Config{
		DiscoveryURL:    "https://your-project.projects.oryapis.com",
		ClientID:        "web",
		ClientSecret:    secret,
		AuthMethod:      "client_secret_basic", // exactly the method the client is registered with
		RedirectURL:     "https://app.example.com/auth/callback",
		Scopes:          []string{"openid", "offline_access"}, // without offline_access no refresh token
		ExtraAuthParams: url.Values{"audience": {"https://api.example.com"}},
	}
}

func tokenOSService(key crypto.Signer) client.Config {
	return client.Config{
		DiscoveryURL: "https://your-project.projects.oryapis.com",
		ClientID:     "service",
		Auth: oidc.PrivateKeyJWT{
			Key:      key,              // RS256 for an RSA key, ES256 for P-256
			KeyID:    "key-1",          // the kid it is registered under
			Audience: "token_endpoint", // Hydra wants its token URL there
		},
	}
}

func ExampleConfig_voxKey() {
	try(oidctest.VoxKey("https://your-domain.com", "your-realm"), voxKeyApp("secret"))
	// Output: alice has a token, and a refresh token
}

func ExampleConfig_miQey() {
	try(oidctest.MiQey(), miQeyApp("secret"))
	// Output: alice has a token
}

func ExampleConfig_docbyteVault() {
	vault := oidctest.DocbyteVault("acme", "prod", "globex")
	try(vault, vaultApp())
	try(vault, vaultService("secret"))
	// Output:
	// alice has a token, and a refresh token
	// service has a token
}

func ExampleConfig_authcore() {
	try(oidctest.Authcore(""), authcoreApp("secret"))
	// Output: alice has a token, and a refresh token
}

func ExampleConfig_tokenOS() {
	key, err := rsa.GenerateKey(rand.Reader, 2048) // registered at the provider; here made on the spot
	if err != nil {
		log.Fatal(err)
	}
	try(oidctest.TokenOS(""), tokenOSApp("secret"))
	try(oidctest.TokenOS(""), tokenOSService(key))
	// Output:
	// alice has a token, and a refresh token
	// service has a token
}

// try registers a configuration's client at a provider in memory and gets tokens: a user's if it can, else its own.
func try(provider oidctest.Config, cfg client.Config) {
	registered := oidctest.Client{ID: cfg.ClientID, Secret: cfg.ClientSecret, AuthMethod: cfg.AuthMethod}
	if auth, ok := cfg.Auth.(oidc.PrivateKeyJWT); ok {
		registered.PublicKey, registered.KeyID = auth.Key.Public(), auth.KeyID
	}
	if cfg.RedirectURL != "" {
		registered.RedirectURIs = []string{cfg.RedirectURL}
	}
	provider.Resources = []string{"https://api.example.com"}
	provider.Clients = []oidctest.Client{registered}
	op := oidctest.New(provider)
	cfg.HTTPClient = op.HTTPClient()
	rp, err := client.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	if cfg.RedirectURL == "" {
		if _, err := rp.ClientCredentials(client.TokenRequest{Scopes: []string{"openid"}}).Token(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(cfg.ClientID, "has a token")
		return
	}
	tokens, err := signIn(op, rp)
	switch {
	case err != nil:
		log.Fatal(err)
	case tokens.RefreshToken == "":
		fmt.Println(tokens.IDToken.Subject, "has a token")
	default:
		fmt.Println(tokens.IDToken.Subject, "has a token, and a refresh token")
	}
}

// signIn is alice's login.
func signIn(op *oidctest.Provider, rp *client.Client) (*client.Tokens, error) {
	ctx := context.Background()
	a, err := rp.Authorize(ctx)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, a.Method, a.URL, strings.NewReader(a.Form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	callback, err := op.NewBrowser().Do(r, "alice")
	if err != nil {
		return nil, err
	}
	tokens, err := rp.Exchange(ctx, callback.Query(), a.Transaction)
	if err == nil && tokens.IDToken == nil {
		err = errors.New("no ID token")
	}
	return tokens, err
}
