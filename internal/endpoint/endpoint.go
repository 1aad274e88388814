// Package endpoint is every POST to a provider: client authentication, repeated parameters, error answers, caps, no redirects.
//
// A request is sent once: never retried (but see Target.Idempotent), never probed with another authentication method, and
// nothing a provider answers is quoted in an error, save an OAuth error code that holds nothing we sent.
package endpoint

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/remote"
)

const (
	defaultTimeout  = 10 * time.Second
	defaultMaxBytes = 256 << 10
)

// Target says where an authenticated request goes.
type Target struct {
	Name          string // "token endpoint": for errors
	URL           string
	Issuer        string   // the assertion's audience
	TokenEndpoint string   // the assertion's audience when "token_endpoint" was asked for
	Methods       []string // supported auth methods from metadata; nil = unknown
	Idempotent    bool     // asking twice does no harm: sent again when a connection kept open turns out to be closed
	EmptyOK       bool     // a 200 with an empty body is success, and what a body says is not read (RFC 7009 section 2.2)
}

// Config of a Caller.
type Config struct {
	HTTPClient *http.Client  // nil = a private one; its redirect policy and cookie jar are never used
	AllowHTTP  bool          // plain http beyond loopback
	Timeout    time.Duration // 0 = 10 s
	MaxBytes   int64         // 0 = 256 KiB, after inflation
	Observer   oidc.Observer // it must not panic: see remote.Observer
}

// Caller sends requests; safe for concurrent use.
type Caller struct {
	client    *http.Client
	transport http.RoundTripper
	allowHTTP bool
	timeout   time.Duration
	maxBytes  int64
	observer  oidc.Observer
	last      atomic.Pointer[model] // of the last request
}

// model is what requests to one URL, which has been checked, are clones of. It is immutable.
type model struct {
	url     string
	request *http.Request
}

// New returns a Caller. It does no I/O.
func New(cfg Config) *Caller {
	client := remote.HTTPClient(cfg.HTTPClient)
	c := &Caller{
		client:    client,
		transport: client.Transport,
		allowHTTP: cfg.AllowHTTP,
		timeout:   cfg.Timeout,
		maxBytes:  cfg.MaxBytes,
		observer:  cfg.Observer,
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.maxBytes <= 0 {
		c.maxBytes = defaultMaxBytes
	}
	if c.transport == nil {
		c.transport = http.DefaultTransport
	}
	if client.Timeout > 0 {
		c.timeout = min(c.timeout, client.Timeout)
	}
	return c
}

// Answer is a 200 answer whose body is JSON (labelled text/plain is read, HTML is not).
type Answer struct {
	Body   []byte
	Header http.Header

	set *claims.Set
	err error
}

// Claims is the body as claims.Parse reads it; an error for a JWT, and where the body is not read (Target.EmptyOK).
func (a *Answer) Claims() (*claims.Set, error) { return a.set, a.err }

// Post sends form (repeated values stay repeated) once, authenticated by auth (nil = not at all), or twice if Target.Idempotent. It follows
// no redirect. An answer beside an error is that of a 2xx whose body came whole but cannot be used: it may hold what must
// not be lost, such as a refresh token that replaces the one that was sent.
// ctx bounds the wait; the request itself also has Config.Timeout. The client's own parameters in form are replaced by auth's.
func (c *Caller) Post(ctx context.Context, t Target, auth *Authenticator, form url.Values) (*Answer, error) {
	m, err := c.model(t)
	if err != nil {
		return nil, err
	}
	out := request{target: t, model: m, auth: auth, form: make(url.Values, len(form)+4)}
	maps.Copy(out.form, form)
	header := http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"},
		"Accept":       {"application/json"},
	}
	if auth != nil {
		if out.method, out.secret, err = auth.apply(ctx, t, out.form, header); err != nil {
			return nil, err
		}
	}
	return c.send(ctx, out, http.MethodPost, header)
}

// Get is for userinfo: a bearer token, same caps and error rules. The answer may be JSON or application/jwt.
func (c *Caller) Get(ctx context.Context, t Target, bearer string) (*Answer, error) {
	m, err := c.model(t)
	if err != nil {
		return nil, err
	}
	if !visible(bearer) {
		return nil, &Error{Kind: Misconfigured, Endpoint: t.Name, detail: "the access token is empty or holds characters a header cannot carry"}
	}
	header := http.Header{
		"Authorization": {"Bearer " + bearer},
		"Accept":        {"application/json, application/jwt"},
	}
	return c.send(ctx, request{target: t, model: m, bearer: bearer, jwt: true}, http.MethodGet, header)
}

// model checks and parses a target's URL, unless the last request had the same.
func (c *Caller) model(t Target) (*model, error) {
	if m := c.last.Load(); m != nil && m.url == t.URL {
		return m, nil
	}
	if t.URL == "" {
		return nil, &Error{Kind: Misconfigured, Endpoint: t.Name, detail: "its URL is unknown"}
	}
	if err := remote.CheckURL(t.URL, c.allowHTTP); err != nil {
		return nil, &Error{Kind: Misconfigured, Endpoint: t.Name, detail: err.Error(), Err: err}
	}
	req, err := http.NewRequestWithContext(context.Background(), "", t.URL, nil)
	if err != nil {
		return nil, &Error{Kind: Misconfigured, Endpoint: t.Name, detail: "its URL cannot be used"}
	}
	m := &model{url: t.URL, request: req}
	c.last.Store(m)
	return m, nil
}

// request is what was asked, kept to explain the answer.
type request struct {
	target Target
	model  *model
	auth   *Authenticator
	method string // how auth authenticated
	secret string // the client secret it used
	form   url.Values
	bearer string
	jwt    bool // the answer may be application/jwt
}

func (c *Caller) send(ctx context.Context, out request, verb string, header http.Header) (answer *Answer, err error) {
	caller := ctx
	ctx, cancel := context.WithTimeout(caller, c.timeout)
	defer cancel()
	req := out.model.request.Clone(ctx)
	req.Method, req.Header = verb, header
	if form := out.form.Encode(); form != "" {
		req.ContentLength = int64(len(form))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(form)), nil }
		req.Body, _ = req.GetBody()
	}
	if out.target.Idempotent && out.method != PrivateKeyJWT { // an assertion is used once
		header["Idempotency-Key"] = nil // for http.Transport; a header without a value is not sent
	}
	if c.observer != nil {
		start := time.Now()
		defer func() {
			c.observer(caller, oidc.Event{
				Kind: oidc.EventRequest, Operation: out.target.Name, Outcome: outcome(err),
				Issuer: out.target.Issuer, URL: out.target.URL, Duration: time.Since(start), Err: err,
			})
		}()
	}
	// The transport, not the client: no redirect, no cookie, no Location is looked at.
	resp, sendErr := c.transport.RoundTrip(req)
	if caller.Err() == nil { // who is in a hurry says nothing about the connections
		remote.Ended(c.client, sendErr)
	}
	if sendErr != nil {
		return nil, failed(ctx, out.target.Name, sendErr)
	}
	if resp == nil || resp.Body == nil {
		return nil, &Error{Kind: Protocol, Endpoint: out.target.Name, detail: "the HTTP client gave no answer"}
	}
	defer resp.Body.Close()
	return c.read(ctx, out, resp)
}

// visible reports whether s is one or more visible ASCII characters.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
