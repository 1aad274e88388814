package client

import (
	"context"
	"crypto/subtle"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/remote"
)

const maxCodeLength = 16 << 10

// Exchange turns the callback's parameters (the query, or the form for
// form_post) into tokens. Everything about the callback is checked, and the
// provider's keys are had, before the one token request goes out, which is
// never retried: a code works once.
//
// Errors: KindCallback (with ErrStateMismatch or ErrTransactionExpired) when
// the browser's parameters are not the answer to tx; KindRefused with an
// *AuthorizationError for error= in the callback, or when the provider refuses
// the code; KindToken for an ID token that fails a check; KindProtocol and
// KindUnreachable for the provider's own failures; KindConfig when tx is not as
// Authorize gave it; and what BeforeRequest returns.
func (c *Client) Exchange(ctx context.Context, callback url.Values, tx *Transaction, opts ...ExchangeOption) (*Tokens, error) {
	tokens, err := c.exchange(ctx, callback, tx, tx != nil && slices.Contains(tx.Scopes, "openid"), opts...)
	if err != nil {
		return nil, err
	}
	return tokens, nil
}

// ExchangeOption changes one Exchange.
type ExchangeOption func(*exchangeRequest)

type exchangeRequest struct{ before []func(context.Context) error }

// BeforeRequest makes Exchange call f after every check that needs no answer of
// the provider, immediately before the code is spent. An error of f stops the
// exchange and comes back as it is.
//
// It is the place to mark a transaction as used: an earlier mark lets anybody
// who can begin a login fill the place where marks are kept, without a word to
// the provider.
func BeforeRequest(f func(ctx context.Context) error) ExchangeOption {
	return func(r *exchangeRequest) { r.before = append(r.before, f) }
}

// exchange is Exchange for those who need an ID token, or do not: some providers give one although openid was not asked for.
// Tokens beside an error are those of an answer that failed a check: good for nothing but to be revoked.
func (c *Client) exchange(ctx context.Context, callback url.Values, tx *Transaction, needsIDToken bool, opts ...ExchangeOption) (*Tokens, error) {
	const op = "exchange"
	if err := c.checkTransaction(op, tx); err != nil {
		return nil, err
	}
	if err := checkState(op, callback, tx); err != nil {
		return nil, err
	}
	md, err := c.metadata(ctx, op)
	if err != nil {
		return nil, err
	}
	code, err := c.code(op, callback, tx, md)
	if err != nil {
		return nil, err
	}
	if needsIDToken { // neither an outage of the keys nor a wrong configuration is to cost a code
		if err := c.readySignatures(ctx, op, md); err != nil {
			return nil, err
		}
	}
	if md.TokenEndpoint == "" {
		return nil, missingEndpoint(op, "token_endpoint", "Token")
	}
	request := new(exchangeRequest)
	for _, opt := range opts {
		opt(request)
	}
	for _, f := range request.before {
		if err := f(ctx); err != nil {
			return nil, err
		}
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {tx.RedirectURI}}
	if tx.Verifier != "" {
		form.Set("code_verifier", tx.Verifier)
	}
	if len(tx.Resources) > 0 {
		form["resource"] = slices.Clone(tx.Resources)
	}
	tokens, err := c.requestTokens(ctx, op, md, form)
	if err != nil {
		return tokens, err
	}
	c.noteAudience(ctx, tokens.AccessToken, tx.Resources, nil)
	if tokens.Scopes == nil {
		tokens.Scopes = slices.Clone(tx.Scopes) // RFC 6749 section 5.1: omitted means as asked for
	}
	if tokens.RawIDToken == "" {
		if slices.Contains(tx.Scopes, "openid") {
			return tokens, protocolError(op, "the token answer has no id_token, although scope openid was asked for")
		}
		if tx.Verifier == "" && !c.cfg.AllowUnboundCode {
			return tokens, configError(op, "AllowUnboundCode", "the provider sent no ID token and SkipPKCE is set, so nothing shows that the code is of this login: "+
				"take SkipPKCE out or ask for scope openid; setting this field accepts stolen codes")
		}
		return tokens, nil
	}
	tokens.IDToken, err = c.idToken(ctx, md, tokens.RawIDToken, idTokenChecks{
		op: op, nonce: tx.Nonce, accessToken: tokens.AccessToken, direct: true,
		maxAge: tx.MaxAge, started: tx.Started, acr: tx.ACRValues,
	})
	return tokens, err
}

// checkTransaction refuses a transaction with an empty field that the callback
// or the tokens are compared with. One that was made by hand or read from a
// store would otherwise switch the comparison off.
func (c *Client) checkTransaction(op string, tx *Transaction) error {
	if tx == nil {
		return configError(op, "", "needs the Transaction that Authorize gave")
	}
	for _, f := range []struct{ name, value string }{
		{"State", tx.State}, {"Nonce", tx.Nonce}, {"RedirectURI", tx.RedirectURI}, {"Issuer", tx.Issuer}, {"ClientID", tx.ClientID},
	} {
		if f.value == "" {
			return configError(op, "", "the Transaction has no %s: pass it as Authorize gave it", f.name)
		}
	}
	if tx.Verifier == "" && !c.cfg.SkipPKCE {
		return configError(op, "", "the Transaction has no Verifier, although Config.SkipPKCE is not set: pass it as Authorize gave it")
	}
	return nil
}

// checkState holds the callback to the transaction, without any I/O.
func checkState(op string, callback url.Values, tx *Transaction) error {
	for _, name := range slices.Sorted(maps.Keys(callback)) {
		if len(callback[name]) > 1 {
			return callbackError(op, nil, "the callback holds parameter "+remote.Quote(name)+" more than once")
		}
	}
	if subtle.ConstantTimeCompare([]byte(callback.Get("state")), []byte(tx.State)) != 1 {
		return callbackError(op, ErrStateMismatch, "")
	}
	if !time.Now().Before(tx.Expires) {
		return callbackError(op, ErrTransactionExpired, "")
	}
	return nil
}

// code returns the authorization code, once the callback is known to come from this provider and to be a success.
func (c *Client) code(op string, callback url.Values, tx *Transaction, md *discovery.Metadata) (string, error) {
	if tx.ClientID != c.cfg.ClientID || tx.Issuer != md.Issuer {
		return "", callbackError(op, nil, "the login was started for another client or provider")
	}
	switch iss, sent := callback.Get("iss"), callback.Has("iss"); {
	case sent && iss != md.Issuer:
		return "", callbackError(op, nil, "iss is "+remote.Quote(iss)+", expected "+remote.Quote(md.Issuer)+": the answer comes from another provider (RFC 9207)")
	case !sent && md.IssParameterSupported && !c.cfg.AllowMissingIss:
		return "", callbackError(op, nil, "iss is missing, although the provider says it sends it (RFC 9207); Config.AllowMissingIss accepts that")
	}
	if callback.Has("error") {
		refused := &AuthorizationError{Code: errorCode(callback.Get("error"), tx.State, tx.Nonce)}
		kind := KindRefused
		if refused.Code == "server_error" || refused.Code == "temporarily_unavailable" {
			kind = KindUnreachable // what would be a 500 or 503 if a browser were not in between
		}
		return "", &Error{Kind: kind, Op: op, Code: refused.Code, Err: refused}
	}
	code := callback.Get("code")
	if code == "" {
		return "", callbackError(op, nil, "the callback holds neither code nor error")
	}
	if len(code) > maxCodeLength {
		return "", callbackError(op, nil, "the callback's code is too long")
	}
	if !printable(code) {
		return "", callbackError(op, nil, "the callback's code holds characters that no code has")
	}
	return code, nil
}

// errorCode makes an error code of a peer harmless: the characters of RFC 6749 section 5.2, capped, none of our secrets.
func errorCode(code string, secrets ...string) string {
	const most = 64
	code = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, code)
	code = code[:min(len(code), most)]
	for _, s := range secrets {
		if s != "" && (strings.Contains(code, s) || strings.Contains(s, code) && len(code) > 7) {
			return "?"
		}
	}
	if code == "" {
		return "?"
	}
	return code
}
