package client_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
)

const logoutEventName = "http://schemas.openid.net/event/backchannel-logout"

var logoutEvents = map[string]any{logoutEventName: map[string]any{}}

// Tokens of other kinds, as providers that do not type the header mark them:
// signed by the same key, for the same client and user.
func otherTokens() map[string]struct {
	claims map[string]any
	claim  string // "" = an ID token
} {
	return map[string]struct {
		claims map[string]any
		claim  string
	}{
		"an ID token":                {map[string]any{}, ""},
		"an ID token of Keycloak":    {map[string]any{"typ": "ID", "azp": "web"}, ""},
		"an ID token of Cognito":     {map[string]any{"token_use": "id"}, ""},
		"nulls":                      {map[string]any{"typ": json0{}, "token_use": json0{}, "events": json0{}}, ""},
		"a logout token":             {map[string]any{"jti": "x", "sid": "s", "events": logoutEvents}, "events"},
		"another event":              {map[string]any{"events": map[string]any{"https://event.example.test": map[string]any{}}}, "events"},
		"events empty":               {map[string]any{"events": map[string]any{}}, "events"},
		"an access token, Keycloak":  {map[string]any{"typ": "Bearer", "azp": "web", "aud": []string{"web", "api"}, "scope": "openid"}, "typ"},
		"a refresh token, Keycloak":  {map[string]any{"typ": "Refresh", "azp": "web"}, "typ"},
		"an offline token, Keycloak": {map[string]any{"typ": "Offline", "azp": "web"}, "typ"},
		"a logout token, Keycloak":   {map[string]any{"typ": "Logout", "azp": "web"}, "typ"},
		"typ in another case":        {map[string]any{"typ": "id"}, "typ"},
		"typ empty":                  {map[string]any{"typ": ""}, "typ"},
		"typ a number":               {map[string]any{"typ": 1}, "typ"},
		"typ in another spelling":    {map[string]any{"Typ": "Bearer"}, "typ"},
		"an access token, Cognito":   {map[string]any{"token_use": "access"}, "token_use"},
		"token_use empty":            {map[string]any{"token_use": ""}, "token_use"},
		"token_use an array":         {map[string]any{"token_use": []string{"id"}}, "token_use"},
	}
}

// json0 marshals as null: nil would leave the claim out.
type json0 struct{}

// MarshalJSON gives null.
func (json0) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func edited(claims map[string]any) func(map[string]any) {
	return func(m map[string]any) {
		for name, value := range claims {
			set(name, value)(m)
		}
	}
}

func TestOtherTokensAreNoIDTokens(t *testing.T) {
	t.Parallel()
	for name, test := range otherTokens() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			c := newClient(t, p)
			verdict := func(how string, err error) {
				t.Helper()
				switch {
				case test.claim == "" && err != nil:
					t.Errorf("%s: %v", how, err)
				case test.claim != "" && err == nil:
					t.Errorf("%s: accepted", how)
				case test.claim != "":
					wantError(t, err, client.KindToken, test.claim)
				}
			}
			tokens, err := logIn(t, p, c)
			check.NoError(t, err)
			p.Edit("id_token", edited(test.claims))
			_, err = c.VerifyIDToken(t.Context(), p.IDToken(nil), client.WithoutNonce())
			verdict("VerifyIDToken", err)
			_, err = logIn(t, p, c)
			verdict("Exchange", err)
			tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
			check.NoError(t, err)
			verdict("Refresh", tokens.Err())
		})
	}
}

// A signed userinfo answer is held to what it says of itself, and to its times.
func TestOtherTokensAreNoUserInfo(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	tokens, err := logIn(t, p, c)
	check.NoError(t, err)
	for name, test := range map[string]struct {
		claims map[string]any
		claim  string
	}{
		"nothing more":     {nil, ""},
		"an ID token":      {map[string]any{"typ": "ID", "token_use": "id", "exp": in(time.Minute), "iat": in(0)}, ""},
		"expired":          {map[string]any{"exp": in(-time.Minute)}, "exp"},
		"within the skew":  {map[string]any{"exp": in(-10 * time.Second)}, ""},
		"exp a string":     {map[string]any{"exp": "never"}, "exp"},
		"nbf ahead":        {map[string]any{"nbf": in(time.Hour)}, "nbf"},
		"iat ahead":        {map[string]any{"iat": in(time.Hour)}, "iat"},
		"a logout token":   {map[string]any{"events": logoutEvents}, "events"},
		"an access token":  {map[string]any{"typ": "Bearer"}, "typ"},
		"a refresh token":  {map[string]any{"typ": "Refresh"}, "typ"},
		"an offline token": {map[string]any{"typ": "Offline"}, "typ"},
		"Keycloak logout":  {map[string]any{"typ": "Logout"}, "typ"},
		"typ a number":     {map[string]any{"typ": 1}, "typ"},
		"Cognito access":   {map[string]any{"token_use": "access"}, "token_use"},
	} {
		p.Clear()
		p.Fault("userinfo", func(w http.ResponseWriter, r *http.Request) bool {
			m := map[string]any{"iss": p.Issuer(), "aud": "web", "sub": "alice"}
			edited(test.claims)(m)
			return answer(200, "application/jwt", p.Sign(nil, m))(w, r)
		})
		_, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice")
		switch {
		case test.claim == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.claim != "" && err == nil:
			t.Errorf("%s: accepted", name)
		case test.claim != "":
			wantError(t, err, client.KindToken, test.claim)
		}
	}
}

// An access token may carry claims that its user chose, events among them.
func TestOtherTokensAreNoLogoutTokens(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		typ    any // of the header; nil = absent
		claims map[string]any
		status int
	}{
		"logout+jwt":                  {"logout+jwt", nil, http.StatusOK},
		"application/logout+jwt":      {"application/logout+jwt", nil, http.StatusOK},
		"JWT, as older providers":     {"JWT", nil, http.StatusOK},
		"no typ":                      {nil, nil, http.StatusOK},
		"Keycloak's":                  {"JWT", map[string]any{"typ": "Logout"}, http.StatusOK},
		"at+jwt":                      {"at+jwt", nil, http.StatusBadRequest},
		"application/at+jwt":          {"application/at+jwt", nil, http.StatusBadRequest},
		"id+jwt":                      {"id+jwt", nil, http.StatusBadRequest},
		"secevent+jwt":                {"secevent+jwt", nil, http.StatusBadRequest},
		"a Keycloak access token":     {"JWT", map[string]any{"typ": "Bearer"}, http.StatusBadRequest},
		"a Keycloak refresh token":    {"JWT", map[string]any{"typ": "Refresh"}, http.StatusBadRequest},
		"a Keycloak offline token":    {"JWT", map[string]any{"typ": "Offline"}, http.StatusBadRequest},
		"a Keycloak ID token":         {"JWT", map[string]any{"typ": "ID"}, http.StatusBadRequest},
		"a Cognito access token":      {"JWT", map[string]any{"token_use": "access"}, http.StatusBadRequest},
		"a Cognito ID token":          {"JWT", map[string]any{"token_use": "id"}, http.StatusBadRequest},
		"payload typ a number":        {"JWT", map[string]any{"typ": 1}, http.StatusBadRequest},
		"exp null, which is no exp":   {"logout+jwt", map[string]any{"exp": json0{}}, http.StatusBadRequest},
		"nonce null, which is one":    {"logout+jwt", map[string]any{"nonce": json0{}}, http.StatusBadRequest},
		"exp absent, as in the draft": {"logout+jwt", map[string]any{"exp": nil}, http.StatusOK},
		"iat null":                    {"logout+jwt", map[string]any{"iat": json0{}}, http.StatusBadRequest},
		"jti null":                    {"logout+jwt", map[string]any{"jti": json0{}}, http.StatusBadRequest},
		"events null":                 {"logout+jwt", map[string]any{"events": json0{}}, http.StatusBadRequest},
		"the event null":              {"logout+jwt", map[string]any{"events": map[string]any{logoutEventName: nil}}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nil)
			b := a.browser()
			b.login("/auth/login", "alice")
			m := map[string]any{
				"iss": a.op.Issuer(), "aud": "web", "sub": "alice", "jti": "j", "iat": in(0), "exp": in(time.Minute), "events": logoutEvents,
			}
			edited(test.claims)(m)
			resp := a.tell(a.op.Sign(map[string]any{"typ": test.typ}, m))
			check.Equal(t, resp.StatusCode, test.status, "status")
			check.Equal(t, b.signedIn() == "", test.status == http.StatusOK, "the session has ended")
		})
	}
}
