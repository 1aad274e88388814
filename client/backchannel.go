package client

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// replaySlack is how long the mark of a logout token outlives the token, whose expiry is judged with a clock skew of at most 5 minutes.
const replaySlack = 10 * time.Minute

// serveBackChannelLogout ends sessions on the provider's word (OpenID Connect Back-Channel Logout 1.0).
//
// 200: done, also when there was no such session. 400: the logout token is bad, or was used before. 503: no verdict
// can be had (keys or store are away). The specification has 400 for a failed logout too, but that tells a
// provider not to try again.
func (l *Login) serveBackChannelLogout(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	err := l.backChannelLogout(r)
	if err == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	status, body := http.StatusBadRequest, `{"error":"invalid_request"}`
	switch kindOf(err) {
	case KindCallback, KindToken:
	case KindConfig: // as for keyless: no logout token can be checked here
		http.NotFound(w, r)
		return
	default:
		status, body = http.StatusServiceUnavailable, `{"error":"temporarily_unavailable"}`
		w.Header().Set("Retry-After", retryAfter(err))
	}
	l.log.WarnContext(ctx, "a back-channel logout was refused", "status", status, "error", err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (l *Login) backChannelLogout(r *http.Request) error {
	const op = "back-channel logout"
	ctx := r.Context()
	values, err := parameters(r)
	if err != nil {
		return callbackError(op, nil, err.Error())
	}
	raw, ok := one(values, "logout_token")
	if !ok || raw == "" {
		return callbackError(op, nil, "exactly one logout_token is needed")
	}
	token, err := l.rp.verifyLogoutToken(ctx, raw)
	if err != nil {
		return wrap(op, err)
	}
	first, err := l.store.Once(ctx, "logout:"+digest("jti", l.namespace, token.Issuer, token.JTI), token.Expiry.Add(replaySlack))
	switch {
	case err != nil:
		return storeError(err)
	case !first:
		return callbackError(op, nil, "the logout token was used before")
	}
	// A token with a sid means the sessions of that sid; those that have none can only be meant by their subject.
	var keys []string
	switch {
	case token.SID == "":
		keys = []string{l.indexSubject(token.Issuer, token.Subject)}
	case token.Subject == "":
		keys = []string{l.indexSID(token.Issuer, token.SID)}
	default:
		keys = []string{l.indexSID(token.Issuer, token.SID), l.indexNoSID(token.Issuer, token.Subject)}
	}
	for _, key := range keys {
		if err := l.deleteIndexed(ctx, key); err != nil {
			return storeError(err)
		}
	}
	return nil
}

// deleteIndexed insists: the token's mark is set, so that the provider could not ask again.
func (l *Login) deleteIndexed(ctx context.Context, key string) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutPatience)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		if _, err = l.store.DeleteByIndex(ctx, key); err == nil || wait > time.Second {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}
