package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func TestOnLogin(t *testing.T) {
	t.Parallel()
	refusal := errors.New("not on the list")
	var a *app
	a = newApp(t, func(cfg *appConfig) {
		cfg.client.Scopes = []string{"openid", "email"}
		cfg.login.OnLogin = func(ctx context.Context, s *client.Session) error {
			if s.Subject != "alice" {
				return refusal
			}
			token, err := s.TokenSource().TokenContext(ctx)
			if err != nil {
				return err
			}
			info, err := a.rp.UserInfo(ctx, token.AccessToken, s.Subject)
			if err != nil {
				return err
			}
			if _, err := s.TokenSource().For(client.TokenRequest{Resources: []string{"https://api.example.test"}}).TokenContext(ctx); err != nil {
				return err
			}
			s.Data = info.Raw()
			return nil
		}
	})
	b := a.browser()
	b.login("/auth/login", "alice")
	s, err := b.session()
	check.NoError(t, err)
	var data struct{ Email string }
	check.NoError(t, json.Unmarshal(s.Data, &data))
	check.Equal(t, data.Email, "alice@example.test", "Data's email")
	_, err = s.TokenSource().TokenContext(t.Context())
	check.NoError(t, err)
	check.Equal(t, a.op.Requests("token"), 2, "token requests: the code, and the other API")

	revoked := a.op.Requests("revoke")
	other := a.browser()
	check.Equal(t, other.finish(other.signIn(other.begin("/auth/login"), "bob")).StatusCode, http.StatusForbidden, "status of a refusal")
	check.Error(t, a.lastError(), refusal)
	check.Equal(t, len(other.cookies), 0, "cookies left")
	check.Equal(t, a.op.Requests("revoke"), revoked+1, "revocations")

	// A refusal, or a failing check, leaves the session that was there.
	a.op.Fault("userinfo", oidctest.Down)
	check.Equal(t, b.finish(b.signIn(b.begin("/auth/login"), "alice")).StatusCode, http.StatusServiceUnavailable, "status while userinfo is away")
	a.op.Clear()
	a.op.Edit("userinfo", func(c map[string]any) { c["sub"] = "eve" })
	check.Equal(t, b.finish(b.signIn(b.begin("/auth/login"), "alice")).StatusCode, http.StatusBadRequest, "status with another userinfo subject")
	check.Equal(t, b.signedIn(), "alice", "signed in")
	check.Equal(t, a.op.Requests("revoke"), revoked+1, "revocations: the session that stays may hang on the same grant")
}

func TestOnLoginData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		data json.RawMessage
		ok   bool
	}{
		{"null", json.RawMessage("null"), true},
		{"broken", json.RawMessage("{"), false},
		{"largest", json.RawMessage(`"` + strings.Repeat("x", 16<<10-2) + `"`), true},
		{"too large", json.RawMessage(`"` + strings.Repeat("x", 16<<10-1) + `"`), false},
	} {
		a := newApp(t, func(cfg *appConfig) {
			cfg.login.OnLogin = func(_ context.Context, s *client.Session) error { s.Data = tt.data; return nil }
		})
		b := a.browser()
		resp := b.finish(b.signIn(b.begin("/auth/login"), "alice"))
		check.Equal(t, resp.StatusCode == http.StatusSeeOther, tt.ok, tt.name)
		check.Equal(t, b.signedIn() == "alice", tt.ok, tt.name)
	}
}
