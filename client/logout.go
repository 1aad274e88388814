package client

import (
	"context"
	"errors"
	"net/http"
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
	hint, refreshToken := "", ""
	if value := l.cookies.sessionValue(r); value != "" {
		ended, err := l.endSession(ctx, l.sessionID(value))
		if err != nil {
			// The session is still there: the browser keeps the cookie, so that the user can try again.
			l.fail(w, r, "", err)
			return
		}
		if ended != nil {
			hint, refreshToken = ended.IDToken, ended.RefreshToken
		}
	}
	if _, err := r.Cookie(l.cookies.session); err == nil {
		l.cookies.setSession(w, "", 0)
	}
	l.revoke(ctx, refreshToken)
	redirect(w, l.afterLogout(ctx, hint))
}

// afterLogout is the provider's logout, or where that would end when the provider has none or is away.
func (l *Login) afterLogout(ctx context.Context, hint string) string {
	ctx, cancel := context.WithTimeout(ctx, logoutPatience)
	defer cancel()
	to, err := l.rp.EndSessionURL(ctx, EndSessionRequest{IDTokenHint: hint, PostLogoutRedirectURI: l.cfg.PostLogoutRedirectURL})
	if err == nil {
		return to
	}
	if !errors.Is(err, ErrEndpointMissing) {
		l.log.WarnContext(ctx, "signed out here only, the provider's logout cannot be had", "error", err)
	}
	if l.cfg.PostLogoutRedirectURL != "" {
		return l.cfg.PostLogoutRedirectURL
	}
	return l.cfg.DefaultReturnTo
}
