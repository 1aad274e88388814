package client_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
	"github.com/relyingparty/oidc/store"
)

// confidential is what a caller's code panics with in these tests.
type confidential string

const hushed = confidential("what a caller's code panicked with")

// wantPanics checks the errors of all who waited, and that the log tells of the panic once.
func wantPanics(t *testing.T, errs []error, log string) {
	t.Helper()
	for _, err := range errs {
		wantError(t, err, client.KindConfig, "")
		check.Contains(t, err.Error(), "panic of type client_test.confidential")
		check.Lacks(t, err.Error(), string(hushed))
	}
	check.Equal(t, strings.Count(log, "panicked"), 1, "panics in the log")
	check.Contains(t, log, "panic=client_test.confidential")
	check.Lacks(t, log, string(hushed))
}

// atOnce collects the errors of ten callers.
func atOnce(call func() error) []error {
	errs := make([]error, 10)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = call() })
	}
	all.Wait()
	return errs
}

func TestTokenSourceSurvivesPanics(t *testing.T) {
	t.Parallel()
	for name, install := range map[string]func(cfg *client.Config, before func()){
		"HTTPClient": func(cfg *client.Config, before func()) {
			inner := cfg.HTTPClient.Transport
			cfg.HTTPClient = &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPost {
					before()
				}
				return inner.RoundTrip(r)
			})}
		},
		"Auth": func(cfg *client.Config, before func()) {
			cfg.ClientID, cfg.ClientSecret, cfg.Auth = "signer", "", oidc.PrivateKeyJWT{Key: signer{signingKey(), before}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				p.AddClient(oidctest.Client{ID: "signer", PublicKey: signingKey().Public()})
				var log logBuffer
				broken := true
				s := newClient(t, p, func(cfg *client.Config) {
					cfg.Logger = log.logger()
					install(cfg, func() {
						if broken {
							panic(hushed)
						}
					})
				}).ClientCredentials(client.TokenRequest{})
				wantPanics(t, atOnce(func() error { _, err := s.TokenContext(t.Context()); return err }), log.String())
				broken = false
				time.Sleep(2 * time.Second) // past the backoff
				tokenOf(t, s)
			})
		})
	}
}

// signer calls before each signature.
type signer struct {
	*ecdsa.PrivateKey
	before func()
}

func (s signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.before()
	return s.PrivateKey.Sign(rand, digest, opts)
}

// A store that panics costs neither the process nor the session: what the provider has answered is saved with the next renewal.
func TestSessionSurvivesPanicsOfItsStore(t *testing.T) {
	t.Parallel()
	renewals := map[string]func(*testing.T, *client.Session) error{
		"TokenSource": func(t *testing.T, s *client.Session) error {
			_, err := s.TokenSource().TokenContext(t.Context())
			return err
		},
		"Refresh": func(t *testing.T, s *client.Session) error { _, err := s.Refresh(t.Context()); return err },
	}
	for name, renew := range renewals {
		for _, when := range []string{"before the renewal", "before it is saved"} {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					kept := newBadStore()
					a := newApp(t, func(cfg *appConfig) { cfg.login.Store = kept })
					b := a.browser()
					b.login("/auth/login", "alice")
					s := b.mustSession()
					time.Sleep(6 * time.Minute) // the token has expired
					asked := a.op.Requests("token")
					if when == "before the renewal" {
						kept.beforeUpdate = func() { time.Sleep(time.Second); panic(hushed) }
					} else {
						kept.afterUpdate = func() error { time.Sleep(time.Second); panic(hushed) }
						asked++
					}
					wantPanics(t, atOnce(func() error { return renew(t, s) }), a.log.String())
					check.Equal(t, a.op.Requests("token"), asked, "token requests")

					kept.beforeUpdate, kept.afterUpdate = nil, nil
					time.Sleep(2 * time.Second) // past the backoff
					check.NoError(t, renew(t, s))
					check.NoError(t, renew(t, b.mustSession()))
				})
			})
		}
	}
}

// An observer that panics costs nobody an answer: the code and the refresh token of these are spent.
func TestObserverThatPanics(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) { cfg.client.Observer = func(context.Context, oidc.Event) { panic(hushed) } })
	b := a.browser()
	b.login("/auth/login", "alice")
	_, err := b.mustSession().Refresh(t.Context())
	check.NoError(t, err)
	check.Equal(t, b.signedIn(), "alice", "signed in")
	check.Contains(t, a.log.String(), "observer panicked", "panic=client_test.confidential")
	check.Lacks(t, a.log.String(), string(hushed))
}

// bareStore gives its lock back only if the function returns.
type bareStore struct {
	store.Store
	lock sync.Mutex
}

func (s *bareStore) Update(ctx context.Context, id string, fn func(*store.Record) (*store.Record, error)) error {
	if !s.lock.TryLock() {
		return errors.New("locked")
	}
	err := s.Store.Update(ctx, id, fn)
	s.lock.Unlock()
	return err
}

// A panic during the request to the provider is an error for the store, which holds the session's lock then.
func TestPanicLeavesNoLockBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := false
		var op *oidctest.Provider
		a := newApp(t, func(cfg *appConfig) {
			cfg.login.Store = &bareStore{Store: store.NewMemory(0)}
			cfg.client.HTTPClient = &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
				if broken {
					panic(hushed)
				}
				return op.Transport().RoundTrip(r)
			})}
		})
		op = a.op
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		broken = true
		_, err := s.Refresh(t.Context())
		wantPanics(t, []error{err}, a.log.String())
		broken = false
		_, err = s.Refresh(t.Context())
		check.NoError(t, err)
	})
}

// The new refresh token of a session that ended meanwhile is to be revoked: that, too, is done in a goroutine of ours.
func TestPanicAfterTheSessionEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var op *oidctest.Provider
		a := newApp(t, func(cfg *appConfig) {
			cfg.client.HTTPClient = &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
				if r.URL.String() == op.URL("revoke") {
					panic(hushed)
				}
				return op.Transport().RoundTrip(r)
			})}
		})
		op = a.op
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		a.op.Fault("token", oidctest.Slow(5*time.Second))
		refreshed := make(chan error, 1)
		go func() { _, err := s.Refresh(t.Context()); refreshed <- err }()
		time.Sleep(time.Second)
		check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusOK, "status")
		wantPanics(t, []error{<-refreshed}, a.log.String())
		check.Equal(t, b.signedIn(), "", "signed in")
	})
}

// TestPanicAfterTheAnswer: a transport that panics may have sent the refresh token: those who were waiting do not again.
func TestPanicAfterTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var op *oidctest.Provider
		var broken atomic.Bool
		a := newApp(t, func(cfg *appConfig) {
			cfg.client.HTTPClient = &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
				resp, err := op.Transport().RoundTrip(r)
				if broken.Load() {
					time.Sleep(time.Second)
					panic("after the answer")
				}
				return resp, err
			})}
		})
		op = a.op
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		time.Sleep(6 * time.Minute)
		before := op.Requests("token")
		broken.Store(true)
		var wg sync.WaitGroup
		for _, renew := range []func() error{
			func() error { _, err := s.Refresh(t.Context()); return err },
			func() error { _, err := s.TokenSource().TokenContext(t.Context()); return err },
			func() error {
				_, err := s.TokenSource().For(client.TokenRequest{Scopes: []string{"openid"}}).TokenContext(t.Context())
				return err
			},
		} {
			wg.Go(func() { check.True(t, renew() != nil, "a renewal that panicked succeeded") })
		}
		wg.Wait()
		check.Equal(t, op.Requests("token")-before, 1, "requests with the refresh token")
	})
}
