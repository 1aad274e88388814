package interop

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
)

// run is where the page's own program goes, if it has one.
func (p *Person) run(t testing.TB, page *Page) *http.Request {
	t.Helper()
	if p.Script == nil {
		return nil
	}
	if target := p.Script(t, p, page); target != "" {
		return request(t, http.MethodGet, resolve(t, page.URL, target), nil)
	}
	return nil
}

// SendJSON sends value (nil: nothing) to target as a page's program would, with the person's cookies.
func (p *Person) SendJSON(t testing.TB, method, target string, value any) *Page {
	t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if value == nil {
		body = nil
	}
	u := parse(t, target)
	req, err := http.NewRequestWithContext(t.Context(), method, u.String(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Origin", origin(u))
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Sec-Fetch-Mode", "cors")
	req.Header.Set("Sec-Fetch-Dest", "empty")
	return p.open(t, req)
}
