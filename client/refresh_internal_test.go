package client

import (
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// atProvider is the client "web" at a provider of the default issuer.
func atProvider(t *testing.T) (*oidctest.Provider, *Client) {
	t.Helper()
	p := oidctest.New(oidctest.Config{Alg: "ES256"})
	p.AddClient(oidctest.Client{ID: "web", Secret: "secret", RedirectURIs: []string{"https://app.example.test/cb"}})
	c, err := New(Config{
		DiscoveryURL: p.Issuer(), ClientID: "web", ClientSecret: "secret", RedirectURL: "https://app.example.test/cb", HTTPClient: p.HTTPClient(),
	})
	check.NoError(t, err)
	return p, c
}

// The ID token of a refresh is held to the login's:
// oidcc-client-test-refresh-token-invalid-issuer and -sub. Another person's
// ends everything, be there something else wrong with it too; any other failure
// leaves the new refresh token.
func TestRefreshSameUser(t *testing.T) {
	t.Parallel()
	was := func() *refreshOf {
		return &refreshOf{Issuer: oidctest.DefaultIssuer, Subject: "alice", Nonce: "n", Audience: []string{"web"}}
	}
	without := func(take func(*refreshOf)) *refreshOf {
		prev := was()
		take(prev)
		return prev
	}
	for name, test := range map[string]struct {
		prev  *refreshOf
		edit  func(map[string]any)
		claim string // "" = accepted
		ends  bool
	}{
		"nothing known":             {nil, func(map[string]any) {}, "", false},
		"the same":                  {was(), func(map[string]any) {}, "", false},
		"the same nonce":            {was(), func(m map[string]any) { m["nonce"] = "n" }, "", false},
		"nothing known, a nonce":    {nil, func(m map[string]any) { m["nonce"] = "n" }, "", false},
		"nothing known, other aud":  {nil, func(m map[string]any) { m["aud"] = "other" }, "aud", true},
		"nothing known, other iss":  {nil, func(m map[string]any) { m["iss"] = "https://evil.example.test" }, "iss", true},
		"another nonce":             {was(), func(m map[string]any) { m["nonce"] = "m" }, "nonce", true},
		"an empty nonce":            {was(), func(m map[string]any) { m["nonce"] = "" }, "nonce", true},
		"another sub":               {was(), func(m map[string]any) { m["sub"] = "bob" }, "sub", true},
		"another sub, expired":      {was(), func(m map[string]any) { m["sub"], m["exp"] = "bob", 1 }, "sub", true},
		"another sub, azp":          {was(), func(m map[string]any) { m["sub"], m["azp"] = "bob", "other" }, "sub", true},
		"another iss":               {was(), func(m map[string]any) { m["iss"] = "https://evil.example.test" }, "iss", true},
		"iss of another login":      {without(func(r *refreshOf) { r.Issuer = "https://evil.example.test" }), func(map[string]any) {}, "iss", true},
		"another aud":               {was(), func(m map[string]any) { m["aud"] = "other" }, "aud", true},
		"a wider aud":               {was(), func(m map[string]any) { m["aud"], m["azp"] = []string{"web", "other"}, "web" }, "aud", true},
		"aud in another form":       {was(), func(m map[string]any) { m["aud"] = []string{"web"} }, "", false},
		"the login lacks an iss":    {without(func(r *refreshOf) { r.Issuer = "" }), func(map[string]any) {}, "iss", true},
		"the login lacks a sub":     {without(func(r *refreshOf) { r.Subject = "" }), func(map[string]any) {}, "sub", true},
		"the login lacks an aud":    {without(func(r *refreshOf) { r.Audience = nil }), func(map[string]any) {}, "aud", true},
		"the login lacks a nonce":   {without(func(r *refreshOf) { r.Nonce = "" }), func(m map[string]any) { m["nonce"] = "n" }, "nonce", true},
		"no sub":                    {was(), func(m map[string]any) { delete(m, "sub") }, "sub", false},
		"no aud":                    {was(), func(m map[string]any) { delete(m, "aud") }, "aud", false},
		"no iss":                    {was(), func(m map[string]any) { delete(m, "iss") }, "iss", false},
		"sub a number":              {was(), func(m map[string]any) { m["sub"] = 1 }, "sub", false},
		"nonce an array":            {was(), func(m map[string]any) { m["nonce"] = []string{"n"} }, "nonce", false},
		"azp another client's":      {was(), func(m map[string]any) { m["azp"] = "other" }, "azp", false},
		"of another access token":   {was(), func(m map[string]any) { m["at_hash"] = "x" }, "at_hash", false},
		"expired":                   {was(), func(m map[string]any) { m["exp"] = 1 }, "exp", false},
		"nothing known, an old one": {nil, func(m map[string]any) { m["exp"] = 1 }, "exp", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := atProvider(t)
			tokens := logInAt(t, p, c)
			p.Edit("id_token", test.edit)
			got, err := c.refresh(t.Context(), tokens.RefreshToken, TokenRequest{}, test.prev)
			if test.claim == "" {
				check.NoError(t, err)
				return
			}
			e := check.As[*Error](t, err)
			check.Equal(t, e.Kind, KindToken, "kind")
			check.Equal(t, e.Claim, test.claim, "claim")
			check.Equal(t, final(err), test.ends, "ErrReauthRequired")
			check.Equal(t, got == nil, test.ends, "nothing to save")
			if got != nil {
				check.True(t, got.RefreshToken != "" && got.RefreshToken != tokens.RefreshToken, "the new refresh token is lost")
				check.True(t, got.AccessToken == "" && got.RawIDToken == "" && got.IDToken == nil, "a token of the refused answer")
			}
		})
	}
}

// logInAt is a whole login of alice.
func logInAt(t *testing.T, p *oidctest.Provider, c *Client) *Tokens {
	t.Helper()
	a, err := c.Authorize(t.Context())
	check.NoError(t, err)
	back, err := p.SignIn(a.URL, "alice")
	check.NoError(t, err)
	tokens, err := c.Exchange(t.Context(), back.Query(), a.Transaction)
	check.NoError(t, err)
	return tokens
}

func TestVerifyLogoutToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit  func(map[string]any)
		claim string // "" = accepted
	}{
		"sub and sid":  {func(map[string]any) {}, ""},
		"sub":          {func(m map[string]any) { delete(m, "sid") }, ""},
		"sid":          {func(m map[string]any) { delete(m, "sub") }, ""},
		"neither":      {func(m map[string]any) { delete(m, "sub"); delete(m, "sid") }, "sub"},
		"sid a number": {func(m map[string]any) { m["sid"] = 1 }, "sid"},
		"nonce":        {func(m map[string]any) { m["nonce"] = "n" }, "nonce"},
		"for a year":   {func(m map[string]any) { m["exp"] = time.Now().AddDate(1, 0, 0).Unix() }, ""},
		"of yesterday": {func(m map[string]any) {
			m["iat"], m["exp"] = time.Now().Add(-25*time.Hour).Unix(), time.Now().AddDate(1, 0, 0).Unix()
		}, "iat"},
		"nonce null":      {func(m map[string]any) { m["nonce"] = nil }, "nonce"},
		"no events":       {func(m map[string]any) { delete(m, "events") }, "events"},
		"other event":     {func(m map[string]any) { m["events"] = map[string]any{"https://x": map[string]any{}} }, "events"},
		"event no object": {func(m map[string]any) { m["events"] = map[string]any{logoutEvent: "x"} }, "events"},
		"events array":    {func(m map[string]any) { m["events"] = []string{logoutEvent} }, "events"},
		"no jti":          {func(m map[string]any) { delete(m, "jti") }, "jti"},
		"no iat":          {func(m map[string]any) { delete(m, "iat") }, "iat"},
		"no exp":          {func(m map[string]any) { delete(m, "exp") }, ""},
		"no exp, of a moment ago": {func(m map[string]any) {
			delete(m, "exp")
			m["iat"] = time.Now().Add(-2 * time.Minute).Unix()
		}, ""},
		"no exp, of minutes ago": {func(m map[string]any) {
			delete(m, "exp")
			m["iat"] = time.Now().Add(-3 * time.Minute).Unix()
		}, "iat"},
		"no exp, no iat": {func(m map[string]any) { delete(m, "exp"); delete(m, "iat") }, "iat"},
		"expired":        {func(m map[string]any) { m["exp"] = time.Now().Add(-time.Hour).Unix() }, "exp"},
		"other iss":      {func(m map[string]any) { m["iss"] = "https://evil.example.test" }, "iss"},
		"other aud":      {func(m map[string]any) { m["aud"] = "other" }, "aud"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := atProvider(t)
			p.Edit("logout_token", test.edit)
			got, err := c.verifyLogoutToken(t.Context(), p.LogoutToken("web", "alice", "sid-1"))
			if test.claim != "" {
				e := check.As[*Error](t, err)
				check.Equal(t, e.Kind, KindToken, "kind")
				check.Equal(t, e.Claim, test.claim, "claim")
				return
			}
			check.NoError(t, err)
			check.True(t, time.Until(got.Expiry) <= maxLogoutAge && (got.Expiry.After(time.Now().Add(-c.cfg.ClockSkew))), "its mark is kept until %v", got.Expiry)
			check.Equal(t, got.Issuer, p.Issuer(), "iss")
			check.True(t, got.JTI != "" && !got.Expiry.IsZero() && (got.Subject == "alice" || got.SID == "sid-1"), "fields %v", got)
		})
	}
	t.Run("an ID token", func(t *testing.T) {
		t.Parallel()
		p, c := atProvider(t)
		_, err := c.verifyLogoutToken(t.Context(), p.IDToken(nil))
		check.Equal(t, check.As[*Error](t, err).Claim, "events", "claim")
	})
	t.Run("a bad signature", func(t *testing.T) {
		t.Parallel()
		p, c := atProvider(t)
		raw := p.LogoutToken("web", "alice", "")
		_, err := c.verifyLogoutToken(t.Context(), raw[:strings.LastIndexByte(raw, '.')+1]+strings.Repeat("A", 86))
		check.Equal(t, check.As[*Error](t, err).Claim, "signature", "claim")
	})
	t.Run("no keys", func(t *testing.T) {
		t.Parallel()
		p, c := atProvider(t)
		check.True(t, !c.keyless(), "keyless")
		c, err := New(Config{
			Issuer: p.Issuer(), Endpoints: Endpoints{Authorization: p.URL("authorize"), Token: p.URL("token")}, SkipIDTokenSignature: true,
			ClientID: "web", ClientSecret: "secret", RedirectURL: "https://app.example.test/cb", HTTPClient: p.HTTPClient(),
		})
		check.NoError(t, err)
		check.True(t, c.keyless(), "not keyless")
		_, err = c.verifyLogoutToken(t.Context(), p.LogoutToken("web", "alice", ""))
		check.Equal(t, kindOf(err), KindConfig, "kind")
	})
}
