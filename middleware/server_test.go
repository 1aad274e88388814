package middleware_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
)

// eachProtocol runs a test against a real server with HTTP/1.1 and HTTP/2.
func eachProtocol(t *testing.T, h http.Handler, f func(t *testing.T, do func(method, path string, authorization ...string) *http.Response)) {
	t.Helper()
	for _, two := range []bool{false, true} {
		name := "HTTP/1.1"
		if two {
			name = "HTTP/2.0"
		}
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(h)
			server.EnableHTTP2 = two
			server.StartTLS()
			defer server.Close()
			f(t, func(method, path string, authorization ...string) *http.Response {
				r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
				check.NoError(t, err)
				r.Header["Authorization"] = authorization
				resp, err := server.Client().Do(r)
				check.NoError(t, err)
				check.Equal(t, resp.Proto, name, "protocol")
				t.Cleanup(func() { resp.Body.Close() })
				return resp
			})
		})
	}
}

// TestOnTheWire: the responses reach the client complete.
func TestOnTheWire(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) {
		cfg.Tenant = middleware.RequireTenant("tenant", middleware.PathSegment(0))
	})
	token := "Bearer " + op.AccessToken(object{"tenant": "acme"})
	h := guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant, _ := middleware.TenantFromContext(r.Context())
		_, _ = io.WriteString(w, tenant)
	}))
	eachProtocol(t, h, func(t *testing.T, do func(method, path string, authorization ...string) *http.Response) {
		for _, c := range []struct {
			path          string
			authorization []string
			want          int
		}{
			{"/acme/notes", []string{token}, http.StatusOK},
			{"/acme", nil, http.StatusUnauthorized},
			{"/acme", []string{"Bearer x"}, http.StatusUnauthorized},
			{"/acme", []string{token, token}, http.StatusBadRequest},
			{"/acme", []string{"Basic YTpi", token}, http.StatusBadRequest},
			{"/acme", []string{token + ", " + token}, http.StatusBadRequest},
			{"/globex/notes", []string{token}, http.StatusForbidden},
			{"/acme%2F..%2Fglobex", []string{token}, http.StatusBadRequest},
			{"/acme/../globex", []string{token}, http.StatusBadRequest},
			{"/%61cme/notes", []string{token}, http.StatusOK},
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
				resp := do(method, c.path, c.authorization...)
				body, err := io.ReadAll(resp.Body)
				check.NoError(t, err)
				check.Equal(t, resp.StatusCode, c.want, method+" "+c.path)
				check.Equal(t, len(body) == 0, method == http.MethodHead, method+" "+c.path+": no body")
				if c.want != http.StatusOK {
					check.Contains(t, resp.Header.Get("WWW-Authenticate"), `Bearer realm="api"`)
					check.Equal(t, resp.Header.Get("Cache-Control"), "no-store", "Cache-Control")
				}
			}
		}
	})
}

// TestShutdownIsNoSuccess: if this program ends the context, as a server does
// that ties it to a signal, a refusal still reaches the client. (If a handler
// writes nothing, the response is a 200.)
func TestShutdownIsNoSuccess(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	protected := guard.Wrap(http.NotFoundHandler())
	ended := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		protected.ServeHTTP(w, r.WithContext(ctx))
	})
	eachProtocol(t, ended, func(t *testing.T, do func(method, path string, authorization ...string) *http.Response) {
		check.Equal(t, do(http.MethodDelete, "/").StatusCode, http.StatusUnauthorized, "status without a token")
		check.Equal(t, do(http.MethodDelete, "/", "Bearer x").StatusCode, http.StatusUnauthorized, "status of a bad token")
		check.Equal(t, do(http.MethodDelete, "/", "Bearer "+op.AccessToken(nil)).StatusCode, http.StatusServiceUnavailable, "status without keys")
	})
}
