package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
	"github.com/relyingparty/oidc/store"
)

// logoutHS256 is a logout token that the client secret signs.
func logoutHS256(issuer string, secret []byte) string {
	return hmacSigned(map[string]any{"alg": "HS256", "typ": "logout+jwt"}, map[string]any{
		"iss": issuer, "aud": "web", "sub": "alice", "jti": "1", "iat": in(0), "exp": in(time.Minute), "events": logoutEvents,
	}, secret)
}

// What may be over in a moment must not lose a back-channel logout: providers
// try again after a 503, and not after a 400 or a 404.
func TestTransientFailuresLoseNoLogout(t *testing.T) {
	t.Parallel()
	t.Run("the secret is away", func(t *testing.T) {
		t.Parallel()
		var (
			failure error
			key     []byte
		)
		a := newApp(t, func(cfg *appConfig) {
			secret := cfg.client.ClientSecret
			key = []byte(secret)
			cfg.client.ClientSecret, cfg.client.IDTokenAlgs = "", []string{"ES256", "HS256"}
			cfg.client.Auth = oidc.Secret(func(context.Context) (string, error) { return secret, failure })
		})
		b := a.browser()
		b.login("/auth/login", "alice")
		failure = errors.New("the vault is sealed")
		check.Equal(t, a.tell(logoutHS256(a.op.Issuer(), key)).StatusCode, http.StatusServiceUnavailable, "status")
		failure = nil
		check.Equal(t, a.tell(logoutHS256(a.op.Issuer(), key)).StatusCode, http.StatusOK, "status once it is back")
		check.Equal(t, b.signedIn(), "", "signed in")
	})
	t.Run("the metadata lacks its keys", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		a.op.Edit("discovery", set("jwks_uri", nil))
		check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusServiceUnavailable, "status")
	})
	t.Run("the provider's clock is ahead", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, nil)
			b := a.browser()
			b.login("/auth/login", "alice")
			token := a.op.Sign(map[string]any{"typ": "logout+jwt"}, map[string]any{
				"iss": a.op.Issuer(), "aud": "web", "sub": "alice", "jti": "1", "iat": in(time.Minute), "exp": in(3 * time.Minute), "events": logoutEvents,
			})
			check.Equal(t, a.tell(token).StatusCode, http.StatusServiceUnavailable, "status")
			time.Sleep(time.Minute)
			check.Equal(t, a.tell(token).StatusCode, http.StatusOK, "status a minute later")
			check.Equal(t, b.signedIn(), "", "signed in")
		})
	})
}

// A static provider without keys signs its logout tokens with the client secret.
func TestBackChannelLogoutHS256(t *testing.T) {
	t.Parallel()
	op := oidctest.New(oidctest.Config{})
	for _, tt := range []struct {
		edit   func(*client.Config)
		status int
	}{
		{func(cfg *client.Config) { cfg.IDTokenAlgs = []string{"HS256"} }, http.StatusOK},
		{func(cfg *client.Config) { cfg.SkipIDTokenSignature = true }, http.StatusNotFound},
	} {
		cfg := client.Config{
			Issuer: op.Issuer(), ClientID: "web", ClientSecret: appSecret, RedirectURL: appCallback, HTTPClient: op.HTTPClient(),
			Endpoints: client.Endpoints{Authorization: op.URL("authorize"), Token: op.URL("token")},
		}
		tt.edit(&cfg)
		c, err := client.New(cfg)
		check.NoError(t, err)
		l, err := c.NewLogin(client.LoginConfig{Keys: [][]byte{loginKey}})
		check.NoError(t, err)
		form := url.Values{"logout_token": {logoutHS256(op.Issuer(), []byte(appSecret))}}.Encode()
		r := httptest.NewRequest(http.MethodPost, appOrigin+"/auth/backchannel-logout", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		l.ServeHTTP(w, r)
		check.Equal(t, w.Code, tt.status, "status")
	}
}

// A provider whose metadata lacks an endpoint is not this program's fault, and
// nobody signs in there for a code that cannot be redeemed.
func TestEndpointsThatAreMissing(t *testing.T) {
	t.Parallel()
	for _, member := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri"} {
		a := newApp(t, nil)
		a.op.Edit("discovery", set(member, nil))
		check.Equal(t, a.browser().get("/auth/login").StatusCode, http.StatusBadGateway, "status without "+member)
	}
}

// The cookie of a session that has ended says nothing about tokens in use.
func TestFailedLoginAfterASessionThatEnded(t *testing.T) {
	t.Parallel()
	for _, alive := range []bool{true, false} {
		fail := false
		a := newApp(t, func(cfg *appConfig) {
			cfg.login.OnLogin = func(context.Context, *client.Session) error {
				if fail {
					return errors.New("not today")
				}
				return nil
			}
		})
		seen := a.refreshTokens()
		b := a.browser()
		b.login("/auth/login", "alice")
		if !alive {
			a.tell(a.op.LogoutToken("web", "alice", ""))
		}
		before := len(seen.revoked)
		fail = true
		b.finish(b.signIn(b.begin("/auth/login"), "alice"))
		check.Equal(t, len(seen.revoked)-before, map[bool]int{true: 0, false: 1}[alive], "revoked")
	}
}

// A logout that arrives while OnLogin runs leaves no session, so the browser
// must not be told that there is one.
func TestLogoutDuringOnLogin(t *testing.T) {
	t.Parallel()
	var a *app
	a = newApp(t, func(cfg *appConfig) {
		cfg.login.OnLogin = func(context.Context, *client.Session) error {
			check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusOK, "status of the logout")
			return nil
		}
	})
	b := a.browser()
	check.Equal(t, b.finish(b.signIn(b.begin("/auth/login"), "alice")).StatusCode, http.StatusBadRequest, "status")
	check.Equal(t, b.signedIn(), "", "signed in")
}

// A logout that arrives during the login it is about ends it in a full store too,
// where the session makes room for itself.
func TestLogoutDuringALoginInAFullStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const room = 20
		full := store.NewMemory(room)
		for i := range room {
			check.NoError(t, full.Update(t.Context(), fmt.Sprint(i), func(*store.Record) (*store.Record, error) {
				return &store.Record{Expires: time.Now().Add(12 * time.Hour), Index: []string{fmt.Sprint("sub", i)}}, nil
			}))
		}
		a := newApp(t, func(cfg *appConfig) { cfg.login.Store = full })
		status := 0
		a.op.Edit("token_answer", func(map[string]any) { status = a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode })
		b := a.browser()
		to := b.begin("/auth/login")
		time.Sleep(time.Second)
		b.finish(b.signIn(to, "alice"))
		check.Equal(t, status, http.StatusOK, "status of the logout")
		check.Equal(t, b.signedIn(), "", "signed in")
	})
}
