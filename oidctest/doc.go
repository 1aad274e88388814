// Package oidctest is an OpenID provider that runs in memory, for tests and
// local development. It behaves like a real provider and refuses what a real
// one refuses: codes work once, redirect URIs must match exactly, PKCE is
// verified, wrong secrets fail, and refresh tokens rotate, so that reuse of one
// ends the login. Tokens expire by time.Now, which testing/synctest controls.
//
// The shortest use is the test of an API behind a guard. It needs no port and
// no network:
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
// To test a login, use SignIn, which acts as the browser and the person who
// uses it. NewBrowser keeps cookies for single sign-on. Fault and Edit make the
// provider misbehave. RotateKeys, AddKey and RevokeSubject change its state.
// VoxKey, MiQey, DocbyteVault, Authcore and TokenOS imitate five real
// providers.
//
// A Provider is also an http.Handler with a sign-in page. Serve it at the
// address of its issuer, and open the application in a browser. The page asks
// for no password, so do not serve it on a network.
package oidctest
