package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

func TestSoftLifetime(t *testing.T) {
	tests := []struct {
		name              string
		cacheControl, age string
		want              time.Duration
	}{
		{"nothing said", "", "", 15 * time.Minute},
		{"nothing about age", "public, must-revalidate", "60", 15 * time.Minute},
		{"max-age", "public, max-age=600", "", 10 * time.Minute},
		{"max-age in capitals, quoted", `Max-Age="600"`, "", 10 * time.Minute},
		{"s-maxage is for shared caches", "s-maxage=120, max-age=600", "", 10 * time.Minute},
		{"s-maxage alone", "s-maxage=120", "", 15 * time.Minute},
		{"less Age", "max-age=600", "200", 400 * time.Second},
		{"Age beyond max-age", "max-age=600", "900", time.Minute},
		{"Age broken", "max-age=600", "-200", 10 * time.Minute},
		{"Age huge", "max-age=600", "99999999999999999999", time.Minute},
		{"below the least", "max-age=1", "", time.Minute},
		{"zero", "max-age=0", "", time.Minute},
		{"above the most", "max-age=86400", "", time.Hour},
		{"above any number", "max-age=99999999999999999999", "", time.Hour},
		{"just above a Duration", "max-age=9223372037", "", time.Hour},
		{"negative", "max-age=-1", "", time.Minute},
		{"broken", "max-age=soon", "", time.Minute},
		{"without a value", "max-age", "", time.Minute},
		{"no-store", "max-age=600, no-store", "", time.Minute},
		{"no-cache", "No-Cache", "", time.Minute},
		{"twice: the smaller", "max-age=600, max-age=300", "", 5 * time.Minute},
		{"twice: the smaller first", "max-age=300, max-age=600", "", 5 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := remote.New(config(&server{handle: says(200, "v1", "Cache-Control", test.cacheControl, "Age", test.age)}))
				_, err := d.Get(t.Context())
				check.NoError(t, err)
				advance(test.want - 1)
				check.True(t, d.Fresh(), "not fresh just before %v", test.want)
				advance(1)
				check.True(t, !d.Fresh(), "still fresh after %v", test.want)
			})
		})
	}
}

func TestTheRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, err := remote.New(config(&server{handle: func(w http.ResponseWriter, r *http.Request) {
			check.Equal(t, r.Method, http.MethodGet, "method")
			check.Equal(t, r.Header.Get("Accept-Encoding"), "gzip", "Accept-Encoding")
			check.Contains(t, r.Header.Get("Accept"), "application/json")
			says(200, "v1")(w, r)
		}})).Get(t.Context())
		check.NoError(t, err)
	})
}

func TestConditionalRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sent []string
		s := &server{}
		s.handle = func(w http.ResponseWriter, r *http.Request) {
			sent = append(sent, r.Header.Get("If-None-Match"))
			if r.Header.Get("If-None-Match") == `"one"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			says(200, "v1", "ETag", `"one"`, "Cache-Control", "max-age=600")(w, r)
		}
		parsed := 0
		cfg := config(s)
		at := docURL
		cfg.URL = func(context.Context) (string, error) { return at, nil }
		cfg.Parse = func(_ string, body []byte) (string, error) { parsed++; return string(body), nil }
		d := remote.New(cfg)
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		advance(599 * time.Second)
		for range 2 { // the second shows that a 304 keeps the ETag
			v, err := d.Refetch(t.Context())
			check.NoError(t, err)
			check.Equal(t, v, "v1", "value after 304")
		}
		check.DeepEqual(t, sent, []string{"", `"one"`, `"one"`}, "If-None-Match")
		check.Equal(t, parsed, 1, "parsed")
		advance(599 * time.Second)
		check.True(t, d.Fresh(), "304 did not renew the lifetime first stated")
		advance(time.Second)
		check.True(t, !d.Fresh(), "304 without Cache-Control must keep the stated lifetime")

		at += "2"
		_, err = d.Refetch(t.Context())
		check.NoError(t, err)
		check.Equal(t, sent[3], "", "If-None-Match at another URL")
	})
}

func TestNotModifiedWithoutAValueIsInvalid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, err := remote.New(config(&server{handle: says(304, "")})).Get(t.Context())
		check.Equal(t, check.As[*remote.Error](t, err).Kind, remote.Invalid, "kind")
	})
}

// TestNotModifiedUnaskedIsInvalid: an answer without an ETag cannot be asked
// for again conditionally, so a 304 says nothing about it.
func TestNotModifiedUnaskedIsInvalid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{handle: says(200, "v1")}
		d := remote.New(config(s))
		_, err := d.Get(t.Context())
		check.NoError(t, err)
		s.handle = says(304, "")
		_, err = d.Refetch(t.Context())
		check.Equal(t, check.As[*remote.Error](t, err).Kind, remote.Invalid, "kind")
	})
}

// TestLongETagIsDropped: what a server sends as an ETag is kept and sent back
// with each request, so it has a bound.
func TestLongETagIsDropped(t *testing.T) {
	for size, kept := range map[int]bool{1024: true, 1025: false} {
		bubbleRun(t, fmt.Sprint(size), func(t *testing.T) {
			etag := `"` + strings.Repeat("e", size-2) + `"`
			var sent string
			d := remote.New(config(&server{handle: func(w http.ResponseWriter, r *http.Request) {
				sent = r.Header.Get("If-None-Match")
				says(200, "v1", "ETag", etag)(w, r)
			}}))
			for range 2 {
				_, err := d.Refetch(t.Context())
				check.NoError(t, err)
			}
			check.Equal(t, sent == etag, kept, "sent back")
			check.Equal(t, sent == "", !kept, "nothing sent")
		})
	}
}

func TestOnlyStatus200IsADocument(t *testing.T) {
	for _, status := range []int{201, 204, 206, 300, 400, 401, 404, 410, 429, 500, 503} {
		bubbleRun(t, http.StatusText(status), func(t *testing.T) {
			_, err := remote.New(config(&server{handle: says(status, "the body")})).Get(t.Context())
			e := check.As[*remote.Error](t, err)
			check.Equal(t, e.Kind, remote.Status, "kind")
			check.Equal(t, e.Status, status, "status")
			check.Lacks(t, e.Error(), "the body")
		})
	}
}

func bubbleRun(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { bubble(t, f) })
}

func TestRedirects(t *testing.T) {
	tests := []struct {
		name  string
		hops  []string // Location of each answer; after the last, the document
		wrong string
	}{
		{"one on the same origin", []string{"/other"}, ""},
		{"the default port is the same origin", []string{"https://ID.example.com:443/other"}, ""},
		{"three", []string{"/a", "/b", "/c"}, ""},
		{"four", []string{"/a", "/b", "/c", "/d"}, "more than 3 redirects"},
		{"another host", []string{"https://evil.example/doc"}, "another origin"},
		{"a subdomain", []string{"https://www.id.example.com/doc"}, "another origin"},
		{"another port", []string{"https://id.example.com:8443/doc"}, "another origin"},
		{"down to http", []string{"http://id.example.com/doc"}, "plain http"},
		{"to loopback", []string{"http://127.0.0.1/doc"}, "another origin"},
		{"to TLS on loopback", []string{"https://localhost/doc"}, "another origin"},
		{"away on the second hop", []string{"/a", "//evil.example/doc"}, "another origin"},
		{"user information", []string{"https://user:hunter2@id.example.com/doc"}, "user information"},
		{"another scheme", []string{"file:///etc/passwd"}, "not an absolute https URL"},
		{"a fragment", []string{"/other#part"}, "fragment"},
	}
	for _, test := range tests {
		bubbleRun(t, test.name, func(t *testing.T) {
			s := &server{}
			s.handle = func(w http.ResponseWriter, r *http.Request) {
				if n := int(s.requests.Load()) - 1; n < len(test.hops) {
					w.Header().Set("Location", test.hops[n])
					w.WriteHeader(http.StatusFound)
					return
				}
				says(200, "v1")(w, r)
			}
			v, err := remote.New(config(s)).Get(t.Context())
			if test.wrong == "" {
				check.NoError(t, err)
				check.Equal(t, v, "v1", "value")
				return
			}
			e := check.As[*remote.Error](t, err)
			check.Equal(t, e.Kind, remote.Invalid, "kind")
			check.Contains(t, e.Error(), test.wrong)
			check.Lacks(t, e.Error(), "hunter2")
			check.True(t, s.requests.Load() <= int64(len(test.hops)), "the refused redirect was followed")
		})
	}
}

func TestTheGivenClientIsCopiedAndItsJarUnused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{}
		s.handle = func(w http.ResponseWriter, r *http.Request) {
			check.Equal(t, len(r.Cookies()), 0, "cookies sent")
			says(200, "v1", "Set-Cookie", "a=b")(w, r)
		}
		jar, err := cookiejar.New(nil)
		check.NoError(t, err)
		at, err := url.Parse(docURL)
		check.NoError(t, err)
		jar.SetCookies(at, []*http.Cookie{{Name: "session", Value: "secret"}})
		given := &http.Client{Transport: s, Jar: jar}
		cfg := config(s)
		cfg.HTTPClient = given
		_, err = remote.New(cfg).Get(t.Context())
		check.NoError(t, err)
		check.True(t, given.CheckRedirect == nil && given.Jar == http.CookieJar(jar), "the given client was changed")
		check.Equal(t, len(jar.Cookies(at)), 1, "cookies in the jar")
	})
}

func TestHTTPClientFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	s := &server{handle: says(307, "", "Location", "/other")}
	resp, err := remote.HTTPClient(&http.Client{Transport: s}).Get(docURL)
	check.NoError(t, err)
	check.NoError(t, resp.Body.Close())
	check.Equal(t, resp.StatusCode, 307, "status")
	check.Equal(t, s.requests.Load(), 1, "requests")
	check.True(t, remote.HTTPClient(nil) != http.DefaultClient, "the default client is not private")
	check.True(t, remote.HTTPClient(nil).Transport != http.DefaultTransport, "the default transport is not private")
	own, ok := remote.HTTPClient(nil).Transport.(*http.Transport)
	check.True(t, ok, "the private transport is a %T", remote.HTTPClient(nil).Transport)
	check.Equal(t, own.ResponseHeaderTimeout, 10*time.Second, "timeout of headers")
	check.Equal(t, own.TLSHandshakeTimeout, 5*time.Second, "timeout of TLS")
	check.Equal(t, own.MaxResponseHeaderBytes, 64<<10, "bytes of headers")
}

func TestConnectionErrorsAreUnreachable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cause := errors.New("connection refused\x1b[31m")
		cfg := config(nil)
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, cause })}
		_, err := remote.New(cfg).Get(t.Context())
		e := check.As[*remote.Error](t, err)
		check.Equal(t, e.Kind, remote.Unreachable, "kind")
		check.Error(t, err, cause)
		check.Equal(t, e.Error(), `test document at "https://id.example.com/doc": connection refused?[31m`, "text")
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSlowDripEndsWithTheDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := config(nil)
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: &drip{r.Context()}, ContentLength: -1, Request: r}, nil
		})}
		began := time.Now()
		_, err := remote.New(cfg).Get(t.Context())
		check.Equal(t, check.As[*remote.Error](t, err).Kind, remote.Unreachable, "kind")
		check.Equal(t, time.Since(began), 5*time.Second, "time taken")
	})
}

// drip is a body of one byte a second, for ever.
type drip struct{ ctx context.Context }

func (d *drip) Read(p []byte) (int, error) {
	pause(d.ctx, time.Second)
	if err := d.ctx.Err(); err != nil {
		return 0, err
	}
	p[0] = ' '
	return 1, nil
}

func (d *drip) Close() error { return nil }

var _ io.ReadCloser = (*drip)(nil)

func TestAURLThatBreaksTheRuleIsMisconfigured(t *testing.T) {
	for _, at := range []string{"", "http://id.example.com/doc", "ftp://id.example.com/doc", "https://u:hunter2@id.example.com/"} {
		bubbleRun(t, at, func(t *testing.T) {
			s := &server{handle: says(200, "v1")}
			cfg := config(s)
			cfg.URL = func(context.Context) (string, error) { return at, nil }
			_, err := remote.New(cfg).Get(t.Context())
			e := check.As[*remote.Error](t, err)
			check.Equal(t, e.Kind, remote.Misconfigured, "kind")
			check.Lacks(t, e.Error(), "hunter2")
			check.Equal(t, s.requests.Load(), 0, "requests")
		})
	}
	bubbleRun(t, "allowed", func(t *testing.T) {
		cfg := config(&server{handle: says(200, "v1")})
		cfg.AllowHTTP = true
		cfg.URL = func(context.Context) (string, error) { return "http://id.example.com/doc", nil }
		_, err := remote.New(cfg).Get(t.Context())
		check.NoError(t, err)
	})
}

// A key set whose discovery document is away waits as long as that document does, and no longer.
func TestTheFailureOfTheDocumentThatNamesTheURLSetsThePace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		up := false
		outer := &server{}
		outer.handle = func(w http.ResponseWriter, r *http.Request) {
			if up {
				says(200, docURL)(w, r)
			} else {
				says(404, "")(w, r)
			}
		}
		namingConfig := config(outer)
		namingConfig.StaleFor = time.Second
		naming := remote.New(namingConfig)
		inner := &server{handle: says(200, "v1")}
		cfg := config(inner)
		cfg.Name, cfg.URL = "key set", naming.Get
		d := remote.New(cfg)
		for range 300 {
			_, err := d.Get(t.Context())
			e := check.As[*remote.Error](t, err)
			check.Equal(t, e.Kind, remote.Status, "kind")
			check.Equal(t, e.Status, 404, "status")
			check.Equal(t, e.Name, "key set", "name")
			check.True(t, e.RetryAfter > 0, "RetryAfter is missing")
			advance(time.Second)
		}
		check.Equal(t, inner.requests.Load(), 0, "requests to the inner document")
		up = true
		advance(naming.Backoff())
		_, err := naming.Get(t.Context())
		check.NoError(t, err)
		up = false
		advance(time.Hour)
		_, err = d.Get(t.Context()) // the outer document's first failure, after many in which this one made no attempt
		wait := check.As[*remote.Error](t, err).RetryAfter
		check.True(t, wait <= 1200*time.Millisecond, "RetryAfter %v", wait)
		up = true
		advance(wait)
		_, err = d.Get(t.Context())
		check.NoError(t, err)
	})
}

func TestErrorTextQuotesAndCapsTheURL(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := config(&server{handle: says(200, "secret body")})
		cfg.URL = func(context.Context) (string, error) { return docURL + "/" + strings.Repeat("x", 5000), nil }
		cfg.Parse = func(string, []byte) (string, error) { return "", errors.New("broken\n" + strings.Repeat("y", 9000)) }
		_, err := remote.New(cfg).Get(t.Context())
		check.True(t, len(err.Error()) < 2000, "the text has %d bytes", len(err.Error()))
		check.Contains(t, err.Error(), `test document at "https://id.example.com/doc/xxx`, "broken?yyy")
		check.Lacks(t, err.Error(), "secret body", "\n")
	})
}
