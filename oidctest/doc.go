// Package oidctest is an OpenID provider that runs in memory, for tests and for development on one machine. It does what a real one does
// and refuses what a real one refuses: codes work once, redirect URIs match to the byte, PKCE is verified, wrong secrets fail, refresh tokens
// rotate and their reuse ends the login, tokens expire by time.Now (so testing/synctest can turn the clock).
//
// The smallest use is the test of an API that a guard protects. No port, no network:
//
//	op := oidctest.New(oidctest.Config{})
//	api := middleware.Protect(middleware.Config{
//		DiscoveryURL: op.Issuer(),
//		HTTPClient:   op.HTTPClient(),
//		Audience:     []string{oidctest.DefaultResource},
//		Tenant:       middleware.RequireTenant("tenant"),
//	})(handler)
//
//	r := httptest.NewRequest("GET", "/", nil)
//	r.Header.Set("Authorization", "Bearer "+op.AccessToken(map[string]any{"tenant": "acme"}))
//	w := httptest.NewRecorder()
//	api.ServeHTTP(w, r) // 200; without the tenant 401
//
// A login is tested by SignIn, which plays the browser and the person; NewBrowser keeps its cookies for single sign-on. Fault, Edit,
// RotateKeys, AddKey and RevokeSubject make the provider misbehave or change its mind. VoxKey, MiQey, DocbyteVault, Authcore and TokenOS are the
// ways of five real providers.
//
// A Provider is an http.Handler too, with a sign-in page for people: serve it at its issuer's address and open the application in a
// browser. It asks for no password, so it is nothing to put on a network.
package oidctest
