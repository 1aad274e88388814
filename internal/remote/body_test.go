package remote_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	check.NoError(t, err)
	check.NoError(t, z.Close())
	return b.String()
}

func TestBody(t *testing.T) {
	const limit = 512 << 10
	long, longer := strings.Repeat("a", limit), strings.Repeat("a", limit+1)
	tests := []struct {
		name, kind, encoding, body string
		wrong                      string
	}{
		{"JSON", "application/json; charset=utf-8", "", "v", ""},
		{"JWK set", "application/jwk-set+json", "", "v", ""},
		{"capitals", "Application/JSON", "", "v", ""},
		{"no type", "", "", "v", ""},
		{"text", "text/plain;charset=utf-8", "", "v", ""},
		{"bytes", "application/octet-stream", "", "v", ""},
		{"HTML", "text/html; charset=utf-8", "", "v", "HTML"},
		{"XHTML", "application/xhtml+xml", "", "v", "HTML"},
		{"XML", "application/xml", "", "v", `"application/xml"`},
		{"an image", "image/png", "", "v", `"image/png"`},
		{"JSON in name only", "image/svg+json", "", "v", "content type"},
		{"gzip", "application/json", "gzip", zipped(t, "v"), ""},
		{"x-gzip", "application/json", "X-GZIP", zipped(t, "v"), ""},
		{"identity", "application/json", "identity", "v", ""},
		{"br", "application/json", "br", "v", `encoding is "br"`},
		{"two encodings", "application/json", "gzip, gzip", "v", "encoding"},
		{"not gzip", "application/json", "gzip", "not gzip at all", "gzip encoding is broken"},
		{"broken checksum", "application/json", "gzip", zipped(t, "v")[:20] + "aaaaaaaa", "gzip encoding is broken"},
		{"the limit", "application/json", "", long, ""},
		{"beyond the limit", "application/json", "", longer, "larger than 524288 bytes"},
		{"the limit after inflation", "application/json", "gzip", zipped(t, long), ""},
		{"beyond the limit after inflation", "application/json", "gzip", zipped(t, longer), "larger than 524288 bytes"},
		{"gzip bomb", "application/json", "gzip", zipped(t, strings.Repeat("a", 8<<20)), "larger than 524288 bytes"},
	}
	for _, test := range tests {
		bubbleRun(t, test.name, func(t *testing.T) {
			d := remote.New(config(&server{handle: says(200, test.body, "Content-Type", test.kind, "Content-Encoding", test.encoding)}))
			v, err := d.Get(t.Context())
			if test.wrong == "" {
				check.NoError(t, err)
				check.True(t, v == "v" || v == long, "read %d bytes", len(v))
				return
			}
			e := check.As[*remote.Error](t, err)
			check.Equal(t, e.Kind, remote.Invalid, "kind")
			check.Contains(t, e.Error(), test.wrong)
		})
	}
}

// Members of gzip that hold nothing inflate to nothing, for ever.
func TestEmptyGzipMembersEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		endless := &repeated{part: []byte(zipped(t, ""))}
		cfg := config(nil)
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Encoding": {"gzip"}}, Body: endless, ContentLength: -1, Request: r}, nil
		})}
		_, err := remote.New(cfg).Get(t.Context())
		check.As[*remote.Error](t, err)
		check.True(t, endless.read < 1<<20, "%d bytes were read", endless.read)
	})
}

// TestALargeBodyIsNotRead: the limit is on what is read, not on what is kept.
func TestALargeBodyIsNotRead(t *testing.T) {
	t.Parallel()
	endless := &repeated{part: []byte("a")}
	_, err := remote.ReadBody(&http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: struct {
		io.Reader
		io.Closer
	}{io.LimitReader(endless, 64<<20), endless}}, 1000)
	check.Contains(t, check.As[*remote.BodyError](t, err).Error(), "larger than 1000 bytes")
	check.True(t, endless.read < 64<<10, "%d bytes were read", endless.read)
}

type repeated struct {
	part []byte
	read int
}

func (r *repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.part[(r.read+i)%len(r.part)]
	}
	r.read += len(p)
	return len(p), nil
}

func (r *repeated) Close() error { return nil }

func TestATruncatedBodyIsUnreachable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		whole := zipped(t, strings.Repeat("abc", 1000))
		_, err := remote.New(config(&server{handle: says(200, whole[:len(whole)-6], "Content-Encoding", "gzip")})).Get(t.Context())
		check.Equal(t, check.As[*remote.Error](t, err).Kind, remote.Unreachable, "kind")
	})
}

func TestReadBodyOfAnotherType(t *testing.T) {
	t.Parallel()
	s := &server{handle: says(200, "x.y.z", "Content-Type", "application/jwt")}
	resp, err := (&http.Client{Transport: s}).Get(docURL)
	check.NoError(t, err)
	defer resp.Body.Close()
	body, err := remote.ReadBody(resp, 5, "application/jwt")
	check.NoError(t, err)
	check.Equal(t, string(body), "x.y.z", "body")
	resp, err = (&http.Client{Transport: s}).Get(docURL)
	check.NoError(t, err)
	defer resp.Body.Close()
	_, err = remote.ReadBody(resp, 5)
	check.As[*remote.BodyError](t, err)
}
