package client_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/store"
)

// deafStore takes calls and does not answer some of them, like a server behind a firewall that drops packets.
type deafStore struct {
	store.Store
	deaf atomic.Value // the method's name
}

func newDeafStore() *deafStore {
	s := &deafStore{Store: store.NewMemory(0)}
	s.deaf.Store("")
	return s
}

func (s *deafStore) wait(ctx context.Context, method string) error {
	if s.deaf.Load() != method {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s *deafStore) Load(ctx context.Context, id string) (*store.Record, error) {
	if err := s.wait(ctx, "Load"); err != nil {
		return nil, err
	}
	return s.Store.Load(ctx, id)
}

func (s *deafStore) Update(ctx context.Context, id string, fn func(*store.Record) (*store.Record, error)) error {
	if err := s.wait(ctx, "Update"); err != nil {
		return err
	}
	return s.Store.Update(ctx, id, fn)
}

func (s *deafStore) DeleteByIndex(ctx context.Context, key string, except ...string) ([]store.Record, error) {
	if err := s.wait(ctx, "DeleteByIndex"); err != nil {
		return nil, err
	}
	return s.Store.DeleteByIndex(ctx, key, except...)
}

func (s *deafStore) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	if err := s.wait(ctx, "Once"); err != nil {
		return false, err
	}
	return s.Store.Once(ctx, key, until)
}

func (s *deafStore) Marked(ctx context.Context, key string) (bool, error) {
	if err := s.wait(ctx, "Marked"); err != nil {
		return false, err
	}
	return s.Store.Marked(ctx, key)
}

func (s *deafStore) List(ctx context.Context, key string) ([]store.Record, error) {
	if err := s.wait(ctx, "List"); err != nil {
		return nil, err
	}
	return s.Store.(store.Lister).List(ctx, key)
}

func TestStoreThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	page := func(_ *app, b *browser) int { return b.get("/who").StatusCode }
	login := func(_ *app, b *browser) int { return b.finish(b.signIn(b.begin("/auth/login"), "alice")).StatusCode }
	logout := func(_ *app, b *browser) int { return b.post("/auth/logout", nil).StatusCode }
	backChannel := func(a *app, _ *browser) int { return a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode }
	for _, tt := range []struct {
		name, deaf string
		request    func(*app, *browser) int
		within     time.Duration
		after      string // who is signed in when the store is back
	}{
		{"a page", "Load", page, 5 * time.Second, "alice"},
		{"a login, its mark", "Once", login, 5 * time.Second, "alice"},
		{"a login, its session", "Update", login, 30 * time.Second, "alice"},
		{"a login, the session before", "DeleteByIndex", login, 10 * time.Second, "alice"}, // and then the new one
		{"a logout", "DeleteByIndex", logout, 5 * time.Second, "alice"},
		{"a back-channel logout, looking", "Marked", backChannel, 5 * time.Second, "alice"},
		{"a back-channel logout, noting", "Update", backChannel, 5 * time.Second, ""},
		{"a back-channel logout, deleting", "DeleteByIndex", backChannel, 5 * time.Second, "alice"},
		{"a back-channel logout, marking", "Once", backChannel, 5 * time.Second, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kept := newDeafStore()
				a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
				b := a.browser()
				b.login("/auth/login", "alice")
				kept.deaf.Store(tt.deaf)
				start := time.Now()
				check.Equal(t, tt.request(a, b), http.StatusServiceUnavailable, "status")
				check.True(t, time.Since(start) <= tt.within, "it took %v", time.Since(start))
				kept.deaf.Store("")
				check.Equal(t, b.signedIn(), tt.after, "signed in when the store is back")
			})
		})
	}
}
