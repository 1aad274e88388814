package endpoint_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/endpoint"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for v, want := range map[string]time.Duration{
			"": 0, "7": 7 * time.Second, "0": 0, "-1": 0, "soon": 0, "1.5": 0,
			"300": 5 * time.Minute, "86400": 5 * time.Minute, "99999999999999999999": 5 * time.Minute,
			time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat): 30 * time.Second,
			time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):       0,
			time.Now().Add(24 * time.Hour).UTC().Format(http.TimeFormat):   5 * time.Minute,
		} {
			for _, status := range []int{429, 503} {
				_, err := caller(answer(status, http.Header{"Retry-After": {v}}, "")).Post(t.Context(), target(), nil, nil)
				check.Equal(t, fails(t, err, endpoint.Unreachable).RetryAfter, want, "Retry-After "+v)
			}
		}
	})
}

func TestMoved(t *testing.T) {
	t.Parallel()
	html := typed("text/html")
	for name, tc := range map[string]struct {
		answer roundTrip
		want   bool
	}{
		"success":       {answer(200, nil, `{}`), false},
		"no connection": {func(*http.Request) (*http.Response, error) { return nil, io.EOF }, true},
		"500":           {answer(500, nil, ""), true},
		"503":           {answer(503, nil, ""), true},
		"404":           {answer(404, nil, `{"error":"invalid_client"}`), true},
		"410":           {answer(410, html, "<p>gone"), true},
		"a redirect":    {answer(308, http.Header{"Location": {"https://elsewhere.example.test/"}}, ""), true},
		"a page":        {answer(200, html, "<p>welcome"), true},
		"busy":          {answer(429, nil, ""), false},
		"a refusal":     {answer(400, nil, `{"error":"invalid_grant"}`), false},
		"bad client":    {answer(401, nil, `{"error":"invalid_client"}`), false},
	} {
		_, err := caller(tc.answer).Post(t.Context(), target(), nil, nil)
		check.Equal(t, endpoint.Moved(err), tc.want, name)
	}
}

func TestConnectionFailures(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		err  error
		text string
		is   error
	}{
		{"refused", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "connection refused", syscall.ECONNREFUSED},
		{"reset", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, "connection reset by peer", syscall.ECONNRESET},
		{"dns", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "CANARY", IsNotFound: true}}, "its host cannot be found", nil},
		{"slow dns", &net.DNSError{Name: "CANARY", IsTimeout: true}, "timed out", context.DeadlineExceeded},
		{"closed", io.EOF, "the connection was closed", io.ErrUnexpectedEOF},
		{"authority", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "unknown authority", nil},
		{"hostname", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}, "for another host", nil},
		{"expired certificate", x509.CertificateInvalidError{Reason: x509.Expired}, "certificate is invalid", nil},
		{"malformed", errors.New(`malformed HTTP response "CANARY"`), "the connection failed", nil},
		{"deadline", context.DeadlineExceeded, "timeout", context.DeadlineExceeded},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := caller(func(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("CANARY: %w", tc.err) })
			_, err := c.Post(t.Context(), target(), nil, nil)
			e := fails(t, err, endpoint.Unreachable)
			check.Contains(t, e.Error(), "token endpoint: could not be reached: ", tc.text)
			check.Lacks(t, fmt.Sprintf("%v %#v", err, err), "CANARY")
			if tc.is != nil {
				check.Error(t, err, tc.is)
			}
		})
	}
	_, err := caller(func(*http.Request) (*http.Response, error) { return nil, nil }).Post(t.Context(), target(), nil, nil)
	_ = fails(t, err, endpoint.Protocol)
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	hang := func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := caller(hang).Post(context.Background(), target(), nil, nil)
		check.Error(t, fails(t, err, endpoint.Unreachable), context.DeadlineExceeded)
		check.Equal(t, time.Since(start), 10*time.Second, "default timeout")

		start = time.Now()
		c := endpoint.New(endpoint.Config{HTTPClient: &http.Client{Transport: roundTrip(hang), Timeout: 2 * time.Second}, Timeout: 3 * time.Second})
		_, err = c.Post(context.Background(), target(), nil, nil)
		check.Error(t, err, context.DeadlineExceeded)
		check.Equal(t, time.Since(start), 2*time.Second, "the client's own timeout")

		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err = caller(hang).Post(ctx, target(), nil, nil)
		check.Error(t, err, context.DeadlineExceeded)

		ctx, cancel = context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		_, err = caller(hang).Post(ctx, target(), nil, nil)
		check.Error(t, fails(t, err, endpoint.Unreachable), context.Canceled)

		// A body that never ends is bounded too.
		start = time.Now()
		c = caller(func(r *http.Request) (*http.Response, error) {
			resp := response(r, 200, nil, "")
			resp.ContentLength = -1
			resp.Body = io.NopCloser(stuck{r.Context()})
			return resp, nil
		})
		_, err = c.Post(context.Background(), target(), nil, nil)
		e := fails(t, err, endpoint.Unreachable)
		check.Error(t, err, context.DeadlineExceeded)
		check.Equal(t, e.Status, 0, "status without a whole answer")
		check.Equal(t, time.Since(start), 10*time.Second, "timeout of the body")
	})
}

func TestCodesThatEchoAreDropped(t *testing.T) {
	t.Parallel()
	const secret, code, longSecret = "S3cr3t+value%of/client", "authzcode-0123456789abcdef", "a-much-longer-secret-that-goes-on-and-on"
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {"verifier-abcdefghijklmn"}, "x": {"tiny"}}
	a := auth(t, endpoint.AuthConfig{ClientID: "client-one", ClientSecret: secret, AuthMethod: endpoint.SecretPost})
	header := base64.StdEncoding.EncodeToString([]byte("client-one:" + secret))
	for sentCode, kept := range map[string]bool{
		"invalid_grant": true, "invalid_code": true, "authorization_odd": true, "access denied": true,
		code: false, secret: false, "bad code " + code: false, "wrong " + strings.ToUpper(secret): false,
		secret[:6]: false, code[:9]: false, "x " + code[5:14]: false, "client-one": false, "tiny": false, "a tiny thing": false,
		url.QueryEscape(secret): false, base64.StdEncoding.EncodeToString([]byte(secret)): false, header[:40]: false,
		"got verifier-abcd": false,
	} {
		body, _ := json.Marshal(map[string]string{"error": sentCode})
		_, err := caller(answer(400, nil, string(body))).Post(t.Context(), target(), a, form)
		e := fails(t, err, endpoint.Refused)
		want := ""
		if kept {
			want = sentCode
		}
		check.Equal(t, e.Code, want, "code for "+sentCode)
	}
	for _, method := range []string{endpoint.SecretBasic, endpoint.SecretPost} {
		a = auth(t, endpoint.AuthConfig{ClientSecret: longSecret, AuthMethod: method})
		for i := 0; i+10 < len(longSecret); i++ {
			_, err := caller(answer(401, nil, `{"error":"no: `+longSecret[i:i+10]+`"}`)).Post(t.Context(), target(), a, nil)
			check.Equal(t, fails(t, err, endpoint.Refused).Code, "", "part of a secret")
		}
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	refuse := func(status int, body string, tgt endpoint.Target, cfg endpoint.AuthConfig) string {
		_, err := caller(answer(status, nil, body)).Post(t.Context(), tgt, auth(t, cfg), nil)
		return fails(t, err, endpoint.Refused).Hint
	}
	client := `{"error":"invalid_client"}`
	for _, secret := range []string{"a+b", "a%b", "a b", "a/b=", "é"} {
		h := refuse(401, client, target(), endpoint.AuthConfig{ClientSecret: secret})
		check.Contains(t, h, "client_secret_post", "do not decode")
		check.Lacks(t, h, secret)
	}
	check.Contains(t, refuse(401, "", target(), endpoint.AuthConfig{ClientSecret: "a+b"}), "client_secret_post")
	check.Contains(t, refuse(400, client, target(), endpoint.AuthConfig{ClientID: "a:b", ClientSecret: "plain"}), "client_secret_post")

	tgt := target()
	tgt.Methods = []string{"client_secret_post", "private_key_jwt", "evil\x1b[2J" + strings.Repeat("x", 100)}
	h := refuse(401, client, tgt, endpoint.AuthConfig{ClientSecret: "plain"})
	check.Contains(t, h, "AuthMethod was client_secret_post", `the provider lists "client_secret_post", "private_key_jwt", "evil\x1b[2J`, "...")
	check.Lacks(t, h, "\x1b", strings.Repeat("x", 50))
	check.Contains(t, refuse(401, client, target(), endpoint.AuthConfig{ClientSecret: "a+b", AuthMethod: endpoint.SecretPost}), "AuthMethod was client_secret_post")
	check.Contains(t, refuse(401, client, target(), endpoint.AuthConfig{}), "AuthMethod was none")
	key := endpoint.AuthConfig{Auth: oidc.PrivateKeyJWT{Key: edKey(t)}}
	check.Contains(t, refuse(401, client, target(), key), "AuthMethod was private_key_jwt", "Alg of the oidc.PrivateKeyJWT must be as registered", "Audience to be token_endpoint")
	check.Contains(t, refuse(400, `{"error":"invalid_request"}`, target(), key), "if it means the client assertion", "KeyID")
	check.Equal(t, refuse(400, `{"error":"invalid_request"}`, target(), endpoint.AuthConfig{ClientSecret: "a+b"}), "", "hint for a request with a secret")
	key.Auth = oidc.PrivateKeyJWT{Key: edKey(t), Audience: "token_endpoint"}
	check.Contains(t, refuse(401, client, target(), key), "Alg of the oidc.PrivateKeyJWT must be as registered")
	check.Lacks(t, refuse(401, client, target(), key), "Audience")
	check.Equal(t, refuse(400, `{"error":"invalid_grant"}`, target(), endpoint.AuthConfig{ClientSecret: "a+b"}), "", "hint for a grant")
	check.Equal(t, refuse(401, `{"error":"invalid_grant"}`, target(), endpoint.AuthConfig{ClientSecret: "a+b"}), "", "hint for a grant with 401")
}

// What Keycloak 26.4 answers to a wrong secret, to introspection with one, and to a parameter that is there twice.
func TestHintsForKeycloak(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		code   string
		form   url.Values
		want   string
	}{
		{401, "unauthorized_client", nil, "check ClientID and its credentials"},
		{401, "invalid_request", nil, "check ClientID and its credentials"},
		{403, "invalid_request", nil, "check ClientID, its credentials and what it may ask for"},
		{400, "invalid_request", url.Values{"resource": {"https://a.example.com", "https://b.example.com"}}, "one resource or audience at a time"},
		{400, "invalid_request", url.Values{"audience": {"a", "b"}}, "one resource or audience at a time"},
		{400, "invalid_request", url.Values{"audience": {"a"}, "resource": {"https://a.example.com"}}, ""},
		{400, "invalid_target", url.Values{"audience": {"a", "b"}}, ""},
	} {
		a := auth(t, endpoint.AuthConfig{ClientSecret: "plain"})
		_, err := caller(answer(tc.status, nil, `{"error":"`+tc.code+`"}`)).Post(t.Context(), target(), a, tc.form)
		hint := fails(t, err, endpoint.Refused).Hint
		check.Contains(t, hint, tc.want)
		check.Equal(t, hint == "", tc.want == "", tc.code+": "+hint)
	}
}

// What Glewlwyd 2.7.5 answers, and others like it.
func TestHintsForSloppyRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		grant  string
		status int
		body   string
		secret string
		want   string
	}{
		{"wrong secret", "client_credentials", 403, "", "plain", "check ClientID, its credentials and what it may ask for; AuthMethod was client_secret_basic"},
		{"wrong secret with a code", "authorization_code", 403, `{"error":"unauthorized_client"}`, "plain", "check ClientID, its credentials"},
		{"secret that is not decoded", "authorization_code", 403, `{"error":"unauthorized_client"}`, "a+b", "client_secret_post"},
		{"grant not allowed", "client_credentials", 400, `{"error":"unauthorized_client"}`, "a+b", ""},
		{"used code", "authorization_code", 403, `{"error":"invalid_code"}`, "plain", "a code works once"},
		{"withdrawn refresh token", "refresh_token", 400, "", "plain", "signing in again"},
		{"scope", "client_credentials", 400, `{"error":"scope_invalid"}`, "plain", "its scopes and resources"},
		{"no grant", "", 400, "", "plain", ""},
	} {
		form := url.Values{"grant_type": {tc.grant}, "refresh_token": {"CANARY"}}
		a := auth(t, endpoint.AuthConfig{ClientSecret: tc.secret, AuthMethod: endpoint.SecretBasic})
		_, err := caller(answer(tc.status, nil, tc.body)).Post(t.Context(), target(), a, form)
		hint := fails(t, err, endpoint.Refused).Hint
		check.Contains(t, hint, tc.want)
		check.Equal(t, hint == "", tc.want == "", tc.name+": "+hint)
		check.Lacks(t, err.Error(), "CANARY")
	}
}

// Whatever a provider or the connection does with what it was sent, no error shows it.
func TestNoErrorShowsASecret(t *testing.T) {
	t.Parallel()
	const secret, token = "CANARY-secret+1", "CANARY-token-1"
	var body string
	echo := func(status int, header http.Header) roundTrip {
		return func(r *http.Request) (*http.Response, error) {
			raw, _ := io.ReadAll(r.Body)
			body = string(raw)
			h := header.Clone()
			h.Set("Location", "https://op.example.test/?"+body)
			h.Set("Www-Authenticate", `Basic realm="`+body+`", error="`+token+`"`)
			return response(r, status, h, fmt.Sprintf(`{"error":%q,"error_description":%q,"error_uri":%q}`, token, body, r.Header.Get("Authorization"))), nil
		}
	}
	for _, status := range []int{200, 201, 204, 301, 304, 308, 400, 401, 403, 404, 413, 418, 429, 500, 503} {
		for _, kind := range []string{"application/json", "text/html", "text/plain", token} {
			for _, method := range []string{endpoint.SecretBasic, endpoint.SecretPost} {
				c := caller(echo(status, typed(kind)))
				_, err := c.Post(t.Context(), target(), auth(t, endpoint.AuthConfig{ClientSecret: secret, AuthMethod: method}), url.Values{"token": {token}})
				if err == nil {
					continue
				}
				basic := base64.StdEncoding.EncodeToString([]byte("web:" + url.QueryEscape(secret)))
				for e := err; e != nil; e = errors.Unwrap(e) {
					var b bytes.Buffer
					slog.New(slog.NewJSONHandler(&b, nil)).Error("x", "err", e)
					asJSON, _ := json.Marshal(e)
					check.Lacks(t, fmt.Sprintf("%v %+v %#v %q %s %s", e, e, e, e, &b, asJSON), "CANARY", basic)
				}
			}
		}
	}
}

func FuzzErrorAnswer(f *testing.F) {
	f.Add(400, `{"error":"invalid_grant"}`, "application/json")
	f.Add(401, `{"error":"CANARY-secret"}`, "text/html")
	f.Add(200, `{"a":1}`, "")
	f.Add(503, `{"error":"secret-1"}`, "text/plain")
	f.Fuzz(func(t *testing.T, status int, body, kind string) {
		if status < 100 || status > 999 {
			return
		}
		a := auth(t, endpoint.AuthConfig{ClientSecret: "CANARY-secret-1"})
		got, err := caller(answer(status, http.Header{"Content-Type": {kind}}, body)).Post(t.Context(), target(), a, url.Values{"token": {"CANARY-token-1"}})
		if err == nil {
			check.True(t, status == 200 && json.Valid(got.Body), "an answer that is none")
			return
		}
		check.Lacks(t, err.Error(), "CANARY-s", "CANARY-t", "secret-1", "-token-1") // eight bytes in a row are an echo
		e := check.As[*endpoint.Error](t, err)
		check.True(t, len(e.Code) <= 64 && !strings.ContainsAny(e.Code, "\"\\\n\x7f"), "code %q", e.Code)
	})
}
