package discovery_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/discovery"
)

func TestThreeFailuresInARowRefreshOnceInThirtySeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := &server{document: document(t, issuer, nil)}
		s := newSource(t, discovery.Config{DiscoveryURL: issuer, HTTPClient: srv.client()})
		_, err := s.Metadata(t.Context())
		check.NoError(t, err)
		tell := func(outcomes string, want int64) {
			t.Helper()
			for _, o := range outcomes {
				switch o {
				case 'T', 'K':
					s.Outcome(string(o), true)
				default:
					s.Outcome(strings.ToUpper(string(o)), false)
				}
			}
			synctest.Wait()
			check.Equal(t, srv.requests.Load(), want, "requests after "+outcomes)
		}
		tell("TT", 1)
		tell("t", 1) // a success in between
		tell("TT", 1)
		tell("KK", 1) // another endpoint's failures are its own
		tell("k", 1)
		tell("T", 2)
		tell("TTTTTTTTT", 2) // within the 30 s
		tell("KKKKKKKKK", 2) // which all endpoints share
		advance(30 * time.Second)
		tell("T", 3)
		tell("tk", 3)
		advance(30 * time.Second)
		tell("TT", 3) // counted anew after a success
		tell("T", 4)
		advance(30 * time.Second)

		// A refresh that failed is no refresh: the next failure asks again, as soon
		// as the backoff allows.
		srv.status = 500
		tell("T", 5)
		tell("TTTTTTTTT", 5)
		advance(1200 * time.Millisecond)
		srv.status = 0
		tell("T", 6)
		tell("T", 6)
		m, err := s.Metadata(t.Context())
		check.NoError(t, err)
		check.Equal(t, m.Issuer, issuer, "issuer after a failed refresh")
	})
}

func TestNewerMetadata(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := &server{document: document(t, issuer, nil)}
		s := newSource(t, discovery.Config{DiscoveryURL: issuer, HTTPClient: srv.client()})
		old, err := s.Metadata(t.Context())
		check.NoError(t, err)
		newer := func(want string, requests int64) {
			t.Helper()
			m, err := s.Newer(t.Context(), old)
			check.NoError(t, err)
			check.Equal(t, m.JWKSURI, issuer+want, "jwks_uri")
			check.Equal(t, srv.requests.Load(), requests, "requests")
		}
		srv.status = 503
		newer("/keys", 2)
		newer("/keys", 2) // within the backoff
		advance(1200 * time.Millisecond)
		srv.status, srv.document = 0, document(t, issuer, map[string]any{"jwks_uri": issuer + "/keys2"})
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if m, err := s.Newer(t.Context(), old); err != nil || m.JWKSURI != issuer+"/keys2" {
					t.Errorf("metadata %v, error %v", m, err)
				}
			})
		}
		wg.Wait()
		check.Equal(t, srv.requests.Load(), 3, "requests of a thousand callers")
		advance(time.Minute)
		newer("/keys2", 3) // tried is old: what is held is newer, and needs no fetch
		old, err = s.Metadata(t.Context())
		check.NoError(t, err)
		newer("/keys2", 4) // fetched again, and the same
		old, err = s.Metadata(t.Context())
		check.NoError(t, err)
		srv.document = document(t, issuer, map[string]any{"jwks_uri": issuer + "/keys3"})
		advance(30*time.Second - 1)
		newer("/keys2", 4)
		advance(1)
		newer("/keys3", 5)
	})
}

// A provider that cannot change has no newer metadata.
func TestNewerMetadataOfAStaticProvider(t *testing.T) {
	t.Parallel()
	s := newSource(t, discovery.Config{Endpoints: discovery.Endpoints{Token: "https://id.example.com/token"}})
	m, err := s.Metadata(t.Context())
	check.NoError(t, err)
	same, err := s.Newer(t.Context(), m)
	check.NoError(t, err)
	check.True(t, same == m, "other metadata")
}
