package main

import (
	"bytes"
	"context"
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

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// app is the two pages behind the login: who is signed in, and renewing tokens.
type app struct {
	rp       *client.Client
	login    *client.Login
	logger   *slog.Logger
	userInfo bool // ask for userinfo: the access token is not for some API

	loginURL, logoutURL string
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", a.login) // its paths are those beside OIDC_REDIRECT_URL; everything else is 404
	mux.HandleFunc("GET /{$}", a.home)
	refresh := http.NewCrossOriginProtection().Handler(http.HandlerFunc(a.refresh))
	mux.Handle("POST /refresh", refresh)
	return mux
}

// onLogin asks for userinfo where the provider has it. What it returns stays
// with the session; an error refuses the login.
func (a *app) onLogin(ctx context.Context, s *client.Session) error {
	if !a.userInfo {
		return nil
	}
	token, err := s.TokenSource().TokenContext(ctx)
	if err != nil {
		return err
	}
	info, err := a.rp.UserInfo(ctx, token.AccessToken, s.Subject)
	if errors.Is(err, client.ErrEndpointMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	s.Data = info.Raw()
	return nil
}

// onError says in the log why, and on the page only that.
func (a *app) onError(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	if failed, ok := errors.AsType[*client.LoginError](err); ok {
		status = failed.Status
	}
	a.logger.WarnContext(r.Context(), "login failed", "status", status, "error", err)
	if wantsJSON(r) {
		writeJSON(w, status, map[string]string{"error": "login_failed"})
		return
	}
	a.html(w, status, view{Failed: true})
}

// identity is what is known of the session.
type identity struct {
	Subject     string          `json:"subject"`
	Issuer      string          `json:"issuer"`
	SID         string          `json:"sid"`
	Claims      json.RawMessage `json:"claims"`
	UserInfo    json.RawMessage `json:"userinfo"` // null when it was not asked for
	Scopes      []string        `json:"scopes"`
	ExpiresAt   time.Time       `json:"expires_at"` // of the access token
	Refreshable bool            `json:"refreshable"`
}

// view is what the page shows.
type view struct {
	Identity *identity // nil when nobody is signed in
	Claims   string
	UserInfo string
	Failed   bool

	LoginURL, LogoutURL string
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	session, err := a.login.Session(r)
	a.answer(w, r, session, err)
}

// refresh renews the session's access token now and asks for userinfo again, as
// after a login. When the provider is away, the session stays.
func (a *app) refresh(w http.ResponseWriter, r *http.Request) {
	session, err := a.login.Session(r)
	if err == nil {
		session, err = session.Refresh(r.Context())
	}
	if err == nil {
		err = a.onLogin(r.Context(), session) // its Data is for this answer alone
	}
	if err == nil && !wantsJSON(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	a.answer(w, r, session, err)
}

func (a *app) answer(w http.ResponseWriter, r *http.Request, session *client.Session, err error) {
	switch {
	case errors.Is(err, client.ErrNoSession), errors.Is(err, client.ErrReauthRequired):
		if wantsJSON(r) {
			writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "login_required"})
			return
		}
		a.html(w, http.StatusOK, view{})
		return
	case err != nil:
		a.logger.WarnContext(r.Context(), "the session could not be served", "error", err)
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "temporarily_unavailable"})
		return
	}
	who, err := identityOf(session)
	if err != nil {
		a.logger.ErrorContext(r.Context(), "the session's claims cannot be read", "error", err)
		writeJSON(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	if wantsJSON(r) {
		writeJSON(w, http.StatusOK, who)
		return
	}
	a.html(w, http.StatusOK, view{Identity: who, Claims: indent(who.Claims), UserInfo: indent(who.UserInfo)})
}

func identityOf(s *client.Session) (*identity, error) {
	who := &identity{
		Subject:     s.Subject,
		Issuer:      s.Issuer,
		SID:         s.SID,
		UserInfo:    s.Data,
		Scopes:      append([]string{}, s.Scopes...),
		ExpiresAt:   s.TokenExpiry.UTC().Truncate(time.Second),
		Refreshable: s.Refreshable,
	}
	return who, s.Decode(&who.Claims)
}

func wantsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller has gone
}

func (a *app) html(w http.ResponseWriter, status int, v view) {
	v.LoginURL, v.LogoutURL = a.loginURL, a.logoutURL
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	// Without form-action: Chrome holds it against the redirect to the provider that ends a sign-out.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

func indent(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return ""
	}
	return b.String()
}
