package introspect_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/oidctest"
)

func Example() {
	op := oidctest.New(oidctest.Config{OpaqueAccessTokens: true, Clients: []oidctest.Client{{ID: "api", Secret: "secret"}}})
	c, err := introspect.New(introspect.Config{
		DiscoveryURL: op.Issuer(), ClientID: "api", ClientSecret: "secret", HTTPClient: op.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token := op.AccessToken(map[string]any{"aud": "https://api.example.com"})
	who, err := c.Introspect(context.Background(), token, introspect.Audience("https://api.example.com"))
	fmt.Println(who.Subject, err)

	_, err = c.Introspect(context.Background(), "guessed")
	fmt.Println(errors.Is(err, introspect.ErrInactive))
	// Output:
	// alice <nil>
	// true
}
