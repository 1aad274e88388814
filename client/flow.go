package client

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
)

// flow is what a flow's cookie holds: the transaction and, where the session
// cookie does not come with the callback (form_post), the id of the session that
// is to be replaced.
type flow struct {
	tx       *Transaction
	replaces string
}

// issuerSize is how much of an issuer's digest a cookie holds.
const issuerSize = 16

// packFlow writes a flow for a cookie. Five must fit into the 4 KiB that they may
// have together, so what the configuration says anyway is left out, and random
// values are written as the bytes they stand for.
func (l *Login) packFlow(f flow) ([]byte, error) {
	tx, err := f.tx, error(nil)
	var b []byte
	for _, value := range []string{tx.State, tx.Nonce, tx.Verifier, f.replaces} {
		raw, failed := base64.RawURLEncoding.Strict().DecodeString(value)
		if failed != nil {
			err = configError("login", "", "the transaction was not made by Authorize")
		}
		b = appendBytes(b, raw)
	}
	issuer := cache.Digest(tx.Issuer)
	b = append(b, issuer[:issuerSize]...)
	b = binary.BigEndian.AppendUint64(b, uint64(tx.Started.UnixNano()))
	b = binary.AppendUvarint(b, uint64(tx.Expires.Sub(tx.Started)))
	age := uint64(0)
	if tx.MaxAge != nil {
		age = 1 + uint64(*tx.MaxAge)
	}
	b = binary.AppendUvarint(b, age)
	b = appendList(b, tx.Scopes, l.rp.loginScopes())
	b = appendList(b, tx.Resources, l.rp.cfg.Resources)
	b = appendList(b, tx.ACRValues, nil)
	return append(b, tx.ReturnTo...), err
}

// unpackFlow reads what packFlow wrote; ok is false for anything else.
func (l *Login) unpackFlow(b []byte) (f flow, ok bool) {
	r := flowReader{b: b, ok: true}
	tx := &Transaction{RedirectURI: l.rp.cfg.RedirectURL, ClientID: l.rp.cfg.ClientID}
	for _, value := range []*string{&tx.State, &tx.Nonce, &tx.Verifier, &f.replaces} {
		*value = base64.RawURLEncoding.EncodeToString(r.bytes())
	}
	tx.Issuer = l.rp.issuerOf(r.take(issuerSize))
	if started := r.take(8); r.ok {
		tx.Started = time.Unix(0, int64(binary.BigEndian.Uint64(started)))
	}
	tx.Expires = tx.Started.Add(time.Duration(r.uvarint()))
	if age := r.uvarint(); age > 0 {
		tx.MaxAge = new(time.Duration(age - 1))
	}
	tx.Scopes = r.list(l.rp.loginScopes())
	tx.Resources = r.list(l.rp.cfg.Resources)
	tx.ACRValues = r.list(nil)
	tx.ReturnTo = string(r.b)
	f.tx = tx
	return f, r.ok
}

// issuerOf returns the one of this provider's names that has this digest. Another
// is that of another provider: Exchange refuses it.
func (c *Client) issuerOf(digest []byte) string {
	for _, issuer := range c.meta.Issuers() {
		if d := cache.Digest(issuer); bytes.Equal(d[:issuerSize], digest) {
			return issuer
		}
	}
	return "another issuer"
}

func appendBytes[T []byte | string](b []byte, value T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

// appendList writes 0 for the usual list, else 1 and the number of elements.
func appendList(b []byte, list, usual []string) []byte {
	if slices.Equal(list, usual) {
		return binary.AppendUvarint(b, 0)
	}
	b = binary.AppendUvarint(b, 1+uint64(len(list)))
	for _, s := range list {
		b = appendBytes(b, s)
	}
	return b
}

// flowReader reads from b as long as it is ok.
type flowReader struct {
	b  []byte
	ok bool
}

func (r *flowReader) take(n uint64) []byte {
	if r.ok = r.ok && n <= uint64(len(r.b)); !r.ok {
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *flowReader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.ok = false
		return 0
	}
	r.take(uint64(size))
	return n
}

func (r *flowReader) bytes() []byte { return r.take(r.uvarint()) }

func (r *flowReader) list(usual []string) []string {
	n := r.uvarint()
	if n == 0 {
		return slices.Clone(usual)
	}
	list := []string{}
	for ; n > 1 && r.ok; n-- {
		list = append(list, string(r.bytes()))
	}
	return list
}
