package pkce_test

import (
	"fmt"
	"net/url"

	"github.com/relyingparty/oidc/pkce"
)

// A client keeps the verifier until the provider sends the browser back.
func Example() {
	verifier := pkce.New()
	authorization := url.Values{
		"response_type":         {"code"},
		"client_id":             {"web"},
		"code_challenge":        {verifier.Challenge()},
		"code_challenge_method": {pkce.Method},
	}
	token := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {"the code that came back"},
		"code_verifier": {verifier.Secret()},
	}
	fmt.Println(pkce.Verify(authorization.Get("code_challenge"), token.Get("code_verifier")))
	fmt.Println(verifier)
	// Output:
	// true
	// [redacted]
}
