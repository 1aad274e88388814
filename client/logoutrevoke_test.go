package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/store"
)

// deleteHookStore calls a hook before each deletion: what another request does at that moment.
type deleteHookStore struct {
	store.Store
	before func()
}

func (s *deleteHookStore) DeleteByIndex(ctx context.Context, key string, except ...string) ([]store.Record, error) {
	if f := s.before; f != nil {
		s.before = nil
		f()
	}
	return s.Store.DeleteByIndex(ctx, key, except...)
}

// refreshTokens notes which refresh tokens a provider gives, and which it is told to revoke.
type refreshTokens struct {
	mu              sync.Mutex
	issued, revoked []string
}

func (a *app) refreshTokens() *refreshTokens {
	seen := new(refreshTokens)
	a.op.Edit("token_answer", func(m map[string]any) {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		if token, ok := m["refresh_token"].(string); ok {
			seen.issued = append(seen.issued, token)
		}
	})
	a.op.Fault("revoke", func(_ http.ResponseWriter, r *http.Request) bool {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		seen.revoked = append(seen.revoked, bodyOf(r).Get("token"))
		return false
	})
	return seen
}

// newest checks that the newest of so many was revoked, last.
func (s *refreshTokens) newest(t *testing.T, issued int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	check.Equal(t, len(s.issued), issued, "refresh tokens issued")
	check.True(t, len(s.revoked) > 0, "none was revoked")
	check.True(t, s.revoked[len(s.revoked)-1] == s.issued[issued-1], "an older one than the newest was revoked")
}

// Another tab renews at the moment of the logout: the token it got is the one to revoke.
func TestLogoutRevokesTheCurrentToken(t *testing.T) {
	t.Parallel()
	kept := &deleteHookStore{Store: store.NewMemory(0)}
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
	seen := a.refreshTokens()
	b := a.browser()
	b.login("/auth/login", "alice")
	s := b.mustSession()
	kept.before = func() {
		_, err := s.Refresh(t.Context())
		check.NoError(t, err)
	}
	check.Equal(t, b.post("/auth/logout", nil).StatusCode, http.StatusSeeOther, "status")
	seen.newest(t, 2)
	check.Equal(t, len(seen.revoked), 1, "revocations")
}

// The store did not take what the provider rotated. This process alone knows the current token then.
func TestLogoutRevokesTheUnsavedToken(t *testing.T) {
	t.Parallel()
	kept := newBadStore()
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
	seen := a.refreshTokens()
	b := a.browser()
	b.login("/auth/login", "alice")
	kept.afterUpdate = func() error { return errStoreAway }
	_, err := b.mustSession().Refresh(t.Context())
	check.Error(t, err, client.ErrStore)
	check.Equal(t, b.post("/auth/logout", nil).StatusCode, http.StatusSeeOther, "status")
	seen.newest(t, 2)
}

// A login that is not completed leaves nothing behind, here or at the provider.
func TestFailedLoginsLeaveNothing(t *testing.T) {
	t.Parallel()
	refusal := errors.New("not today")
	for name, tt := range map[string]struct {
		edit     func(*app) // what goes wrong
		client   func(*client.Config)
		onLogin  func(s *client.Session, cancel context.CancelFunc) error
		panics   bool
		status   int
		requests int // for tokens
	}{
		"OnLogin refuses":               {onLogin: func(*client.Session, context.CancelFunc) error { return refusal }, status: http.StatusForbidden, requests: 1},
		"OnLogin panics":                {onLogin: func(*client.Session, context.CancelFunc) error { panic("a bug of the application") }, panics: true, requests: 1},
		"the browser leaves in OnLogin": {onLogin: func(_ *client.Session, cancel context.CancelFunc) error { cancel(); return nil }, requests: 1},
		"OnLogin renews and refuses": {
			onLogin: func(s *client.Session, _ context.CancelFunc) error {
				_, err := s.TokenSource().For(client.TokenRequest{Scopes: []string{"openid"}}).TokenContext(context.Background())
				return errors.Join(refusal, err)
			},
			status: http.StatusForbidden, requests: 2,
		},
		"the ID token is of another nonce": {
			edit:   func(a *app) { a.op.Edit("id_token", func(c map[string]any) { c["nonce"] = "other" }) },
			status: http.StatusBadRequest, requests: 1,
		},
		"there is no ID token": {
			edit:   func(a *app) { a.op.Edit("token_answer", func(m map[string]any) { delete(m, "id_token") }) },
			status: http.StatusBadGateway, requests: 1,
		},
		"nothing binds the code": {
			edit:   func(a *app) { a.op.Edit("token_answer", func(m map[string]any) { delete(m, "id_token") }) },
			client: func(cfg *client.Config) { cfg.Scopes, cfg.SkipPKCE = []string{"read"}, true },
			status: http.StatusInternalServerError, requests: 1,
		},
		"the sid is no text": {
			edit:   func(a *app) { a.op.Edit("id_token", func(c map[string]any) { c["sid"] = 1 }) },
			status: http.StatusBadRequest, requests: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			kept := &idStore{Store: store.NewMemory(0)}
			a := newApp(t, func(cfg *appConfig) {
				if tt.client != nil {
					tt.client(&cfg.client)
				}
				cfg.login.Store = kept
				cfg.login.OnLogin = func(_ context.Context, s *client.Session) error {
					if tt.onLogin == nil {
						return nil
					}
					return tt.onLogin(s, cancel)
				}
			})
			if tt.edit != nil {
				tt.edit(a)
			}
			a.failsToLogIn(ctx, kept, tt.status, tt.panics, tt.requests)
		})
	}
}

// The browser leaves while the provider answers, or before the code is sent.
func TestBrowserLeavesDuringLogin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		leave    func(*app, context.CancelFunc)
		requests int
	}{
		"before the code is sent": {func(_ *app, cancel context.CancelFunc) { cancel() }, 0},
		"while the keys are fetched": {func(a *app, cancel context.CancelFunc) {
			a.op.Fault("jwks", func(http.ResponseWriter, *http.Request) bool { cancel(); return false })
		}, 0},
		"while the provider answers": {func(a *app, cancel context.CancelFunc) {
			a.op.Edit("token_answer", func(map[string]any) { cancel() })
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			kept := &idStore{Store: store.NewMemory(0)}
			a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
			tt.leave(a, cancel)
			a.failsToLogIn(ctx, kept, 0, false, tt.requests)
		})
	}
}

// idStore notes the ids that were written.
type idStore struct {
	store.Store
	ids sync.Map
}

func (s *idStore) Update(ctx context.Context, id string, fn func(*store.Record) (*store.Record, error)) error {
	s.ids.Store(id, true)
	return s.Store.Update(ctx, id, fn)
}

// failsToLogIn is a login that must fail; status 0 stands for a browser that does not see the answer.
func (a *app) failsToLogIn(ctx context.Context, kept *idStore, status int, panics bool, requests int) {
	t := a.t
	t.Helper()
	seen := a.refreshTokens()
	b := a.browser()
	callback := b.signIn(b.begin("/auth/login"), "alice")
	r := b.newRequest(http.MethodGet, callback.String(), nil, "Sec-Fetch-Site", "cross-site").WithContext(ctx)
	if panics {
		check.Equal(t, fmt.Sprint(check.Panics(t, func() { b.send(r) })), "a bug of the application", "the panic")
	} else {
		resp := b.send(r)
		check.True(t, status == 0 || resp.StatusCode == status, "status is %d, want %d", resp.StatusCode, status)
		check.True(t, resp.StatusCode >= 400, "status is %d", resp.StatusCode)
	}
	check.Equal(t, len(b.named("oidc-session")), 0, "session cookies")
	check.Equal(t, a.op.Requests("token"), requests, "token requests")
	if requests > 0 {
		seen.newest(t, requests)
	}
	kept.ids.Range(func(id, _ any) bool {
		record, err := kept.Load(context.Background(), id.(string))
		check.NoError(t, err)
		check.True(t, record == nil, "a session is left")
		return true
	})
}
