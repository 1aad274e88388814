package interop

import (
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
)

// App is a web application with our login. Its URLs are known before it serves, so that it can be registered.
type App struct {
	Base, RedirectURL, PostLogoutURL, BackChannelURL string

	server *httptest.Server
	start  func()
}

// NewApp takes a free address of this machine.
func NewApp(t testing.TB) *App {
	t.Helper()
	app := newApp(t, "http")
	app.start = app.server.Start
	return app
}

// NewTLSApp is NewApp over https, for the cookies that a browser keeps for https only.
func NewTLSApp(t testing.TB) *App {
	t.Helper()
	app := newApp(t, "https")
	app.start = app.server.StartTLS
	return app
}

func newApp(t testing.TB, scheme string) *App {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	base := scheme + "://" + server.Listener.Addr().String()
	return &App{
		Base: base, RedirectURL: base + "/auth/callback", PostLogoutURL: base + "/bye",
		BackChannelURL: base + "/auth/backchannel-logout", server: server,
	}
}

// Certificate is what a browser has to trust; nil before Serve and over http.
func (a *App) Certificate() *x509.Certificate { return a.server.Certificate() }

// Serve starts it. GET /orders is behind the login and asks target (of an API) as the person; with ?renew it renews the
// tokens first; 401 when the person has to sign in again for that. GET /bye is where a logout ends.
func (a *App) Serve(t testing.TB, cfg client.Config, target string) {
	t.Helper()
	cfg.RedirectURL = a.RedirectURL
	rp, err := client.New(cfg)
	check.NoError(t, err)
	login, err := rp.NewLogin(client.LoginConfig{
		Keys: [][]byte{[]byte("thirty-two bytes for this test..")}, PostLogoutRedirectURL: a.PostLogoutURL,
	})
	check.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/auth/", login)
	mux.HandleFunc("GET /bye", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "bye") })
	mux.Handle("GET /orders", login.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch err := orders(w, r, target); {
		case errors.Is(err, client.ErrReauthRequired):
			http.Error(w, "sign in again", http.StatusUnauthorized)
		case err != nil:
			t.Error(err)
		}
	})))
	a.server.Config.Handler = mux
	a.start()
}

func orders(w http.ResponseWriter, r *http.Request, target string) error {
	session, _ := client.SessionFromContext(r.Context())
	if r.URL.Query().Has("renew") {
		if _, err := session.Refresh(r.Context()); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	resp, err := session.TokenSource().HTTPClient(target).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	_, err = io.Copy(w, resp.Body)
	return err
}
