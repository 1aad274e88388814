package remote

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// BodyError says that an answer's body is not what was asked for: another type or encoding, or too large.
type BodyError struct{ text string }

func (e *BodyError) Error() string { return e.text }

// ReadBody reads the body of a JSON answer: JSON by its type, or labelled text/plain or octet-stream, or not labelled; or
// one of types (lower case). It inflates gzip and refuses more than limit bytes after inflation. What is wrong
// with the answer is a *BodyError, what is wrong with the connection any other error. It does not close the body.
func ReadBody(resp *http.Response, limit int64, types ...string) ([]byte, error) {
	if kind := mediaType(resp.Header.Get("Content-Type")); !isJSON(kind) && !slices.Contains(types, kind) {
		if kind == "text/html" || kind == "application/xhtml+xml" {
			return nil, &BodyError{text: "the answer is HTML, not JSON: an error or login page, or the wrong URL"}
		}
		return nil, &BodyError{text: fmt.Sprintf("the answer's content type is %s, not JSON", Quote(kind))}
	}
	var body io.Reader
	switch encoding := strings.ToLower(strings.TrimSpace(strings.Join(resp.Header.Values("Content-Encoding"), ","))); encoding {
	case "", "identity":
		body = resp.Body
	case "gzip", "x-gzip":
		// Inflation may yield nothing for ever (empty members): what goes in is bounded as well.
		inflate, err := gzip.NewReader(io.LimitReader(resp.Body, limit+64<<10))
		if err != nil {
			return nil, inflationFailed(err)
		}
		body = inflate
	default:
		return nil, &BodyError{text: fmt.Sprintf("the answer's content encoding is %s, which was not asked for", Quote(encoding))}
	}
	read, err := io.ReadAll(io.LimitReader(body, limit+1))
	if int64(len(read)) > limit {
		return nil, &BodyError{text: fmt.Sprintf("the answer is larger than %d bytes", limit)}
	}
	if err != nil {
		return nil, inflationFailed(err)
	}
	return read, nil
}

func inflationFailed(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return &BodyError{text: "the answer's gzip encoding is broken"}
	}
	return fmt.Errorf("reading the answer: %w", err)
}

// mediaType is the type without its parameters, in lower case.
func mediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func isJSON(kind string) bool {
	switch kind {
	case "", "application/json", "text/json", "text/plain", "application/octet-stream", "binary/octet-stream":
		return true
	}
	return strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// discard reads a little of a refused body, so that the connection can be used again.
func discard(body io.Reader) { _, _ = io.CopyN(io.Discard, body, leftOver) }
