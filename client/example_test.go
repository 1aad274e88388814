package client_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/oidctest"
)

// The steps of a login by hand, for programs with sessions of their own; NewLogin does all of this.
func ExampleClient_Exchange() {
	op := oidctest.New(oidctest.Config{Clients: []oidctest.Client{{
		ID: "web", Secret: "secret", RedirectURIs: []string{"https://app.example.test/callback"},
	}}})
	rp, err := client.New(client.Config{
		DiscoveryURL: op.Issuer(), ClientID: "web", ClientSecret: "secret",
		RedirectURL: "https://app.example.test/callback", HTTPClient: op.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()

	// The browser asks for /login: keep the sealed transaction in a cookie and send it to the provider.
	key := make([]byte, 32) // from your configuration
	_, _ = rand.Read(key)
	authorization, err := rp.Authorize(ctx, client.ReturnTo("/orders"))
	if err != nil {
		fmt.Println(err)
		return
	}
	cookie, err := authorization.Transaction.Seal(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	authorization.Respond(httptest.NewRecorder(), nil)

	// The browser comes back to /callback.
	callback, err := op.SignIn(authorization.URL, "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	tx, err := client.OpenTransaction(cookie, key)
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens, err := rp.Exchange(ctx, callback.Query(), tx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tokens.IDToken.Subject, "goes to", tx.ReturnTo)
	fmt.Println(tokens)
	// Output:
	// alice goes to /orders
	// [redacted]
}

// A service calls an API: the token goes there and nowhere else, and is renewed on the way.
func ExampleTokenSource_HTTPClient() {
	op := oidctest.New(oidctest.Config{Clients: []oidctest.Client{{ID: "service", Secret: "secret"}}})
	rp, err := client.New(client.Config{
		DiscoveryURL: op.Issuer(), ClientID: "service", ClientSecret: "secret",
		HTTPClient: &http.Client{Transport: inMemory{op.Transport()}}, // nil in real life
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := rp.ClientCredentials(client.TokenRequest{Resources: []string{"https://api.example.test"}}).HTTPClient()
	for _, url := range []string{"https://api.example.test/", "https://other.example.test/"} {
		resp, err := api.Get(url)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(url, resp.Status)
		resp.Body.Close()
	}
	// Output:
	// https://api.example.test/ 200 OK
	// https://other.example.test/ 401 Unauthorized
}

// inMemory is the provider and, under every other name, an API that wants a token.
type inMemory struct{ provider http.RoundTripper }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() == "op.example.test" {
		return m.provider.RoundTrip(r)
	}
	w := httptest.NewRecorder()
	if r.Header.Get("Authorization") == "" {
		w.WriteHeader(http.StatusUnauthorized)
	}
	return w.Result(), nil
}

// Whose doing a failure is decides what to answer.
func ExampleError() {
	rp, err := client.New(client.Config{
		Issuer: "https://id.example.com", Endpoints: client.Endpoints{Token: "https://id.example.com/token"}, ClientID: "service",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = rp.Refresh(context.Background(), "", client.TokenRequest{})
	if errors.Is(err, client.ErrReauthRequired) {
		fmt.Println("sign in again")
	}
	_, err = rp.UserInfo(context.Background(), "token", "alice")
	if wrong, ok := errors.AsType[*oidc.ConfigError](err); ok {
		fmt.Println("set", wrong.Field)
	}
	// Output:
	// sign in again
	// set Endpoints.UserInfo
}
