package client_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func TestUserInfo(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p, func(cfg *client.Config) { cfg.Scopes = []string{"openid", "email"} })
	tokens, err := logIn(t, p, c)
	check.NoError(t, err)
	info, err := c.UserInfo(t.Context(), tokens.AccessToken, tokens.IDToken.Subject)
	check.NoError(t, err)
	var got struct{ Sub, Email string }
	check.NoError(t, info.Decode(&got))
	check.Equal(t, got.Email+got.Sub+info.Subject, "alice@example.testalicealice", "claims")
	raw := info.Raw()
	raw[0] = 'x'
	check.True(t, info.Raw()[0] == '{', "Raw is not a copy")

	for name, test := range map[string]struct {
		prepare func()
		subject string
		kind    client.Kind
		claim   string
	}{
		"oidcc-client-test-userinfo-invalid-sub": {func() { p.Edit("userinfo", set("sub", "bob")) }, "alice", client.KindToken, "sub"},
		"sub missing":                            {func() { p.Edit("userinfo", set("sub", nil)) }, "alice", client.KindToken, "sub"},
		"sub a number":                           {func() { p.Edit("userinfo", set("sub", 1)) }, "alice", client.KindToken, "sub"},
		"case variant":                           {func() { p.Edit("userinfo", set("Sub", "bob")) }, "alice", client.KindProtocol, ""},
		"nobody to be":                           {func() {}, "", client.KindConfig, ""},
		"down":                                   {func() { p.Fault("userinfo", oidctest.Down) }, "alice", client.KindUnreachable, ""},
		"garbage":                                {func() { p.Fault("userinfo", oidctest.Garbage) }, "alice", client.KindProtocol, ""},
		"HTML":                                   {func() { p.Fault("userinfo", answer(200, "text/html", "<p>")) }, "alice", client.KindProtocol, ""},
		"redirect":                               {func() { p.Fault("userinfo", redirectFault("/elsewhere")) }, "alice", client.KindProtocol, ""},
		"401 text":                               {func() { p.Fault("userinfo", answer(401, "text/plain", "no")) }, "alice", client.KindRefused, ""},
		"403 empty object":                       {func() { p.Fault("userinfo", answer(403, "application/json", "{}")) }, "alice", client.KindRefused, ""},
	} {
		p.Clear()
		test.prepare()
		_, err := c.UserInfo(t.Context(), tokens.AccessToken, test.subject)
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		wantError(t, err, test.kind, test.claim)
		check.Lacks(t, err.Error(), tokens.AccessToken, "bob")
	}
	p.Clear()
	_, err = c.UserInfo(t.Context(), "stolen", "alice")
	check.Equal(t, wantError(t, err, client.KindRefused, "").Code, "invalid_token", "code")
	for _, bad := range []string{"", "a b", "a\r\nX: y"} {
		_, err = c.UserInfo(t.Context(), bad, "alice")
		wantError(t, err, client.KindConfig, "")
	}
}

// oidcc-client-test-userinfo-signed.
func TestUserInfoSigned(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	tokens, err := logIn(t, p, c)
	check.NoError(t, err)
	signed := func(claims map[string]any, change func(string) string) oidctest.FaultFunc {
		return func(w http.ResponseWriter, r *http.Request) bool {
			raw := p.Sign(nil, claims)
			if change != nil {
				raw = change(raw)
			}
			return answer(200, "application/jwt; charset=utf-8", raw)(w, r)
		}
	}
	good := func() map[string]any {
		return map[string]any{"iss": p.Issuer(), "aud": "web", "sub": "alice", "x": "y"}
	}
	p.Fault("userinfo", signed(good(), nil))
	info, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice")
	check.NoError(t, err)
	check.Contains(t, string(info.Raw()), `"x":"y"`)
	for claim, value := range map[string]any{"sub": "bob", "aud": "other", "iss": "https://evil.example.test"} {
		bad := good()
		bad[claim] = value
		p.Clear()
		p.Fault("userinfo", signed(bad, nil))
		_, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice")
		wantError(t, err, client.KindToken, claim)
	}
	p.Clear()
	p.Fault("userinfo", signed(good(), spoilSignature))
	_, err = c.UserInfo(t.Context(), tokens.AccessToken, "alice")
	wantError(t, err, client.KindToken, "signature")
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	tokens, err := logIn(t, p, c)
	check.NoError(t, err)
	var form url.Values
	p.Fault("revoke", func(_ http.ResponseWriter, r *http.Request) bool { form = bodyOf(r); return false })
	check.NoError(t, c.Revoke(t.Context(), tokens.RefreshToken, "refresh_token"))
	check.DeepEqual(t, form, url.Values{"token": {tokens.RefreshToken}, "token_type_hint": {"refresh_token"}}, "form")
	_, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	check.NoError(t, c.Revoke(t.Context(), "never issued", "")) // RFC 7009 section 2.2
	check.True(t, !form.Has("token_type_hint"), "a hint from nowhere")
	wantError(t, c.Revoke(t.Context(), "", ""), client.KindConfig, "")
	p.Fault("revoke", oidctest.Down)
	wantError(t, c.Revoke(t.Context(), "x", ""), client.KindUnreachable, "")
}

func TestEndSessionURL(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	raw, err := c.EndSessionURL(t.Context(), client.EndSessionRequest{
		IDTokenHint: "id", PostLogoutRedirectURI: "https://app.example.test/bye", State: "s t", LogoutHint: "alice",
	})
	check.NoError(t, err)
	u, err := url.Parse(raw)
	check.NoError(t, err)
	check.Equal(t, u.Scheme+"://"+u.Host+u.Path, p.URL("end_session"), "endpoint")
	check.DeepEqual(t, u.Query(), url.Values{
		"client_id": {"web"}, "id_token_hint": {"id"}, "post_logout_redirect_uri": {"https://app.example.test/bye"}, "state": {"s t"}, "logout_hint": {"alice"},
	}, "parameters")
	raw, err = c.EndSessionURL(t.Context(), client.EndSessionRequest{})
	check.NoError(t, err)
	check.Equal(t, raw, p.URL("end_session")+"?client_id=web", "URL")
}

func TestMissingEndpoints(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.Edit("discovery", func(doc map[string]any) {
		for _, name := range []string{"token_endpoint", "userinfo_endpoint", "revocation_endpoint", "end_session_endpoint"} {
			delete(doc, name)
		}
	})
	c := newClient(t, p)
	check.NoError(t, c.Ready(t.Context()))
	ctx := t.Context()
	for field, call := range map[string]func() error{
		"UserInfo":   func() error { _, err := c.UserInfo(ctx, "t", "alice"); return err },
		"Revocation": func() error { return c.Revoke(ctx, "t", "") },
		"EndSession": func() error { _, err := c.EndSessionURL(ctx, client.EndSessionRequest{}); return err },
		"Token":      func() error { _, err := c.Refresh(ctx, "r", client.TokenRequest{}); return err },
	} {
		err := call()
		check.Error(t, err, client.ErrEndpointMissing)
		wantField(t, err, "Endpoints."+field)
	}
	// Set by hand, they work.
	q := newProvider(t)
	override := newClient(t, p, func(cfg *client.Config) {
		cfg.Endpoints = client.Endpoints{Token: q.URL("token"), UserInfo: q.URL("userinfo")}
	})
	tokens, err := logIn(t, p, override)
	check.NoError(t, err)
	_, err = override.UserInfo(ctx, tokens.AccessToken, "alice")
	check.NoError(t, err)
}

func TestReady(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	check.NoError(t, newClient(t, p).Ready(t.Context()))
	p.Fault("jwks", oidctest.Down)
	wantError(t, newClient(t, p).Ready(t.Context()), client.KindUnreachable, "")
	check.NoError(t, newClient(t, p, func(cfg *client.Config) { cfg.RedirectURL = "" }).Ready(t.Context())) // a service needs no keys
	p.Fault("discovery", oidctest.Down)
	wantError(t, newClient(t, p).Ready(t.Context()), client.KindUnreachable, "")
	check.NoError(t, keylessClient(t, p, func(cfg *client.Config) { cfg.SkipIDTokenSignature = true }).Ready(t.Context()))
}

func TestObserver(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	var events []oidc.Event
	c := newClient(t, p, func(cfg *client.Config) {
		cfg.Observer = func(_ context.Context, e oidc.Event) { events = append(events, e) }
	})
	tokens, err := logIn(t, p, c)
	check.NoError(t, err)
	_, err = c.UserInfo(t.Context(), tokens.AccessToken, "alice")
	check.NoError(t, err)
	check.NoError(t, c.Revoke(t.Context(), tokens.AccessToken, "access_token"))
	p.Fault("token", oidctest.Down)
	_, err = c.Refresh(t.Context(), "r", client.TokenRequest{})
	check.True(t, err != nil, "no error")
	var names []string
	for _, e := range events {
		names = append(names, e.Operation)
		check.True(t, e.URL != "" && e.Duration >= 0, "event %v", e)
	}
	check.DeepEqual(t, names, []string{
		oidc.OperationDiscovery, oidc.OperationKeySet, oidc.OperationToken, oidc.OperationUserInfo,
		oidc.OperationRevocation, oidc.OperationToken,
	}, "events")
	check.DeepEqual(t, names, []string{
		"discovery document", "key set", "token endpoint", "userinfo endpoint", "revocation endpoint", "token endpoint",
	}, "names that dashboards know")
	wantError(t, events[5].Err, client.KindUnreachable, "")
	check.True(t, events[0].Err == nil, "error of a success")
}
