package client_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// network is the provider and any number of other servers, in memory.
type network struct {
	p     *oidctest.Provider
	hosts map[string]http.HandlerFunc // by scheme and host

	mu       sync.Mutex
	requests []seen
	bodies   []*trackedBody
}

type seen struct{ url, authorization, body string }

type trackedBody struct {
	io.Reader
	closed bool
}

func (b *trackedBody) Close() error { b.closed = true; return nil }

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	serve, ok := n.hosts[r.URL.Scheme+"://"+r.URL.Host]
	if !ok {
		return n.p.Transport().RoundTrip(r)
	}
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	w := httptest.NewRecorder()
	serve(w, r)
	resp := w.Result()
	resp.Request = r
	body := &trackedBody{Reader: resp.Body}
	resp.Body = body
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests = append(n.requests, seen{r.URL.String(), r.Header.Get("Authorization"), string(sent)})
	n.bodies = append(n.bodies, body)
	return resp, nil
}

func newNetwork(t testing.TB, hosts map[string]http.HandlerFunc) (*network, *client.Client) {
	t.Helper()
	n := &network{p: newProvider(t), hosts: hosts}
	return n, newClient(t, n.p, func(cfg *client.Config) { cfg.HTTPClient = &http.Client{Transport: n} })
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }

func refuse(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }

func get(t testing.TB, c *http.Client, url string) int {
	t.Helper()
	resp, err := c.Get(url)
	check.NoError(t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestHTTPClientOrigins(t *testing.T) {
	t.Parallel()
	hosts := map[string]http.HandlerFunc{}
	for _, origin := range []string{
		"https://api.example.test", "https://api.example.test:443", "https://API.example.test", "https://api.example.test:8443", "http://api.example.test",
		"https://api.example.test.", "https://evil.example.test", "https://sub.api.example.test", "http://127.0.0.1:9000", "http://127.0.0.1:9001", "http://[::1]:9000", "http://[::1]:9001",
	} {
		hosts[origin] = ok
	}
	for name, test := range map[string]struct {
		resources, origins []string
		gets, lacks        []string
	}{
		"by resource": {
			[]string{apiResource + "/v1", "urn:example:api"}, nil,
			[]string{"https://api.example.test/", "https://api.example.test:443/x", "https://API.example.test/", "https://user:password@api.example.test/"},
			[]string{"https://api.example.test:8443/", "http://api.example.test/", "https://api.example.test./", "https://evil.example.test/", "https://sub.api.example.test/"},
		},
		"by argument": {
			[]string{apiResource}, []string{"https://evil.example.test/some/path"},
			[]string{"https://evil.example.test/"}, []string{"https://api.example.test/"},
		},
		"IPv6": {
			[]string{"http://[::1]:9000"}, nil, []string{"http://[::1]:9000/"}, []string{"http://[::1]:9001/", "http://127.0.0.1:9000/"},
		},
		"loopback": {
			[]string{"http://127.0.0.1:9000"}, nil, []string{"http://127.0.0.1:9000/"}, []string{"http://127.0.0.1:9001/"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, c := newNetwork(t, hosts)
			api := c.ClientCredentials(client.TokenRequest{Resources: test.resources}).HTTPClient(test.origins...)
			for _, url := range test.gets {
				get(t, api, url)
				check.Contains(t, n.requests[len(n.requests)-1].authorization, "Bearer ey")
			}
			for _, url := range test.lacks {
				get(t, api, url)
				check.Equal(t, n.requests[len(n.requests)-1].authorization, "", "authorization at "+url)
			}
		})
	}
}

func TestHTTPClientWithoutOrigin(t *testing.T) {
	t.Parallel()
	n, c := newNetwork(t, map[string]http.HandlerFunc{"https://api.example.test": ok})
	for name, test := range map[string]struct {
		resources, origins []string
		is                 error
	}{
		"nothing":          {nil, nil, client.ErrNoOrigin},
		"urn":              {[]string{"urn:example:api"}, nil, client.ErrNoOrigin},
		"http resource":    {[]string{"http://api.example.test"}, nil, client.ErrNoOrigin},
		"http origin":      {nil, []string{"http://api.example.test"}, nil},
		"host only":        {nil, []string{"api.example.test"}, nil},
		"one of them http": {nil, []string{"https://api.example.test", "http://api.example.test"}, nil},
	} {
		api := c.ClientCredentials(client.TokenRequest{Resources: test.resources}).HTTPClient(test.origins...)
		body := &trackedBody{Reader: strings.NewReader("x")}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example.test/", body)
		check.NoError(t, err)
		resp, err := api.Do(r)
		if err == nil {
			resp.Body.Close()
			t.Fatalf("%s: the request went out", name)
		}
		e := check.As[*client.Error](t, err)
		check.Equal(t, e.Kind, client.KindConfig, name)
		if test.is != nil {
			check.Error(t, err, test.is)
		} else {
			check.Contains(t, e.Error(), "api.example.test")
		}
		check.True(t, body.closed, "the body is left open")
	}
	check.Equal(t, len(n.requests)+n.p.Requests("token"), 0, "requests")
}

// The token never follows a redirect to another origin, not even to one that is named too, or back again.
func TestHTTPClientRedirects(t *testing.T) {
	t.Parallel()
	to := func(url string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/end" {
				ok(w, r)
				return
			}
			http.Redirect(w, r, url, http.StatusTemporaryRedirect)
		}
	}
	for name, test := range map[string]struct {
		hosts map[string]http.HandlerFunc
		want  []bool // authorization at each hop
	}{
		"same origin":     {map[string]http.HandlerFunc{"https://a.test": to("https://a.test/end")}, []bool{true, true}},
		"another origin":  {map[string]http.HandlerFunc{"https://a.test": to("https://x.test/end"), "https://x.test": ok}, []bool{true, false}},
		"a named origin":  {map[string]http.HandlerFunc{"https://a.test": to("https://b.test/end"), "https://b.test": ok}, []bool{true, false}},
		"another port":    {map[string]http.HandlerFunc{"https://a.test": to("https://a.test:8443/end"), "https://a.test:8443": ok}, []bool{true, false}},
		"downgrade":       {map[string]http.HandlerFunc{"https://a.test": to("http://a.test/end"), "http://a.test": ok}, []bool{true, false}},
		"subdomain":       {map[string]http.HandlerFunc{"https://a.test": to("https://s.a.test/end"), "https://s.a.test": ok}, []bool{true, false}},
		"there and back":  {map[string]http.HandlerFunc{"https://a.test": to("https://x.test/"), "https://x.test": to("https://a.test/end")}, []bool{true, false, false}},
		"within another":  {map[string]http.HandlerFunc{"https://a.test": to("https://b.test/"), "https://b.test": to("https://b.test/end")}, []bool{true, false, false}},
		"two at one host": {map[string]http.HandlerFunc{"https://a.test": to("/end")}, []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, c := newNetwork(t, test.hosts)
			api := c.ClientCredentials(client.TokenRequest{}).HTTPClient("https://a.test", "https://b.test")
			resp, err := api.Post("https://a.test/", "text/plain", strings.NewReader("hello"))
			check.NoError(t, err)
			resp.Body.Close()
			check.Equal(t, resp.StatusCode, http.StatusOK, "status")
			check.Equal(t, len(n.requests), len(test.want), "hops")
			for i, want := range test.want {
				check.Equal(t, n.requests[i].authorization != "", want, "authorization at "+n.requests[i].url)
			}
		})
	}
}

func TestHTTPClientRetries(t *testing.T) {
	t.Parallel()
	// refuseFirst answers 401 to the first token it sees.
	refuseFirst := func() http.HandlerFunc {
		var first string
		return func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); first == "" || got == first {
				first = got
				refuse(w, r)
				return
			}
			ok(w, r)
		}
	}
	for name, test := range map[string]struct {
		body     func() io.Reader
		want     int
		requests int
	}{
		"no body":             {func() io.Reader { return nil }, 200, 2},
		"a body to replay":    {func() io.Reader { return strings.NewReader("hello") }, 200, 2},
		"a body to read once": {func() io.Reader { return io.MultiReader(strings.NewReader("hello")) }, 401, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, c := newNetwork(t, map[string]http.HandlerFunc{"https://api.example.test": refuseFirst()})
			api := c.ClientCredentials(client.TokenRequest{Resources: []string{apiResource}}).HTTPClient()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, apiResource, test.body())
			check.NoError(t, err)
			r.Header.Set("X-Own", "kept")
			resp, err := api.Do(r)
			check.NoError(t, err)
			resp.Body.Close()
			check.Equal(t, resp.StatusCode, test.want, "status")
			check.Equal(t, len(n.requests), test.requests, "requests")
			for i, body := range n.bodies {
				check.True(t, body.closed, "the body of answer %d is left open", i)
			}
			for _, s := range n.requests {
				check.Equal(t, s.body, n.requests[0].body, "body")
			}
			check.DeepEqual(t, r.Header, http.Header{"X-Own": {"kept"}}, "header of the caller's request")
			check.Equal(t, resp.Request.Header.Get("Authorization"), "", "token in the answer's request")
			if test.want == 401 { // the next call has another token
				check.Equal(t, get(t, api, apiResource), 200, "status of the next call")
			}
		})
	}
}

// An API that refuses every token gets one retry per backoff step, and its own answer comes through.
func TestHTTPClientEndlessRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t, map[string]http.HandlerFunc{"https://api.example.test": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "no")
		}})
		api := c.ClientCredentials(client.TokenRequest{Resources: []string{apiResource}}).HTTPClient()
		for range 100 {
			resp, err := api.Get(apiResource)
			check.NoError(t, err)
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			check.Equal(t, string(body), "no", "body")
		}
		check.Equal(t, n.p.Requests("token"), 2, "token requests")
		check.Equal(t, len(n.requests), 101, "API requests")
		time.Sleep(1200 * time.Millisecond)
		get(t, api, apiResource)
		check.Equal(t, n.p.Requests("token"), 3, "token requests after a step")
	})
}

func TestHTTPClientRefusedAndProviderAway(t *testing.T) {
	t.Parallel()
	n, c := newNetwork(t, map[string]http.HandlerFunc{"https://api.example.test": refuse})
	s := c.ClientCredentials(client.TokenRequest{Resources: []string{apiResource}})
	tokenOf(t, s)
	n.p.Fault("token", oidctest.Down)
	check.Equal(t, get(t, s.HTTPClient(), apiResource), 401, "status") // the API's answer, not our error
	_, err := s.HTTPClient().Get(apiResource)
	wantError(t, err, client.KindUnreachable, "")
}

func TestHTTPClientKeepsConfiguration(t *testing.T) {
	t.Parallel()
	n := &network{p: newProvider(t), hosts: map[string]http.HandlerFunc{"https://api.example.test": redirectTo("https://api.example.test/2")}}
	stop := errors.New("stop here")
	c := newClient(t, n.p, func(cfg *client.Config) {
		cfg.HTTPClient = &http.Client{Transport: n, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return stop }}
	})
	api := c.ClientCredentials(client.TokenRequest{Resources: []string{apiResource}}).HTTPClient()
	check.Equal(t, api.Timeout, time.Minute, "timeout")
	_, err := api.Get(apiResource)
	check.Error(t, err, stop)
}

func redirectTo(url string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, url, http.StatusFound) }
}

func TestHTTPClientReplaysWholeBody(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("0123456789"), 1<<16)
	n, c := newNetwork(t, map[string]http.HandlerFunc{"https://api.example.test": refuse})
	api := c.ClientCredentials(client.TokenRequest{Resources: []string{apiResource}}).HTTPClient()
	resp, err := api.Post(apiResource, "text/plain", bytes.NewReader(large))
	check.NoError(t, err)
	resp.Body.Close()
	check.Equal(t, len(n.requests), 2, "requests")
	check.Equal(t, n.requests[1].body, string(large), "body")
}
