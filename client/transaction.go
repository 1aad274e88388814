package client

import (
	"encoding/json"
	"time"

	"github.com/relyingparty/oidc/internal/seal"
)

const transactionPurpose = "client transaction"

// Transaction is what must be remembered between Authorize and Exchange, for one browser and one use. Exchange refuses
// one without State, Nonce, RedirectURI, Issuer, ClientID or (unless Config.SkipPKCE is set) Verifier: it compares with
// each of them.
//
// It prints as [redacted]; Seal makes an encrypted string of it, fit for a cookie.
type Transaction struct {
	State       string `json:"s"`
	Nonce       string `json:"n"`
	Verifier    string `json:"v,omitempty"` // PKCE; empty with Config.SkipPKCE
	RedirectURI string `json:"u"`
	// Issuer and ClientID tie the transaction to the provider and client it was made for.
	Issuer    string         `json:"i,omitempty"`
	ClientID  string         `json:"c,omitempty"`
	Resources []string       `json:"r,omitempty"`
	Scopes    []string       `json:"p,omitempty"`
	MaxAge    *time.Duration `json:"m,omitempty"`
	// ACRValues are demanded: the ID token's acr must be one of them.
	ACRValues []string  `json:"a,omitempty"`
	ReturnTo  string    `json:"t,omitempty"`
	Started   time.Time `json:"b"`
	Expires   time.Time `json:"e"`
}

// Seal encrypts the transaction (AES-256-GCM) with the first of the 32-byte keys.
func (t *Transaction) Seal(keys ...[]byte) (string, error) {
	ring, err := seal.NewRing(keys...)
	if err != nil {
		return "", configError("seal", "", "%s", plain(err))
	}
	return t.seal(ring, transactionPurpose)
}

// OpenTransaction undoes Seal with any of the keys; its error wraps ErrTransactionInvalid. Exchange checks the expiry.
func OpenTransaction(sealed string, keys ...[]byte) (*Transaction, error) {
	ring, err := seal.NewRing(keys...)
	if err != nil {
		return nil, configError("open transaction", "", "%s", plain(err))
	}
	return openTransaction(ring, transactionPurpose, sealed)
}

// bareTransaction is a Transaction that marshals.
type bareTransaction Transaction

// seal is Seal with a key ring, for one purpose (a cookie's name).
func (t *Transaction) seal(ring *seal.Ring, purpose string) (string, error) {
	raw, err := json.Marshal((*bareTransaction)(t))
	if err != nil {
		return "", configError("seal", "", "the transaction holds a time that cannot be written")
	}
	return ring.SealString(purpose, raw), nil
}

// openTransaction undoes seal: ErrTransactionInvalid.
func openTransaction(ring *seal.Ring, purpose, sealed string) (*Transaction, error) {
	const op = "open transaction"
	raw, err := ring.OpenString(purpose, sealed)
	if err != nil {
		return nil, callbackError(op, ErrTransactionInvalid, "")
	}
	t := new(Transaction)
	if err := json.Unmarshal(raw, (*bareTransaction)(t)); err != nil {
		return nil, callbackError(op, ErrTransactionInvalid, "")
	}
	return t, nil
}
