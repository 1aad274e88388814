package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/relyingparty/oidc/client"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed style.css
	styleCSS []byte

	page = template.Must(template.New("page").Parse(pageHTML))
)

// newApp is the web app: login from the library, and one page.
func newApp(s *stack, secret string, logger *slog.Logger) (http.Handler, error) {
	rp, err := client.New(client.Config{
		DiscoveryURL: s.providerURL,
		ClientID:     "web",
		ClientSecret: secret,
		RedirectURL:  s.appURL + "/auth/callback",
		Scopes:       []string{"openid", "profile", "email", "notes:read", "offline_access"},
		Resources:    []string{s.apiURL},
		Logger:       logger,
	})
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	rand.Read(key)
	login, err := rp.NewLogin(client.LoginConfig{
		Keys:                  [][]byte{key},
		PostLogoutRedirectURL: s.appURL + "/",
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", login)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		session, err := login.Session(r)
		if err == nil || errors.Is(err, client.ErrNoSession) {
			err = s.home(w, r, session)
		}
		switch {
		case errors.Is(err, client.ErrReauthRequired):
			http.Redirect(w, r, "/auth/login", http.StatusSeeOther)
		case err != nil:
			logger.WarnContext(r.Context(), "the page cannot be shown", "error", err)
			http.Error(w, "The page cannot be shown now; the log says why.", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(styleCSS)
	})
	return mux, nil
}

// user is who is signed in, from the claims of the ID token.
type user struct {
	Subject string `json:"sub"`
	Issuer  string `json:"iss"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	Tenant  string `json:"tenant"`
}

// other is a tenant the user does not belong to.
func (u user) other() string {
	if u.Tenant == "globex" {
		return "acme"
	}
	return "globex"
}

// view is what the page shows; with Accept: application/json it is the answer itself.
type view struct {
	User      *user     `json:"user"` // nil when nobody is signed in
	TokenLeft string    `json:"token_left,omitempty"`
	Claims    string    `json:"claims,omitempty"`
	Cases     []tryCase `json:"-"`
	Tried     string    `json:"tried,omitempty"`
	Exchange  *exchange `json:"exchange,omitempty"`
	Service   struct {
		URL   string        `json:"url"`
		Calls []serviceCall `json:"calls"`
	} `json:"service"`
	Provider string `json:"provider"`
	API      string `json:"api"`
}

// home shows the page; session is nil for a visitor. After an error nothing is written.
func (s *stack) home(w http.ResponseWriter, r *http.Request, session *client.Session) error {
	v := view{Provider: s.providerURL, API: s.apiURL}
	v.Service.URL, v.Service.Calls = s.service.url, s.service.last()
	if session != nil {
		if err := s.show(&v, r, session); err != nil {
			return err
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, v)
		return nil
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// Without form-action: Chrome holds it against the redirect to the provider that ends a sign-out.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
	_, _ = b.WriteTo(w)
	return nil
}

// show fills in what concerns the signed-in user, and makes the call that was asked for.
func (s *stack) show(v *view, r *http.Request, session *client.Session) error {
	v.User = new(user)
	if err := session.Decode(v.User); err != nil {
		return err
	}
	v.User.Name = cmp.Or(v.User.Name, v.User.Subject)
	token, err := session.TokenSource().TokenContext(r.Context())
	if err != nil {
		return err
	}
	v.TokenLeft = time.Until(token.Expiry).Round(time.Second).String()
	v.Claims = claimsOf(token.AccessToken)
	v.Cases, v.Tried = s.cases(), r.URL.Query().Get("try")
	for _, c := range v.Cases {
		if c.Name == v.Tried {
			v.Exchange, err = s.try(r.Context(), c, *v.User, token.AccessToken)
			return err
		}
	}
	return nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the caller has gone
}
