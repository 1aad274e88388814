package endpoint_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/endpoint"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	big := `{"a":"` + strings.Repeat("x", 256<<10) + `"}`
	for _, tc := range []struct {
		name   string
		status int
		header http.Header
		body   string
		kind   endpoint.Kind // 0: an answer
		text   string        // the whole error text
	}{
		{"json", 200, nil, `{"a":1}`, 0, ""},
		{"json with charset", 200, typed("Application/JSON;charset=UTF-8"), ` {"a":1}`, 0, ""},
		{"odd parameters", 200, typed("application/json; charset"), `{}`, 0, ""},
		{"suffix", 200, typed("application/problem+json"), `{}`, 0, ""},
		{"text/plain", 200, typed("text/plain; charset=utf-8"), `{}`, 0, ""},
		{"no type", 200, http.Header{}, `{}`, 0, ""},
		{"html", 200, typed("text/html"), `{}`, endpoint.Protocol, "token endpoint: the answer cannot be used: HTML instead of JSON (HTTP 200)"},
		{"form", 200, typed("application/x-www-form-urlencoded"), `{}`, endpoint.Protocol, "token endpoint: the answer cannot be used: its media type is not application/json (HTTP 200)"},
		{"signed", 200, typed("application/token-introspection+jwt"), `{}`, endpoint.Protocol, ""},
		{"jwt", 200, typed("application/jwt"), `a.b.c`, endpoint.Protocol, ""},
		{"text that is no JSON", 200, typed("text/plain"), `access_token=CANARY`, endpoint.Protocol, "token endpoint: the answer cannot be used: its body is not a JSON object (HTTP 200)"},
		{"array", 200, nil, `["CANARY"]`, endpoint.Protocol, ""},
		{"null", 200, nil, `null`, endpoint.Protocol, ""},
		{"two objects", 200, nil, `{}{}`, endpoint.Protocol, ""},
		{"cut", 200, nil, `{"a":"CANARY`, endpoint.Protocol, ""},
		{"empty", 200, nil, ``, endpoint.Protocol, "token endpoint: the answer cannot be used: an empty body (HTTP 200)"},
		{"too large", 200, nil, big, endpoint.Protocol, ""},
		{"largest", 200, nil, big[:256<<10-2] + `"}`, 0, ""},
		{"created", 201, nil, `{}`, endpoint.Protocol, "token endpoint: the answer cannot be used: an unexpected status (HTTP 201)"},
		{"no content", 204, nil, ``, endpoint.Protocol, ""},
		{"redirect", 302, http.Header{"Location": {"https://evil.example/CANARY"}}, ``, endpoint.Protocol, "token endpoint: the answer cannot be used: a redirect, which is never followed (HTTP 302); configure the URL it leads to"},
		{"broken redirect", 307, http.Header{"Location": {"://CANARY\x7f"}}, ``, endpoint.Protocol, ""},
		{"grant", 400, nil, `{"error":"invalid_grant","error_description":"CANARY"}`, endpoint.Refused, "token endpoint: provider refused the request: invalid_grant (HTTP 400)"},
		{"sloppy type", 400, typed("text/html"), `{"error":"invalid_grant"}`, endpoint.Refused, "token endpoint: provider refused the request: invalid_grant (HTTP 400)"},
		{"403 empty, as glewlwyd", 403, http.Header{}, ``, endpoint.Refused, "token endpoint: provider refused the request (HTTP 403)"},
		{"400 empty", 400, http.Header{}, ``, endpoint.Refused, ""},
		{"401 empty", 401, http.Header{}, ``, endpoint.Refused, ""},
		{"unregistered code", 403, nil, `{"error":"invalid_code"}`, endpoint.Refused, "token endpoint: provider refused the request: invalid_code (HTTP 403)"},
		{"404", 404, typed("text/html"), `<h1>CANARY</h1>`, endpoint.Refused, "token endpoint: provider refused the request (HTTP 404)"},
		{"error is no string", 400, nil, `{"error":{"CANARY":1}}`, endpoint.Refused, "token endpoint: provider refused the request (HTTP 400)"},
		{"forbidden characters", 400, nil, `{"error":"CANARY\u0007"}`, endpoint.Refused, "token endpoint: provider refused the request (HTTP 400)"},
		{"quote", 400, nil, `{"error":"CANARY\""}`, endpoint.Refused, "token endpoint: provider refused the request (HTTP 400)"},
		{"long code", 400, nil, `{"error":"` + strings.Repeat("CANARY", 11) + `"}`, endpoint.Refused, "token endpoint: provider refused the request (HTTP 400)"},
		{"huge refusal", 400, nil, big, endpoint.Refused, ""},
		{"429", 429, nil, `{"error":"slow_down"}`, endpoint.Unreachable, "token endpoint: provider is unavailable: slow_down (HTTP 429)"},
		{"500", 500, nil, `{"error":"server_error"}`, endpoint.Unreachable, "token endpoint: provider is unavailable: server_error (HTTP 500)"},
		{"503 html", 503, typed("text/html"), `CANARY`, endpoint.Unreachable, "token endpoint: provider is unavailable (HTTP 503)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := caller(answer(tc.status, tc.header, tc.body)).Post(t.Context(), target(), nil, url.Values{"a": {"b"}})
			if tc.kind == 0 {
				check.NoError(t, err)
				check.Equal(t, string(got.Body), tc.body, "body")
				return
			}
			if tc.status < 200 || tc.status > 299 || len(tc.body) > 256<<10 {
				check.True(t, got == nil, "an answer beside the error")
			} else { // it may hold what replaces the refresh token that was sent
				check.Equal(t, string(got.Body), tc.body, "body of what cannot be used")
				_, unread := got.Claims()
				check.True(t, unread != nil, "it was read all the same")
			}
			e := fails(t, err, tc.kind)
			check.Equal(t, e.Status, tc.status, "status")
			check.Lacks(t, fmt.Sprintf("%v %+v %#v", err, err, err), "CANARY")
			if tc.text != "" {
				check.Equal(t, e.Error(), tc.text, "text")
			}
		})
	}
}

func TestEmptyAnswerOfRevocation(t *testing.T) {
	t.Parallel()
	tgt := target()
	tgt.EmptyOK = true
	for _, tc := range []struct {
		header http.Header
		body   string
		ok     bool
	}{
		{http.Header{}, "", true},
		{typed("text/html"), " \r\n", true},
		{typed("text/plain"), "OK", true},
		{nil, "{}", true},
		{typed("text/html"), "<form>sign in</form>", false},
	} {
		_, err := caller(answer(200, tc.header, tc.body)).Post(t.Context(), tgt, nil, nil)
		check.Equal(t, err == nil, tc.ok, "success of "+tc.body)
	}
	_, err := caller(answer(204, nil, "")).Post(t.Context(), tgt, nil, nil)
	_ = fails(t, err, endpoint.Protocol)
}

func TestRequestHeadersAndForm(t *testing.T) {
	t.Parallel()
	header, form := sent(t, target(), nil, url.Values{"resource": {"https://b.example", "https://a.example"}})
	check.Equal(t, header.Get("Content-Type"), "application/x-www-form-urlencoded", "Content-Type")
	check.Equal(t, header.Get("Accept"), "application/json", "Accept")
	check.DeepEqual(t, form["resource"], []string{"https://b.example", "https://a.example"}, "repeated values")
}

func TestNoRedirectNoCookieNoRetry(t *testing.T) {
	t.Parallel()
	n := 0
	client := &http.Client{
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			n++
			check.Equal(t, r.Header.Get("Cookie"), "", "Cookie")
			return response(r, 307, http.Header{"Location": {tokenURL + "2"}, "Set-Cookie": {"a=b"}}, ""), nil
		}),
		CheckRedirect: func(*http.Request, []*http.Request) error { t.Error("a redirect was asked about"); return nil },
		Jar:           jar{t},
	}
	c := endpoint.New(endpoint.Config{HTTPClient: client})
	_, err := c.Post(t.Context(), target(), nil, nil)
	_ = fails(t, err, endpoint.Protocol)
	check.Equal(t, n, 1, "requests")
}

type jar struct{ t *testing.T }

func (j jar) SetCookies(*url.URL, []*http.Cookie) { j.t.Error("a cookie was kept") }
func (j jar) Cookies(*url.URL) []*http.Cookie {
	return []*http.Cookie{{Name: "a", Value: "b"}}
}

func TestBoundHoldsAfterInflation(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(w, `{"a":"`+strings.Repeat("x", 8<<20)+`"}`)
	check.NoError(t, w.Close())
	h := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}
	_, err := caller(answer(200, h, bomb.String())).Post(t.Context(), target(), nil, nil)
	_ = fails(t, err, endpoint.Protocol)
	_, err = caller(answer(200, http.Header{"Content-Encoding": {"CANARY"}}, `{}`)).Post(t.Context(), target(), nil, nil)
	check.Lacks(t, fails(t, err, endpoint.Protocol).Error(), "CANARY")
}

func TestURLRules(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		tokenURL: true, "http://127.0.0.1:1/token": true, "http://localhost/token": true, "http://[::1]/token": true,
		"": false, "http://op.example.test/token": false, "https://u:CANARY@op.example.test/token": false, "/token": false,
		"https://op.example.test/token#f": false, "ftp://op.example.test/": false,
	} {
		tgt := target()
		tgt.URL = raw
		_, err := caller(answer(200, nil, `{}`)).Post(t.Context(), tgt, nil, nil)
		if ok {
			check.NoError(t, err)
			continue
		}
		check.Lacks(t, fails(t, err, endpoint.Misconfigured).Error(), "CANARY")
	}
	tgt := target()
	tgt.URL = "http://op.example.test/token"
	open := endpoint.New(endpoint.Config{HTTPClient: &http.Client{Transport: answer(200, nil, `{}`)}, AllowHTTP: true})
	_, err := open.Post(t.Context(), tgt, nil, nil)
	check.NoError(t, err)
}

// What a transport does to one request is not seen by the next, and each URL is checked, whichever came before.
func TestRequestsShareNothing(t *testing.T) {
	t.Parallel()
	form := url.Values{"grant_type": {"x"}, "a": {"b", "c"}}
	n := 0
	c := caller(func(r *http.Request) (*http.Response, error) {
		n++
		check.Equal(t, r.Method+" "+r.URL.String()+" "+r.Host, "POST "+tokenURL+"?a=b op.example.test", "where it goes")
		check.Equal(t, r.Header.Get("X-Trace"), "", "a header of the request before")
		body, err := io.ReadAll(r.Body)
		check.NoError(t, err)
		check.Equal(t, string(body), form.Encode(), "body")
		check.Equal(t, r.ContentLength, int64(len(body)), "length")
		again, err := r.GetBody()
		check.NoError(t, err)
		repeated, err := io.ReadAll(again)
		check.NoError(t, err)
		check.Equal(t, string(repeated), string(body), "body, sent again")
		r.URL.Host, r.URL.Path, r.URL.RawQuery, r.Host, r.Method = "evil.example", "/", "", "evil.example", "PUT"
		r.Header.Set("X-Trace", "1")
		return response(r, 200, nil, `{}`), nil
	})
	tgt, bad := target(), target()
	tgt.URL, bad.URL = tokenURL+"?a=b", "http://op.example.test/token"
	for range 3 {
		_, err := c.Post(t.Context(), tgt, nil, form)
		check.NoError(t, err)
		_, err = c.Post(t.Context(), bad, nil, form)
		_ = fails(t, err, endpoint.Misconfigured)
	}
	check.Equal(t, n, 3, "requests")
}

// Two readers of an answer could differ about it: it is there, and so is what is wrong with it.
func TestAnswersReadStrictly(t *testing.T) {
	t.Parallel()
	empty := target()
	empty.EmptyOK = true
	for _, tc := range []struct {
		tgt        endpoint.Target
		kind, body string
		ok         bool
	}{
		{target(), "application/json", ` {"a":1} `, true},
		{target(), "application/json", `{"a":1,"a":1}`, false},
		{target(), "application/json", `{"a":"\ud800"}`, false},
		{empty, "application/json", `{"a":1}`, false},
		{empty, "application/json", "", false},
	} {
		got, err := caller(answer(200, typed(tc.kind), tc.body)).Post(t.Context(), tc.tgt, nil, nil)
		check.NoError(t, err)
		check.Equal(t, string(got.Body), tc.body, "body")
		set, err := got.Claims()
		check.True(t, (err == nil) == tc.ok && (set != nil) == tc.ok, "claims of %s: %v, %v", tc.body, set, err)
		if tc.ok {
			check.Equal(t, set.Raw(), tc.body, "claims")
		}
	}
	got, err := caller(answer(200, typed("application/jwt"), "a.b.c")).Get(t.Context(), target(), "t")
	check.NoError(t, err)
	_, err = got.Claims()
	check.True(t, err != nil, "claims of a JWT")
}

type stuck struct{ ctx context.Context }

func (s stuck) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }

func TestUserInfo(t *testing.T) {
	t.Parallel()
	tgt := endpoint.Target{Name: "userinfo endpoint", URL: "https://op.example.test/userinfo"}
	var got *http.Request
	c := caller(func(r *http.Request) (*http.Response, error) {
		got = r
		return response(r, 200, nil, `{"sub":"a"}`), nil
	})
	ans, err := c.Get(t.Context(), tgt, "tok.en-1")
	check.NoError(t, err)
	check.Equal(t, got.Method+" "+got.Header.Get("Authorization"), "GET Bearer tok.en-1", "request")
	check.Equal(t, got.Header.Get("Accept"), "application/json, application/jwt", "Accept")
	check.Equal(t, string(ans.Body), `{"sub":"a"}`, "body")

	ans, err = caller(answer(200, typed("application/jwt"), "a.b.c")).Get(t.Context(), tgt, "t")
	check.NoError(t, err)
	check.Equal(t, string(ans.Body)+ans.Header.Get("Content-Type"), "a.b.capplication/jwt", "signed answer")

	for _, bad := range []string{"", "CANARY\r\nX: y", "CANARY x", "CANARYé"} {
		_, err = c.Get(t.Context(), tgt, bad)
		check.Lacks(t, fails(t, err, endpoint.Misconfigured).Error(), "CANARY")
	}
	for _, tc := range []struct{ challenge, code string }{
		{`Bearer realm="x", error="invalid_token", error_description="CANARY"`, "invalid_token"},
		{`Bearer error="CANARY-token-value"`, ""},
		{`Bearer realm="x"`, ""},
		{`Bearer error="a\"b"`, ""},
	} {
		h := http.Header{"Www-Authenticate": {tc.challenge}}
		_, err = caller(answer(401, h, "CANARY")).Get(t.Context(), tgt, "CANARY-token-value")
		e := fails(t, err, endpoint.Refused)
		check.Equal(t, e.Code, tc.code, "code of "+tc.challenge)
		check.Equal(t, e.Hint, "", "hint")
		check.Lacks(t, e.Error(), "CANARY")
	}
	_, err = caller(answer(403, nil, `{}`)).Get(t.Context(), tgt, "t") // zitadel
	_ = fails(t, err, endpoint.Refused)
}

func TestObserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []string
		c := endpoint.New(endpoint.Config{
			HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(time.Second)
				return response(r, 400, nil, `{"error":"invalid_grant"}`), nil
			})},
			Observer: func(_ context.Context, e oidc.Event) {
				got = append(got, fmt.Sprintf("%s %s %s %s %s %s %v", e.Kind, e.Operation, e.Outcome, e.Issuer, e.URL, e.Duration, e.Err))
			},
		})
		_, _ = c.Post(t.Context(), target(), nil, nil)
		_, _ = c.Post(t.Context(), endpoint.Target{}, nil, nil) // no request, nothing observed
		check.DeepEqual(t, got, []string{"request token endpoint refused https://op.example.test " + tokenURL + " 1s token endpoint: provider refused the request: invalid_grant (HTTP 400)"}, "observed")
	})
}
