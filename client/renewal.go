package client

import (
	"context"
	"errors"

	"github.com/relyingparty/oidc/store"
)

var errUnchanged = errors.New("nothing to save")

// renewal is one attempt to get an access token for a session.
type renewal struct {
	st       *sessionState
	request  TokenRequest
	replaced string // digest of the token that is not wanted any more; ""
	known    *loss  // the last one when this attempt began

	got     *storedToken
	rotated *rotation // made by this attempt, or before and not saved
	failure error     // why there is no access token although what was rotated is saved
	ended   error     // the provider's verdict, if the session is over
}

// rotation is an answer of the provider that spent the refresh token before it.
type rotation struct {
	from   uint64 // version of the data it was made from
	shape  string
	tokens *Tokens // without an access token, if the answer failed a check
}

// loss is a refresh whose answer did not come, or is no good: the refresh token may be spent. Who began before it, and waited
// for the session's lock, shares the failure: to send the token again looks like theft to providers that rotate.
type loss struct {
	from uint64 // version of the data that the next attempt would read the refresh token from
	err  error
}

// renew gives an access token for r other than the one being replaced: one that the store meanwhile holds, or else a new
// one. The refresh token is read, used and replaced under the session's exclusive lock. ctx is nobody's who may leave:
// once the request is out, its result is saved.
func (st *sessionState) renew(ctx context.Context, r TokenRequest, replaced string) (*Tokens, error) {
	n := &renewal{st: st, request: r, replaced: replaced, known: st.lastLoss()}
	err := n.attempt(ctx)
	switch {
	case n.ended != nil:
		st.l.forget(st.id)
		return nil, n.ended
	case errors.Is(err, store.ErrDeleted):
		// Signed out meanwhile: the new refresh token must not outlive the session.
		if n.rotated != nil {
			st.l.revoke(ctx, n.rotated.tokens.RefreshToken)
		}
		return nil, reauth("the session ended during the renewal")
	case err != nil && !errors.Is(err, errUnchanged):
		st.keepUnsaved(n.rotated)
		return nil, storeError(err)
	case n.failure != nil:
		return nil, n.failure
	}
	return n.got.tokens(), nil
}

// attempt runs update under the lock. A panic is an error: inside, so that the store gives the lock back; outside, so that
// a store that panics does not lose what the provider has answered.
func (n *renewal) attempt(ctx context.Context) (err error) {
	rp := n.st.l.rp
	defer rp.caught(ctx, &err)
	return n.st.l.store.Update(ctx, n.st.id, func(record *store.Record) (_ *store.Record, err error) {
		defer rp.caught(ctx, &err)
		return n.update(ctx, record)
	})
}

// update is what happens under the lock.
func (n *renewal) update(ctx context.Context, record *store.Record) (*store.Record, error) {
	l, id := n.st.l, n.st.id
	d := l.openSession(ctx, id, record)
	if d == nil {
		return nil, reauth("the session has ended")
	}
	from, shape := d.Version, d.shape(n.request)
	if n.rotated = n.st.takeUnsaved(from); n.rotated != nil {
		d.keep(n.rotated.shape, n.rotated.tokens)
	}
	if held := d.Tokens[shape]; held != nil && held.good() && held.digest() != n.replaced {
		if n.got = held; n.rotated == nil {
			return nil, errUnchanged
		}
		return l.sealSession(id, d)
	}
	tokens, err := n.redeem(ctx, d, shape)
	if n.ended != nil {
		return nil, nil //nolint:nilerr // no record and no error delete it, which the caller then reports
	}
	// Save what the provider rotated, now or in an attempt before, even if the
	// access token failed a check.
	switch {
	case tokens != nil:
		n.rotated = &rotation{from: from, shape: shape, tokens: tokens}
		d.keep(shape, tokens)
	case n.rotated == nil:
		return nil, err
	}
	if n.failure = err; err == nil {
		n.got = storedTokenOf(tokens)
	} else if tokens != nil {
		n.st.lose(&loss{from: d.Version, err: err}) // callers that wait for the lock share the failure instead of rotating again
	}
	return l.sealSession(id, d)
}

// redeem asks the provider, once. It returns what Client.refresh does, unless
// the session is over: then it sets n.ended.
func (n *renewal) redeem(ctx context.Context, d *sessionData, shape string) (*Tokens, error) {
	switch {
	case d.RefreshToken == "":
		return nil, reauth("the provider gave no refresh token")
	case !d.refreshable():
		return nil, reauth("the refresh token has expired")
	}
	if last := n.st.lastLoss(); last != n.known && last.from == d.Version {
		return nil, last.err
	}
	// However little time the wait for the lock has left: a request that is cut short may have spent the refresh token.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewDeadline)
	defer cancel()
	request := n.request
	if shape == ownShape {
		request = TokenRequest{Resources: d.Resources}
	}
	answered := false
	defer func() {
		if !answered { // what sends the request panicked: the provider may have had it
			n.st.lose(&loss{from: d.Version, err: configError("token", "", "the request for a new token ended in a panic")})
		}
	}()
	tokens, err := n.st.l.rp.refresh(ctx, d.RefreshToken, request, &refreshOf{
		Issuer: d.Issuer, Subject: d.Subject, Nonce: d.Nonce, Audience: d.Audience, RawIDToken: d.IDToken,
	})
	answered = true
	if final(err) { // the provider withdrew the tokens, or answered with somebody else's
		n.ended = err
		return nil, nil
	}
	switch kindOf(err) {
	case KindUnreachable, KindProtocol, KindToken:
		n.st.lose(&loss{from: d.Version, err: err})
	}
	return tokens, err
}

func (st *sessionState) lastLoss() *loss {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.lost
}

func (st *sessionState) lose(l *loss) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.lost = l
}

// takeUnsaved returns a rotation that was made from this version and could not be saved.
func (st *sessionState) takeUnsaved(version uint64) *rotation {
	st.mu.Lock()
	defer st.mu.Unlock()
	unsaved := st.unsaved
	st.unsaved = nil
	if unsaved != nil && unsaved.from != version {
		return nil
	}
	return unsaved
}

// keepUnsaved remembers a rotation until it can be saved.
func (st *sessionState) keepUnsaved(r *rotation) {
	if r == nil {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.unsaved = r
}

func reauth(why string) error {
	return &Error{Kind: KindRefused, Op: "refresh", Err: ErrReauthRequired, detail: why + ": " + ErrReauthRequired.Error()}
}

// revoke tells the provider that a refresh token is no longer needed, for a short while and without insisting.
func (l *Login) revoke(ctx context.Context, refreshToken string) {
	if refreshToken == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	err := l.rp.Revoke(ctx, refreshToken, "refresh_token")
	if err != nil && !errors.Is(err, ErrEndpointMissing) {
		l.log.InfoContext(ctx, "a refresh token could not be revoked", "error", err)
	}
}
