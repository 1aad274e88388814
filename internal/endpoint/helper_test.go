package endpoint_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/endpoint"
)

const tokenURL = "https://op.example.test/token"

// roundTrip answers requests in memory.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r)
}

func answer(status int, header http.Header, body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) { return response(r, status, header, body), nil }
}

func response(r *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{"Content-Type": {"application/json"}}
	}
	return &http.Response{
		StatusCode: status, Header: header, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func typed(contentType string) http.Header { return http.Header{"Content-Type": {contentType}} }

func caller(f roundTrip) *endpoint.Caller {
	return endpoint.New(endpoint.Config{HTTPClient: &http.Client{Transport: f}})
}

func target() endpoint.Target {
	return endpoint.Target{Name: "token endpoint", URL: tokenURL, Issuer: "https://op.example.test", TokenEndpoint: tokenURL}
}

func auth(t testing.TB, cfg endpoint.AuthConfig) *endpoint.Authenticator {
	t.Helper()
	if cfg.ClientID == "" {
		cfg.ClientID = "web"
	}
	a, err := endpoint.NewAuthenticator(cfg)
	check.NoError(t, err)
	return a
}

// sent posts once and gives the request as the provider saw it.
func sent(t testing.TB, tgt endpoint.Target, a *endpoint.Authenticator, form url.Values) (http.Header, url.Values) {
	t.Helper()
	var header http.Header
	var got url.Values
	c := caller(func(r *http.Request) (*http.Response, error) {
		header = r.Header.Clone()
		body, _ := io.ReadAll(r.Body)
		var err error
		if got, err = url.ParseQuery(string(body)); err != nil {
			return nil, err
		}
		return response(r, 200, nil, `{}`), nil
	})
	_, err := c.Post(context.Background(), tgt, a, form)
	check.NoError(t, err)
	return header, got
}

func fails(t testing.TB, err error, kind endpoint.Kind) *endpoint.Error {
	t.Helper()
	e := check.As[*endpoint.Error](t, err)
	check.Equal(t, e.Kind, kind, "kind of "+e.Error())
	return e
}

var errBoom = errors.New("boom")
