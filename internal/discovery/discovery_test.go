package discovery_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/remote"
)

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
