package remote

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

const maxRedirects = 3

// transport serves every private client, so that discovery, keys and token requests share connections.
var transport = sync.OnceValue(func() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if ok {
		t = t.Clone()
	} else {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	}
	t.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 5 * time.Second
	t.ResponseHeaderTimeout = 10 * time.Second
	t.IdleConnTimeout = 60 * time.Second
	t.MaxIdleConnsPerHost = 64
	t.MaxResponseHeaderBytes = 64 << 10
	// Without it, requests go on into an HTTP/2 connection that died in silence until TCP gives it up, after a quarter of an hour.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	return t
})

// HTTPClient returns a copy of c that follows no redirect (a 3xx answer is returned as it is) and has no cookie jar;
// for nil, a private client with timeouts for dialling, TLS and headers.
func HTTPClient(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{Transport: transport()}
	}
	own := *c
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// Ended is to be told how a request of c went. After a timeout it closes c's idle connections: when a host or a firewall
// goes away without a word, all of them are dead, and each would cost its next user another timeout.
func Ended(c *http.Client, err error) {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		c.CloseIdleConnections()
	}
}

// sameOriginClient is HTTPClient, but follows up to three redirects within the origin.
func sameOriginClient(c *http.Client, allowHTTP bool) *http.Client {
	own := HTTPClient(c)
	own.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		to := req.URL.String()
		if len(via) > maxRedirects {
			return refuseRedirect("more than %d redirects", maxRedirects)
		}
		if err := CheckURL(to, allowHTTP); err != nil {
			return refuseRedirect("a redirect was refused: %v", err)
		}
		if !SameOrigin(via[0].URL.String(), to) {
			return refuseRedirect("a redirect to another origin was refused: %s", Quote(req.URL.Scheme+"://"+req.URL.Host))
		}
		return nil
	}
	return own
}
