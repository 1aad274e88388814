// Package pkce is Proof Key for Code Exchange (RFC 7636) with its S256 method, the only one a client should use.
//
// A client makes a verifier for each authorization request, sends its challenge with the request and the verifier itself
// with the code. Package client does all of this by itself; this package is for those who speak to the endpoints on
// their own, and for providers:
//
//	verifier := pkce.New()
//	// authorization request: code_challenge=verifier.Challenge(), code_challenge_method=pkce.Method
//	// token request:         code_verifier=verifier.Secret()
//
//	// provider, with the challenge it kept and the verifier the client sent
//	if !pkce.Verify(challenge, codeVerifier) {
//		// invalid_grant
//	}
//
// The plain method, which protects nothing once the authorization request is seen, is not here.
package pkce
