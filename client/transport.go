package client

import (
	"io"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/oauth2"

	"github.com/relyingparty/oidc/internal/remote"
)

const maxDrain = 64 << 10

// HTTPClient returns a client that adds this source's token to requests to the given origins, and to no others: not
// after a redirect either. Without origins they are those of the source's https (or loopback) resources; without such,
// every request fails with ErrNoOrigin.
//
// On 401 the token is invalidated and the request sent once more, if its body can be replayed (GetBody). The transport,
// timeout and redirect policy are those of Config.HTTPClient; when that is nil, http.DefaultTransport without a timeout.
func (s *TokenSource) HTTPClient(origins ...string) *http.Client {
	cfg := &s.group.client.cfg
	t := &bearerTransport{source: s, base: http.DefaultTransport}
	given := origins
	if len(given) == 0 {
		given = s.req().Resources
	}
	for _, raw := range given {
		err := remote.CheckURL(raw, cfg.InsecureAllowHTTP)
		switch {
		case err == nil:
			t.origins = append(t.origins, raw)
		case len(origins) > 0 && t.err == nil:
			t.err = configError("http client", "", "origin %s cannot be used: %s", remote.Quote(raw), plain(err))
		}
	}
	if t.err == nil && len(t.origins) == 0 {
		t.err = &Error{Kind: KindConfig, Op: "http client", Err: ErrNoOrigin}
	}
	client := &http.Client{Transport: t}
	if own := cfg.HTTPClient; own != nil {
		client.Timeout, client.CheckRedirect = own.Timeout, own.CheckRedirect
		if own.Transport != nil {
			t.base = own.Transport
		}
	}
	return client
}

// bearerTransport is an http.RoundTripper.
type bearerTransport struct {
	source  *TokenSource
	base    http.RoundTripper
	origins []string // URLs there
	err     error    // of every request
}

// RoundTrip implements http.RoundTripper: it leaves req as it is and closes its body.
func (t *bearerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.err != nil {
		closeBody(req)
		return nil, t.err
	}
	if !t.knows(req.URL) || redirectedAcross(req) {
		return t.base.RoundTrip(req)
	}
	token, err := t.source.TokenContext(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := t.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	t.source.Invalidate(token.AccessToken)
	return t.again(req, token, resp)
}

// again repeats a request that was answered with 401, if that is possible and another token can be had. Otherwise the
// API's own answer says more than an error of ours.
func (t *bearerTransport) again(req *http.Request, token *oauth2.Token, resp *http.Response) (*http.Response, error) {
	repeat := replay(req)
	if repeat == nil {
		return resp, nil
	}
	next, err := t.source.TokenContext(req.Context())
	if err == nil && next.AccessToken != token.AccessToken {
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain) // so that the connection can be used again
		_ = resp.Body.Close()
		return t.send(repeat, next)
	}
	closeBody(repeat)
	return resp, nil
}

// replay returns req with a fresh body, nil if its body can be read only once.
func replay(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	if req.GetBody != nil {
		if body, err := req.GetBody(); err == nil {
			repeat := req.Clone(req.Context())
			repeat.Body = body
			return repeat
		}
	}
	return nil
}

// send sends a copy of req with the token. The response names req itself, so that printing it shows no token.
func (t *bearerTransport) send(req *http.Request, token *oauth2.Token) (*http.Response, error) {
	with := req.Clone(req.Context())
	with.Header.Set("Authorization", "Bearer "+token.AccessToken)
	resp, err := t.base.RoundTrip(with)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

// redirectedAcross reports whether a redirect from another origin led here, be it some redirects ago: whoever can
// redirect must not choose what the token is used for.
func redirectedAcross(req *http.Request) bool {
	here := originOf(req.URL)
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
		if !remote.SameOrigin(originOf(req.URL), here) {
			return true
		}
	}
	return false
}

// knows reports whether the token may go to a URL.
func (t *bearerTransport) knows(u *url.URL) bool {
	origin := originOf(u)
	return slices.ContainsFunc(t.origins, func(known string) bool { return remote.SameOrigin(known, origin) })
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

var _ oauth2.TokenSource = (*TokenSource)(nil)
