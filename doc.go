// Package oidc is the root of an OpenID Connect library for relying parties: web
// applications that people sign in to, programs that call protected APIs, and the
// APIs themselves. It holds what the packages below share. Start with the one
// that does your job.
//
// # Add login to a web application
//
// Package [github.com/relyingparty/oidc/client] signs people in and keeps their
// sessions:
//
//	rp, err := client.New(client.Config{
//		DiscoveryURL: "https://id.example.com/realms/acme",
//		ClientID:     "web",
//		ClientSecret: os.Getenv("OIDC_CLIENT_SECRET"),
//		RedirectURL:  "https://app.example.com/auth/callback",
//	})
//	login, err := rp.NewLogin(client.LoginConfig{Keys: [][]byte{sessionKey}})
//	mux.Handle("/auth/", login)              // /auth/login, /auth/callback, /auth/logout
//	mux.Handle("/", login.RequireLogin(app)) // app calls client.SessionFromContext(r.Context())
//
// # Call a protected API
//
// The same package gets tokens for a service, renews them early, and sends them
// to the API's origin only:
//
//	api := rp.ClientCredentials(client.TokenRequest{
//		Resources: []string{"https://api.example.com"},
//	}).HTTPClient()
//
// # Protect an API
//
// Package [github.com/relyingparty/oidc/middleware] accepts bearer tokens by the
// issuer's keys or by introspection, and enforces tenants:
//
//	protect := middleware.Protect(middleware.Config{
//		DiscoveryURL: "https://id.example.com/realms/acme",
//		Audience:     []string{"https://api.example.com"},
//		Tenant:       middleware.RequireTenant("tenant"),
//	})
//	log.Fatal(http.ListenAndServe(":8080", protect(mux)))
//
// # Where to go from here
//
//   - [github.com/relyingparty/oidc/introspect]: introspection (RFC 7662) by itself
//   - [github.com/relyingparty/oidc/store]: sessions in a store of your own, and
//     storetest below it, which holds that store to the contract
//   - [github.com/relyingparty/oidc/oidctest]: a provider in memory, for your tests
//   - [github.com/relyingparty/oidc/pkce]: code verifiers and challenges by themselves
//   - the examples directory: programs that are configured by environment alone
//
// # What the packages share
//
// Every constructor takes one Config struct, whose zero values are the safe
// choice, reports all mistakes in it as joined [*ConfigError] values, and makes no
// request. Whatever weakens a check is a field whose name begins with Insecure,
// Allow or Skip. [Auth] says how a client proves itself beyond a client secret.
// An [Observer] is told of each [Event], for metrics and traces. Nothing runs in
// the background, and nothing needs to be closed.
package oidc
