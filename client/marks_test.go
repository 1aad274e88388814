package client_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
	"github.com/relyingparty/oidc/store"
)

// onceStore notes which marks are set.
type onceStore struct {
	store.Store
	keys []string
}

func (s *onceStore) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	s.keys = append(s.keys, key)
	return s.Store.Once(ctx, key, until)
}

// Anybody can begin a login and bring its callback: only one that costs a token request may cost a mark.
func TestFailedCallbacksCostNoMark(t *testing.T) {
	t.Parallel()
	kept := &onceStore{Store: store.NewMemory(0)}
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
	for name, edit := range map[string]func(url.Values){
		"error":          func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") },
		"error and code": func(q url.Values) { q.Set("error", "access_denied") },
		"no code":        func(q url.Values) { q.Del("code") },
		"two codes":      func(q url.Values) { q.Add("code", "x") },
		"another issuer": func(q url.Values) { q.Set("iss", "https://evil.example.test") },
		"no issuer":      func(q url.Values) { q.Del("iss") },
		"keys are away":  func(url.Values) { a.op.Fault("jwks", oidctest.Down) },
	} {
		b := a.browser()
		callback := b.signIn(b.begin("/auth/login"), "alice")
		q := callback.Query()
		edit(q)
		callback.RawQuery = q.Encode()
		check.True(t, b.finish(callback).StatusCode >= 400, "%s: the callback was taken", name)
		check.Equal(t, len(kept.keys), 0, name+": marks")
		check.Equal(t, len(b.named("oidc-flow")), 0, name+": flow cookies left")
		a.op.Clear()
	}
	check.Equal(t, a.op.Requests("token"), 0, "token requests")
}

// Marks of logins leave room for those of logouts, and the other way round.
func TestMarksHaveBudgetsApart(t *testing.T) {
	t.Parallel()
	for _, of := range []string{"login", "logout"} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			marks := &onceStore{Store: store.NewMemory(1)}
			a := newApp(t, func(cfg *appConfig) { cfg.login.Store = marks })
			alice := a.browser()
			use := map[string]func() int{
				"login": func() int {
					alice = a.browser()
					return alice.finish(alice.signIn(alice.begin("/auth/login"), "alice")).StatusCode
				},
				"logout": func() int { return a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode },
			}
			other := map[string]string{"login": "logout", "logout": "login"}[of]
			use[of]()
			check.Equal(t, len(marks.keys), 1, "marks")
			prefix := marks.keys[0][:len(marks.keys[0])-43]
			for i := 0; ; i++ {
				if _, err := marks.Store.Once(t.Context(), prefix+strconv.Itoa(i), time.Now().Add(time.Hour)); err != nil {
					check.Error(t, err, store.ErrFull)
					break
				}
			}
			check.Equal(t, use[of](), http.StatusServiceUnavailable, "status of a "+of+" that cannot be marked")
			check.True(t, use[other]() < 400, "a %s is refused because those of a %s are used up", other, of)
			if other == "login" {
				check.Equal(t, alice.signedIn(), "alice", "signed in")
			}
		})
	}
}

// One person's sign-ins do not push others out of a small store either.
func TestOnePersonFillsNoStore(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) { cfg.login.Store = store.NewMemory(50) })
	bob := a.browser()
	bob.login("/auth/login", "bob")
	for range 60 {
		a.browser().login("/auth/login", "alice")
	}
	check.Equal(t, bob.signedIn(), "bob", "signed in")
}
