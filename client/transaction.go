package client

import (
	"encoding/json"
	"time"

	"github.com/relyingparty/oidc/internal/redact"
	"github.com/relyingparty/oidc/internal/seal"
)

const transactionPurpose = "client transaction"

// Transaction is what must be remembered between Authorize and Exchange, for
// one browser and one use. Exchange refuses one without State, Nonce,
// RedirectURI, Issuer, ClientID or (unless Config.SkipPKCE is set) Verifier: it
// compares with each of them.
//
// It prints as [redacted]; Seal makes an encrypted string of it, fit for a
// cookie.
type Transaction struct {
	redact.All

	State       string
	Nonce       string
	Verifier    string // PKCE; empty with Config.SkipPKCE
	RedirectURI string
	// Issuer and ClientID tie the transaction to the provider and client it was made for.
	Issuer    string
	ClientID  string
	Resources []string
	Scopes    []string
	MaxAge    *time.Duration
	// ACRValues are demanded: the ID token's acr must be one of them.
	ACRValues []string
	ReturnTo  string
	Started   time.Time
	Expires   time.Time
}

// Seal encrypts the transaction (AES-256-GCM) with the first of the 32-byte keys.
func (t *Transaction) Seal(keys ...[]byte) (string, error) {
	ring, err := seal.NewRing(keys...)
	if err != nil {
		return "", configError("seal", "", "%s", plain(err))
	}
	raw, err := json.Marshal(t.wire())
	if err != nil {
		return "", configError("seal", "", "the transaction holds a time that cannot be written")
	}
	return ring.SealString(transactionPurpose, raw), nil
}

// OpenTransaction undoes Seal with any of the keys; its error wraps ErrTransactionInvalid. Exchange checks the expiry.
func OpenTransaction(sealed string, keys ...[]byte) (*Transaction, error) {
	const op = "open transaction"
	ring, err := seal.NewRing(keys...)
	if err != nil {
		return nil, configError(op, "", "%s", plain(err))
	}
	raw, err := ring.OpenString(transactionPurpose, sealed)
	if err != nil {
		return nil, callbackError(op, ErrTransactionInvalid, "")
	}
	var w wireTransaction
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, callbackError(op, ErrTransactionInvalid, "")
	}
	return w.transaction(), nil
}

// wireTransaction is a Transaction as it is sealed: a Transaction itself
// marshals as [redacted].
type wireTransaction struct {
	State       string         `json:"s"`
	Nonce       string         `json:"n"`
	Verifier    string         `json:"v,omitempty"`
	RedirectURI string         `json:"u"`
	Issuer      string         `json:"i,omitempty"`
	ClientID    string         `json:"c,omitempty"`
	Resources   []string       `json:"r,omitempty"`
	Scopes      []string       `json:"p,omitempty"`
	MaxAge      *time.Duration `json:"m,omitempty"`
	ACRValues   []string       `json:"a,omitempty"`
	ReturnTo    string         `json:"t,omitempty"`
	Started     time.Time      `json:"b"`
	Expires     time.Time      `json:"e"`
}

func (t *Transaction) wire() wireTransaction {
	return wireTransaction{
		State: t.State, Nonce: t.Nonce, Verifier: t.Verifier, RedirectURI: t.RedirectURI, Issuer: t.Issuer,
		ClientID: t.ClientID, Resources: t.Resources, Scopes: t.Scopes, MaxAge: t.MaxAge, ACRValues: t.ACRValues,
		ReturnTo: t.ReturnTo, Started: t.Started, Expires: t.Expires,
	}
}

func (w wireTransaction) transaction() *Transaction {
	return &Transaction{
		State: w.State, Nonce: w.Nonce, Verifier: w.Verifier, RedirectURI: w.RedirectURI, Issuer: w.Issuer,
		ClientID: w.ClientID, Resources: w.Resources, Scopes: w.Scopes, MaxAge: w.MaxAge, ACRValues: w.ACRValues,
		ReturnTo: w.ReturnTo, Started: w.Started, Expires: w.Expires,
	}
}
