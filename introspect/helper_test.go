package introspect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
)

const (
	issuer   = "https://op.example.test"
	endpoint = issuer + "/introspect"
	apiA     = "https://a.example"
)

// provider is an in-memory provider that counts requests.
type provider struct {
	mu       sync.Mutex
	metadata string
	answer   func(token string) (status int, body string) // status 0 means no connection
	header   http.Header
	latency  time.Duration
	asked    map[string]int // by path
	tokens   map[string]int
	running  int
	most     int
	last     *http.Request
	lastForm url.Values
	down     bool // including discovery
}

func newProvider() *provider {
	p := &provider{
		metadata: `{"issuer":"` + issuer + `","introspection_endpoint":"` + endpoint + `","token_endpoint":"` + issuer + `/token"}`,
		asked:    map[string]int{}, tokens: map[string]int{},
	}
	p.say(func(string) (int, string) { return 200, active(nil) })
	return p
}

// set changes the provider, even while requests are in flight.
func (p *provider) set(change func(p *provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *provider) say(f func(token string) (int, string)) {
	p.set(func(p *provider) { p.answer = f })
}

func (p *provider) always(status int, body string) {
	p.say(func(string) (int, string) { return status, body })
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	var form url.Values
	if r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
		form, _ = url.ParseQuery(string(raw))
	}
	p.mu.Lock()
	p.asked[r.URL.Path]++
	if r.URL.Path == "/introspect" {
		p.tokens[form.Get("token")]++
		p.last, p.lastForm = r, form
	}
	p.running++
	p.most = max(p.most, p.running)
	latency, answer, down, header, metadata := p.latency, p.answer, p.down, p.header.Clone(), p.metadata
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.running--
		p.mu.Unlock()
	}()
	if latency > 0 {
		t := time.NewTimer(latency)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if down {
		return nil, errors.New("no route to CANARY")
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	maps.Copy(w.Header(), header)
	if r.URL.Path != "/introspect" {
		_, _ = io.WriteString(w, metadata)
		return w.Result(), nil
	}
	status, body := answer(form.Get("token"))
	if status == 0 {
		return nil, errors.New("connection reset by CANARY")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	return w.Result(), nil
}

// calls returns the number of requests to the introspection endpoint.
func (p *provider) calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked["/introspect"]
}

func (p *provider) client(t testing.TB, edit ...func(*introspect.Config)) *introspect.Client {
	t.Helper()
	cfg := introspect.Config{
		DiscoveryURL: issuer, ClientID: "api", ClientSecret: "CANARY-secret", HTTPClient: &http.Client{Transport: p},
	}
	for _, f := range edit {
		f(&cfg)
	}
	c, err := introspect.New(cfg)
	check.NoError(t, err)
	return c
}

// active returns an answer. Its token lives one minute, unless members say
// otherwise. A nil member is omitted.
func active(members map[string]string) string {
	all := map[string]string{
		"active": "true", "sub": `"alice"`, "client_id": `"web"`, "scope": `"read write"`, "aud": `"` + apiA + `"`,
		"iss": `"` + issuer + `"`, "token_type": `"Bearer"`, "username": `"al"`,
		"exp": fmt.Sprint(time.Now().Add(time.Minute).Unix()), "iat": fmt.Sprint(time.Now().Unix()),
	}
	maps.Copy(all, members)
	var parts []string
	for k, v := range all {
		if v != "" {
			parts = append(parts, `"`+k+`":`+v)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func in(d time.Duration) string { return fmt.Sprint(time.Now().Add(d).Unix()) }

// reason requires that err is an *Error with this reason.
func reason(t testing.TB, err error, want introspect.Reason) *introspect.Error {
	t.Helper()
	e := check.As[*introspect.Error](t, err)
	check.Equal(t, string(e.Reason), string(want), "reason of "+e.Error())
	return e
}

func ask(t testing.TB, c *introspect.Client, token string, opts ...introspect.Option) *introspect.Result {
	t.Helper()
	r, err := c.Introspect(context.Background(), token, opts...)
	check.NoError(t, err)
	return r
}

func refused(t testing.TB, c *introspect.Client, want introspect.Reason, token string, opts ...introspect.Option) *introspect.Error {
	t.Helper()
	r, err := c.Introspect(context.Background(), token, opts...)
	check.True(t, r == nil, "a result beside the error")
	return reason(t, err, want)
}

// bubble runs a test with a fake clock that starts at a whole second.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}
