package client_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// allPrintable is every character that a code or a refresh token may hold (RFC
// 6749 appendix A).
func allPrintable() string {
	var b strings.Builder
	for c := byte(' '); c <= '~'; c++ {
		b.WriteByte(c)
	}
	return b.String()
}

// disguise makes a provider's codes and refresh tokens begin and end with every
// character that they may hold.
func disguise(op *oidctest.Provider) {
	dress := func(token string) string { return allPrintable() + token + allPrintable() }
	op.Edit("token_answer", func(m map[string]any) {
		if token, ok := m["refresh_token"].(string); ok {
			m["refresh_token"] = dress(token)
		}
	})
	op.Fault("token", func(_ http.ResponseWriter, r *http.Request) bool {
		form := bodyOf(r)
		for _, name := range []string{"code", "refresh_token"} {
			if sent := form.Get(name); sent != "" {
				inner := strings.TrimSuffix(strings.TrimPrefix(sent, allPrintable()), allPrintable())
				if dress(inner) != sent {
					form.Set(name, "not what was given: "+sent)
				} else {
					form.Set(name, inner)
				}
			}
		}
		r.Body = io.NopCloser(strings.NewReader(form.Encode()))
		return false
	})
}

func dressedCallback(callback url.Values) url.Values {
	callback.Set("code", allPrintable()+callback.Get("code")+allPrintable())
	return callback
}

// The conformance suite's refresh tokens hold spaces now and then.
func TestEveryCharacterOfCodesAndRefreshTokens(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	disguise(p)
	c := newClient(t, p)
	callback, tx := startLogin(t, p, c)
	tokens, err := c.Exchange(t.Context(), dressedCallback(callback), tx)
	check.NoError(t, err)
	for range 2 {
		tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
		check.NoError(t, err)
		check.NoError(t, tokens.Err())
		check.Contains(t, tokens.RefreshToken, allPrintable())
	}
}

func TestEveryCharacterInASession(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	disguise(a.op)
	b := a.browser()
	back := b.signIn(b.begin("/auth/login"), "alice")
	back.RawQuery = dressedCallback(back.Query()).Encode()
	check.Equal(t, b.finish(back).StatusCode, http.StatusSeeOther, "status of the callback")
	for range 2 {
		_, err := b.mustSession().Refresh(t.Context())
		check.NoError(t, err)
	}
}

// What holds other characters was never given by a provider: a file's line end,
// most likely.
func TestRefreshTokenWithLineEnd(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, token := range []string{"r\n", "r\x00", "\tr", "r\x7f", "é"} {
		_, err := newClient(t, p).Refresh(t.Context(), token, client.TokenRequest{})
		wantError(t, err, client.KindConfig, "")
		check.Contains(t, err.Error(), "line end")
		check.Lacks(t, err.Error(), token)
	}
	check.Equal(t, p.Requests("token"), 0, "token requests")
}
