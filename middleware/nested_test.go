package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// within sends a request with token through guard. After meanwhile returns, the
// request continues through a second handler of the same guard.
func within(guard *middleware.Guard, token string, meanwhile func(), p ...middleware.Policy) (w *httptest.ResponseRecorder, seen *middleware.Principal) {
	w = httptest.NewRecorder()
	inner := guard.Require(p...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen, _ = middleware.FromContext(r.Context())
		w.WriteHeader(http.StatusNoContent)
	}))
	guard.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		meanwhile()
		inner.ServeHTTP(w, r)
	})).ServeHTTP(httptest.NewRecorder(), get(token))
	return w, seen
}

// TestNestedGuardAllowsForTheSkew: a nested handler accepts a token for as long
// as an outer one does.
func TestNestedGuardAllowsForTheSkew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		later time.Duration
		want  int
	}{
		{70*time.Second - 1, http.StatusNoContent},
		{70 * time.Second, http.StatusUnauthorized},
	} {
		t.Run(c.later.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				op, guard := setup(t, func(cfg *middleware.Config) { cfg.ClockSkew = 10 * time.Second })
				token := op.AccessToken(object{"exp": time.Now().Add(time.Minute).Unix()})
				w, _ := within(guard, token, func() { time.Sleep(c.later) })
				check.Equal(t, w.Code, c.want, "status")
				alone, _ := serve(guard.Wrap, get(token))
				check.Equal(t, alone.Code, c.want, "status of the same request, not nested")
			})
		})
	}
}

// TestNestedGuardChecksAgain: what was true in the outer handler may no longer
// be true in an inner one.
func TestNestedGuardChecksAgain(t *testing.T) {
	t.Parallel()
	type setting struct {
		op    *oidctest.Provider
		guard *middleware.Guard
		token string
		ctx   context.Context
	}
	jwt := func(*middleware.Config) {}
	both := func(cfg *middleware.Config) { byIntrospection(cfg); cfg.Mode = middleware.ModeBoth }
	unkept := func(cfg *middleware.Config) { byIntrospection(cfg); cfg.Introspection.CacheTTL = -1 }
	ask := func(s setting, p ...middleware.Policy) error {
		_, err := s.guard.Authenticate(s.ctx, middleware.Credential{Token: s.token}, p...)
		return err
	}
	revoke := func(s setting) {
		s.op.RevokeSubject("alice")
		_ = ask(s, middleware.FreshIntrospection(0)) // another request finds the token inactive
	}
	for name, c := range map[string]struct {
		edit      func(*middleware.Config)
		opaque    bool
		meanwhile func(setting)
		want      int
		asked     int // introspection requests, including that of the outer handler
	}{
		"nothing happens, JWT":          {jwt, false, func(setting) {}, http.StatusNoContent, 0},
		"nothing happens, opaque":       {byIntrospection, true, func(setting) {}, http.StatusNoContent, 1},
		"nothing happens, both":         {both, false, func(setting) {}, http.StatusNoContent, 1},
		"nothing happens, nothing kept": {unkept, true, func(setting) { time.Sleep(9 * time.Second) }, http.StatusNoContent, 1},
		"expired, JWT":                  {jwt, false, func(setting) { time.Sleep(time.Hour) }, http.StatusUnauthorized, 0},
		"expired, opaque":               {byIntrospection, true, func(setting) { time.Sleep(time.Hour) }, http.StatusUnauthorized, 2},
		"expired, both":                 {both, false, func(setting) { time.Sleep(time.Hour) }, http.StatusUnauthorized, 1},
		"revoked, nothing kept":         {unkept, true, func(s setting) { s.op.RevokeSubject("alice"); time.Sleep(10 * time.Second) }, http.StatusUnauthorized, 2},
		"revoked and known, opaque":     {byIntrospection, true, revoke, http.StatusUnauthorized, 2},
		"revoked and known, both":       {both, false, revoke, http.StatusUnauthorized, 2},
		"revoked, answer too old":       {byIntrospection, true, func(s setting) { s.op.RevokeSubject("alice"); time.Sleep(30 * time.Second) }, http.StatusUnauthorized, 2},
		"revoked, answer too old, both": {both, false, func(s setting) { s.op.RevokeSubject("alice"); time.Sleep(30 * time.Second) }, http.StatusUnauthorized, 2},
		"revoked and invalidated":       {byIntrospection, true, func(s setting) { s.op.RevokeSubject("alice"); s.guard.Invalidate(s.token) }, http.StatusUnauthorized, 2},
		"revoked and purged":            {byIntrospection, true, func(s setting) { s.op.RevokeSubject("alice"); s.guard.Purge() }, http.StatusUnauthorized, 2},
		"answer too old, still active":  {byIntrospection, true, func(setting) { time.Sleep(30 * time.Second) }, http.StatusNoContent, 2},
		"scope withdrawn and known": {byIntrospection, true, func(s setting) {
			s.op.Edit("introspection", func(a object) { a["scope"] = "b" })
			_ = ask(s, middleware.FreshIntrospection(0))
		}, http.StatusForbidden, 2},
		"scope withdrawn, nobody's wiser": {byIntrospection, true, func(s setting) { s.op.Edit("introspection", func(a object) { a["scope"] = "b" }) }, http.StatusNoContent, 1},
		"key withdrawn": {jwt, false, func(s setting) {
			s.op.RotateKeys()
			time.Sleep(4 * time.Minute)
			other := s
			other.token = s.op.AccessToken(nil)
			check.NoError(t, ask(other)) // fetches the new keys
		}, http.StatusUnauthorized, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				op := newProvider(oidctest.Config{OpaqueAccessTokens: c.opaque})
				cfg := forProvider(op)
				c.edit(&cfg)
				s := setting{op, newGuard(t, cfg), op.AccessToken(object{"scope": "a"}), t.Context()}
				w, seen := within(s.guard, s.token, func() { c.meanwhile(s) }, middleware.Scopes("a"))
				check.Equal(t, w.Code, c.want, "status")
				check.Equal(t, seen != nil, c.want == http.StatusNoContent, "handler reached")
				check.Equal(t, op.Requests("introspect"), c.asked, "introspection requests")
				alone, _ := serve(s.guard.Require(middleware.Scopes("a")), get(s.token))
				check.Equal(t, alone.Code, c.want, "status of the same request, not nested")
			})
		})
	}
}
