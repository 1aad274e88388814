package client

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/relyingparty/oidc/store"
)

const (
	maxForm        = 64 << 10
	redeemDeadline = 30 * time.Second
)

// ErrLoginUsed: the code of this login has been sent to the provider before. Each
// is sent once, whatever the provider answers.
var ErrLoginUsed = errors.New("this login was used before")

// serveCallback ends a flow, one way or the other: its cookie goes first.
func (l *Login) serveCallback(w http.ResponseWriter, r *http.Request) {
	const op = "callback"
	values, err := parameters(r)
	if err != nil {
		l.fail(w, r, "", callbackError(op, nil, err.Error()))
		return
	}
	states := values["state"]
	if len(states) != 1 || states[0] == "" {
		l.fail(w, r, "", callbackError(op, ErrStateMismatch, "the callback needs exactly one state"))
		return
	}
	name := l.cookies.flowName(states[0])
	cookie, err := r.Cookie(name)
	if err != nil {
		l.fail(w, r, "", callbackError(op, ErrStateMismatch, "this browser has no login under way that the callback belongs to"))
		return
	}
	l.cookies.setFlow(w, name, "", 0)
	f, err := l.openFlow(name, cookie.Value)
	if err != nil {
		l.fail(w, r, "", err)
		return
	}
	if err := l.complete(w, r, values, f.tx, f.replaces); err != nil {
		l.fail(w, r, f.tx.ReturnTo, err)
		return
	}
	redirect(w, f.tx.ReturnTo)
}

// complete turns the callback into a session. When it fails, nothing is left of it, here or at the provider.
func (l *Login) complete(w http.ResponseWriter, r *http.Request, values url.Values, tx *Transaction, replaces string) error {
	ctx := r.Context()
	// The browser's earlier session ends with the new one: nobody can have planted its id. Its tokens are not revoked: some
	// providers revoke what they gave the same client in the same browser along with them.
	var earlier []string
	if replaces != "" {
		earlier = append(earlier, replaces)
	}
	if old := l.cookies.sessionValue(r); old != "" {
		earlier = append(earlier, l.sessionID(old))
	}
	tokens, err := l.redeem(ctx, values, tx)
	var data *sessionData
	if err == nil {
		data, err = newSessionData(tokens, tx)
	}
	if err != nil {
		if tokens != nil && !l.anyLives(ctx, earlier) {
			l.revoke(ctx, tokens.RefreshToken)
		}
		return err
	}
	value := random()
	id := l.sessionID(value)
	done := false
	defer func() {
		if !done { // also when OnLogin panics
			l.discard(ctx, id, data, !l.anyLives(ctx, earlier))
		}
	}()
	if err := l.create(ctx, id, data); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // nobody is there to take the cookie
		return wrap("callback", err)
	}
	for _, old := range earlier {
		if _, err := l.endSession(ctx, old); err != nil {
			return err
		}
	}
	done = true
	l.cookies.setSession(w, value, l.cfg.Lifetime)
	return nil
}

// anyLives reports whether one of the browser's earlier sessions may still be in
// use. Its cookie outlives an idle session, so that a cookie proves nothing.
func (l *Login) anyLives(ctx context.Context, earlier []string) bool {
	ctx = context.WithoutCancel(ctx)
	return slices.ContainsFunc(earlier, func(id string) bool {
		d, err := l.load(ctx, id)
		return err != nil || d != nil
	})
}

// redeem spends the code. Once that has begun the answer is waited for though the browser leaves: what the provider gave
// could not be revoked otherwise.
func (l *Login) redeem(ctx context.Context, values url.Values, tx *Transaction) (*Tokens, error) {
	sure, cancel := context.WithTimeout(context.WithoutCancel(ctx), redeemDeadline)
	defer cancel()
	return l.rp.exchange(sure, values, tx, true, BeforeRequest(func(context.Context) error {
		return l.markFlow(ctx, tx) // for a browser that has left it is not even marked
	}))
}

// markFlow lets one callback of a flow through: whoever replays it with its
// cookie comes too late, in any replica. A mark costs a token request, because
// anybody can begin a login and bring any number of callbacks that fail.
func (l *Login) markFlow(ctx context.Context, tx *Transaction) error {
	first, err := l.store.Once(ctx, "flow:"+digest("flow", l.namespace, tx.State), tx.Expires.Add(flowSlack))
	switch {
	case err != nil:
		return storeError(err)
	case !first:
		return callbackError("callback", ErrLoginUsed, "")
	}
	return nil
}

// create stores the session and asks OnLogin. After an error what was stored is the caller's to discard.
func (l *Login) create(ctx context.Context, id string, d *sessionData) error {
	record, err := l.sealSession(id, d)
	if err != nil {
		return err
	}
	if err := l.store.Update(ctx, id, func(*store.Record) (*store.Record, error) { return record, nil }); err != nil {
		return storeError(err)
	}
	switch ended, err := l.endedMeanwhile(ctx, record.Index, d.Begun); {
	case err != nil:
		return err
	case ended:
		return callbackError("login", nil, "the provider signed the user out while this login was under way")
	}
	if l.cfg.OnLogin == nil {
		return nil
	}
	s := l.session(id, d)
	if err := l.cfg.OnLogin(ctx, s); err != nil {
		return err
	}
	if s.Data == nil {
		d, err := l.load(ctx, id)
		if err == nil && d == nil {
			err = errEndedMeanwhile
		}
		return err
	}
	return storeError(l.store.Update(ctx, id, func(r *store.Record) (*store.Record, error) {
		d := l.openSession(ctx, id, r)
		if d == nil {
			return nil, errEndedMeanwhile
		}
		if d.Data = s.Data; len(s.Data) > maxData {
			return nil, configError("login", "", "OnLogin set more than 16 KiB of Session.Data")
		}
		return l.sealSession(id, d)
	}))
}

// discard takes a session back whose login failed after all, and what the provider gave for it if nothing else
// of this browser's may hang on that.
func (l *Login) discard(ctx context.Context, id string, d *sessionData, revoke bool) {
	ctx = context.WithoutCancel(ctx)
	latest, err := l.endSession(ctx, id)
	switch {
	case err != nil:
		l.log.WarnContext(ctx, "a refused session could not be deleted; nobody holds its cookie", "session", id, "error", err)
	case latest != nil:
		d = latest // OnLogin may have renewed the tokens
	}
	if revoke {
		l.revoke(ctx, d.RefreshToken)
	}
}

// errEndedMeanwhile: a logout of the provider came in the middle of the login.
var errEndedMeanwhile = callbackError("login", nil, "the session ended while OnLogin ran")

// parameters returns those of a request: the query of a GET, the form of a POST, never a mixture.
func parameters(r *http.Request) (url.Values, error) {
	raw := r.URL.RawQuery
	if r.Method == http.MethodPost {
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
			return nil, errors.New("the request's body is not a form")
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
		if err != nil {
			return nil, errors.New("the request's body cannot be read")
		}
		raw = string(body)
	}
	if len(raw) > maxForm {
		return nil, errors.New("the request's parameters are too large")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errors.New("the request's parameters cannot be read")
	}
	return values, nil
}

// one returns a parameter that may be there once at most.
func one(values url.Values, name string) (string, bool) {
	if len(values[name]) > 1 {
		return "", false
	}
	return values.Get(name), true
}
