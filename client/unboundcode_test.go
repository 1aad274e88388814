package client_test

import (
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
)

// Something has to tie a code to the browser that began the login: PKCE, or the nonce in the ID token. A code of the
// victim's that the attacker brings to the callback of a login of their own must not sign them in.
func TestStolenCode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit    func(*client.Config)
		refused bool
	}{
		"as it is":                      {func(*client.Config) {}, true},
		"no PKCE":                       {func(cfg *client.Config) { cfg.SkipPKCE = true }, true},
		"no nonce needed":               {func(cfg *client.Config) { cfg.AllowMissingNonce = true }, true},
		"neither, said openly":          {func(cfg *client.Config) { cfg.SkipPKCE, cfg.AllowMissingNonce, cfg.AllowUnboundCode = true, true, true }, false},
		"said openly, but with PKCE":    {func(cfg *client.Config) { cfg.AllowMissingNonce, cfg.AllowUnboundCode = true, true }, true},
		"said openly, but with a nonce": {func(cfg *client.Config) { cfg.SkipPKCE, cfg.AllowUnboundCode = true, true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			c := newClient(t, p, test.edit)
			victim, _ := startLogin(t, p, c)
			own, tx := startLogin(t, p, c)
			own.Set("code", victim.Get("code"))
			p.Edit("id_token", set("nonce", nil))
			_, err := c.Exchange(t.Context(), own, tx)
			check.Equal(t, err != nil, test.refused, "refused")
		})
	}
}

// Without an ID token there is no nonce.
func TestStolenCodeWithoutIDToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit  func(*client.Config)
		field string // "" = accepted
	}{
		"PKCE":                 {func(*client.Config) {}, ""},
		"no PKCE":              {func(cfg *client.Config) { cfg.SkipPKCE = true }, "AllowUnboundCode"},
		"no PKCE, said openly": {func(cfg *client.Config) { cfg.SkipPKCE, cfg.AllowUnboundCode = true, true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			p.Edit("token_answer", set("id_token", nil))
			c := newClient(t, p, func(cfg *client.Config) { cfg.Scopes = []string{"read"}; test.edit(cfg) })
			tokens, err := logIn(t, p, c)
			if test.field == "" {
				check.NoError(t, err)
				check.True(t, tokens.AccessToken != "", "no access token")
				return
			}
			wantField(t, err, test.field)
			check.True(t, tokens == nil, "tokens beside the error")
		})
	}
}
