package client

import (
	"context"
	"encoding/json"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/store"
)

// sessionData is what a record holds, sealed under the record's id.
type sessionData struct {
	Subject  string          `json:"sub"`
	Issuer   string          `json:"iss"`
	SID      string          `json:"sid,omitempty"`
	Scopes   []string        `json:"scopes,omitempty"`
	Claims   json.RawMessage `json:"claims"`
	AuthTime time.Time       `json:"auth_time,omitzero"`
	Begun    time.Time       `json:"begun"` // its login
	Created  time.Time       `json:"created"`
	Touched  time.Time       `json:"touched"`
	Data     json.RawMessage `json:"data,omitempty"`

	// What a refreshed ID token must agree with.
	Nonce    string   `json:"nonce,omitempty"`
	Audience []string `json:"aud,omitempty"`

	IDToken       string    `json:"id_token,omitempty"` // the newest, as a hint for logout
	RefreshToken  string    `json:"refresh_token,omitempty"`
	RefreshExpiry time.Time `json:"refresh_expiry,omitzero"`
	// Resources are login's: the request that the session's own access token answers. Tokens are by request.
	Resources []string                `json:"resources,omitempty"`
	Tokens    map[string]*storedToken `json:"tokens"`
	// Version counts renewals.
	Version uint64 `json:"version"`
}

// newSessionData reads a login's tokens.
func newSessionData(tokens *Tokens, tx *Transaction) (*sessionData, error) {
	const op = "login"
	if tokens.IDToken == nil {
		return nil, protocolError(op, "the provider sent no ID token, so it does not say who signed in: Config.Scopes needs openid")
	}
	var raw json.RawMessage
	if err := tokens.IDToken.Claims(&raw); err != nil {
		return nil, protocolError(op, "the ID token's claims cannot be read")
	}
	set, err := claims.Parse(raw)
	if err != nil {
		return nil, wrap(op, err)
	}
	sid, _, err := set.String("sid")
	if err != nil {
		return nil, wrap(op, err)
	}
	authTime, _, err := set.Time("auth_time")
	if err != nil {
		return nil, wrap(op, err)
	}
	now := time.Now().Round(0)
	d := &sessionData{
		Subject: tokens.IDToken.Subject, Issuer: tokens.IDToken.Issuer, SID: sid, AuthTime: authTime,
		Claims: raw, Begun: tx.Started, Created: now, Touched: now,
		Nonce: tx.Nonce, Audience: tokens.IDToken.Audience, Resources: tx.Resources,
	}
	d.keep(ownShape, tokens)
	return d, nil
}

// sessionID is the id in the store of the session whose cookie has this value.
func (l *Login) sessionID(value string) string { return digest("session", l.namespace, value) }

// Index keys. They are bound to client and issuer, and a session is always found by its own id: a deletion by
// index waits for no update.
func (l *Login) indexSelf(id string) string          { return digest("self", l.namespace, id) }
func (l *Login) indexSubject(iss, sub string) string { return digest("sub", l.namespace, iss, sub) }
func (l *Login) indexSID(iss, sid string) string     { return digest("sid", l.namespace, iss, sid) }

// indexNoSID finds the sessions of a subject that no sid can name.
func (l *Login) indexNoSID(iss, sub string) string {
	return digest("sub-no-sid", l.namespace, iss, sub)
}

func (l *Login) sealSession(id string, d *sessionData) (*store.Record, error) {
	plain, err := json.Marshal(d)
	if err != nil {
		return nil, configError("session", "", "the session cannot be written as JSON")
	}
	index := []string{l.indexSelf(id), l.indexSubject(d.Issuer, d.Subject)}
	if d.SID != "" {
		index = append(index, l.indexSID(d.Issuer, d.SID))
	} else {
		index = append(index, l.indexNoSID(d.Issuer, d.Subject))
	}
	return &store.Record{Data: l.ring.Seal("session "+id, plain), Expires: l.ends(d), Index: index}, nil
}

// openSession returns nil for a record that is absent, has ended by its own clock, or that no key of the ring opens.
func (l *Login) openSession(ctx context.Context, id string, r *store.Record) *sessionData {
	if r == nil {
		return nil
	}
	d := new(sessionData)
	plain, err := l.ring.Open("session "+id, r.Data)
	if err == nil {
		err = json.Unmarshal(plain, d)
	}
	if err != nil {
		l.log.WarnContext(ctx, "a stored session cannot be opened; was its key dropped from LoginConfig.Keys?", "session", id)
		return nil
	}
	if !time.Now().Before(l.ends(d)) {
		return nil
	}
	return d
}

// ends is when a session ends unless it is used.
func (l *Login) ends(d *sessionData) time.Time {
	idle, last := d.Touched.Add(l.cfg.IdleTimeout), d.Created.Add(l.cfg.Lifetime)
	if last.Before(idle) {
		return last
	}
	return idle
}
