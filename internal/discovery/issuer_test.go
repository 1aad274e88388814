package discovery_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/remote"
)

func TestIssuerMatchesTheURLOrTheConfiguration(t *testing.T) {
	const oauth = "https://id.example.com/.well-known/oauth-authorization-server/realms/acme"
	tests := []struct {
		name, url, configured, document string
		ok                              bool
	}{
		{"as the URL", issuer, "", issuer, true},
		{"one slash more than the URL", issuer, "", issuer + "/", true},
		{"one slash less", issuer + "/", "", issuer, true},
		{"full URL", issuer + "/.well-known/openid-configuration", "", issuer, true},
		{"full URL, slash", issuer + "/.well-known/openid-configuration", "", issuer + "/", true},
		{"inserted", oauth, "", issuer, true},
		{"inserted, slash", oauth, "", issuer + "/", true},
		{"two slashes more", issuer, "", issuer + "//", false},
		{"case of the host", issuer, "", "https://ID.example.com/realms/acme", false},
		{"case of the path", issuer, "", "https://id.example.com/realms/Acme", false},
		{"the default port", issuer, "", "https://id.example.com:443/realms/acme", false},
		{"another realm", issuer, "", "https://id.example.com/realms/other", false},
		{"http", issuer, "", "http://id.example.com/realms/acme", false},
		{"configured", issuer, "https://public.example.com/", "https://public.example.com/", true},
		{"configured, another slash", issuer, "https://public.example.com", "https://public.example.com/", false},
		{"configured, but the URL's", issuer, "https://public.example.com", issuer, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := &server{document: document(t, test.document, nil)}
				s := newSource(t, discovery.Config{DiscoveryURL: test.url, Issuer: test.configured, HTTPClient: srv.client()})
				m, err := s.Metadata(t.Context())
				if test.ok {
					check.NoError(t, err)
					check.Equal(t, m.Issuer, test.document, "issuer")
					check.DeepEqual(t, s.Issuers(), []string{test.document}, "issuers once known")
					return
				}
				mismatch := check.As[*discovery.IssuerMismatchError](t, err)
				check.Equal(t, mismatch.Got, test.document, "Got")
				check.Contains(t, err.Error(), `set Config.Issuer to "`+test.document+`"`)
				check.Equal(t, check.As[*remote.Error](t, err).Kind, remote.Invalid, "kind")
			})
		})
	}
}

func TestIssuersBeforeTheDocumentIsKnown(t *testing.T) {
	t.Parallel()
	srv := &server{}
	s := newSource(t, discovery.Config{DiscoveryURL: issuer + "/", HTTPClient: srv.client()})
	check.DeepEqual(t, s.Issuers(), []string{issuer, issuer + "/"}, "issuers")
	s = newSource(t, discovery.Config{DiscoveryURL: issuer, Issuer: "https://public.example.com", HTTPClient: srv.client()})
	check.DeepEqual(t, s.Issuers(), []string{"https://public.example.com"}, "configured")
	check.Equal(t, srv.requests.Load(), 0, "requests")
}

func TestIssuerMismatchTextIsQuotedAndCapped(t *testing.T) {
	t.Parallel()
	e := &discovery.IssuerMismatchError{Want: issuer, Got: "https://x/\n\x1b" + strings.Repeat("y", 9000)}
	check.Contains(t, e.Error(), "set Config.Issuer to", `"`+issuer+`"`, `https://x/\n\x1byyy`)
	check.True(t, len(e.Error()) < 1000, "the text has %d bytes", len(e.Error()))
}

func TestAnIssuerIsAURLWithoutQuery(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"acme", "http://id.example.com", "https://id.example.com?x", "https://id.example.com/#"} {
		_, err := discovery.New(discovery.Config{DiscoveryURL: issuer, Issuer: bad})
		check.True(t, err != nil, "%s: no error", bad)
		check.Contains(t, err.Error(), "Issuer: ")
	}
}

func TestAChangedIssuerIsAFailedRefresh(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := &server{document: document(t, issuer, nil)}
		s := newSource(t, discovery.Config{DiscoveryURL: issuer, HTTPClient: srv.client()})
		_, err := s.Metadata(t.Context())
		check.NoError(t, err)
		for _, other := range []string{"https://evil.example", issuer + "/"} {
			srv.document = document(t, other, nil)
			advance(25 * time.Hour)
			_, err = s.Metadata(t.Context())
			check.NoError(t, err)
			synctest.Wait()
			m, err := s.Metadata(t.Context())
			check.NoError(t, err)
			check.Equal(t, m.Issuer, issuer, "issuer")
			check.DeepEqual(t, s.Issuers(), []string{issuer}, "issuers")
		}
		check.Equal(t, srv.requests.Load(), 3, "requests")
	})
}
