package client_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/store"
)

func TestNewLoginReportsEverything(t *testing.T) {
	t.Parallel()
	op := newProvider(t)
	for _, tt := range []struct {
		name   string
		client func(*client.Config)
		login  client.LoginConfig
		want   []string
	}{
		{"no key", nil, client.LoginConfig{}, []string{"LoginConfig.Keys", "32 random bytes", "AllowEphemeralKey"}},
		{"short key", nil, client.LoginConfig{Keys: [][]byte{[]byte("a short key")}}, []string{"LoginConfig.Keys", "32"}},
		{"all at once", nil, client.LoginConfig{
			IdleTimeout: -1, Lifetime: time.Second, DefaultReturnTo: "https://evil.example.test", PostLogoutRedirectURL: "/bye",
			LogoutMethod: "PUT", Paths: client.Paths{Login: "login", Logout: "/auth/callback", LoggedOut: "/auth/bye"},
		}, []string{"LoginConfig.LogoutMethod", "LoginConfig.Paths.LoggedOut", "LoginConfig.Keys", "LoginConfig.IdleTimeout", "LoginConfig.Lifetime", "LoginConfig.DefaultReturnTo", "LoginConfig.PostLogoutRedirectURL", "LoginConfig.Paths.Login", "Paths: must differ"}},
		{"no redirect URL", func(c *client.Config) { c.RedirectURL = "" }, client.LoginConfig{Keys: [][]byte{loginKey}}, []string{"Config.RedirectURL"}},
		{"paths unknown", func(c *client.Config) { c.RedirectURL = appOrigin + "/cb" }, client.LoginConfig{Keys: [][]byte{loginKey}},
			[]string{"LoginConfig.Paths.Login", "LoginConfig.Paths.Logout", "/callback"}},
		{"a default that is a login endpoint", nil, client.LoginConfig{Keys: [][]byte{loginKey}, DefaultReturnTo: "/auth/login?x=1"}, []string{"LoginConfig.DefaultReturnTo"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, op, func(cfg *client.Config) {
				if tt.client != nil {
					tt.client(cfg)
				}
			})
			_, err := c.NewLogin(tt.login)
			check.True(t, err != nil, "no error")
			check.Equal(t, check.As[*client.Error](t, err).Kind, client.KindConfig, "kind")
			check.True(t, check.As[*oidc.ConfigError](t, err).Field != "", "no field is named")
			check.Contains(t, err.Error(), tt.want...)
			check.Lacks(t, err.Error(), "a short key")
		})
	}
	check.Equal(t, op.Requests("discovery"), 0, "requests made by NewLogin")
}

func TestLoginPaths(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) {
		cfg.op.Clients[0].RedirectURIs = []string{appOrigin + "/cb"}
		cfg.client.RedirectURL = appOrigin + "/cb"
		cfg.login.Paths = client.Paths{Login: "/in", Logout: "/out"}
	})
	a.mux = http.NewServeMux()
	a.mux.Handle("/", a.login)
	b := a.browser()
	check.Equal(t, b.login("/in", "alice"), "/", "login leads to")
	for _, path := range []string{"/auth/login", "/auth/initiate", "/initiate", "/backchannel-logout", "/", "/in/", "/IN"} {
		check.Equal(t, b.get(path).StatusCode, http.StatusNotFound, "status of "+path)
	}
}

func TestLoggedOutPath(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) {
		cfg.login.Paths.LoggedOut, cfg.login.PostLogoutRedirectURL = "/goodbye", appOrigin+"/goodbye"
		cfg.op.Clients[0].PostLogoutRedirectURIs = []string{appOrigin + "/goodbye"}
	})
	b := a.browser()
	b.login("/auth/login", "alice")
	end, err := b.person.SignOut(b.post("/auth/logout", nil).Header.Get("Location"))
	check.NoError(t, err)
	// The path lies outside what this application mounts the login under: around a router it is served all the same.
	check.Equal(t, b.get(end).StatusCode, http.StatusOK, "status of the page")
}

func TestLoginMethods(t *testing.T) {
	t.Parallel()
	query, post := newApp(t, nil), newApp(t, func(cfg *appConfig) { cfg.client.ResponseMode = "form_post" })
	for _, tt := range []struct {
		app    *app
		method string
		path   string
		allow  string
	}{
		{query, "POST", "/auth/login", "GET, HEAD"},
		{query, "POST", "/auth/callback", "GET"},
		{query, "HEAD", "/auth/callback", "GET"},
		{post, "GET", "/auth/callback", "POST"},
		{query, "GET", "/auth/logout", "POST"},
		{query, "HEAD", "/auth/logout", "POST"},
		{query, "DELETE", "/auth/logout", "POST"},
		{query, "GET", "/auth/backchannel-logout", "POST"},
		{query, "PUT", "/auth/initiate", "GET, POST"},
	} {
		resp := tt.app.browser().request(tt.method, tt.path, nil)
		check.Equal(t, resp.StatusCode, http.StatusMethodNotAllowed, "status of "+tt.method+" "+tt.path)
		check.Equal(t, resp.Header.Get("Allow"), tt.allow, "Allow of "+tt.path)
		check.Equal(t, len(resp.Cookies()), 0, "cookies set by "+tt.method+" "+tt.path)
	}
}

func TestKeyRing(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(0)
	newKey := []byte("another key, also of 32 bytes...")
	var cfg appConfig
	a := newApp(t, func(c *appConfig) {
		c.login.Store = kept
		cfg = *c
	})
	b := a.browser()
	b.login("/auth/login", "alice")
	under := b.begin("/auth/login?return_to=/later")

	cfg.login.Keys = [][]byte{newKey, loginKey}
	a.start(cfg)
	check.Equal(t, b.signedIn(), "alice", "signed in after the rotation")
	check.Equal(t, b.finish(b.signIn(under, "alice")).Header.Get("Location"), "/later", "the login under way leads to")

	cfg.login.Keys = [][]byte{newKey}
	a.start(cfg)
	check.Equal(t, b.signedIn(), "alice", "signed in with what the new key sealed")

	cfg.login.Keys = [][]byte{[]byte("a third key that nobody has seen")}
	under = b.begin("/auth/login")
	a.start(cfg)
	check.Equal(t, b.signedIn(), "", "signed in without the key")
	check.Contains(t, a.log.String(), "cannot be opened")
	check.Equal(t, b.finish(b.signIn(under, "alice")).StatusCode, http.StatusBadRequest, "status of a flow without its key")
	check.Error(t, a.lastError(), client.ErrTransactionInvalid)
}

func TestEphemeralKey(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(0)
	var cfg appConfig
	a := newApp(t, func(c *appConfig) {
		c.login = client.LoginConfig{AllowEphemeralKey: true, Store: kept}
		cfg = *c
	})
	b := a.browser()
	b.login("/auth/login", "alice")
	check.Equal(t, b.signedIn(), "alice", "signed in")
	a.start(cfg)
	check.Equal(t, b.signedIn(), "", "signed in after a restart")
}

func TestAuthOptions(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) {
		cfg.login.AuthOptions = func(r *http.Request) []client.AuthOption {
			return []client.AuthOption{client.UILocales(r.Header.Get("Accept-Language"))}
		}
	})
	resp := a.browser().get("/auth/login", "Accept-Language", "de")
	check.Contains(t, resp.Header.Get("Location"), "ui_locales=de")
}

// A login that is not mounted where it expects to be still has only its own endpoints.
func TestLoginServesNothingElse(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	w := httptest.NewRecorder()
	a.login.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	check.Equal(t, w.Code, http.StatusNotFound, "status")
}
