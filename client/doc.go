// Package client adds login to a Go server application and calls protected APIs from backend services: it is an OpenID
// Connect relying party and OAuth 2.0 client.
//
// Login, with sessions and logout:
//
//	rp, err := client.New(client.Config{
//		DiscoveryURL: "https://id.example.com/realms/acme", // the issuer, or the full .well-known URL
//		ClientID:     "web",
//		ClientSecret: secret,
//		RedirectURL:  "https://app.example.com/auth/callback",
//	})
//	if err != nil {
//		// every configuration error at once
//	}
//	login, err := rp.NewLogin(client.LoginConfig{Keys: [][]byte{key32}})
//	if err != nil {
//		// ...
//	}
//	mux.Handle("/auth/", login)                 // /auth/login, /auth/callback, /auth/logout, /auth/backchannel-logout
//	mux.Handle("/", login.RequireLogin(app))    // app reads client.SessionFromContext(ctx)
//
// A service that calls an API in its own name:
//
//	api := rp.ClientCredentials(client.TokenRequest{
//		Resources: []string{"https://api.example.com"},
//	}).HTTPClient() // an *http.Client that sends its token there and nowhere else
//
// The single steps are there too, for programs with their own ideas about sessions: [Client.Authorize],
// [Client.Exchange], [Client.Refresh], [Client.UserInfo], [Client.Revoke], [Client.EndSessionURL].
//
// # What is safe by default
//
// PKCE (S256), state and nonce are always sent; https is required except on loopback; ID tokens need an asymmetric
// signature by a key of the provider. Whatever weakens that is a field of [Config] called Skip, Allow or Insecure.
// New does no network, nothing runs in the background beyond a request under way, and nothing needs closing.
//
// # Errors
//
// Every failure is an [*Error], whose [Kind] says whose doing it is: the browser's, the provider's, the network's or our
// configuration's. Neither errors nor logs hold tokens, codes, secrets or what a provider answered.
package client
