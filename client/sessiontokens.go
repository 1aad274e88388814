package client

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

const (
	// maxStates bounds the sessions whose token sources this process keeps between requests; a dropped one is made
	// again from the store.
	maxStates     = 10_000
	stateLife     = time.Hour
	renewDeadline = 30 * time.Second
	revokeTimeout = 3 * time.Second
)

// sessionState is what this process shares between the requests of one session.
type sessionState struct {
	l        *Login
	id       string
	touching atomic.Bool

	mu        sync.Mutex
	resources []string
	source    *TokenSource
	version   uint64 // of the data that source was last primed with
	// unsaved is a rotation that the provider has made and the store did not take: it is saved before anything else.
	unsaved *rotation
	lost    *loss         // the last one
	asked   *askedRenewal // nil when none runs
}

// askedRenewal is shared by all who ask for it by Session.Refresh at the same time, its failure too (see loss).
type askedRenewal struct {
	replaced string // digest of the access token that is to be replaced
	done     chan struct{}
	err      error
}

// state returns the shared state of a session, its source primed with what d holds if that is news.
// d is nil when only the id is known.
func (l *Login) state(id string, d *sessionData) *sessionState {
	key := cache.Digest(id)
	st, ok := l.states.Get(key)
	if !ok {
		l.statesMu.Lock()
		if st, ok = l.states.Get(key); !ok {
			st = &sessionState{l: l, id: id, resources: l.rp.cfg.Resources}
			l.states.Set(key, st, stateLife)
		}
		l.statesMu.Unlock()
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if d != nil && !slices.Equal(st.resources, d.Resources) {
		st.resources, st.source = d.Resources, nil
	}
	if st.source == nil {
		st.source = newTokenSource(l.rp, TokenRequest{Resources: st.resources}, st.fetch)
		st.version = 0
	}
	if d != nil && d.Version > st.version {
		st.version = d.Version
		if own := d.Tokens[ownShape]; own != nil {
			st.source.prime(own.tokens())
		}
	}
	return st
}

// forget drops what this process knows of a session that has ended. It is a matter of memory only: whoever comes with an ended
// session finds no record.
func (l *Login) forget(id string) { l.states.Delete(cache.Digest(id)) }

// TokenSource gives access tokens to call APIs as the user: the login's, renewed when due. For(TokenRequest) gives others.
// All requests of a session share it; tokens that could not be renewed end in ErrReauthRequired.
func (s *Session) TokenSource() *TokenSource {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	return s.state.source
}

// TokenSource is Session.TokenSource for work outside a request; sessionID is Session.ID. After the session's end it
// gives ErrReauthRequired, once the access token that this process may still hold has expired.
func (l *Login) TokenSource(sessionID string) *TokenSource {
	st := l.state(sessionID, nil)
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.source
}

// Refresh renews the session's own access token now, however long it still lives, and returns the session as it then is.
// Callers at the same time share one renewal, its failure too. ErrReauthRequired: the user has to sign in again, and the
// session has ended if the provider withdrew it; every other error leaves it as it was.
func (s *Session) Refresh(ctx context.Context) (*Session, error) {
	st := s.state
	asked := st.ask(ctx, s.access)
	select {
	case <-asked.done:
		if asked.err != nil {
			return nil, asked.err
		}
	case <-ctx.Done():
		return nil, wrap("refresh", ctx.Err())
	}
	d, err := st.l.load(ctx, s.id)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, reauth("the session has ended")
	}
	return st.l.session(s.id, d), nil
}

// ask starts or joins a renewal, which no caller's leaving ends.
func (st *sessionState) ask(ctx context.Context, replaced string) *askedRenewal {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.asked != nil && st.asked.replaced == replaced {
		return st.asked
	}
	asked := &askedRenewal{replaced: replaced, done: make(chan struct{})}
	st.asked = asked
	go func() { // ends with its deadline
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewDeadline)
		defer cancel()
		err := error(errFetchEnded)
		defer func() { // also when a Store of the caller's ends the goroutine
			st.mu.Lock()
			defer st.mu.Unlock()
			if st.asked == asked {
				st.asked = nil
			}
			asked.err = err
			close(asked.done)
		}()
		defer st.l.rp.caught(ctx, &err)
		_, err = st.renew(ctx, TokenRequest{}, replaced)
	}()
	return asked
}

// fetch is the session's side of its TokenSource.
func (st *sessionState) fetch(ctx context.Context, r TokenRequest) (*Tokens, error) {
	replaced := ""
	if token := renewing(ctx); token != "" {
		replaced = digest("access token", token)
	}
	return st.renew(ctx, r, replaced)
}
