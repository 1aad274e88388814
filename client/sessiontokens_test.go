package client_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
	"github.com/relyingparty/oidc/store"
)

const otherAPI = "https://other.example.test"

// mustSession is session of somebody who is signed in.
func (b *browser) mustSession() *client.Session {
	b.t.Helper()
	s, err := b.session()
	check.NoError(b.t, err)
	return s
}

// heldToken gives an access token of the session's own, or of another request.
func heldToken(t *testing.T, s *client.TokenSource) string {
	t.Helper()
	got, err := s.TokenContext(t.Context())
	check.NoError(t, err)
	check.Equal(t, got.RefreshToken, "", "refresh token that was handed out")
	return got.AccessToken
}

func TestSessionTokenSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		own := []string{apiResource, otherAPI}
		a := newApp(t, func(cfg *appConfig) { cfg.client.Resources = own })
		b := a.browser()
		b.login("/auth/login", "alice")
		first := heldToken(t, b.mustSession().TokenSource())
		check.Equal(t, heldToken(t, b.mustSession().TokenSource()), first, "token of the next request")
		check.Equal(t, a.op.Requests("token"), 1, "token requests")

		time.Sleep(6 * time.Minute) // it lives for five
		second := heldToken(t, b.mustSession().TokenSource())
		check.True(t, second != first, "an expired token was handed out")
		check.Equal(t, a.op.Requests("token"), 2, "token requests")
		s := b.mustSession()
		check.True(t, s.TokenExpiry.After(time.Now()), "TokenExpiry is %v", s.TokenExpiry)
		check.DeepEqual(t, s.Scopes, []string{"openid"}, "scopes")
		check.DeepEqual(t, tokenAudience(t, second), own, "audience after the refresh")

		// Another API from the same session, and each once.
		for range 3 {
			other := heldToken(t, b.mustSession().TokenSource().For(client.TokenRequest{Resources: []string{otherAPI}}))
			check.DeepEqual(t, tokenAudience(t, other), []string{otherAPI}, "audience of the other API's token")
		}
		check.Equal(t, a.op.Requests("token"), 3, "token requests")
		check.Equal(t, heldToken(t, b.mustSession().TokenSource()), second, "the session's own token")

		// Requests that mean the login's own.
		check.Equal(t, heldToken(t, b.mustSession().TokenSource().For(client.TokenRequest{})), second, "token of the empty request")
		check.Equal(t, heldToken(t, b.mustSession().TokenSource().For(client.TokenRequest{Resources: own})), second, "token of the login's resources")
		check.Equal(t, a.op.Requests("token"), 3, "token requests")
	})
}

// tokenAudience reads aud without checking anything.
func tokenAudience(t *testing.T, jwt string) []string {
	t.Helper()
	var claims struct {
		Aud any `json:"aud"`
	}
	jwtClaims(t, jwt, &claims)
	switch aud := claims.Aud.(type) {
	case string:
		return []string{aud}
	case []any:
		list := make([]string, len(aud))
		for i := range aud {
			list[i] = aud[i].(string)
		}
		return list
	}
	return nil
}

// A thousand requests of one session, whose token has expired, make one refresh: in one process, and in several.
func TestOneRefreshForAll(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			kept := store.NewMemory(0)
			var cfg appConfig
			a := newApp(t, func(c *appConfig) { c.login.Store = kept; cfg = *c })
			b := a.browser()
			b.login("/auth/login", "alice")
			apps := []*app{a}
			for len(apps) < replicas {
				other := &app{t: t, op: a.op, log: a.log}
				cfg.client.HTTPClient = a.op.HTTPClient()
				var err error
				other.rp, err = client.New(cfg.client)
				check.NoError(t, err)
				other.start(cfg)
				apps = append(apps, other)
			}
			a.op.Fault("token", oidctest.Slow(time.Second))
			for round := range 3 {
				time.Sleep(6 * time.Minute)
				tokens := make([]string, 1000)
				var all sync.WaitGroup
				for i := range tokens {
					all.Go(func() {
						r := httptest.NewRequest(http.MethodGet, appOrigin+"/", nil)
						for name, c := range b.cookies {
							r.AddCookie(&http.Cookie{Name: name, Value: c.Value})
						}
						s, err := apps[i%replicas].login.Session(r)
						if err != nil {
							t.Error(err)
							return
						}
						got, err := s.TokenSource().TokenContext(t.Context())
						if err != nil {
							t.Error(err)
							return
						}
						tokens[i] = got.AccessToken
					})
				}
				all.Wait()
				for _, got := range tokens {
					check.Equal(t, got, tokens[0], "token")
				}
				check.Equal(t, a.op.Requests("token"), round+2, "token requests")
			}
		})
	}
}

func TestLoginTokenSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := store.NewMemory(0)
		var cfg appConfig
		a := newApp(t, func(c *appConfig) {
			c.login.Store, c.client.Resources = kept, []string{apiResource}
			cfg = *c
		})
		b := a.browser()
		b.login("/auth/login", "alice")
		id := b.mustSession().ID()
		own := heldToken(t, b.mustSession().TokenSource())

		a.start(cfg) // another process
		check.Equal(t, heldToken(t, a.login.TokenSource(id)), own, "token outside a request")
		check.Equal(t, a.op.Requests("token"), 1, "token requests")
		time.Sleep(5*time.Minute - 5*time.Second)
		a.start(cfg) // which sees the token when a request could still outlive it
		last := heldToken(t, a.login.TokenSource(id))
		check.True(t, last != own, "a token with five seconds left was taken from the store")
		own = last
		time.Sleep(6 * time.Minute)
		check.True(t, heldToken(t, a.login.TokenSource(id)) != own, "an expired token was handed out")

		later := heldToken(t, a.login.TokenSource(id))
		time.Sleep(6 * time.Minute)
		a.start(cfg) // one more, that has seen neither token
		check.True(t, heldToken(t, a.login.TokenSource(id)) != later, "an expired token was taken from the store")

		_, err := a.login.TokenSource("unknown").TokenContext(t.Context())
		check.Error(t, err, client.ErrReauthRequired)
		// The cookie's value is no session id.
		_, err = a.login.TokenSource(b.named("oidc-session")[0].Value).TokenContext(t.Context())
		check.Error(t, err, client.ErrReauthRequired)

		source := a.login.TokenSource(id)
		b.post("/auth/logout", nil)
		_, err = a.login.TokenSource(id).TokenContext(t.Context())
		check.Error(t, err, client.ErrReauthRequired)
		time.Sleep(6 * time.Minute)
		_, err = source.TokenContext(t.Context())
		check.Error(t, err, client.ErrReauthRequired)
	})
}

func TestSessionRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		before := heldToken(t, s.TokenSource())
		time.Sleep(time.Minute)

		// Callers at once share one.
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, err := s.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		check.Equal(t, a.op.Requests("token"), 2, "token requests")
		after, err := b.mustSession().Refresh(t.Context())
		check.NoError(t, err)
		check.Equal(t, a.op.Requests("token"), 3, "token requests")
		check.True(t, after.TokenExpiry.Equal(time.Now().Add(5*time.Minute)), "expires %v", after.TokenExpiry)
		check.True(t, heldToken(t, s.TokenSource()) != before, "the old token is still handed out")
		check.Equal(t, heldToken(t, s.TokenSource()), heldToken(t, after.TokenSource()), "token")

		// Away: the session stays.
		a.op.Fault("token", oidctest.Down)
		_, err = b.mustSession().Refresh(t.Context())
		check.Equal(t, check.As[*client.Error](t, err).Kind, client.KindUnreachable, "kind")
		check.Equal(t, b.signedIn(), "alice", "signed in")
		a.op.Clear()
		_, err = b.mustSession().Refresh(t.Context())
		check.NoError(t, err)

		// A caller who leaves: the renewal is finished and kept.
		a.op.Fault("token", oidctest.Slow(2*time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		held := b.mustSession()
		_, err = held.Refresh(ctx)
		check.Error(t, err, context.DeadlineExceeded)
		synctest.Wait()
		time.Sleep(2 * time.Second)
		requests := a.op.Requests("token")
		_, err = held.Refresh(t.Context())
		check.NoError(t, err)
		check.Equal(t, a.op.Requests("token"), requests, "token requests")
		a.op.Clear()
		_, err = b.mustSession().Refresh(t.Context())
		check.NoError(t, err)
	})
}

// The wait for a session's lock takes nothing of the time that a refresh has: cut short, it would spend the refresh token
// for nothing.
func TestRefreshAfterALongWaitForTheLock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newBadStore()
		a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		a.op.Fault("token", oidctest.Slow(5*time.Second))
		kept.beforeUpdate = func() { time.Sleep(29 * time.Second) }
		fresh, err := s.Refresh(t.Context())
		check.NoError(t, err)
		check.True(t, fresh.TokenExpiry.After(s.TokenExpiry), "token is not renewed")
		check.Equal(t, a.op.Requests("token"), 2, "token requests")
	})
}

// Tokens for many APIs do not grow the record for ever.
func TestStoredTokensAreBounded(t *testing.T) {
	t.Parallel()
	spy := &spyStore{Store: store.NewMemory(0), records: map[string]*store.Record{}}
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = spy })
	b := a.browser()
	b.login("/auth/login", "alice")
	s := b.mustSession()
	var most int
	for i := range 30 {
		heldToken(t, s.TokenSource().For(client.TokenRequest{Resources: []string{otherAPI + "/" + string(rune('a'+i%26)) + string(rune('a'+i/26))}}))
		if size := len(spy.records[s.ID()].Data); i == 7 {
			most = size
		} else if i > 7 {
			check.True(t, size <= most+100, "the record grew from %d to %d bytes", most, size)
		}
	}
	heldToken(t, b.mustSession().TokenSource())
	check.Equal(t, a.op.Requests("token"), 31, "token requests")

	// Nor does one that is very long.
	a.op.Edit("access_token", set("long", strings.Repeat("x", 20<<10)))
	heldToken(t, s.TokenSource().For(client.TokenRequest{Resources: []string{otherAPI + "/long"}}))
	size := len(spy.records[s.ID()].Data)
	check.True(t, size <= most+100, "the record grew from %d to %d bytes", most, size)
}

// HTTPClient carries the user's token to the login's resources and renews it once on a 401.
func TestSessionHTTPClient(t *testing.T) {
	t.Parallel()
	var op *oidctest.Provider
	seen := []string{}
	a := newApp(t, func(cfg *appConfig) {
		cfg.client.Resources = []string{apiResource}
		cfg.client.HTTPClient = &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "api.example.test" {
				return op.Transport().RoundTrip(r)
			}
			seen = append(seen, r.Header.Get("Authorization"))
			w := httptest.NewRecorder()
			if len(seen) == 1 {
				w.WriteHeader(http.StatusUnauthorized)
			}
			return w.Result(), nil
		})}
	})
	op = a.op
	b := a.browser()
	b.login("/auth/login", "alice")
	resp, err := b.mustSession().TokenSource().HTTPClient().Get(apiResource + "/x")
	check.NoError(t, err)
	check.Equal(t, resp.StatusCode, http.StatusOK, "status")
	check.Equal(t, len(seen), 2, "requests")
	check.True(t, seen[0] != seen[1], "the refused token was sent again")
	check.Equal(t, a.op.Requests("token"), 2, "token requests")
}

// jwtClaims reads a token's claims without any check.
func jwtClaims(t *testing.T, jwt string, v any) {
	t.Helper()
	_, rest, _ := strings.Cut(jwt, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	check.NoError(t, err)
	check.NoError(t, json.Unmarshal(raw, v))
}
