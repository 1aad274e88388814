package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// Every check of the callback comes before the token request.
func TestExchangeRefusesCallback(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit func(q url.Values, tx *client.Transaction)
		kind client.Kind
		is   error
		says string
	}{
		"state missing":   {func(q url.Values, _ *client.Transaction) { q.Del("state") }, client.KindCallback, client.ErrStateMismatch, "state"},
		"state empty":     {func(q url.Values, _ *client.Transaction) { q.Set("state", "") }, client.KindCallback, client.ErrStateMismatch, "state"},
		"state other":     {func(q url.Values, _ *client.Transaction) { q.Set("state", strings.Repeat("A", 43)) }, client.KindCallback, client.ErrStateMismatch, "state"},
		"state twice":     {func(q url.Values, tx *client.Transaction) { q.Add("state", tx.State) }, client.KindCallback, nil, `"state" more than once`},
		"code twice":      {func(q url.Values, _ *client.Transaction) { q.Add("code", "x") }, client.KindCallback, nil, `"code" more than once`},
		"anything twice":  {func(q url.Values, _ *client.Transaction) { q["zz"] = []string{"1", "1"} }, client.KindCallback, nil, `"zz" more than once`},
		"expired":         {func(_ url.Values, tx *client.Transaction) { tx.Expires = time.Now().Add(-time.Second) }, client.KindCallback, client.ErrTransactionExpired, "expired"},
		"never expires":   {func(_ url.Values, tx *client.Transaction) { tx.Expires = time.Time{} }, client.KindCallback, client.ErrTransactionExpired, "expired"},
		"iss missing":     {func(q url.Values, _ *client.Transaction) { q.Del("iss") }, client.KindCallback, nil, "AllowMissingIss"},
		"iss empty":       {func(q url.Values, _ *client.Transaction) { q.Set("iss", "") }, client.KindCallback, nil, "RFC 9207"},
		"iss other":       {func(q url.Values, _ *client.Transaction) { q.Set("iss", "https://evil.example.test") }, client.KindCallback, nil, `"https://evil.example.test"`},
		"iss with slash":  {func(q url.Values, _ *client.Transaction) { q.Set("iss", q.Get("iss")+"/") }, client.KindCallback, nil, "RFC 9207"},
		"other provider":  {func(_ url.Values, tx *client.Transaction) { tx.Issuer = "https://evil.example.test" }, client.KindCallback, nil, "another client or provider"},
		"other client":    {func(_ url.Values, tx *client.Transaction) { tx.ClientID = "other" }, client.KindCallback, nil, "another client or provider"},
		"no code":         {func(q url.Values, _ *client.Transaction) { q.Del("code") }, client.KindCallback, nil, "neither code nor error"},
		"empty code":      {func(q url.Values, _ *client.Transaction) { q.Set("code", "") }, client.KindCallback, nil, "neither code nor error"},
		"endless code":    {func(q url.Values, _ *client.Transaction) { q.Set("code", strings.Repeat("c", 1<<20)) }, client.KindCallback, nil, "too long"},
		"code, line end":  {func(q url.Values, _ *client.Transaction) { q.Set("code", "c\r\n") }, client.KindCallback, nil, "characters"},
		"code, NUL":       {func(q url.Values, _ *client.Transaction) { q.Set("code", "c\x00") }, client.KindCallback, nil, "characters"},
		"code, DEL":       {func(q url.Values, _ *client.Transaction) { q.Set("code", "c\x7f") }, client.KindCallback, nil, "characters"},
		"code, not ASCII": {func(q url.Values, _ *client.Transaction) { q.Set("code", "cé") }, client.KindCallback, nil, "characters"},
		"error":           {func(q url.Values, _ *client.Transaction) { q.Set("error", "access_denied") }, client.KindRefused, nil, `"access_denied"`},
		"error, no state": {func(q url.Values, _ *client.Transaction) { q.Set("error", "access_denied"); q.Del("state") }, client.KindCallback, client.ErrStateMismatch, "state"},
		"empty error":     {func(q url.Values, _ *client.Transaction) { q.Set("error", "") }, client.KindRefused, nil, `"?"`},
		"login required":  {func(q url.Values, _ *client.Transaction) { q.Set("error", "login_required") }, client.KindRefused, client.ErrLoginRequired, "login_required"},
		"server error":    {func(q url.Values, _ *client.Transaction) { q.Set("error", "server_error") }, client.KindUnreachable, nil, "server_error"},
		"error is state":  {func(q url.Values, tx *client.Transaction) { q.Set("error", tx.State) }, client.KindRefused, nil, `"?"`},
		"error with tags": {func(q url.Values, _ *client.Transaction) { q.Set("error", "<b>\"x\n"+strings.Repeat("y", 1000)) }, client.KindRefused, nil, "<b>?x?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			c := newClient(t, p)
			callback, tx := startLogin(t, p, c)
			test.edit(callback, tx)
			_, err := c.Exchange(t.Context(), callback, tx, client.BeforeRequest(func(context.Context) error {
				t.Error("BeforeRequest was called for a callback that is refused")
				return nil
			}))
			e := wantError(t, err, test.kind, "")
			check.Equal(t, e.Op, "exchange", "op")
			if test.is != nil {
				check.Error(t, err, test.is)
			}
			check.Contains(t, err.Error(), test.says)
			check.True(t, len(err.Error()) < 600, "error of %d bytes", len(err.Error()))
			check.Equal(t, p.Requests("token"), 0, "token requests")
			check.Lacks(t, err.Error(), callback.Get("code")+"!", tx.Verifier)
		})
	}
}

func TestExchangeAuthorizationError(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	a, err := c.Authorize(t.Context())
	check.NoError(t, err)
	back, err := p.SignIn(a.URL, "") // cancelled
	check.NoError(t, err)
	_, err = c.Exchange(t.Context(), back.Query(), a.Transaction)
	check.Equal(t, check.As[*client.AuthorizationError](t, err).Code, "access_denied", "code")
	check.Equal(t, wantError(t, err, client.KindRefused, "").Code, "access_denied", "code")
	check.True(t, !errors.Is(err, client.ErrLoginRequired), "access_denied is no ErrLoginRequired")
}

// BeforeRequest comes after everything that can be checked without the code.
func TestBeforeRequest(t *testing.T) {
	t.Parallel()
	refusal := errors.New("used before")
	for name, test := range map[string]struct {
		answer error
		fault  string // of the provider
		calls  int
	}{
		"fine":      {calls: 1},
		"its error": {answer: refusal, calls: 1},
		"no keys":   {fault: "jwks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			c := newClient(t, p)
			callback, tx := startLogin(t, p, c)
			if test.fault != "" {
				p.Fault(test.fault, oidctest.Down)
			}
			calls := 0
			tokens, err := c.Exchange(t.Context(), callback, tx, client.BeforeRequest(func(ctx context.Context) error {
				calls++
				check.Equal(t, p.Requests("jwks"), 1, "requests for keys by then")
				check.Equal(t, p.Requests("token"), 0, "token requests by then")
				return test.answer
			}))
			check.Equal(t, calls, test.calls, "calls")
			if test.calls == 1 && test.answer == nil {
				check.NoError(t, err)
				check.True(t, tokens.AccessToken != "", "no access token")
				return
			}
			check.True(t, err != nil && tokens == nil, "no error, or tokens beside it")
			check.Equal(t, p.Requests("token"), 0, "token requests")
			if test.answer != nil {
				check.Error(t, err, refusal)
			}
		})
	}
}

func TestExchangeNeedsTransaction(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	callback, tx := startLogin(t, p, c)
	without := func(clear func(*client.Transaction)) *client.Transaction {
		other := *tx
		clear(&other)
		return &other
	}
	for name, lacking := range map[string]*client.Transaction{
		"Transaction that Authorize gave": nil,
		"no State":                        without(func(tx *client.Transaction) { tx.State = "" }),
		"no Nonce":                        without(func(tx *client.Transaction) { tx.Nonce = "" }),
		"no RedirectURI":                  without(func(tx *client.Transaction) { tx.RedirectURI = "" }),
		"no Issuer":                       without(func(tx *client.Transaction) { tx.Issuer = "" }),
		"no ClientID":                     without(func(tx *client.Transaction) { tx.ClientID = "" }),
		"no Verifier":                     without(func(tx *client.Transaction) { tx.Verifier = "" }),
	} {
		_, err := c.Exchange(t.Context(), callback, lacking)
		if err == nil {
			t.Fatalf("accepted: %s", name)
		}
		wantError(t, err, client.KindConfig, "")
		check.Contains(t, err.Error(), name)
	}
	callback.Del("state") // an empty one fits an empty one
	_, err := c.Exchange(t.Context(), callback, &client.Transaction{Expires: tx.Expires})
	wantError(t, err, client.KindConfig, "")
	check.Equal(t, p.Requests("token"), 0, "token requests")
}

func TestExchangeAllowMissingIss(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p, func(cfg *client.Config) { cfg.AllowMissingIss = true })
	callback, tx := startLogin(t, p, c)
	for _, iss := range []string{"https://evil.example.test", ""} {
		callback.Set("iss", iss)
		_, err := c.Exchange(t.Context(), callback, tx)
		wantError(t, err, client.KindCallback, "")
		check.Equal(t, p.Requests("token"), 0, "token requests after iss="+iss)
	}
	callback.Del("iss")
	_, err := c.Exchange(t.Context(), callback, tx)
	check.NoError(t, err)
}

func TestExchangeTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		c := newClient(t, p, func(cfg *client.Config) { cfg.Scopes = []string{"openid", "email"} })
		tokens, err := logIn(t, p, c, client.Resource(apiResource))
		check.NoError(t, err)
		check.Equal(t, tokens.IDToken.Subject, "alice", "sub")
		check.Equal(t, tokens.IDToken.Issuer, p.Issuer(), "iss")
		check.Equal(t, tokens.TokenType, "Bearer", "type")
		check.Equal(t, time.Until(tokens.Expiry), 5*time.Minute, "lifetime")
		check.DeepEqual(t, tokens.Scopes, []string{"openid", "email"}, "scopes")
		var claims struct{ Email, Tenant string }
		check.NoError(t, tokens.IDToken.Claims(&claims))
		check.Equal(t, claims.Email+claims.Tenant, "alice@example.testacme", "claims")
		o := tokens.OAuth2()
		check.Equal(t, o.AccessToken, tokens.AccessToken, "access token")
		check.Equal(t, o.RefreshToken, tokens.RefreshToken, "refresh token")
		check.Equal(t, o.Extra("id_token").(string), tokens.RawIDToken, "ID token")
		check.True(t, o.Valid(), "x/oauth2 finds it invalid")
	})
}

// One token request, whatever happens: a code works once.
func TestExchangeNeverRetries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  oidctest.FaultFunc
		kind   client.Kind
		status int
	}{
		"down":     {oidctest.Down, client.KindUnreachable, 503},
		"reset":    {oidctest.Reset, client.KindUnreachable, 0},
		"garbage":  {oidctest.Garbage, client.KindProtocol, 200},
		"HTML":     {answer(200, "text/html", "<html>"), client.KindProtocol, 200},
		"redirect": {redirectFault("/elsewhere"), client.KindProtocol, 307},
		"busy":     {answer(429, "application/json", "{}"), client.KindUnreachable, 429},
		"refused":  {answer(400, "application/json", `{"error":"invalid_grant"}`), client.KindRefused, 400},
		"client":   {answer(401, "application/json", `{"error":"invalid_client"}`), client.KindRefused, 401},
		"silent":   {answer(403, "", ""), client.KindRefused, 403},
		"too big":  {answer(200, "application/json", `{"a":"`+strings.Repeat("x", 1<<20)+`"}`), client.KindProtocol, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			c := newClient(t, p)
			callback, tx := startLogin(t, p, c)
			p.Fault("token", test.fault)
			_, err := c.Exchange(t.Context(), callback, tx)
			check.Equal(t, wantError(t, err, test.kind, "").Status, test.status, "status")
			check.Equal(t, p.Requests("token"), 1, "token requests")
			check.Lacks(t, err.Error(), callback.Get("code"), tx.Verifier, appSecret)
			check.True(t, !errors.Is(err, client.ErrReauthRequired), "a refused code is no ErrReauthRequired")
		})
	}
}

func answer(status int, contentType, body string) oidctest.FaultFunc {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}

// cut is an answer that ends before its Content-Length does.
func cut(status int, body string) oidctest.FaultFunc {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Length", strconv.Itoa(2*len(body)))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}

func redirectFault(to string) oidctest.FaultFunc {
	return func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		return true
	}
}

func TestExchangeSecondUseOfCode(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	callback, tx := startLogin(t, p, c)
	_, err := c.Exchange(t.Context(), callback, tx)
	check.NoError(t, err)
	_, err = c.Exchange(t.Context(), callback, tx)
	check.Equal(t, wantError(t, err, client.KindRefused, "").Code, "invalid_grant", "code")
}

func TestExchangeTakesTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		c := newClient(t, p)
		callback, tx := startLogin(t, p, c)
		time.Sleep(10 * time.Minute)
		_, err := c.Exchange(t.Context(), callback, tx)
		check.Error(t, err, client.ErrTransactionExpired)
	})
}

// The resources of the authorization request are repeated with the code, as separate parameters.
func TestExchangeRepeatsResources(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p, func(cfg *client.Config) { cfg.ExtraTokenParams = url.Values{"vendor": {"1"}} })
	var form url.Values
	p.Fault("token", func(_ http.ResponseWriter, r *http.Request) bool { form = bodyOf(r); return false })
	callback, tx := startLogin(t, p, c, client.Resource(apiResource, "https://other.example.test"))
	_, err := c.Exchange(t.Context(), callback, tx)
	check.NoError(t, err)
	check.DeepEqual(t, form["resource"], []string{apiResource, "https://other.example.test"}, "resource")
	check.DeepEqual(t, form["vendor"], []string{"1"}, "vendor")
	check.DeepEqual(t, form["code_verifier"], []string{tx.Verifier}, "verifier")
	check.DeepEqual(t, form["redirect_uri"], []string{appCallback}, "redirect_uri")
}

func TestExchangeWithoutIDToken(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.Edit("token_answer", func(a map[string]any) { delete(a, "id_token") })
	_, err := logIn(t, p, newClient(t, p))
	failed := wantError(t, err, client.KindProtocol, "")
	check.Contains(t, failed.Error(), "id_token")
	tokens, err := logIn(t, p, newClient(t, p, func(cfg *client.Config) { cfg.Scopes = []string{"email"} }))
	check.NoError(t, err)
	check.True(t, tokens.IDToken == nil, "an ID token from nowhere")
}

// An omitted scope means what was asked for; an empty one, nothing.
func TestExchangeScope(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		scope any
		want  []string
	}{{nil, []string{"openid"}}, {"", []string{}}, {" a  b ", []string{"a", "b"}}} {
		p := newProvider(t)
		p.Edit("token_answer", func(a map[string]any) { a["scope"] = test.scope })
		tokens, err := logIn(t, p, newClient(t, p))
		check.NoError(t, err)
		check.DeepEqual(t, tokens.Scopes, test.want, "scopes")
	}
}

func FuzzExchange(f *testing.F) {
	p := newProvider(f)
	c := newClient(f, p)
	a, err := c.Authorize(f.Context())
	check.NoError(f, err)
	tx := a.Transaction
	p.Fault("token", oidctest.Down)
	for _, seed := range []string{
		"", "code=x", "state=" + tx.State + "&error=x", "code=x&state=&iss=" + url.QueryEscape(p.Issuer()), "state=%00&code=x&code=y",
		"code=x&iss=" + url.QueryEscape(p.Issuer()) + "&state=" + tx.State + "&state=" + tx.State, "iss=x&code=x&state=" + tx.State,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, _ := url.ParseQuery(query)
		before := p.Requests("token")
		_, err := c.Exchange(t.Context(), q, tx)
		check.True(t, err != nil, "accepted")
		right := len(q["state"]) == 1 && q.Get("state") == tx.State && len(q["iss"]) == 1 && q.Get("iss") == p.Issuer() &&
			!q.Has("error") && len(q["code"]) == 1 && q.Get("code") != ""
		if !right && p.Requests("token") != before {
			t.Fatalf("a token request for %q", query)
		}
	})
}
