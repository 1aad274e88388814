package fosite_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/fosite"
)

// app is a web application with our login by the recipe; its pages ask an API of the provider's.
func app(t *testing.T, op *fosite.Server, id string) *interop.App {
	t.Helper()
	a := interop.NewApp(t)
	op.Register(t, id, interop.OddSecret, a.RedirectURL)
	cfg := recipe(t, op)
	cfg.ClientID = id
	a.Serve(t, cfg, api(t, op))
	return a
}

func (s *suite) login(t *testing.T) string {
	base := app(t, s.op, "app-login").Base
	who := alice(t, s.op)
	check.Equal(t, who.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "a script without a session")
	before := s.op.Requests()
	page := who.Visit(t, base+"/orders", "")
	check.Equal(t, page.URL.String(), base+"/orders", "where she came back to")
	check.Equal(t, page.Status, http.StatusOK, "status")
	check.Equal(t, page.Body, "alice", "who the API says she is")
	check.Equal(t, who.GetJSON(t, base+"/orders").Status, http.StatusOK, "the next request")
	check.Equal(t, s.op.Requests()-before, 1, "token requests")

	// Without an end_session_endpoint a logout ends the application's session, and the provider is not visited.
	out := who.Post(t, base+"/auth/logout", url.Values{}, "")
	check.Equal(t, out.URL.String(), base+"/bye", "where the logout ends")
	check.Equal(t, len(out.Forms), 0, "forms of the provider")
	check.Equal(t, who.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "the session afterwards")
	return fmt.Sprintf("through %q to the page she wanted, an API of the provider's called as her; signed out here", page.Forms)
}

// expiry: this provider gives nothing to renew an access token with.
func (s *suite) expiry(t *testing.T) string {
	op := fosite.Start(t, accounts, 3*time.Second)
	base := app(t, op, "app-expiry").Base
	who := alice(t, op)
	check.Equal(t, who.Visit(t, base+"/orders", "").Status, http.StatusOK, "signed in")
	page := who.GetJSON(t, base+"/orders")
	for deadline := time.Now().Add(10 * time.Second); page.Status == http.StatusOK && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond) // the provider's clock is the real one
		page = who.GetJSON(t, base+"/orders")
	}
	check.Equal(t, page.Status, http.StatusUnauthorized, "status once the token has expired")
	check.Contains(t, page.Body, "sign in again") // App's answer to ErrReauthRequired, from inside the session
	check.Equal(t, op.Requests(), 1, "token requests")
	return "ErrReauthRequired once the access token has expired, without a request; the session itself goes on"
}

func (s *suite) exampleLogin(t *testing.T) string {
	dir := interop.Build(t, "login")
	trusted := filepath.Join(dir, "ca.pem")
	check.NoError(t, os.WriteFile(trusted, certificate(s.op.Certificate), 0o600))
	base := "http://" + interop.FreeAddress(t)
	s.op.Register(t, "example-login", interop.OddSecret, base+"/auth/callback")
	program := interop.Program(t, filepath.Join(dir, "login"), map[string]string{
		"ADDR": strings.TrimPrefix(base, "http://"), "OIDC_REDIRECT_URL": base + "/auth/callback", "SSL_CERT_FILE": trusted,
		"OIDC_ISSUER": s.op.URL, "OIDC_AUTHORIZATION_ENDPOINT": s.op.URL + "/oauth/authorize", "OIDC_TOKEN_ENDPOINT": s.op.URL + "/oauth/token",
		"OIDC_CLIENT_ID": "example-login", "OIDC_CLIENT_SECRET": interop.OddSecret, "OIDC_AUTH_METHOD": "client_secret_post",
		"OIDC_SKIP_ID_TOKEN_SIGNATURE": "1", "OIDC_ALLOW_MISSING_NONCE": "1",
	})
	check.Equal(t, interop.Listening(t, program), base, "where it listens")

	who := alice(t, s.op)
	check.Equal(t, who.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "before")
	check.Equal(t, who.Visit(t, base+"/auth/login?return_to=/", "").URL.String(), base+"/", "where she came back to")
	identity := interop.Who(t, who.GetJSON(t, base+"/"))
	check.Equal(t, identity.Subject, "alice", "subject")
	check.Equal(t, identity.Issuer, s.op.URL, "issuer")
	check.Equal(t, fmt.Sprint(identity.Claims["tenant"]), "acme", "tenant")
	check.True(t, !identity.Refreshable, "refreshable")
	left := time.Until(identity.ExpiresAt)
	check.True(t, left > 59*time.Minute && left <= time.Hour, "the access token is said to live %v more", left)
	check.Equal(t, who.Post(t, base+"/auth/logout", url.Values{}, "").URL.Path, "/", "where the logout ends")
	check.Equal(t, who.GetJSON(t, base+"/").Status, http.StatusUnauthorized, "afterwards")
	check.Equal(t, program.End(15*time.Second), 0, "exit code")
	return "the environment of docs/providers.md: signed in as " + identity.Subject + ", nothing to refresh, signed out"
}

func certificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
