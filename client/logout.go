package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// logoutPatience bounds what the provider may add to a logout that is already done here.
const logoutPatience = 5 * time.Second

var errCrossOrigin = errors.New("the request comes from another site")

// serveLogout ends the session here first, then at the provider (RP-Initiated Logout 1.0) as far as that is to be had.
func (l *Login) serveLogout(w http.ResponseWriter, r *http.Request) {
	if l.logout.Check(r) != nil {
		l.fail(w, r, "", callbackError("logout", errCrossOrigin, ""))
		return
	}
	ctx := r.Context()
	var ended *sessionData
	if value := l.cookies.sessionValue(r); value != "" {
		var err error
		if ended, err = l.endSession(ctx, l.sessionID(value)); err != nil {
			// The session is still there: the browser keeps the cookie, so that the user can try again.
			l.fail(w, r, "", err)
			return
		}
	}
	if _, err := r.Cookie(l.cookies.session); err == nil {
		l.cookies.setSession(w, "", 0)
	}
	request := EndSessionRequest{PostLogoutRedirectURI: l.cfg.PostLogoutRedirectURL}
	if request.PostLogoutRedirectURI != "" {
		request.State = random()
	}
	if l.paths.LoggedOut != "" {
		l.cookies.setLogout(w, request.State)
	}
	hint := ""
	if ended != nil {
		l.revoke(ctx, ended.RefreshToken)
		request.IDTokenHint, hint = ended.IDToken, ended.logoutHint()
	}
	l.endAtProvider(w, r, request, hint)
}

// endAtProvider sends the browser to the provider's logout, or where that would end when the provider has none or is
// away. hint takes the place of an ID token that is too long for a URL.
func (l *Login) endAtProvider(w http.ResponseWriter, r *http.Request, request EndSessionRequest, hint string) {
	ctx, cancel := context.WithTimeout(r.Context(), logoutPatience)
	defer cancel()
	endpoint, params, err := l.rp.endSession(ctx, request)
	switch {
	case err != nil:
		if !errors.Is(err, ErrEndpointMissing) {
			l.log.WarnContext(ctx, "signed out here only, the provider's logout cannot be had", "error", err)
		}
		redirect(w, l.afterLogout(request.State))
	case l.cfg.LogoutMethod == http.MethodPost:
		respondPage(w, pageForm{Title: "Signing out", URL: endpoint, Form: params})
	default:
		to, whole := endSessionURL(endpoint, params)
		if !whole && hint != "" {
			params.Set("logout_hint", hint)
			to, _ = endSessionURL(endpoint, params)
		}
		redirect(w, to)
	}
}

// afterLogout is where a logout ends that the provider had no part in.
func (l *Login) afterLogout(state string) string {
	switch to := l.cfg.PostLogoutRedirectURL; {
	case l.paths.LoggedOut != "":
		return withQuery(to, url.Values{"state": {state}})
	case to != "":
		return to
	}
	return l.cfg.DefaultReturnTo
}

// logoutHint says whose session ends, in the words of this provider: login_hint
// (Entra), or its name for the session (Auth0).
func (d *sessionData) logoutHint() string {
	var c struct {
		LoginHint any `json:"login_hint"`
	}
	if json.Unmarshal(d.Claims, &c) == nil {
		if hint, ok := c.LoginHint.(string); ok && hint != "" && len(hint) <= maxLoginHint {
			return hint
		}
	}
	return d.SID[:min(len(d.SID), maxLoginHint)]
}
