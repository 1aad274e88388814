package endpoint_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/endpoint"
)

// refuse posts form and returns the refusal.
func refuse(t testing.TB, status int, header http.Header, body string, a *endpoint.Authenticator, form url.Values) *endpoint.Error {
	t.Helper()
	_, err := caller(answer(status, header, body)).Post(t.Context(), target(), a, form)
	return fails(t, err, endpoint.Refused)
}

// TestCodesThatEchoTheHeader: with client_secret_basic the client's id and its
// credentials are in no parameter, and must not come back all the same.
func TestCodesThatEchoTheHeader(t *testing.T) {
	t.Parallel()
	const id, secret = "client-one", "a secret/of it"
	a := auth(t, endpoint.AuthConfig{ClientID: id, ClientSecret: secret, AuthMethod: endpoint.SecretBasic})
	header, _ := sent(t, target(), a, url.Values{"grant_type": {"client_credentials"}})
	_, basic, _ := strings.Cut(header.Get("Authorization"), " ")
	raw, err := base64.StdEncoding.DecodeString(basic)
	check.NoError(t, err)
	check.Equal(t, string(raw), "client-one:a+secret%2Fof+it", "credentials")
	for _, code := range []string{id, "no " + id, basic, basic[:12], basic[len(basic)-12:], "no " + basic[5:17]} {
		check.Equal(t, refuse(t, 401, nil, `{"error":"`+code+`"}`, a, nil).Code, "", "code that echoes "+code)
	}
	check.Equal(t, refuse(t, 401, nil, `{"error":"no_such_thing"}`, a, nil).Code, "no_such_thing", "code")
}

// TestRegisteredCodesAreNobodysSecret: a value that looks like a code does not
// hide the code.
func TestRegisteredCodesAreNobodysSecret(t *testing.T) {
	t.Parallel()
	for _, form := range []url.Values{{"token": {"invalid_grant"}}, {"x": {"the code was invalid_grant"}}} {
		check.Equal(t, refuse(t, 400, nil, `{"error":"invalid_grant"}`, nil, form).Code, "invalid_grant", "code")
	}
}

// TestChallengesAreForBearerTokens: what a client authenticates with is no
// bearer token, so a challenge for one says nothing about it.
func TestChallengesAreForBearerTokens(t *testing.T) {
	t.Parallel()
	header := http.Header{"Www-Authenticate": {`Bearer realm="a", error="invalid_token"`}}
	a := auth(t, endpoint.AuthConfig{ClientSecret: "secret"})
	check.Equal(t, refuse(t, 401, header, "", a, nil).Code, "", "code of a challenge to a client")
	_, err := caller(answer(401, header, "")).Get(t.Context(), target(), "token")
	check.Equal(t, fails(t, err, endpoint.Refused).Code, "invalid_token", "code of a challenge to a bearer token")
}

// TestSilentRefusals: only a whole body with nothing in it says nothing.
func TestSilentRefusals(t *testing.T) {
	t.Parallel()
	for body, silent := range map[string]bool{
		"": true, " \r\n": true, "{}": false, "no": false, `{"error":"invalid_grant"}`: false, strings.Repeat(" ", 256<<10+1): false,
	} {
		check.Equal(t, refuse(t, 400, nil, body, nil, nil).Silent, silent, fmt.Sprintf("silent with %.20q", body))
	}
}

// TestLargeRefusals: the bound of answers is that of refusals too.
func TestLargeRefusals(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{256 << 10: "invalid_grant", 256<<10 + 1: ""} {
		body := `{"error":"invalid_grant","x":"`
		body += strings.Repeat("x", size-len(body)-2) + `"}`
		check.Equal(t, len(body), size, "size")
		check.Equal(t, refuse(t, 400, nil, body, nil, nil).Code, want, "code")
	}
}

// TestAnswersOfOtherTypes: an answer is JSON by its label, or has none that
// says otherwise.
func TestAnswersOfOtherTypes(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"text/csv", "application/xml", "image/png", "application/jwt", "text/json+x", "json"} {
		_, err := caller(answer(200, typed(kind), `{}`)).Post(t.Context(), target(), nil, nil)
		_ = fails(t, err, endpoint.Protocol)
	}
	_, err := caller(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: http.StatusOK}, nil }).Post(t.Context(), target(), nil, nil)
	check.Contains(t, fails(t, err, endpoint.Protocol).Error(), "gave no answer")
}

// TestHintsAreShort: how many methods a provider lists is its own to choose.
func TestHintsAreShort(t *testing.T) {
	t.Parallel()
	tgt := target()
	for i := range 1000 {
		tgt.Methods = append(tgt.Methods, fmt.Sprintf("method_%d", i))
	}
	_, err := caller(answer(401, nil, `{"error":"invalid_client"}`)).Post(t.Context(), tgt, auth(t, endpoint.AuthConfig{ClientSecret: "s", AuthMethod: endpoint.SecretPost}), nil)
	hint := fails(t, err, endpoint.Refused).Hint
	check.Contains(t, hint, `"method_0"`, `"method_7"`, "...")
	check.Lacks(t, hint, "method_8")
}

// publicOnly signs nothing; its public half is broken.
type publicOnly struct{ public crypto.PublicKey }

func (p publicOnly) Public() crypto.PublicKey                                { return p.public }
func (publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errBoom }

func TestBrokenKeysAreNamed(t *testing.T) {
	t.Parallel()
	for _, key := range []crypto.Signer{
		&rsa.PrivateKey{}, &ecdsa.PrivateKey{}, publicOnly{(*rsa.PublicKey)(nil)}, publicOnly{(*ecdsa.PublicKey)(nil)},
		publicOnly{make(ed25519.PublicKey, 31)}, publicOnly{make(ed25519.PublicKey, 33)}, publicOnly{ed25519.PublicKey(nil)},
	} {
		_, err := endpoint.NewAuthenticator(endpoint.AuthConfig{ClientID: "web", Auth: oidc.PrivateKeyJWT{Key: key}})
		check.True(t, err != nil, "%T is taken for a key", key)
		check.Contains(t, err.Error(), "Key holds no key")
	}
}
