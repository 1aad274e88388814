package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

func chain(all ...func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		for _, protect := range slices.Backward(all) {
			h = protect(h)
		}
		return h
	}
}

// TestRequireInsideWrap: the token is not verified again, the handler sees one
// principal, and the policies apply.
func TestRequireInsideWrap(t *testing.T) {
	t.Parallel()
	op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
	cfg := forProvider(op)
	cfg.Introspection = &introspect.Config{ClientID: "api", ClientSecret: "s3cret", CacheTTL: -1, NegativeCacheTTL: -1}
	guard := newGuard(t, cfg)
	token := op.AccessToken(object{"scope": "a"})
	var outer *middleware.Principal
	look := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			outer, _ = middleware.FromContext(r.Context())
			next.ServeHTTP(w, r)
		})
	}
	w, seen := serve(chain(guard.Wrap, look, guard.Require(middleware.Scopes("a")), guard.Wrap, guard.Optional), get(token))
	check.Equal(t, w.Code, http.StatusNoContent, "status")
	check.True(t, seen == outer, "the handler sees another principal than the middleware before it")
	check.Equal(t, op.Requests("introspect"), 1, "introspection requests")
	w, _ = serve(chain(guard.Wrap, guard.Require(middleware.Scopes("b"))), get(token))
	check.Equal(t, w.Code, http.StatusForbidden, "status")
}

// TestRequestsOfTheHandler: requests of a handler that it sends through Wrap,
// with its context and token, must name the token's tenant, whatever the first
// request named.
func TestRequestsOfTheHandler(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) {
		cfg.Tenant = middleware.RequireTenant("tenant", middleware.PathSegment(1))
	})
	token := op.AccessToken(object{"tenant": "acme"})
	for url, want := range map[string]int{"/tenants/acme/notes": http.StatusNoContent, "/tenants/globex/notes": http.StatusForbidden} {
		for name, wrap := range map[string]func(http.Handler) http.Handler{"Wrap": guard.Wrap, "Optional": guard.Optional} {
			batch := guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				part := httptest.NewRequest(http.MethodGet, url, nil).WithContext(r.Context())
				part.Header = r.Header
				inner, _ := serve(wrap, part)
				w.WriteHeader(inner.Code)
			}))
			r := httptest.NewRequest(http.MethodPost, "/tenants/acme/batch", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			batch.ServeHTTP(w, r)
			check.Equal(t, w.Code, want, name+" "+url)
		}
	}
}

// TestRequireBehindStripPrefix: if the path has lost its tenant, the comparison
// of Wrap still holds. The token's tenant must not change in the meantime.
func TestRequireBehindStripPrefix(t *testing.T) {
	t.Parallel()
	op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
	cfg := forProvider(op)
	byIntrospection(&cfg)
	cfg.Tenant = middleware.RequireTenant("tenant", middleware.PathSegment(1))
	guard := newGuard(t, cfg)
	strip := func(next http.Handler) http.Handler { return http.StripPrefix("/tenants/acme", next) }
	token := op.AccessToken(object{"tenant": "acme", "scope": "a"})
	ask := func(p middleware.Policy, between func(http.Handler) http.Handler) int {
		r := httptest.NewRequest(http.MethodGet, "/tenants/acme/notes/globex", nil)
		return statusOf(t, chain(guard.Wrap, between, guard.Require(p)), r, token)
	}
	check.Equal(t, ask(middleware.Scopes("a"), strip), http.StatusNoContent, "status")
	check.Equal(t, ask(middleware.FreshIntrospection(0), strip), http.StatusNoContent, "status with a fresh answer")
	check.Equal(t, ask(middleware.FreshIntrospection(0), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			op.Edit("introspection", func(answer object) { answer["tenant"] = "globex" })
			next.ServeHTTP(w, r)
		})
	}), http.StatusForbidden, "status when the fresh answer names another tenant")
}

// TestForeignPrincipals: a principal in the context grants nothing, whoever
// stored it.
func TestForeignPrincipals(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	other := newGuard(t, forProvider(op))
	admin := &middleware.Principal{Subject: "root", Scopes: []string{"admin"}}
	plant := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(middleware.NewContext(r.Context(), admin)))
		})
	}
	for name, protect := range map[string]func(http.Handler) http.Handler{"Wrap": guard.Wrap, "Require": guard.Require(middleware.Scopes("admin"))} {
		w, _ := serve(chain(plant, protect), get(""))
		check.Equal(t, w.Code, http.StatusUnauthorized, "status of "+name)
	}
	token := op.AccessToken(object{"scope": "read"})
	w, _ := serve(chain(guard.Wrap, plant, guard.Require(middleware.Scopes("admin"))), get(token))
	check.Equal(t, w.Code, http.StatusForbidden, "status with a planted principal")
	w, seen := serve(chain(guard.Wrap, plant, guard.Require(middleware.Scopes("read"))), get(token))
	check.Equal(t, w.Code, http.StatusNoContent, "status")
	check.Equal(t, seen.Subject, "alice", "Subject behind the guard")
	w, seen = serve(chain(plant, guard.Optional), get(""))
	check.Equal(t, w.Code, http.StatusNoContent, "status of Optional")
	check.Equal(t, seen.Subject, "", "Subject behind Optional, without a token")

	// The decision of another guard does not count, because its issuer,
	// audience or tenants may differ.
	w, _ = serve(chain(other.Wrap, guard.Require(middleware.Scopes("read"))), get(token))
	check.Equal(t, w.Code, http.StatusNoContent, "status")
	cfg := forProvider(op)
	cfg.Audience = []string{"https://other.example"}
	w, _ = serve(chain(other.Wrap, newGuard(t, cfg).Require()), get(token))
	check.Equal(t, w.Code, http.StatusUnauthorized, "status behind another guard")

	elsewhere := newProvider(oidctest.Config{Issuer: "https://elsewhere.example.test"})
	w, _ = serve(chain(other.Wrap, newGuard(t, forProvider(elsewhere)).Require()), get(token))
	check.Equal(t, w.Code, http.StatusUnauthorized, "status behind a guard of another issuer")
	cfg = forProvider(op)
	cfg.Tenant = middleware.RequireTenant("tenant")
	w, _ = serve(chain(other.Wrap, newGuard(t, cfg).Require()), get(token))
	check.Equal(t, w.Code, http.StatusUnauthorized, "status behind a guard without tenants")

	// Neither does a decision about another token, if a handler in between
	// replaces it.
	swap := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+op.AccessToken(object{"sub": "bob"}))
			next.ServeHTTP(w, r)
		})
	}
	w, seen = serve(chain(guard.Wrap, swap, guard.Require()), get(token))
	check.Equal(t, w.Code, http.StatusNoContent, "status")
	check.Equal(t, seen.Subject, "bob", "Subject of the other token")
}

func TestOptional(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	for authorization, want := range map[string]int{
		"": http.StatusNoContent, "Basic YTpi": http.StatusNoContent, "Bearer " + op.AccessToken(nil): http.StatusNoContent,
		"Bearer": http.StatusUnauthorized, "Bearer\tx": http.StatusUnauthorized, "Bearer x": http.StatusUnauthorized, "Basic YTpi, Bearer x": http.StatusBadRequest,
		"Bearer " + op.AccessToken(object{"aud": "x"}): http.StatusUnauthorized,
	} {
		r := get("")
		r.Header.Set("Authorization", authorization)
		w, seen := serve(guard.Optional, r)
		check.Equal(t, w.Code, want, "status")
		if want == http.StatusNoContent {
			check.Equal(t, seen.Subject != "", strings.HasPrefix(authorization, "Bearer"), "principal")
		}
	}
	w, _ := serve(chain(guard.Optional, guard.Require()), get(""))
	check.Equal(t, w.Code, http.StatusUnauthorized, "status of Require inside Optional")
}

func TestContext(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	_, ok := middleware.FromContext(ctx)
	check.True(t, !ok, "a principal out of nowhere")
	_, err := middleware.Claims[object](ctx)
	check.Error(t, err, middleware.ErrNoPrincipal)
	_, ok = middleware.TenantFromContext(ctx)
	check.True(t, !ok, "a tenant out of nowhere")

	p := &middleware.Principal{Subject: "alice", Tenant: "acme"}
	ctx = middleware.NewContext(ctx, p)
	got, ok := middleware.FromContext(ctx)
	check.True(t, ok && got == p, "not the principal that was put there")
	tenant, ok := middleware.TenantFromContext(ctx)
	check.True(t, ok && tenant == "acme", "tenant %q", tenant)
	_, err = middleware.Claims[object](ctx)
	check.True(t, err != nil && !errors.Is(err, middleware.ErrNoPrincipal), "claims of a principal without: %v", err)
	_, ok = p.Claim("sub")
	check.True(t, !ok, "a claim out of nowhere")
	_, ok = middleware.TenantFromContext(middleware.NewContext(ctx, &middleware.Principal{}))
	check.True(t, !ok, "an empty tenant")
	_, ok = middleware.FromContext(middleware.NewContext(ctx, nil))
	check.True(t, !ok, "no principal")
}

// TestCallerGone: if the caller has gone, nothing is let through, and the
// response is not a 200. A deadline of this program gets a response.
func TestCallerGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setup(t)
		op.Fault("jwks", oidctest.Stall)
		gone, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		for _, c := range []struct {
			token string
			want  int
		}{{op.AccessToken(nil), http.StatusServiceUnavailable}, {"", http.StatusUnauthorized}} {
			w, seen := serve(guard.Wrap, get(c.token).WithContext(gone)) // the first caller leaves while it waits
			check.Error(t, gone.Err(), context.Canceled)
			check.True(t, seen == nil, "the handler was reached")
			check.Equal(t, w.Code, c.want, "status")
			check.Equal(t, w.Body.Len(), 0, "bytes of the body")
		}
		_, err := guard.Authenticate(gone, middleware.Credential{Token: op.AccessToken(nil)})
		check.Error(t, err, context.Canceled)
		check.Error(t, err, &middleware.Error{Reason: middleware.ReasonProviderUnavailable})

		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w, _ := serve(guard.Wrap, get(op.AccessToken(nil)).WithContext(late))
		check.Equal(t, w.Code, http.StatusServiceUnavailable, "status")
		time.Sleep(5 * time.Second) // the fetch ends too
	})
}

// TestCallerGoneWhileKeysRotate: a caller that leaves while the guard looks for
// an unknown key learns nothing about the token.
func TestCallerGoneWhileKeysRotate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setup(t)
		wantReason(t, guard, op.AccessToken(nil), "")
		op.RotateKeys()
		op.Fault("jwks", oidctest.Stall)
		time.Sleep(time.Minute)
		gone, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		_, err := guard.Authenticate(gone, middleware.Credential{Token: op.AccessToken(nil)})
		check.Error(t, err, context.Canceled)
		check.Equal(t, reasonOf(t, err), middleware.ReasonProviderUnavailable, "reason")
		time.Sleep(time.Minute) // the fetch ends too
	})
}

// TestWaitersLeave: a caller that leaves does not end the fetch for the others.
func TestWaitersLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setup(t)
		op.Fault("jwks", oidctest.Slow(3*time.Second))
		token := op.AccessToken(nil)
		began := time.Now()
		type outcome struct {
			err  error
			took time.Duration
		}
		ask := func(ctx context.Context) outcome {
			_, err := guard.Authenticate(ctx, middleware.Credential{Token: token})
			return outcome{err, time.Since(began)}
		}
		impatient, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		outcomes := make([]outcome, 21)
		var wg sync.WaitGroup
		wg.Go(func() { outcomes[0] = ask(impatient) })
		for i := range outcomes[1:] {
			wg.Go(func() { outcomes[1+i] = ask(t.Context()) })
		}
		wg.Wait()
		check.Equal(t, outcomes[0].took, time.Second, "time until the first left")
		check.Error(t, outcomes[0].err, context.DeadlineExceeded)
		for _, o := range outcomes[1:] {
			check.NoError(t, o.err)
			check.Equal(t, o.took, 3*time.Second, "time until the others were let in")
		}
		check.Equal(t, op.Requests("jwks"), 1, "fetches of the keys")
	})
}

// TestConcurrently is for the race detector: hits, misses and refusals at once,
// while keys rotate.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) {
		cfg.Tenant = middleware.RequireTenant("tenant")
		cfg.TokenCacheSize = 8
	})
	handler := guard.Wrap(guard.Require(middleware.Scopes("a"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := middleware.FromContext(r.Context())
		p.Scopes[0] = "changed"
		_, _ = io.WriteString(w, p.Tenant)
	})))
	var wg sync.WaitGroup
	for i := range 30 {
		tenant := fmt.Sprint("t", i%10)
		token := op.AccessToken(object{"tenant": tenant, "scope": "a"})
		wg.Go(func() {
			for j := range 30 {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, get(token))
				if w.Code != http.StatusOK || w.Body.String() != tenant {
					t.Errorf("%s: %d %s", tenant, w.Code, w.Body)
				}
				handler.ServeHTTP(httptest.NewRecorder(), get(token+"x"))
				if i == 0 && j == 10 {
					op.AddKey()
				}
			}
		})
	}
	wg.Wait()
}

// TestHeadersOfOthers: headers that outer middleware set for another body are
// removed from a refusal.
func TestHeadersOfOthers(t *testing.T) {
	t.Parallel()
	_, guard := setup(t)
	w := httptest.NewRecorder()
	for name, value := range map[string]string{"Content-Encoding": "gzip", "Content-Length": "3", "Etag": `"x"`, "Cache-Control": "public", "Vary": "Origin"} {
		w.Header().Set(name, value)
	}
	guard.Wrap(http.NotFoundHandler()).ServeHTTP(w, get(""))
	for name, want := range map[string]string{"Content-Encoding": "", "Content-Length": "", "Etag": "", "Cache-Control": "no-store", "Vary": "Origin"} {
		check.Equal(t, w.Header().Get(name), want, name)
	}

	// Another scheme's challenge is removed from a 503 too.
	op, guard := setup(t)
	op.Fault("jwks", oidctest.Down)
	w = httptest.NewRecorder()
	w.Header().Set("WWW-Authenticate", "Basic")
	guard.Wrap(http.NotFoundHandler()).ServeHTTP(w, get(op.AccessToken(nil)))
	check.Equal(t, w.Code, http.StatusServiceUnavailable, "status")
	check.Equal(t, w.Header().Get("WWW-Authenticate"), "", "challenge")
}

// TestRenderSeesARefusal: RenderError sees a copy of the refusal.
func TestRenderSeesARefusal(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) {
		cfg.RenderError = func(r *http.Request, e *middleware.Error) (string, []byte) {
			check.Equal(t, r.URL.Path, "/", "path")
			body := e.Description()
			e.Reason, e.RetryAfter = middleware.ReasonPolicyDenied, time.Hour
			return "", []byte(body)
		}
	})
	w, _ := serve(guard.Wrap, get(""))
	check.Equal(t, w.Code, http.StatusUnauthorized, "status")
	check.Equal(t, w.Header().Get("Www-Authenticate"), `Bearer realm="api"`, "challenge")
	check.Equal(t, w.Header().Get("Content-Type"), "", "Content-Type")
	check.Equal(t, w.Body.String(), "a bearer token is required", "body")

	op.Fault("jwks", oidctest.Down)
	w, _ = serve(guard.Wrap, get(op.AccessToken(nil)))
	check.Equal(t, w.Code, http.StatusServiceUnavailable, "status")
	check.Equal(t, w.Header().Get("Retry-After"), "2", "Retry-After")
}
