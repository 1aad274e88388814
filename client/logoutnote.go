package client

import (
	"context"
	"time"

	"github.com/relyingparty/oidc/store"
)

// noteLife outlives every login that was under way when the logout arrived: its
// transaction, and then the token request and the store calls that follow.
const noteLife = transactionLifetime + 3*time.Minute

// A logout note is a record that says until when the sessions under an index key
// were ended. A login reads it after it has stored its session: either the logout
// finds the session, or the login finds the note.
func noteID(key string) string { return digest("logout note", key) }

const noteSeal = "logout note "

// noteLogout remembers that what began before ended under key. Of several notes
// the latest counts.
func (l *Login) noteLogout(ctx context.Context, key string, ended time.Time) error {
	id := noteID(key)
	return storeError(l.store.Update(ctx, id, func(r *store.Record) (*store.Record, error) {
		if at, ok := l.openNote(id, r); ok && at.After(ended) {
			ended = at
		}
		text, err := ended.MarshalText()
		if err != nil {
			return nil, configError("logout", "", "the time of a logout cannot be written")
		}
		return &store.Record{Data: l.ring.Seal(noteSeal+id, text), Expires: time.Now().Add(noteLife)}, nil
	}))
}

func (l *Login) openNote(id string, r *store.Record) (ended time.Time, ok bool) {
	if r == nil {
		return time.Time{}, false
	}
	text, err := l.ring.Open(noteSeal+id, r.Data)
	if err == nil {
		err = ended.UnmarshalText(text)
	}
	return ended, err == nil
}

// endedMeanwhile reports whether the provider ended what a login has just
// stored under these keys.
func (l *Login) endedMeanwhile(ctx context.Context, keys []string, begun time.Time) (bool, error) {
	for _, key := range keys {
		id := noteID(key)
		r, err := l.store.Load(ctx, id)
		if err != nil {
			return false, storeError(err)
		}
		if ended, ok := l.openNote(id, r); ok && begun.Before(ended) {
			return true, nil
		}
	}
	return false, nil
}
