package client_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// everyPrint is a value by all the ways it could reach a log.
func everyPrint(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
		fmt.Fprintf(&b, verb+"\n", []any{v, map[string]any{"k": v}})
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "v", v, slog.Group("g", "v", v))
	}
	if raw, err := json.Marshal(map[string]any{"v": v}); err == nil {
		b.Write(raw)
	}
	return b.String()
}

func TestRedaction(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	cfg := client.Config{
		DiscoveryURL: "https://op.example.test", ClientID: "web", ClientSecret: canary,
		ExtraTokenParams: url.Values{"api_key": {canary}}, RedirectURL: appCallback,
	}
	c, err := client.New(cfg)
	check.NoError(t, err)
	key := cfg
	key.ClientSecret, key.Auth = "", oidc.PrivateKeyJWT{Key: signingKey()}
	withKey, err := client.New(key)
	check.NoError(t, err)
	d, err := signingKey().Bytes()
	check.NoError(t, err)

	tx := client.Transaction{State: canary, Nonce: canary, Verifier: canary}
	tokens := client.Tokens{AccessToken: canary, RefreshToken: canary, RawIDToken: canary}
	request := client.TokenRequest{Extra: url.Values{"x": {canary}}}
	authorization := client.Authorization{URL: "https://x?state=" + canary, Form: url.Values{"state": {canary}}, Transaction: &tx}
	end := client.EndSessionRequest{IDTokenHint: canary, State: canary}
	source := c.ClientCredentials(request)
	for name, v := range map[string]any{
		"Config": cfg, "*Config": &cfg, "Config with key": key, "Client": c, "Client with key": withKey,
		"Transaction": tx, "*Transaction": &tx, "Tokens": tokens, "*Tokens": &tokens, "TokenRequest": request, "*TokenRequest": &request,
		"Authorization": authorization, "*Authorization": &authorization, "EndSessionRequest": end, "*EndSessionRequest": &end,
		"TokenSource": source, "HTTPClient": source.HTTPClient(apiResource).Transport,
		"inside": struct {
			Exported   *client.Client
			unexported *client.Client
			source     *client.TokenSource
		}{c, c, source},
	} {
		text := everyPrint(v)
		check.Lacks(t, text, canary, fmt.Sprintf("%x", canary), base64.StdEncoding.EncodeToString([]byte(canary)), fmt.Sprintf("%d", d[:8]), fmt.Sprintf("%x", d[:8]))
		if name != "HTTPClient" && name != "inside" {
			check.Contains(t, text, "[redacted]")
		}
	}
}

// secrets collects whatever must never be printed while a provider is driven through its failures.
type secrets struct{ values map[string]bool }

func (s *secrets) add(values ...string) {
	for _, v := range values {
		if len(v) > 7 {
			s.values[v] = true
			s.values[url.QueryEscape(v)] = true
			if parts := strings.Split(v, "."); len(parts) == 3 {
				s.values[parts[2]] = true
			}
		}
	}
}

func (s *secrets) search(t *testing.T, where, text string) {
	t.Helper()
	for v := range s.values {
		if strings.Contains(text, v) {
			t.Fatalf("%s holds a secret (%.12s...):\n%s", where, v, text)
		}
	}
}

// mirror answers with everything it was sent, in every place an error could pick it up from.
func mirror(status int) oidctest.FaultFunc {
	return func(w http.ResponseWriter, r *http.Request) bool {
		raw, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(raw))
		sent := string(raw) + " " + r.Header.Get("Authorization")
		for _, values := range form {
			sent += " " + strings.Join(values, " ")
		}
		code := form.Get("code") + form.Get("refresh_token") + form.Get("token")
		body, _ := json.Marshal(map[string]any{
			"error": code, "error_description": sent, "access_token": 1, "expires_in": sent, "scope": []string{sent}, "sub": sent, sent: sent,
		})
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("WWW-Authenticate", `Bearer error="`+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+`"`)
		h.Set("Location", "https://evil.example.test/?"+url.QueryEscape(sent))
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return true
	}
}

// The canary test: every failing path, and nothing secret in errors, logs, events or prints.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	faults := map[string]oidctest.FaultFunc{"down": oidctest.Down, "reset": oidctest.Reset, "garbage": oidctest.Garbage}
	for _, status := range []int{200, 302, 400, 401, 403, 404, 429, 500} {
		faults[fmt.Sprintf("echo %d", status)] = mirror(status)
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, s := new(logBuffer), &secrets{values: map[string]bool{}}
			s.add(appSecret, base64.StdEncoding.EncodeToString([]byte("web:"+url.QueryEscape(appSecret))))
			p := newProvider(t)
			c := newClient(t, p, func(cfg *client.Config) {
				cfg.Logger = log.logger()
				cfg.Observer = func(_ context.Context, e oidc.Event) {
					log.logger().Info("event", "e", fmt.Sprintf("%+v %v", e, e.Err))
				}
			})
			tokens, err := logIn(t, p, c)
			check.NoError(t, err)
			s.add(tokens.AccessToken, tokens.RefreshToken, tokens.RawIDToken, tokens.IDToken.Nonce)
			callback, tx := startLogin(t, p, c)
			s.add(callback.Get("code"), tx.State, tx.Nonce, tx.Verifier)
			look := func(what string, err error) {
				t.Helper()
				if err == nil {
					t.Fatalf("%s: no error", what)
				}
				s.search(t, what, everyPrint(err))
				for e := err; e != nil; e = errors.Unwrap(e) {
					s.search(t, what, fmt.Sprintf("%+v %#v", e, e))
				}
			}
			for _, endpoint := range []string{"token", "userinfo", "revoke", "jwks"} {
				p.Fault(endpoint, fault)
			}
			_, err = c.Exchange(t.Context(), callback, tx)
			look("exchange", err)
			_, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
			look("refresh", err)
			_, err = c.UserInfo(t.Context(), tokens.AccessToken, "alice")
			look("userinfo", err)
			if err = c.Revoke(t.Context(), tokens.RefreshToken, ""); name != "echo 200" && name != "garbage" {
				look("revoke", err) // whatever a 200 says, the token is revoked
			}
			source := c.ClientCredentials(client.TokenRequest{})
			_, err = source.Token()
			look("client credentials", err)
			_, err = source.HTTPClient(apiResource).Get(apiResource)
			look("http client", err)

			p.Clear()
			// Not iss and aud: errors may quote these, capped.
			for _, claim := range []string{"nonce", "at_hash", "exp", "azp", "Sub"} {
				p.Edit("id_token", set(claim, tokens.RefreshToken))
				callback, tx := startLogin(t, p, c)
				s.add(callback.Get("code"), tx.State, tx.Nonce, tx.Verifier)
				_, err = c.Exchange(t.Context(), callback, tx)
				look("ID token with "+claim, err)
				p.Clear()
			}
			callback, tx = startLogin(t, p, c)
			s.add(tx.State, tx.Nonce, tx.Verifier)
			for _, name := range []string{"error", "code", "state"} {
				broken := url.Values{"state": {tx.State}, "iss": {p.Issuer()}}
				broken.Set(name, tx.State+" "+callback.Get("code"))
				s.add(callback.Get("code"))
				_, err = c.Exchange(t.Context(), broken, tx)
				look("callback with "+name, err)
			}
			s.search(t, "the report", c.Diagnose(t.Context()).String())
			s.search(t, "the log", log.String())
		})
	}
}

// What is handed out for use is whole: redaction is for printing.
func TestRedactionKeepsFields(t *testing.T) {
	t.Parallel()
	tokens := client.Tokens{AccessToken: "a", RefreshToken: "r", Expiry: time.Now().Add(time.Hour), TokenType: "Bearer"}
	o := tokens.OAuth2()
	check.Equal(t, o.AccessToken+o.RefreshToken, "ar", "tokens")
}
