package introspect_test

import (
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/oidctest"
)

// This test uses the provider of package oidctest, which behaves like real
// ones.
func TestAgainstAProvider(t *testing.T) {
	bubble(t, func(t *testing.T) {
		op := oidctest.New(oidctest.Config{
			Alg: "ES256", OpaqueAccessTokens: true, Clients: []oidctest.Client{{ID: "api", Secret: "p%ss w+rd:&ü"}},
		})
		c, err := introspect.New(introspect.Config{
			DiscoveryURL: op.Issuer(), ClientID: "api", ClientSecret: "p%ss w+rd:&ü", HTTPClient: op.HTTPClient(),
		})
		check.NoError(t, err)
		check.NoError(t, c.Ready(t.Context()))
		token := op.AccessToken(map[string]any{"aud": apiA, "tenant": "acme"})
		for range 3 {
			r := ask(t, c, token, introspect.Audience(apiA))
			check.Equal(t, r.Issuer+" "+r.Subject, op.Issuer()+" alice", "issuer and subject")
			tenant, _ := r.Claim("tenant")
			check.Equal(t, string(tenant), `"acme"`, "tenant")
		}
		check.Equal(t, op.Requests("introspect"), 1, "requests")
		_ = refused(t, c, introspect.AudienceMismatch, token, introspect.Audience("https://b.example"))
		_ = refused(t, c, introspect.Inactive, "no-token-of-that-provider")

		op.RevokeSubject("alice")
		ask(t, c, token) // cached for CacheTTL
		_ = refused(t, c, introspect.Inactive, token, introspect.MaxAge(0))
		_ = refused(t, c, introspect.Inactive, token)

		op.Fault("introspect", oidctest.Down)
		_ = refused(t, c, introspect.Unavailable, "another")
		op.Clear()
		op.Fault("introspect", oidctest.Garbage)
		_ = refused(t, c, introspect.Protocol, "another")
		op.Clear()
		time.Sleep(time.Minute)
		_ = refused(t, c, introspect.Inactive, "another")

		wrong, err := introspect.New(introspect.Config{
			DiscoveryURL: op.Issuer(), ClientID: "api", ClientSecret: "wrong+", HTTPClient: op.HTTPClient(),
		})
		check.NoError(t, err)
		check.Contains(t, refused(t, wrong, introspect.Unavailable, token).Error(), "invalid_client", "client_secret_post")
	})
}
