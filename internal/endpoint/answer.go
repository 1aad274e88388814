package endpoint

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/remote"
)

const (
	maxRetryAfter = 5 * time.Minute
	maxCode       = 64
)

// read turns a response into an answer or an error; into both for a 2xx whose
// body came whole but cannot be used.
func (c *Caller) read(ctx context.Context, out request, resp *http.Response) (*Answer, error) {
	status := resp.StatusCode
	fail := func(kind Kind, detail string) *Error {
		return &Error{Kind: kind, Endpoint: out.target.Name, Status: status, detail: detail}
	}
	switch {
	case status == http.StatusTooManyRequests || status >= 500:
		e := fail(Unreachable, "")
		body, _ := c.errorBody(resp)
		e.Code, e.RetryAfter = out.code(body, resp.Header), retryAfter(resp.Header)
		return nil, e
	case status >= 400:
		e := fail(Refused, "")
		body, whole := c.errorBody(resp)
		e.Code, e.Silent = out.code(body, resp.Header), whole && len(bytes.TrimSpace(body)) == 0
		e.Hint = out.hint(e)
		return nil, e
	case status >= 300:
		e := fail(Protocol, "a redirect, which is never followed")
		e.Hint = "configure the URL it leads to"
		return nil, e
	case status < http.StatusOK:
		return nil, fail(Protocol, "an unexpected status")
	}

	kind := mediaType(resp.Header)
	body, err := remote.ReadBody(resp, c.maxBytes, kind)
	if _, ok := errors.AsType[*remote.BodyError](err); ok {
		return nil, fail(Protocol, "larger than "+strconv.FormatInt(c.maxBytes, 10)+" bytes, or in a broken or unknown encoding")
	}
	if err != nil {
		e := fail(Unreachable, "")
		e.Status = 0 // no whole answer came
		e.detail, e.Err = cause(ctx, err)
		return nil, e
	}
	answer := &Answer{Body: body, Header: resp.Header, err: errNotRead}
	empty := len(bytes.TrimSpace(body)) == 0
	switch {
	case status != http.StatusOK:
		return answer, fail(Protocol, "an unexpected status")
	case out.target.EmptyOK && (empty || !html(kind)):
	case empty:
		return answer, fail(Protocol, "an empty body")
	case html(kind):
		return answer, fail(Protocol, "HTML instead of JSON")
	case out.jwt && kind == "application/jwt":
	case !readable(kind):
		return answer, fail(Protocol, "its media type is not application/json")
	default:
		if answer.set, answer.err = claims.Parse(body); answer.err != nil && !object(body) {
			return answer, fail(Protocol, "its body is not a JSON object")
		}
	}
	return answer, nil
}

var errNotRead = errors.New("the answer was not read as claims")

// errorBody reads an error answer of any type; one that does not come whole is empty.
func (c *Caller) errorBody(resp *http.Response) (body []byte, whole bool) {
	body, err := remote.ReadBody(resp, c.maxBytes, mediaType(resp.Header))
	if err != nil {
		return nil, false
	}
	return body, true
}

// mediaType is lower case and without parameters, whatever they look like.
func mediaType(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func html(kind string) bool { return kind == "text/html" || kind == "application/xhtml+xml" }

func readable(kind string) bool {
	switch kind {
	case "", "application/json", "text/json", "text/plain":
		return true
	}
	return strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

func object(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(body)
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3), capped.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if digits(v) {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(time.Until(at), 0), maxRetryAfter)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

var challengeError = regexp.MustCompile(`(?i)[\s,]error\s*=\s*"([^"\\]{1,64})"`)

// code gives the OAuth error code of an error answer: from the body, and for a bearer request also from the challenge (RFC 6750 section 3).
func (out *request) code(body []byte, h http.Header) string {
	var answer struct {
		Error any `json:"error"`
	}
	code := ""
	if object(body) && json.Unmarshal(body, &answer) == nil {
		code, _ = answer.Error.(string)
	}
	if code == "" && out.bearer != "" {
		for _, challenge := range h.Values("WWW-Authenticate") {
			if m := challengeError.FindStringSubmatch(challenge); m != nil {
				code = m[1]
				break
			}
		}
	}
	if !codeForm(code) || (!registered[code] && out.echoes(code)) {
		return ""
	}
	return code
}

// codeForm allows %x20-21 / %x23-5B / %x5D-7E (RFC 6749 section 5.2), at most 64 of them.
func codeForm(code string) bool {
	if code == "" || len(code) > maxCode {
		return false
	}
	for i := range len(code) {
		if c := code[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// registered codes are nobody's secret.
var registered = map[string]bool{
	"invalid_request": true, "invalid_client": true, "invalid_grant": true, "unauthorized_client": true,
	"unsupported_grant_type": true, "invalid_scope": true, "invalid_target": true, "access_denied": true,
	"unsupported_response_type": true, "server_error": true, "temporarily_unavailable": true,
	"invalid_token": true, "insufficient_scope": true, "unsupported_token_type": true,
	"authorization_pending": true, "slow_down": true, "expired_token": true,
	"login_required": true, "interaction_required": true, "consent_required": true, "account_selection_required": true,
	"invalid_dpop_proof": true, "use_dpop_nonce": true, "insufficient_user_authentication": true,
	"invalid_request_uri": true, "invalid_request_object": true, "request_not_supported": true,
}

// echoes reports whether code holds, or is part of, something we sent.
func (out *request) echoes(code string) bool {
	const window = 8
	code = strings.ToLower(code)
	for _, sent := range out.sent() {
		sent = strings.ToLower(sent)
		if sent == "" {
			continue
		}
		if strings.Contains(sent, code) || (len(sent) >= 4 && strings.Contains(code, sent)) {
			return true
		}
		for i := 0; i+window <= len(code) && window <= len(sent); i++ {
			if strings.Contains(sent, code[i:i+window]) {
				return true
			}
		}
	}
	return false
}

// sent lists every value of the request, in each form it took on the wire.
func (out *request) sent() []string {
	var all []string
	add := func(v string) { all = append(all, v, url.QueryEscape(v), base64.StdEncoding.EncodeToString([]byte(v))) }
	for name, values := range out.form {
		if name == "grant_type" || name == "token_type_hint" || name == "client_assertion_type" {
			continue // constants, of which codes are made: "authorization_..."
		}
		for _, v := range values {
			add(v)
		}
	}
	if out.bearer != "" {
		add(out.bearer)
	}
	if a := out.auth; a != nil {
		add(a.clientID)
		if out.secret != "" {
			add(out.secret)
			all = append(all, basic(a.clientID, out.secret))
		}
	}
	return all
}
