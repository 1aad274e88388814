package fosite_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/fosite"
)

type suite struct {
	op *fosite.Server
}

var accounts = map[string]fosite.Account{"alice": {Password: "wonder land", Claims: map[string]any{"tenant": "acme"}}}

func newSuite(t *testing.T) *suite {
	s := &suite{op: fosite.Start(t, accounts, time.Hour)}
	s.op.Register(t, "web", interop.OddSecret, interop.Callback)
	return s
}

// recipe is miQey's of docs/providers.md, at this server.
func recipe(t *testing.T, op *fosite.Server) client.Config {
	t.Helper()
	return client.Config{
		Issuer:               op.URL,
		Endpoints:            client.Endpoints{Authorization: op.URL + "/oauth/authorize", Token: op.URL + "/oauth/token"},
		ClientID:             "web",
		ClientSecret:         interop.OddSecret,
		AuthMethod:           "client_secret_post",
		SkipIDTokenSignature: true,
		AllowMissingNonce:    true,
		HTTPClient:           interop.Trusting(t, op.Certificate),
	}
}

// relyingParty is our client by the recipe, with changes.
func (s *suite) relyingParty(t *testing.T, edit ...func(*client.Config)) *client.Client {
	t.Helper()
	cfg := recipe(t, s.op)
	for _, f := range edit {
		f(&cfg)
	}
	return interop.NewClient(t, cfg)
}

func alice(t *testing.T, op *fosite.Server) *interop.Person {
	t.Helper()
	return interop.NewPerson(t, "alice", accounts["alice"].Password, op.URL).Trust(op.Certificate)
}

// exchange runs the code flow up to its error; edit changes the address the browser is sent to.
func (s *suite) exchange(t *testing.T, rp *client.Client, edit func(authorization string) string) (*client.Tokens, error) {
	t.Helper()
	auth, err := rp.Authorize(interop.Deadline(t))
	check.NoError(t, err)
	back := alice(t, s.op).Visit(t, edit(auth.URL), interop.Callback).URL.Query()
	return rp.Exchange(interop.Deadline(t), back, auth.Transaction)
}

func unchanged(authorization string) string { return authorization }

// api is one of the provider's own: nobody else can tell what its access tokens are worth.
func api(t *testing.T, op *fosite.Server) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		subject := op.Subject(context.WithoutCancel(r.Context()), token)
		if subject == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(subject)) // the caller sees when it is cut
	}))
	t.Cleanup(server.Close)
	return server.URL
}
