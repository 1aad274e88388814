package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxETag  = 1 << 10
	accept   = "application/json, application/jwk-set+json, */*;q=0.1"
	leftOver = 4 << 10 // of a refused answer is read, to keep the connection
)

// source is where a flight fetched from, and when the request began (zero: none was made).
type source struct {
	url   string
	began time.Time
}

// fetch makes one conditional request and turns the answer into what is to be held.
func (d *Document[T]) fetch(ctx context.Context, from *source) (*held[T], *Error) {
	raw, err := d.cfg.URL(ctx)
	if err != nil {
		return nil, d.urlFailed(err)
	}
	from.url = raw
	fail := func(kind Kind, err error) (*held[T], *Error) {
		return nil, &Error{Kind: kind, Name: d.cfg.Name, URL: raw, Err: err}
	}
	if err := CheckURL(raw, d.cfg.AllowHTTP); err != nil {
		return nil, &Error{Kind: Misconfigured, Name: d.cfg.Name, Err: err} // err names the URL
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, raw, nil)
	if err != nil {
		return fail(Misconfigured, errors.New("no request can be made of the URL"))
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", "gzip") // ours, so that inflation and its cap are ours too
	prev := d.cur.Load()
	if prev != nil && (prev.url != raw || prev.etag == "") {
		prev = nil
	}
	if prev != nil {
		req.Header.Set("If-None-Match", prev.etag)
	}
	from.began = time.Now()
	resp, err := d.client.Do(req)
	Ended(d.client, err)
	if err != nil {
		if refused, ok := errors.AsType[*redirectError](err); ok {
			return fail(Invalid, refused)
		}
		return fail(Unreachable, withoutURL(err))
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
	case resp.StatusCode == http.StatusNotModified && prev != nil:
		return d.hold(prev.value, raw, resp.Header, prev), nil
	case resp.StatusCode == http.StatusNotModified:
		return fail(Invalid, errors.New("status 304 to a request that was not conditional"))
	default:
		discard(resp.Body)
		return nil, &Error{Kind: Status, Name: d.cfg.Name, URL: raw, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
	}
	body, err := ReadBody(resp, d.cfg.MaxBytes)
	if err != nil {
		if refused, ok := errors.AsType[*BodyError](err); ok {
			return fail(Invalid, refused)
		}
		return fail(Unreachable, err)
	}
	value, err := d.cfg.Parse(raw, body)
	if err != nil {
		return fail(Invalid, err)
	}
	return d.hold(value, raw, resp.Header, nil), nil
}

// urlFailed is the error of Config.URL: that of the document which names the URL, or a configuration without one.
func (d *Document[T]) urlFailed(err error) *Error {
	e := &Error{Kind: Misconfigured, Name: d.cfg.Name, Err: err}
	if cause, ok := errors.AsType[*Error](err); ok {
		e.Kind, e.Status, e.RetryAfter, e.inner = cause.Kind, cause.Status, cause.RetryAfter, true
	} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		e.Kind = Unreachable
	}
	return e
}

// hold computes the times of a value. After a 304, prev lends what the answer does not repeat.
func (d *Document[T]) hold(value T, from string, header http.Header, prev *held[T]) *held[T] {
	h := &held[T]{value: value, url: from, etag: header.Get("ETag"), cacheControl: header.Values("Cache-Control"), fetched: time.Now()}
	if len(h.etag) > maxETag {
		h.etag = ""
	}
	if prev != nil {
		if h.etag == "" {
			h.etag = prev.etag
		}
		if len(h.cacheControl) == 0 {
			h.cacheControl = prev.cacheControl
		}
	}
	ttl := lifetime(h.cacheControl, header.Get("Age"), d.cfg.MinTTL, d.cfg.MaxTTL, d.cfg.DefaultTTL)
	h.soft = h.fetched.Add(ttl)
	h.refreshAt = h.fetched.Add(refreshAfter(ttl))
	if d.cfg.StaleFor > 0 {
		h.stale = h.soft.Add(d.cfg.StaleFor)
	}
	return h
}

// withoutURL drops the prefix net/http puts before its errors: the URL is told once, quoted and capped.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// retryAfter reads the header of the same name, in its form of seconds, up to the longest backoff.
func retryAfter(h http.Header) time.Duration {
	wait, _ := seconds(strings.TrimSpace(h.Get("Retry-After")))
	return min(wait, maxBackoff)
}

// redirectError says why a redirect was not followed.
type redirectError struct{ text string }

func (e *redirectError) Error() string { return e.text }

func refuseRedirect(format string, args ...any) error {
	return &redirectError{text: fmt.Sprintf(format, args...)}
}
