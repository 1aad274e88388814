package client_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func finding(r *client.Report, about string) client.Severity {
	for _, f := range r.Findings {
		if f.About == about {
			return f.Severity
		}
	}
	return 0
}

func TestDiagnoseHealthy(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	r := newClient(t, p).Diagnose(t.Context())
	check.True(t, r.OK(), "problems at a healthy provider:\n%v", r)
	check.Equal(t, r.Issuer, p.Issuer(), "issuer")
	check.Equal(t, r.Keys, 1, "keys")
	check.Contains(t, r.String(), p.Issuer())
	check.Equal(t, p.Requests("token"), 0, "token requests")
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare  func(*oidctest.Provider)
		edit     func(*client.Config)
		about    string
		severity client.Severity
	}{
		"provider away":         {func(p *oidctest.Provider) { p.Fault("discovery", oidctest.Down) }, nil, "metadata", client.Problem},
		"other issuer":          {edits("issuer", "https://evil.example.test"), nil, "metadata", client.Problem},
		"bad endpoint":          {edits("userinfo_endpoint", "http://op.example.test/userinfo"), nil, "metadata", client.Problem},
		"no authorization":      {edits("authorization_endpoint", nil), nil, "authorization_endpoint", client.Problem},
		"no token":              {edits("token_endpoint", nil), nil, "token_endpoint", client.Problem},
		"no keys":               {edits("jwks_uri", nil), nil, "jwks_uri", client.Problem},
		"no userinfo":           {edits("userinfo_endpoint", nil), nil, "userinfo_endpoint", client.Note},
		"token elsewhere":       {edits("token_endpoint", "https://other.example.test/token"), nil, "token_endpoint", client.Note},
		"no PKCE":               {edits("code_challenge_methods_supported", nil), nil, "code_challenge_methods_supported", client.Warning},
		"plain PKCE":            {edits("code_challenge_methods_supported", []string{"plain"}), nil, "code_challenge_methods_supported", client.Problem},
		"no code":               {edits("response_types_supported", []string{"id_token"}), nil, "response_types_supported", client.Problem},
		"no code grant":         {edits("grant_types_supported", []string{"implicit"}), nil, "grant_types_supported", client.Warning},
		"no iss in callbacks":   {edits("authorization_response_iss_parameter_supported", nil), nil, "authorization_response_iss_parameter_supported", client.Note},
		"no form_post":          {edits("response_modes_supported", []string{"query"}), func(cfg *client.Config) { cfg.ResponseMode = "form_post" }, "response_modes_supported", client.Problem},
		"unknown scope":         {edits("scopes_supported", []string{"openid"}), func(cfg *client.Config) { cfg.Scopes = []string{"openid", "email"} }, "scopes_supported", client.Warning},
		"no fitting auth":       {edits("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}), nil, "token_endpoint_auth_methods_supported", client.Problem},
		"another auth":          {edits("token_endpoint_auth_methods_supported", []string{"client_secret_post"}), func(cfg *client.Config) { cfg.AuthMethod = "client_secret_basic" }, "token_endpoint_auth_methods_supported", client.Warning},
		"auth silent":           {edits("token_endpoint_auth_methods_supported", nil), nil, "token_endpoint_auth_methods_supported", client.Note},
		"algs silent":           {edits("id_token_signing_alg_values_supported", nil), nil, "id_token_signing_alg_values_supported", client.Note},
		"HS256 only":            {edits("id_token_signing_alg_values_supported", []string{"HS256"}), nil, "id_token_signing_alg_values_supported", client.Problem},
		"none":                  {edits("id_token_signing_alg_values_supported", []string{"ES256", "none"}), nil, "id_token_signing_alg_values_supported", client.Warning},
		"keys away":             {func(p *oidctest.Provider) { p.Fault("jwks", oidctest.Down) }, nil, "jwks_uri", client.Problem},
		"keys HTML":             {func(p *oidctest.Provider) { p.Fault("jwks", answer(200, "text/html", "<p>")) }, nil, "jwks_uri", client.Problem},
		"no usable key":         {func(p *oidctest.Provider) { p.Fault("jwks", answer(200, "application/json", `{"keys":[]}`)) }, nil, "keys", client.Problem},
		"a clock an hour ahead": {func(p *oidctest.Provider) { p.Fault("jwks", dated(time.Hour)) }, nil, "clock", client.Problem},
		"a clock 15 s behind":   {func(p *oidctest.Provider) { p.Fault("jwks", dated(-15*time.Second)) }, nil, "clock", client.Warning},
		"SkipPKCE":              {nil, func(cfg *client.Config) { cfg.SkipPKCE = true }, "Config.SkipPKCE", client.Warning},
		"SkipIDTokenSignature":  {nil, func(cfg *client.Config) { cfg.SkipIDTokenSignature = true }, "Config.SkipIDTokenSignature", client.Warning},
		"AllowMissingNonce":     {nil, func(cfg *client.Config) { cfg.AllowMissingNonce = true }, "Config.AllowMissingNonce", client.Warning},
		"AllowMissingIss":       {nil, func(cfg *client.Config) { cfg.AllowMissingIss = true }, "Config.AllowMissingIss", client.Warning},
		"InsecureAllowHTTP":     {nil, func(cfg *client.Config) { cfg.InsecureAllowHTTP = true }, "Config.InsecureAllowHTTP", client.Warning},
		"keys that are not usable": {func(p *oidctest.Provider) {
			p.Edit("jwks", func(m map[string]any) { m["keys"] = append(m["keys"].([]any), map[string]any{"kty": "oct", "k": "AA"}) })
		}, nil, "keys", client.Note},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				if test.prepare != nil {
					test.prepare(p)
				}
				c := newClient(t, p, func(cfg *client.Config) {
					if test.edit != nil {
						test.edit(cfg)
					}
				})
				r := c.Diagnose(t.Context())
				check.Equal(t, finding(r, test.about), test.severity, test.about+" in\n"+r.String())
				check.Equal(t, r.OK(), !strings.Contains(r.String(), "problem "), "OK")
			})
		})
	}
}

func edits(name string, value any) func(*oidctest.Provider) {
	return func(p *oidctest.Provider) { p.Edit("discovery", set(name, value)) }
}

// dated lets the endpoint answer by a clock that is off.
func dated(off time.Duration) oidctest.FaultFunc {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		return false
	}
}
