package oidctest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	p := provider(t)
	p.Fault("jwks", oidctest.Times(2, oidctest.Down))
	p.Fault("jwks", oidctest.Times(3, oidctest.Garbage))
	check.Equal(t, get(t, p, p.URL("jwks"), "").status, 503, "status of the first")
	check.Equal(t, get(t, p, p.URL("jwks"), "").status, 503, "status of the second")
	resp, err := p.HTTPClient().Get(p.URL("jwks"))
	check.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	check.NoError(t, err)
	check.Equal(t, string(body), `{"access_token": "gar`, "body of the third")
	p.Clear()
	check.Equal(t, get(t, p, p.URL("jwks"), "").status, 200, "status after Clear")
	check.Equal(t, p.Requests("jwks"), 4, "requests")
	check.Equal(t, p.Requests("token"), 0, "requests elsewhere")

	p.Fault("jwks", oidctest.Reset)
	_, err = p.HTTPClient().Get(p.URL("jwks"))
	check.Error(t, err, io.ErrUnexpectedEOF)
}

func TestSlowAndStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := provider(t)
		p.Fault("jwks", oidctest.Slow(3*time.Second))
		start := time.Now()
		check.Equal(t, get(t, p, p.URL("jwks"), "").status, 200, "status")
		check.Equal(t, time.Since(start), 3*time.Second, "time")
		p.Fault("token", oidctest.Stall)
		for _, endpoint := range []string{"jwks", "token"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL(endpoint), nil)
			check.NoError(t, err)
			start = time.Now()
			_, err = p.HTTPClient().Do(r)
			check.Error(t, err, context.DeadlineExceeded)
			check.Equal(t, time.Since(start), time.Second, "time until the caller gives up")
			cancel()
		}
		impatient := p.HTTPClient()
		impatient.Timeout = time.Second
		_, err := impatient.Get(p.URL("jwks"))
		check.True(t, err != nil, "http.Client.Timeout was not honoured")
	})
}

func TestEdits(t *testing.T) {
	t.Parallel()
	p := provider(t)
	for _, kind := range []string{"id_token", "access_token", "logout_token", "userinfo", "introspection", "token_answer", "discovery", "jwks"} {
		p.Edit(kind, func(m map[string]any) { m["edited"] = kind })
	}
	p.Edit("token_answer", func(m map[string]any) { m["expires_in"] = "300" })
	p.Edit("token_answer", func(m map[string]any) { m["from"] = p.Issuer() + p.AccessToken(nil)[:2] }) // an edit may call the provider
	a := login(t, p)
	check.Equal(t, a.json["expires_in"], any("300"), "expires_in")
	check.Equal(t, a.json["edited"], any("token_answer"), "token answer")
	check.Equal(t, payload(t, a.text("id_token"))["edited"], any("id_token"), "ID token")
	check.Equal(t, payload(t, a.text("access_token"))["edited"], any("access_token"), "access token")
	check.Equal(t, payload(t, p.LogoutToken("web", "alice", ""))["edited"], any("logout_token"), "logout token")
	check.Equal(t, get(t, p, p.URL("userinfo"), a.text("access_token")).json["edited"], any("userinfo"), "userinfo")
	check.Equal(t, post(t, p, "introspect", "web:s3cret", "token", a.text("access_token")).json["edited"], any("introspection"), "introspection")
	check.Equal(t, get(t, p, p.URL("discovery"), "").json["edited"], any("discovery"), "discovery")
	check.Equal(t, get(t, p, p.URL("jwks"), "").json["edited"], any("jwks"), "jwks")
	p.Edit("header", func(h map[string]any) { delete(h, "kid") })
	check.True(t, header(t, login(t, p).text("id_token"))["kid"] == nil, "the header was not edited")
	p.Edit("header", func(h map[string]any) { h["alg"] = "none" })
	check.True(t, strings.HasSuffix(p.AccessToken(nil), "."), "the header's alg did not count")
	p.Clear()
	check.True(t, login(t, p).json["edited"] == nil, "Clear left an edit")
}

func TestTransport(t *testing.T) {
	t.Parallel()
	p := provider(t)
	for _, address := range []string{"https://elsewhere.example.test/", "http://op.example.test/jwks", "https://op.example.test:8443/jwks"} {
		_, err := p.HTTPClient().Get(address + "?secret=hush")
		check.True(t, err != nil, "%s was served", address)
		check.Contains(t, err.Error(), "oidctest: no network in tests")
	}
	r, err := http.NewRequest(http.MethodGet, "https://OP.example.test:443/jwks", nil)
	check.NoError(t, err)
	check.Equal(t, do(t, p, r).status, 200, "status at the same origin spelled otherwise")

	// A handler receives a server's view of the request, and its changes do not
	// reach the caller.
	type key struct{}
	r, err = http.NewRequestWithContext(context.WithValue(t.Context(), key{}, "client"), http.MethodPost, p.URL("token")+"?q=1", strings.NewReader("a=b"))
	check.NoError(t, err)
	r.Header.Set("X-Mark", "kept")
	p.Fault("token", func(w http.ResponseWriter, in *http.Request) bool {
		check.True(t, in.Context().Value(key{}) == nil, "the client's context values crossed the wire")
		check.Equal(t, in.URL.Host, "", "URL.Host")
		check.Equal(t, in.Host, "op.example.test", "Host")
		check.Equal(t, in.RequestURI, "/token?q=1", "RequestURI")
		in.Header.Set("X-Mark", "changed")
		w.Header().Set("X-Before", "1")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-After", "1")
		_, _ = io.Copy(w, in.Body)
		return true
	})
	a := do(t, p, r)
	check.Equal(t, r.Header.Get("X-Mark"), "kept", "the caller's header")
	check.Equal(t, a.status, http.StatusTeapot, "status")
	check.Equal(t, a.body, "a=b", "body")
	check.True(t, a.header.Get("X-Before") == "1" && a.header.Get("X-After") == "", "headers are %v", a.header)
	check.True(t, a.header.Get("Date") != "", "no Date")
}

func TestTransportHonoursContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := provider(t)
		release := make(chan bool)
		p.Fault("jwks", func(http.ResponseWriter, *http.Request) bool { <-release; return true }) // looks at no context
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL("jwks"), nil)
		check.NoError(t, err)
		_, err = p.HTTPClient().Do(r)
		check.Error(t, err, context.DeadlineExceeded)
		close(release)
		_, err = p.HTTPClient().Do(r)
		check.Error(t, err, context.DeadlineExceeded)
		check.Equal(t, p.Requests("jwks"), 1, "requests that reached the provider")
	})
}
