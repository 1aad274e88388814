package client_test

import (
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// oidcc-client-test-discovery-issuer-mismatch.
func TestIssuerMismatch(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.Edit("discovery", set("issuer", "https://evil.example.test"))
	_, err := newClient(t, p).Authorize(t.Context())
	mismatch := check.As[*client.IssuerMismatchError](t, err)
	check.Equal(t, mismatch.Got, "https://evil.example.test", "got")
	check.Equal(t, mismatch.Want, p.Issuer(), "want")
	check.Contains(t, err.Error(), "Config.Issuer")
	check.Contains(t, mismatch.Error(), "Config.Issuer", mismatch.Got, mismatch.Want)
	wantError(t, err, client.KindProtocol, "")
}

// An issuer that is spelt with a slash is expected so, whatever DiscoveryURL looks like.
func TestIssuerSpelling(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "/"} {
		p := newProvider(t, func(cfg *oidctest.Config) { cfg.Issuer = "https://op.example.test/realms/acme" + suffix })
		for _, discovery := range []string{
			"https://op.example.test/realms/acme", "https://op.example.test/realms/acme/",
			"https://op.example.test/realms/acme/.well-known/openid-configuration",
		} {
			tokens, err := logIn(t, p, newClient(t, p, func(cfg *client.Config) { cfg.DiscoveryURL = discovery }))
			check.NoError(t, err)
			check.Equal(t, tokens.IDToken.Issuer, p.Issuer(), "iss")
		}
	}
}
