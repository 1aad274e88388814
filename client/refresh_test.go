package client_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// oidcc-client-test-refresh-token.
func TestRefresh(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	tokens, err := logIn(t, p, c, client.Resource(apiResource))
	check.NoError(t, err)
	var form url.Values
	p.Fault("token", func(_ http.ResponseWriter, r *http.Request) bool { form = bodyOf(r); return false })
	fresh, err := c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{Resources: []string{apiResource}})
	check.NoError(t, err)
	check.DeepEqual(t, form, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}, "resource": {apiResource}}, "form")
	check.True(t, fresh.AccessToken != tokens.AccessToken, "the same access token")
	check.True(t, fresh.RefreshToken != "" && fresh.RefreshToken != tokens.RefreshToken, "the refresh token was not replaced")
	check.Equal(t, fresh.IDToken.Subject, "alice", "sub")

	_, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{}) // used twice
	check.Error(t, err, client.ErrReauthRequired)
	check.Equal(t, wantError(t, err, client.KindRefused, "").Code, "invalid_grant", "code")
	check.Lacks(t, err.Error(), tokens.RefreshToken)
}

// Whoever forgets the resources would get a token for another audience from the second hour on.
func TestRefreshRepeatsResources(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p, func(cfg *client.Config) { cfg.Resources = []string{apiResource} })
	tokens, err := logIn(t, p, c)
	check.NoError(t, err)
	var form url.Values
	p.Fault("token", func(_ http.ResponseWriter, r *http.Request) bool { form = bodyOf(r); return false })
	for _, test := range []struct {
		request client.TokenRequest
		want    []string
	}{
		{client.TokenRequest{}, []string{apiResource}},
		{client.TokenRequest{Resources: []string{}}, nil},
		{client.TokenRequest{Audience: []string{"a"}}, nil},
	} {
		tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, test.request)
		check.NoError(t, err)
		check.DeepEqual(t, form["resource"], test.want, "resource")
	}
}

func TestRefreshKeepsOldToken(t *testing.T) {
	t.Parallel()
	for _, value := range []any{nil, ""} {
		p := newProvider(t, func(cfg *oidctest.Config) { cfg.KeepRefreshTokens = true })
		c := newClient(t, p)
		tokens, err := logIn(t, p, c)
		check.NoError(t, err)
		p.Edit("token_answer", set("refresh_token", value))
		p.Edit("token_answer", set("scope", nil))
		p.Edit("token_answer", set("id_token", nil))
		fresh, err := c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
		check.NoError(t, err)
		check.Equal(t, fresh.RefreshToken, tokens.RefreshToken, "refresh token")
		check.True(t, fresh.Scopes == nil && fresh.IDToken == nil, "scopes %v from nowhere", fresh.Scopes)
	}
}

func TestRefreshWithoutToken(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	_, err := newClient(t, p).Refresh(t.Context(), "", client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	check.Equal(t, p.Requests("token"), 0, "requests")
}

// Only invalid_grant, or a 400 that says nothing, means that the user must come back; and one request is all there is.
func TestRefreshFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault oidctest.FaultFunc
		kind  client.Kind
		ends  bool
	}{
		"invalid_grant":  {answer(400, "application/json", `{"error":"invalid_grant"}`), client.KindRefused, true},
		"invalid_client": {answer(401, "application/json", `{"error":"invalid_client"}`), client.KindRefused, false},
		"invalid_target": {answer(400, "application/json", `{"error":"invalid_target"}`), client.KindRefused, false},
		"silent 403":     {answer(403, "", ""), client.KindRefused, false},
		"silent 400":     {answer(400, "", ""), client.KindRefused, true},                                   // Glewlwyd 2.7.5, of an expired refresh token
		"HTML 400":       {answer(400, "text/html", "<h1>400 Bad Request</h1>"), client.KindRefused, false}, // of something in between
		"cut 400":        {cut(400, `{"error":"invalid_request"`), client.KindRefused, false},
		"odd 400":        {answer(400, "application/json", `{"error":"scope_invalid"}`), client.KindRefused, false},
		"down":           {oidctest.Down, client.KindUnreachable, false},
		"reset":          {oidctest.Reset, client.KindUnreachable, false},
		"garbage":        {oidctest.Garbage, client.KindProtocol, false},
		"503 with code":  {answer(503, "application/json", `{"error":"invalid_grant"}`), client.KindUnreachable, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			p.Fault("token", test.fault)
			_, err := newClient(t, p).Refresh(t.Context(), "refresh-token", client.TokenRequest{})
			wantError(t, err, test.kind, "")
			check.Equal(t, isReauth(err), test.ends, "ErrReauthRequired")
			check.Equal(t, p.Requests("token"), 1, "requests")
		})
	}
}

func TestRefreshBadRequest(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	_, err := newClient(t, p).Refresh(t.Context(), "r", client.TokenRequest{Extra: url.Values{"refresh_token": {"x"}}})
	wantError(t, err, client.KindConfig, "")
	check.Equal(t, p.Requests("token"), 0, "requests")
}

// The answer of a refresh must not be lost because the keys cannot be had; but its claims count.
func TestRefreshKeysAway(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	tokens, err := logIn(t, p, newClient(t, p))
	check.NoError(t, err)
	for name, fault := range map[string]oidctest.FaultFunc{
		"down": oidctest.Down,
		"not found": func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "no such page", http.StatusNotFound)
			return true
		},
		"garbage": func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte("<html>maintenance</html>"))
			return true
		},
	} {
		p.Clear()
		p.Fault("jwks", fault)
		c := newClient(t, p) // holds no keys
		tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
		check.NoError(t, err)
		check.True(t, tokens.IDToken == nil && tokens.RawIDToken == "", "an unverified ID token is handed out, keys %s", name)
	}
	p.Edit("id_token", set("aud", "other"))
	_, err = newClient(t, p).Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
	wantError(t, err, client.KindToken, "aud")
}

// Without TLS nothing vouches for a token whose signature cannot be checked.
func TestRefreshKeysAwayOverHTTP(t *testing.T) {
	t.Parallel()
	p := newProvider(t, func(cfg *oidctest.Config) { cfg.Issuer = "http://op.internal.test" })
	insecure := func(cfg *client.Config) { cfg.InsecureAllowHTTP = true }
	tokens, err := logIn(t, p, newClient(t, p, insecure))
	check.NoError(t, err)
	p.Fault("jwks", oidctest.Down)
	fresh, err := newClient(t, p, insecure).Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	wantError(t, fresh.Err(), client.KindUnreachable, "")
	check.True(t, fresh.AccessToken == "" && fresh.RefreshToken != "", "what nothing vouches for is handed out, or the refresh token lost")
}
