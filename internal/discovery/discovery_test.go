package discovery_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/remote"
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

func TestProvidersDocuments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.discovery.json")
	check.NoError(t, err)
	check.Equal(t, len(files), 6, "documents")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			check.NoError(t, err)
			var want discovery.Metadata
			check.NoError(t, json.Unmarshal(raw, &want))
			srv := &server{document: string(raw)}
			m, err := newSource(t, discovery.Config{DiscoveryURL: want.Issuer, HTTPClient: srv.client()}).Metadata(t.Context())
			check.NoError(t, err)
			check.DeepEqual(t, *m, want, "metadata")
		})
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	tests := []struct{ name, document, wrong string }{
		{"empty", "", "not a discovery document"},
		{"an array", `[]`, "not a discovery document"},
		{"null", `null`, "not a discovery document"},
		{"something after it", `{"issuer":"` + issuer + `"} {}`, "not a discovery document"},
		{"a duplicate", `{"issuer":"` + issuer + `","issuer":"` + issuer + `"}`, "not a discovery document"},
		{"a duplicate we do not read", `{"issuer":"` + issuer + `","x":1,"x":2}`, "not a discovery document"},
		{"a case variant", `{"issuer":"` + issuer + `","Token_Endpoint":"a","token_endpoint":"b"}`, "not a discovery document"},
		{"no issuer", `{"token_endpoint":"https://id.example.com/token"}`, "no issuer"},
		{"null issuer", `{"issuer":null}`, "no issuer"},
		{"empty issuer", `{"issuer":""}`, "no issuer"},
		{"issuer of another type", `{"issuer":["` + issuer + `"]}`, "issuer is not a string"},
		{"endpoint of another type", `{"issuer":"` + issuer + `","jwks_uri":7}`, "jwks_uri is not a string"},
		{"a string for a list", `{"issuer":"` + issuer + `","scopes_supported":"openid"}`, "scopes_supported is not an array of strings"},
		{"a list of others", `{"issuer":"` + issuer + `","grant_types_supported":["a",1]}`, "grant_types_supported is not an array of strings"},
		{"a string for a boolean", `{"issuer":"` + issuer + `","authorization_response_iss_parameter_supported":"true"}`, "authorization_response_iss_parameter_supported is not a boolean"},
		{"a number for a boolean", `{"issuer":"` + issuer + `","backchannel_logout_supported":1}`, "backchannel_logout_supported is not a boolean"},
		{"too large", `{"issuer":"` + issuer + `","x":"` + strings.Repeat("y", 512<<10) + `"}`, "larger than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := &server{document: test.document}
				_, err := newSource(t, discovery.Config{DiscoveryURL: issuer, HTTPClient: srv.client()}).Metadata(t.Context())
				check.Equal(t, check.As[*remote.Error](t, err).Kind, remote.Invalid, "kind")
				check.Contains(t, err.Error(), test.wrong)
			})
		})
	}
}

func TestAnIssuerIsAURLWithoutQuery(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"acme", "http://id.example.com", "https://id.example.com?x", "https://id.example.com/#"} {
		_, err := discovery.New(discovery.Config{DiscoveryURL: issuer, Issuer: bad})
		check.True(t, err != nil, "%s: no error", bad)
		check.Contains(t, err.Error(), "Issuer: ")
	}
}

func TestABadEndpointIsMissingAndHarmsNoOther(t *testing.T) {
	t.Parallel()
	srv := &server{document: document(t, issuer, map[string]any{
		"userinfo_endpoint":      "http://id.example.com/userinfo",
		"end_session_endpoint":   "/logout",
		"revocation_endpoint":    "https://id.example.com/" + strings.Repeat("r", 5000),
		"introspection_endpoint": nil,
		"jwks_uri":               "javascript:alert(1)",
		"scopes_supported":       make1500(),
		"grant_types_supported":  []string{"", "authorization_code"},
	})}
	m, err := newSource(t, discovery.Config{DiscoveryURL: issuer, HTTPClient: srv.client()}).Metadata(t.Context())
	check.NoError(t, err)
	check.Equal(t, m.TokenEndpoint, issuer+"/token", "token endpoint")
	check.Equal(t, m.UserInfoEndpoint+m.EndSessionEndpoint+m.RevocationEndpoint+m.IntrospectionEndpoint+m.JWKSURI, "", "bad endpoints")
	check.Equal(t, len(m.ScopesSupported), 1000, "scopes")
	check.DeepEqual(t, m.GrantTypesSupported, []string{"authorization_code"}, "grant types")
	check.Equal(t, len(m.Problems), 5, "problems")
	check.Contains(t, strings.Join(m.Problems, "\n"), "jwks_uri: ", "userinfo_endpoint: ", "end_session_endpoint: ", "revocation_endpoint: longer", "scopes_supported: only")
}

func make1500() []string {
	values := make([]string, 1500)
	for i := range values {
		values[i] = "scope"
	}
	return values
}

func TestOverridesOfSingleEndpoints(t *testing.T) {
	t.Parallel()
	srv := &server{document: document(t, issuer, map[string]any{"jwks_uri": "http://internal/keys"})}
	m, err := newSource(t, discovery.Config{
		DiscoveryURL: issuer, HTTPClient: srv.client(),
		Endpoints: discovery.Endpoints{JWKS: "https://keys.example.com/", Introspection: "https://admin.example.com/introspect"},
	}).Metadata(t.Context())
	check.NoError(t, err)
	check.Equal(t, m.JWKSURI, "https://keys.example.com/", "jwks_uri")
	check.Equal(t, m.IntrospectionEndpoint, "https://admin.example.com/introspect", "introspection")
	check.Equal(t, m.TokenEndpoint, issuer+"/token", "token")
	check.Equal(t, len(m.Problems), 0, "problems")
}

func TestAStaticProviderNeverFails(t *testing.T) {
	t.Parallel()
	srv := &server{}
	all := discovery.Endpoints{
		Authorization: "https://a.example.com/1", Token: "https://a.example.com/2", JWKS: "https://a.example.com/3", UserInfo: "https://a.example.com/4",
		Introspection: "https://a.example.com/5", Revocation: "https://a.example.com/6", EndSession: "https://a.example.com/7",
	}
	s := newSource(t, discovery.Config{Issuer: "https://a.example.com", Endpoints: all, HTTPClient: srv.client()})
	check.True(t, s.Static(), "not static")
	gone, leave := context.WithCancel(t.Context())
	leave()
	m, err := s.Metadata(gone)
	check.NoError(t, err)
	check.DeepEqual(t, *m, discovery.Metadata{
		Issuer: "https://a.example.com", AuthorizationEndpoint: all.Authorization, TokenEndpoint: all.Token, JWKSURI: all.JWKS, UserInfoEndpoint: all.UserInfo,
		IntrospectionEndpoint: all.Introspection, RevocationEndpoint: all.Revocation, EndSessionEndpoint: all.EndSession,
	}, "metadata")
	check.DeepEqual(t, s.Issuers(), []string{"https://a.example.com"}, "issuers")
	for range 10 {
		s.Outcome("token endpoint", true)
	}
	check.Equal(t, srv.requests.Load(), 0, "requests")

	s = newSource(t, discovery.Config{Endpoints: discovery.Endpoints{Token: all.Token}})
	check.Equal(t, len(s.Issuers()), 0, "issuers without Issuer")
}

func TestNewNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := discovery.New(discovery.Config{})
	check.Contains(t, err.Error(), "DiscoveryURL: ", "Endpoints")
	_, err = discovery.New(discovery.Config{
		DiscoveryURL: "https://id.example.com?x", Issuer: "acme",
		Endpoints: discovery.Endpoints{Token: "http://id.example.com/token", JWKS: "/keys"},
	})
	check.Contains(t, err.Error(), "DiscoveryURL: ", "Issuer: ", "Endpoints.Token: ", "Endpoints.JWKS: ", "InsecureAllowHTTP")
	check.Equal(t, strings.Count(err.Error(), "\n"), 3, "lines")
	_, err = discovery.New(discovery.Config{DiscoveryURL: "http://id.example.com"})
	check.Contains(t, err.Error(), "DiscoveryURL: ", "InsecureAllowHTTP")
	newSource(t, discovery.Config{DiscoveryURL: "http://id.example.com", AllowHTTP: true})
	newSource(t, discovery.Config{DiscoveryURL: "http://127.0.0.1:8080"})
}

func TestRefreshedOnceADayAndKeptForEver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := &server{document: document(t, issuer, nil)}
		s := newSource(t, discovery.Config{DiscoveryURL: issuer, HTTPClient: srv.client()})
		read := func() *discovery.Metadata {
			m, err := s.Metadata(t.Context())
			check.NoError(t, err)
			synctest.Wait()
			return m
		}
		read()
		for range 19 { // the answer's own max-age is a minute
			advance(time.Hour)
			read()
		}
		check.Equal(t, srv.requests.Load(), 1, "requests within the day")
		srv.document = document(t, issuer, map[string]any{"token_endpoint": "https://id.example.com/token2"})
		advance(5 * time.Hour)
		read()
		check.Equal(t, srv.requests.Load(), 2, "requests after a day")
		check.Equal(t, read().TokenEndpoint, "https://id.example.com/token2", "token endpoint")

		srv.status = 503
		for range 60 {
			advance(24 * time.Hour)
			check.Equal(t, read().TokenEndpoint, "https://id.example.com/token2", "token endpoint while the provider is away")
		}
		check.True(t, srv.requests.Load() > 30, "refreshes were not tried again")
	})
}

func TestALongLifetimeIsCutToADay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := &server{document: document(t, issuer, nil), maxAge: "31536000"}
		s := newSource(t, discovery.Config{DiscoveryURL: issuer, HTTPClient: srv.client()})
		for range 2 {
			_, err := s.Metadata(t.Context())
			check.NoError(t, err)
			advance(24 * time.Hour)
		}
		check.Equal(t, srv.requests.Load(), 2, "requests")
	})
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

func TestTheProviderIsAwayAtFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := &server{status: 404}
		s := newSource(t, discovery.Config{DiscoveryURL: issuer, HTTPClient: srv.client()})
		_, err := s.Metadata(t.Context())
		e := check.As[*remote.Error](t, err)
		check.Equal(t, e.Status, 404, "status")
		check.Equal(t, e.Name, "discovery document", "name")
		check.Contains(t, e.Error(), issuer+"/.well-known/openid-configuration")
		srv.status, srv.document = 0, document(t, issuer, nil)
		advance(e.RetryAfter)
		_, err = s.Metadata(t.Context())
		check.NoError(t, err)
	})
}

func FuzzParseMetadata(f *testing.F) {
	files, err := filepath.Glob("testdata/*.discovery.json")
	check.NoError(f, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		check.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte(`{"issuer":"x","jwks_uri":null,"scopes_supported":[null,""]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := discovery.ParseMetadata(raw, discovery.Endpoints{}, false)
		if err != nil {
			if m != nil || len(err.Error()) > 2000 {
				t.Fatalf("metadata %v with error %v", m, err)
			}
			return
		}
		var loose discovery.Metadata
		if err := json.Unmarshal(raw, &loose); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if m.Issuer == "" || m.Issuer != loose.Issuer {
			t.Fatalf("issuer %q, encoding/json reads %q", m.Issuer, loose.Issuer)
		}
		for _, url := range []string{m.AuthorizationEndpoint, m.TokenEndpoint, m.JWKSURI, m.UserInfoEndpoint, m.IntrospectionEndpoint, m.RevocationEndpoint, m.EndSessionEndpoint} {
			if url != "" && remote.CheckURL(url, false) != nil {
				t.Fatalf("endpoint %q breaks the rule", url)
			}
		}
		if len(m.ScopesSupported) > 1000 {
			t.Fatal("a list is not bounded")
		}
	})
}
