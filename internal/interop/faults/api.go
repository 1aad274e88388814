package faults

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// api is a handler behind our guard, asked without a network in between.
type api struct{ handler http.Handler }

// ask calls it with a token.
func (a *api) ask(ctx context.Context, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w
}

// status calls it with a caller who waits as long as it takes.
func (a *api) status(token string) int { return a.ask(context.Background(), token).Code }

// accepts fails unless the answer is 200, soon.
func (a *api) accepts(t testing.TB, token, what string) {
	t.Helper()
	began := time.Now()
	check.Equal(t, a.status(token), http.StatusOK, what)
	within(t, began, 0, what)
}

// warm asks until the answer is this one: a busy provider may need longer than our patience.
func (a *api) warm(t testing.TB, token string, status int) {
	t.Helper()
	eventually(t, 10*time.Second, "before", func() bool { return a.status(token) == status })
}

// refuses fails unless the answer is a 401 that says so, soon.
func (a *api) refuses(t testing.TB, token, what string) {
	t.Helper()
	began := time.Now()
	resp := a.ask(t.Context(), token)
	check.Equal(t, resp.Code, http.StatusUnauthorized, what)
	check.Contains(t, resp.Header().Get("WWW-Authenticate"), `error="invalid_token"`)
	within(t, began, 0, what)
}

// undecided fails unless the answer is a 503 without a challenge that says when to come again, in this time.
func (a *api) undecided(ctx context.Context, t testing.TB, token, what string, bound time.Duration) (retry time.Duration) {
	t.Helper()
	began := time.Now()
	resp := a.ask(ctx, token)
	check.Equal(t, resp.Code, http.StatusServiceUnavailable, what)
	check.Equal(t, resp.Header().Get("WWW-Authenticate"), "", what+": challenge")
	seconds, err := strconv.Atoi(resp.Header().Get("Retry-After"))
	check.True(t, err == nil && seconds > 0, "%s: Retry-After is %q", what, resp.Header().Get("Retry-After"))
	within(t, began, bound, what)
	return time.Duration(seconds) * time.Second
}
