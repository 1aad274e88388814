package discovery_test

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/discovery"
)

const issuer = "https://id.example.com/realms/acme"

// server answers every request with its document (or a status other than 0), in memory, and counts.
type server struct {
	requests atomic.Int64
	document string
	status   int
	maxAge   string // default 60
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	status := s.status
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"max-age=" + cmp.Or(s.maxAge, "60")}},
		Body: io.NopCloser(strings.NewReader(s.document)), ContentLength: -1, Request: r,
	}, nil
}

func (s *server) client() *http.Client { return &http.Client{Transport: s} }

// document is a small metadata document; members are added to it or replace its own.
func document(t *testing.T, issuer string, members map[string]any) string {
	t.Helper()
	all := map[string]any{"issuer": issuer, "authorization_endpoint": issuer + "/auth", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys"}
	maps.Copy(all, members)
	raw, err := json.Marshal(all)
	check.NoError(t, err)
	return string(raw)
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// advance moves the fake clock and lets what is due happen.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func newSource(t *testing.T, cfg discovery.Config) *discovery.Source {
	t.Helper()
	s, err := discovery.New(cfg)
	check.NoError(t, err)
	return s
}
