package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/store"
)

// replaySlack is how long the mark of a logout token outlives the token, whose expiry is judged with a clock skew of at most 5 minutes.
const replaySlack = 10 * time.Minute

// serveBackChannelLogout ends sessions on the provider's word (OpenID Connect Back-Channel Logout 1.0).
//
// 200: done, also when there was no such session. 400: the logout token is bad, or was used before. 503: no verdict
// can be had (keys, secret or store are away, the key may have been published moments ago, or a clock is off). The specification has 400 for a
// failed logout too, but that tells a provider not to try again.
func (l *Login) serveBackChannelLogout(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	err := l.backChannelLogout(r)
	if err == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	status, body := http.StatusBadRequest, `{"error":"invalid_request"}`
	switch kind := kindOf(err); {
	case kind == KindConfig && l.rp.cfg.SkipIDTokenSignature: // as for keyless: no logout token can be checked here
		http.NotFound(w, r)
		return
	case kind != KindCallback && kind != KindToken, keyUnknown(err), liesAhead(err):
		status, body = http.StatusServiceUnavailable, `{"error":"temporarily_unavailable"}`
		w.Header().Set("Retry-After", retryAfter(err))
	}
	l.log.WarnContext(ctx, "a back-channel logout was refused", "status", status, "error", err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// keyUnknown reports whether a token may be signed with a key that was published
// moments ago. Anybody can use up the budget of refetches with junk, so that this
// is no verdict.
func keyUnknown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.unknownKey
}

// liesAhead reports whether a token counts only later: the provider's clock may
// be ahead of ours, and a refusal for good would lose the logout.
func liesAhead(err error) bool {
	e, ok := errors.AsType[*claims.Error](err)
	return ok && e.Problem == claims.NotYetValid
}

func (l *Login) backChannelLogout(r *http.Request) error {
	const op = "back-channel logout"
	values, err := parameters(r)
	if err != nil {
		return callbackError(op, nil, err.Error())
	}
	raw, ok := one(values, "logout_token")
	if !ok || raw == "" {
		return callbackError(op, nil, "exactly one logout_token is needed")
	}
	token, err := l.rp.verifyLogoutToken(r.Context(), raw)
	if err != nil {
		return wrap(op, err)
	}
	ctx := context.WithoutCancel(r.Context()) // a provider that hangs up does not ask again
	mark := "logout:" + digest("jti", l.namespace, token.Issuer, token.JTI)
	switch used, err := l.store.Marked(ctx, mark); {
	case err != nil:
		return storeError(err)
	case used:
		return callbackError(op, nil, "the logout token was used before")
	}
	if err := l.endSessions(ctx, token); err != nil {
		return err
	}
	// The mark comes last: had the deletion failed after it, no second attempt could have made up for that. What two
	// deliveries at the same time do, they do twice.
	_, err = l.store.Once(ctx, mark, token.Expiry.Add(replaySlack))
	return storeError(err)
}

// endSessions ends what a logout token means: sessions and logins begun before it was issued. A token that comes late
// says nothing about later ones.
func (l *Login) endSessions(ctx context.Context, token *logoutToken) error {
	ended := token.Issued.Add(l.rp.cfg.ClockSkew)
	var failed error
	for _, key := range l.logoutKeys(token) {
		// The note comes first: see logoutnote.go. A store that has no room for it deletes all the same.
		noted := ended
		if now := time.Now(); now.Before(noted) {
			noted = now // who begins a login from now on does not mean the session that has ended
		}
		noteCtx, cancel := context.WithTimeout(ctx, logoutPatience)
		err := l.noteLogout(noteCtx, key, noted)
		cancel()
		failed = errors.Join(failed, err, l.deleteBegunBefore(ctx, key, ended))
	}
	return failed
}

// logoutKeys are the index keys of the sessions that a logout token means. A token with a sid means the sessions of that
// sid; those that have none can only be meant by their subject.
func (l *Login) logoutKeys(token *logoutToken) []string {
	switch {
	case token.SID == "":
		return []string{l.indexSubject(token.Issuer, token.Subject)}
	case token.Subject == "":
		return []string{l.indexSID(token.Issuer, token.SID)}
	}
	return []string{l.indexSID(token.Issuer, token.SID), l.indexNoSID(token.Issuer, token.Subject)}
}

// deleteBegunBefore insists, because many providers do not ask again.
func (l *Login) deleteBegunBefore(ctx context.Context, key string, ended time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, logoutPatience)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		deleted, err := l.deleteOnce(ctx, key, ended)
		for _, record := range deleted {
			l.forget(record.ID)
		}
		if err == nil || wait > time.Second {
			return storeError(err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return storeError(errors.Join(err, ctx.Err()))
		}
	}
}

func (l *Login) deleteOnce(ctx context.Context, key string, ended time.Time) ([]store.Record, error) {
	var later []string
	if ended.Before(time.Now()) { // otherwise there can be none
		records, _, err := l.store.list(ctx, key) // a store that cannot list ends them all
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			if d := l.openSession(ctx, record.ID, &record); d != nil && !d.Begun.Before(ended) {
				later = append(later, record.ID)
			}
		}
	}
	return l.store.DeleteByIndex(ctx, key, later...)
}
