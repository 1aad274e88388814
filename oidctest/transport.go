package oidctest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Transport returns a RoundTripper that serves requests to the issuer's origin
// in memory and refuses all others, so that no test reaches the network. It
// starts one goroutine per request, which ends with the handler.
func (p *Provider) Transport() http.RoundTripper { return transport{p} }

// HTTPClient returns an http.Client with [Provider.Transport].
func (p *Provider) HTTPClient() *http.Client { return &http.Client{Transport: p.Transport()} }

type transport struct{ p *Provider }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	if origin(r.URL) != origin(t.p.base) {
		return nil, fmt.Errorf("oidctest: no network in tests: %s is not at the provider's origin %s", origin(r.URL), origin(t.p.base))
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	// The handler's context ends with that of the caller, but has none of its
	// values, as over a network.
	ctx, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(r.Context(), cancel)
	in := &http.Request{
		Method: r.Method, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: r.Header.Clone(), Host: cmp.Or(r.Host, r.URL.Host),
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), RemoteAddr: "192.0.2.1:49152",
		URL: &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}, RequestURI: r.URL.RequestURI(),
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	if in.Method == "" {
		in.Method = http.MethodGet
	}
	if in.URL.Path == "" {
		in.URL.Path = "/"
	}
	w := &recorder{header: http.Header{}}
	done := make(chan bool, 1) // reports whether the handler returned normally
	go func() {
		finished := false
		defer func() {
			cancel()
			if !finished {
				v := recover()
				if err, ok := v.(error); v != nil && !(ok && errors.Is(err, http.ErrAbortHandler)) {
					panic(v)
				}
			}
			done <- finished
		}()
		t.p.ServeHTTP(w, in.WithContext(ctx))
		finished = true
	}()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case finished := <-done:
		stop()
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		if !finished {
			return nil, fmt.Errorf("oidctest: connection reset: %w", io.ErrUnexpectedEOF)
		}
		return w.response(t.p, r), nil
	}
}

// recorder records one response.
type recorder struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, maps.Clone(w.header)
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *recorder) response(p *Provider, r *http.Request) *http.Response {
	w.WriteHeader(http.StatusOK)
	h := w.sent.Clone()
	if h.Get("Date") == "" {
		h.Set("Date", p.cfg.Now().UTC().Format(http.TimeFormat))
	}
	body := w.body.Bytes()
	if h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	length := int64(len(body))
	if r.Method == http.MethodHead {
		body = nil
	}
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: length, Request: r,
	}
}

// origin returns scheme, host and port, without the default port.
func origin(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return scheme + "://" + host
}
