package introspect_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
)

func TestIssuerOfAStaticEndpoint(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		static := func(cfg *introspect.Config) { cfg.DiscoveryURL, cfg.Endpoint = "", endpoint }
		named := p.client(t, static, func(cfg *introspect.Config) { cfg.Issuer = "https://other.example" })
		_ = refused(t, named, introspect.IssuerUntrusted, "tok")
		check.Equal(t, ask(t, p.client(t, static), "tok").Issuer, issuer, "issuer nobody expects")
		p.always(200, `{"active":true}`)
		check.Equal(t, ask(t, named, "tok2").Issuer, "https://other.example", "issuer of an answer without one")
		check.Equal(t, ask(t, p.client(t, static), "tok2").Issuer, "", "issuer nobody knows")
	})
}

// Metadata from another host cannot direct secrets and tokens to a service on
// this host.
func TestMetadataNamesLoopback(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, at := range []string{"http://127.0.0.1:8500/introspect", "http://localhost/introspect", "https://[::1]/introspect"} {
			p := newProvider()
			p.set(func(p *provider) { p.metadata = `{"issuer":"` + issuer + `","introspection_endpoint":"` + at + `"}` })
			_ = refused(t, p.client(t), introspect.Misconfigured, "tok")
			check.Equal(t, p.calls(), 0, "calls")
			// A URL in the Config is permitted.
			_ = ask(t, p.client(t, func(cfg *introspect.Config) { cfg.Endpoint = at }), "tok")
			_ = ask(t, p.client(t, func(cfg *introspect.Config) { cfg.InsecureAllowHTTP = true }), "tok")
		}
	})
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	meta := func(members string) string { return `{"issuer":"` + issuer + `"` + members + `}` }
	at := `,"introspection_endpoint":"` + endpoint + `"`
	for _, tc := range []struct {
		name     string
		metadata string
		edit     func(*introspect.Config)
		want     introspect.Reason
		text     string // part of the error, or the authentication method
	}{
		{"plain", meta(at), nil, "", "basic"},
		{"own methods", meta(at + `,"introspection_endpoint_auth_methods_supported":["client_secret_post"],"token_endpoint_auth_methods_supported":["client_secret_basic"]`), nil, "", "post"},
		{"methods of the token endpoint", meta(at + `,"token_endpoint_auth_methods_supported":["client_secret_post"]`), nil, "", "post"},
		{"nothing fits", meta(at + `,"token_endpoint_auth_methods_supported":["private_key_jwt"]`), nil, introspect.Misconfigured, "AuthMethod"},
		{"no endpoint, as Hydra", meta(``), nil, introspect.Misconfigured, "set Endpoint"},
		{"no endpoint, set", meta(``), func(cfg *introspect.Config) { cfg.Endpoint = endpoint }, "", "basic"},
		{"key", meta(at), func(cfg *introspect.Config) { cfg.ClientSecret, cfg.Auth = "", oidc.PrivateKeyJWT{Key: key} }, "", "jwt"},
		{"key for an unknown token endpoint", meta(at), func(cfg *introspect.Config) {
			cfg.ClientSecret, cfg.Auth = "", oidc.PrivateKeyJWT{Key: key, Audience: "token_endpoint"}
		}, introspect.Misconfigured, "PrivateKeyJWT.Audience"},
		{"other issuer", `{"issuer":"https://evil.example"` + at + `}`, nil, introspect.Unavailable, "https://evil.example"},
		{"garbage", `<html>`, nil, introspect.Unavailable, "discovery document"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProvider()
				p.set(func(p *provider) { p.metadata = tc.metadata })
				c := p.client(t, func(cfg *introspect.Config) {
					if tc.edit != nil {
						tc.edit(cfg)
					}
				})
				if tc.want != "" {
					e := refused(t, c, tc.want, "tok")
					check.Contains(t, e.Error(), tc.text)
					check.Error(t, e, introspect.ErrUnavailable)
					check.Equal(t, reason(t, c.Ready(t.Context()), tc.want).Reason, tc.want, "Ready")
					check.Equal(t, p.calls(), 0, "calls")
					return
				}
				check.NoError(t, c.Ready(t.Context()))
				ask(t, c, "tok")
				how := "post"
				switch {
				case p.last.Header.Get("Authorization") != "":
					how = "basic"
				case p.lastForm.Get("client_assertion") != "":
					how = "jwt"
				}
				check.Equal(t, how, tc.text, "authentication")
			})
		})
	}
}

func TestDiscoveryAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		p.set(func(p *provider) { p.down = true })
		c := p.client(t)
		e := refused(t, c, introspect.Unavailable, "tok")
		check.Error(t, e, introspect.ErrUnavailable)
		check.True(t, e.RetryAfter > 0, "no RetryAfter")
		p.set(func(p *provider) { p.down = false })
		time.Sleep(time.Minute)
		ask(t, c, "tok")
		p.set(func(p *provider) { p.down = true })
		ask(t, c, "tok") // known already
	})
}

// If the Config contains everything, only the endpoint must be available.
func TestDiscoveryAwayButNotNeeded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		p.set(func(p *provider) { p.metadata = "down" })
		all := func(cfg *introspect.Config) {
			cfg.Endpoint, cfg.Issuer, cfg.AuthMethod = endpoint, issuer, "client_secret_post"
		}
		check.Equal(t, ask(t, p.client(t, all), "tok").Issuer, issuer, "issuer")
		check.NoError(t, p.client(t, all).Ready(t.Context()))
		for name, edit := range map[string]func(*introspect.Config){
			"method unknown": func(cfg *introspect.Config) { cfg.AuthMethod = "" },
			"issuer unknown": func(cfg *introspect.Config) { cfg.Issuer = "" },
		} {
			t.Log(name)
			_ = refused(t, p.client(t, all, edit), introspect.Unavailable, "tok")
		}
		check.Equal(t, p.calls(), 1, "calls")
	})
}
