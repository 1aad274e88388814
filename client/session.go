package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/store"
)

// ErrNoSession: the request brings no session, or one that has ended.
var ErrNoSession = errors.New("nobody is signed in")

// ErrStore: the session store failed. It says nothing about the session.
var ErrStore = errors.New("the session store failed")

const (
	maxTouchEvery = 10 * time.Minute
	// touchPatience is short: a refresh of the same session may hold the lock, and nothing depends on a touch.
	touchPatience = time.Second
	maxData       = 16 << 10
)

// Session is who is signed in. Each request has its own copy; it holds no token, and may be printed.
type Session struct {
	Subject string
	Issuer  string
	// SID is the provider's name for its own session; "" when it has none.
	SID string
	// Scopes are those granted at login or by the last renewal.
	Scopes []string
	// AuthTime is when the user proved who they are, where the provider says so; zero otherwise.
	AuthTime time.Time
	Created  time.Time
	// Expires is when the session ends unless it is used, Lifetime after Created at the latest.
	Expires time.Time
	// TokenExpiry is the access token's. Refreshable says whether it can be renewed without the user.
	TokenExpiry time.Time
	Refreshable bool
	// Data is what LoginConfig.OnLogin put there.
	Data json.RawMessage

	id     string
	claims json.RawMessage
	access string // digest of the access token
	state  *sessionState
}

// ID names the session, for Login.TokenSource. It is not what the browser holds, and no secret.
func (s *Session) ID() string { return s.id }

// Decode decodes the claims of the ID token of the login into v.
func (s *Session) Decode(v any) error { return json.Unmarshal(s.claims, v) }

type sessionKey struct{}

// SessionFromContext returns the session that RequireLogin found.
func SessionFromContext(ctx context.Context) (*Session, bool) {
	s, ok := ctx.Value(sessionKey{}).(*Session)
	return s, ok
}

// Session returns the session of a request, for pages that also serve visitors who are not signed in. Errors:
// ErrNoSession, or ErrStore.
func (l *Login) Session(r *http.Request) (*Session, error) {
	value := l.cookies.sessionValue(r)
	if value == "" {
		return nil, ErrNoSession
	}
	ctx := r.Context()
	id := l.sessionID(value)
	d, err := l.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, ErrNoSession
	}
	s := l.session(id, d)
	l.touch(ctx, s, d)
	return s, nil
}

// load returns the session's data, nil if there is none.
func (l *Login) load(ctx context.Context, id string) (*sessionData, error) {
	record, err := l.store.Load(ctx, id)
	if err != nil {
		return nil, storeError(err)
	}
	return l.openSession(ctx, id, record), nil
}

// session makes a request's copy.
func (l *Login) session(id string, d *sessionData) *Session {
	s := &Session{
		Subject: d.Subject, Issuer: d.Issuer, SID: d.SID, Scopes: d.Scopes, AuthTime: d.AuthTime,
		Created: d.Created, Expires: l.ends(d), Data: d.Data,
		Refreshable: d.refreshable(),
		id:          id, claims: d.Claims, state: l.state(id, d),
	}
	if own := d.Tokens[ownShape]; own != nil {
		s.TokenExpiry, s.access = own.Expiry, own.digest()
	}
	return s
}

// touchEvery is short enough for a short idle time: a session that is noted to be used only every ten minutes would end
// after a timeout of nine, however much it is used.
func (l *Login) touchEvery() time.Duration { return min(maxTouchEvery, l.cfg.IdleTimeout/10) }

// touch notes that the session is used, once in touchEvery. It may fail: the session then ends a little earlier.
func (l *Login) touch(ctx context.Context, s *Session, d *sessionData) {
	if time.Since(d.Touched) < l.touchEvery() || !s.state.touching.CompareAndSwap(false, true) {
		return
	}
	defer s.state.touching.Store(false)
	ctx, cancel := context.WithTimeout(ctx, touchPatience)
	defer cancel()
	fresh := errors.New("touched meanwhile")
	err := l.store.Update(ctx, s.id, func(r *store.Record) (*store.Record, error) {
		d := l.openSession(ctx, s.id, r)
		if d == nil || time.Since(d.Touched) < l.touchEvery() {
			return nil, fresh
		}
		d.Touched = time.Now().Round(0)
		s.Expires = l.ends(d)
		return l.sealSession(s.id, d)
	})
	if err != nil && !errors.Is(err, fresh) {
		l.log.InfoContext(ctx, "the use of a session could not be noted", "session", s.id, "error", err)
	}
}

// endSession ends a session here and returns what it was; nil when there was none. It waits for no renewal that is under
// way: that one's result is dropped and its refresh token revoked. The refresh token that it returns is the newest, also
// when the store has not taken that yet.
func (l *Login) endSession(ctx context.Context, id string) (*sessionData, error) {
	deleted, err := l.store.DeleteByIndex(ctx, l.indexSelf(id))
	if err != nil {
		return nil, storeError(err)
	}
	st, held := l.states.Get(cache.Digest(id))
	l.forget(id)
	if len(deleted) == 0 {
		return nil, nil
	}
	d := l.openSession(ctx, id, &deleted[0])
	if d == nil || !held {
		return d, nil
	}
	if unsaved := st.takeUnsaved(d.Version); unsaved != nil {
		d.keep(unsaved.shape, unsaved.tokens)
	}
	return d, nil
}
