package discovery_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/discovery"
)

func TestThreeFailuresInARowRefreshAtMostOnceAMinute(t *testing.T) {
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
		tell("TTTTTTTTT", 2) // within the minute
		advance(time.Minute)
		tell("T", 3)
		advance(time.Minute)
		tell("TT", 3) // counted anew after a refresh
		tell("T", 4)
		advance(time.Minute)
		srv.status = 500
		tell("TTT", 5)
		m, err := s.Metadata(t.Context())
		check.NoError(t, err)
		check.Equal(t, m.Issuer, issuer, "issuer after a failed refresh")
	})
}
