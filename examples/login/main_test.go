package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"

	"github.com/relyingparty/oidc/examples/internal/testop"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// visitor is a browser at the running program.
type visitor struct {
	op   *oidctest.Provider
	app  string
	http *http.Client
}

// visit starts a provider and the program with a redirect URL of its own.
func visit(t *testing.T, vars map[string]string) *visitor {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	app := "http://" + server.Listener.Addr().String()
	op := testop.Start(t, oidctest.Config{
		Users: []oidctest.User{{Subject: "ada", Name: "Ada", Email: "ada@example.com"}},
		Clients: []oidctest.Client{{
			ID: "web", Secret: "secret", RedirectURIs: []string{app + "/auth/callback"}, PostLogoutRedirectURIs: []string{app + "/"},
		}},
	})
	all := map[string]string{
		"OIDC_DISCOVERY_URL": op.Issuer(), "OIDC_CLIENT_ID": "web", "OIDC_CLIENT_SECRET": "secret",
		"OIDC_REDIRECT_URL": app + "/auth/callback", "OIDC_SCOPES": "openid profile offline_access", "OIDC_POST_LOGOUT_URL": app + "/",
	}
	maps.Copy(all, vars)
	h, err := configure(testop.Env(all), testop.Logger(t))
	check.NoError(t, err)
	server.Config.Handler = h
	server.Start()
	t.Cleanup(server.Close)

	jar, err := cookiejar.New(nil)
	check.NoError(t, err)
	return &visitor{op: op, app: app, http: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do asks for JSON.
func (v *visitor) do(t *testing.T, method, url string) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	check.NoError(t, err)
	req.Header.Set("Accept", "application/json")
	resp, err := v.http.Do(req)
	check.NoError(t, err)
	defer resp.Body.Close()
	var body map[string]any
	if resp.Header.Get("Content-Type") == "application/json" {
		check.NoError(t, json.NewDecoder(resp.Body).Decode(&body))
	}
	return resp, body
}

// signIn goes to the provider and back, and returns the callback's answer.
func (v *visitor) signIn(t *testing.T) (*http.Response, map[string]any) {
	t.Helper()
	resp, _ := v.do(t, http.MethodGet, v.app+"/auth/login?return_to=/")
	callback, err := v.op.SignIn(resp.Header.Get("Location"), "ada")
	check.NoError(t, err)
	return v.do(t, http.MethodGet, callback.String())
}

func TestLogin(t *testing.T) {
	t.Parallel()
	v := visit(t, nil)
	resp, body := v.do(t, http.MethodGet, v.app+"/")
	check.Equal(t, resp.StatusCode, http.StatusUnauthorized, "status before login")
	check.Equal(t, body["error"], any("login_required"), "error")

	resp, _ = v.signIn(t)
	check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status of the callback")
	resp, body = v.do(t, http.MethodGet, v.app+"/")
	check.Equal(t, resp.StatusCode, http.StatusOK, "status after login")
	check.Equal(t, body["subject"], any("ada"), "subject")
	check.Equal(t, body["issuer"], any(v.op.Issuer()), "issuer")
	check.Equal(t, body["refreshable"], any(true), "refreshable")
	check.Equal(t, body["userinfo"].(map[string]any)["name"], any("Ada"), "userinfo")

	v.op.Edit("userinfo", func(claims map[string]any) { claims["name"] = "Ada Lovelace" })
	resp, body = v.do(t, http.MethodPost, v.app+"/refresh")
	check.Equal(t, resp.StatusCode, http.StatusOK, "status of the refresh")
	check.Equal(t, body["subject"], any("ada"), "subject after the refresh")
	check.Equal(t, body["userinfo"].(map[string]any)["name"], any("Ada Lovelace"), "userinfo after the refresh")
	check.Equal(t, v.op.Requests("userinfo"), 2, "userinfo requests")
	check.Equal(t, v.op.Requests("token"), 2, "token requests")

	resp, _ = v.do(t, http.MethodPost, v.app+"/auth/logout")
	check.Equal(t, resp.StatusCode, http.StatusSeeOther, "status of the logout")
	check.Contains(t, resp.Header.Get("Location"), v.op.Issuer(), "id_token_hint=")
	resp, _ = v.do(t, http.MethodGet, v.app+"/")
	check.Equal(t, resp.StatusCode, http.StatusUnauthorized, "status after logout")
}

func TestRefreshWhileTheProviderIsAway(t *testing.T) {
	t.Parallel()
	v := visit(t, nil)
	v.signIn(t)
	v.op.Fault("token", func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	resp, _ := v.do(t, http.MethodPost, v.app+"/refresh")
	check.Equal(t, resp.StatusCode, http.StatusServiceUnavailable, "status")
	resp, _ = v.do(t, http.MethodGet, v.app+"/")
	check.Equal(t, resp.StatusCode, http.StatusOK, "the session")

	v.op.Clear()
	v.op.RevokeSubject("ada")
	resp, body := v.do(t, http.MethodPost, v.app+"/refresh")
	check.Equal(t, resp.StatusCode, http.StatusUnauthorized, "status after the provider withdrew the session")
	check.Equal(t, body["error"], any("login_required"), "error")
	resp, _ = v.do(t, http.MethodGet, v.app+"/")
	check.Equal(t, resp.StatusCode, http.StatusUnauthorized, "the session, afterwards")
}

func TestUserinfoOfSomebodyElseFailsTheLogin(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(op *oidctest.Provider){
		"another sub": func(op *oidctest.Provider) {
			op.Edit("userinfo", func(claims map[string]any) { claims["sub"] = "eve" })
		},
		"not 200": func(op *oidctest.Provider) {
			op.Fault("userinfo", func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusForbidden)
				return true
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := visit(t, nil)
			fault(v.op)
			resp, _ := v.signIn(t)
			check.True(t, resp.StatusCode >= 400, "status is %d", resp.StatusCode)
			resp, _ = v.do(t, http.MethodGet, v.app+"/")
			check.Equal(t, resp.StatusCode, http.StatusUnauthorized, "a session is left")
		})
	}
}

func TestUserinfoFailsAfterARefresh(t *testing.T) {
	t.Parallel()
	v := visit(t, nil)
	v.signIn(t)
	v.op.Fault("userinfo", oidctest.Down)
	resp, _ := v.do(t, http.MethodPost, v.app+"/refresh")
	check.Equal(t, resp.StatusCode, http.StatusServiceUnavailable, "status while userinfo is away")
	v.op.Clear()
	v.op.Edit("userinfo", func(claims map[string]any) { claims["sub"] = "eve" })
	resp, body := v.do(t, http.MethodPost, v.app+"/refresh")
	check.Equal(t, resp.StatusCode, http.StatusServiceUnavailable, "status with somebody else's userinfo")
	check.Equal(t, body["userinfo"], nil, "userinfo of somebody else")
}

func TestNoUserinfoWithAResource(t *testing.T) {
	t.Parallel()
	v := visit(t, map[string]string{"OIDC_RESOURCES": "https://api.example.com"})
	v.signIn(t)
	resp, body := v.do(t, http.MethodGet, v.app+"/")
	check.Equal(t, resp.StatusCode, http.StatusOK, "status")
	check.Equal(t, body["userinfo"], nil, "userinfo")
	check.Equal(t, v.op.Requests("userinfo"), 0, "userinfo requests")
}

func TestEveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	_, err := configure(testop.Env(map[string]string{"OIDC_SESSION_KEY": "c2hvcnQ=", "OIDC_SKIP_PKCE": "yes"}), testop.Logger(t))
	check.True(t, err != nil, "accepted")
	check.Contains(t, err.Error(), "OIDC_DISCOVERY_URL", "OIDC_CLIENT_ID", "OIDC_REDIRECT_URL", "OIDC_SESSION_KEY", "OIDC_SKIP_PKCE")
	check.Lacks(t, err.Error(), "c2hvcnQ=")
}

func TestTokenAudienceIsAskedFor(t *testing.T) {
	t.Parallel()
	v := visit(t, map[string]string{"OIDC_TOKEN_AUDIENCE": "https://a.example.com https://b.example.com"})
	resp, _ := v.do(t, http.MethodGet, v.app+"/auth/login")
	to, err := resp.Location()
	check.NoError(t, err)
	check.DeepEqual(t, to.Query()["audience"], []string{"https://a.example.com", "https://b.example.com"}, "audience")
}
