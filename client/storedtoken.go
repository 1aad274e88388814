package client

import (
	"encoding/base64"
	"maps"
	"slices"
	"time"
)

const (
	// ownShape is the request for the access token of the login itself.
	ownShape = "own"
	// maxStoredTokens and maxExtraToken keep a record small: what is not kept is asked for again.
	maxStoredTokens = 8
	maxExtraToken   = 16 << 10
)

// storedToken is an access token in a record.
type storedToken struct {
	Token    string    `json:"token"`
	Obtained time.Time `json:"obtained"`
	Expiry   time.Time `json:"expiry"`
	Scopes   []string  `json:"scopes,omitempty"`
}

func storedTokenOf(t *Tokens) *storedToken {
	return &storedToken{Token: t.AccessToken, Obtained: t.Obtained, Expiry: t.Expiry, Scopes: t.Scopes}
}

func (t *storedToken) digest() string { return digest("access token", t.Token) }

// good reports whether the token can still be handed out.
func (t *storedToken) good() bool {
	margin := min(10*time.Second, t.Expiry.Sub(t.Obtained)/5)
	return time.Until(t.Expiry) > margin
}

// tokens never holds the refresh token: what a source hands out goes to other libraries.
func (t *storedToken) tokens() *Tokens {
	return &Tokens{AccessToken: t.Token, TokenType: "Bearer", Obtained: t.Obtained, Expiry: t.Expiry, Scopes: t.Scopes}
}

// keep takes over what a token answer for one shape of request says; of one
// without an access token, which failed a check, nothing but the refresh token.
func (d *sessionData) keep(shape string, t *Tokens) {
	d.Version++
	if t.RefreshToken != "" && t.RefreshToken != d.RefreshToken {
		d.RefreshToken, d.RefreshExpiry = t.RefreshToken, t.RefreshExpiry
	} else if !t.RefreshExpiry.IsZero() {
		d.RefreshExpiry = t.RefreshExpiry
	}
	if t.AccessToken == "" {
		return
	}
	if t.IDToken != nil && t.RawIDToken != "" {
		d.IDToken = t.RawIDToken
	}
	stored := storedTokenOf(t)
	if d.Tokens == nil {
		d.Tokens = map[string]*storedToken{}
	}
	if stored.Scopes == nil && d.Tokens[shape] != nil {
		stored.Scopes = d.Tokens[shape].Scopes
	}
	if shape == ownShape {
		d.Scopes = stored.Scopes
	} else if len(t.AccessToken) > maxExtraToken {
		delete(d.Tokens, shape)
		return
	}
	d.Tokens[shape] = stored
	maps.DeleteFunc(d.Tokens, func(key string, t *storedToken) bool { return key != ownShape && !t.good() })
	for len(d.Tokens) > maxStoredTokens {
		delete(d.Tokens, d.firstToExpire(shape))
	}
}

// firstToExpire names the extra token that ends first, other than the one just kept.
func (d *sessionData) firstToExpire(kept string) (first string) {
	for shape, t := range d.Tokens {
		if shape != ownShape && shape != kept && (first == "" || t.Expiry.Before(d.Tokens[first].Expiry)) {
			first = shape
		}
	}
	return first
}

func (d *sessionData) refreshable() bool {
	return d.RefreshToken != "" && (d.RefreshExpiry.IsZero() || time.Now().Before(d.RefreshExpiry))
}

// shape names a request; what the login itself asked for is ownShape.
func (d *sessionData) shape(r TokenRequest) string {
	if len(r.Scopes)+len(r.Audience)+len(r.Extra) == 0 && (len(r.Resources) == 0 || slices.Equal(r.Resources, d.Resources)) {
		return ownShape
	}
	key := r.shape()
	return base64.RawURLEncoding.EncodeToString(key[:])
}
