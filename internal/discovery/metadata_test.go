package discovery_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/discovery"
	"github.com/relyingparty/oidc/internal/remote"
)

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

// A document from elsewhere must not aim requests, and the secrets in them, at
// services of this machine.
func TestLoopbackEndpointsOfADocumentFromElsewhere(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, from string, cfg discovery.Config) *discovery.Metadata {
		t.Helper()
		srv := &server{document: document(t, from, map[string]any{
			"authorization_endpoint": "http://127.0.0.1:1/",
			"token_endpoint":         "http://localhost:2/",
			"jwks_uri":               "http://[::1]:3/",
			"userinfo_endpoint":      "https://127.0.0.1:4/",
			"introspection_endpoint": "https://localhost:5/",
			"revocation_endpoint":    "https://169.254.169.254/",
			"end_session_endpoint":   "https://0.0.0.0/",
		})}
		cfg.DiscoveryURL, cfg.HTTPClient = from, srv.client()
		m, err := newSource(t, cfg).Metadata(t.Context())
		check.NoError(t, err)
		return m
	}
	endpoints := func(m *discovery.Metadata) string {
		return strings.Join([]string{
			m.AuthorizationEndpoint, m.TokenEndpoint, m.JWKSURI, m.UserInfoEndpoint, m.IntrospectionEndpoint, m.RevocationEndpoint, m.EndSessionEndpoint,
		}, " ")
	}
	const all = "http://127.0.0.1:1/ http://localhost:2/ http://[::1]:3/ https://127.0.0.1:4/ https://localhost:5/ https://169.254.169.254/ https://0.0.0.0/"

	m := read(t, issuer, discovery.Config{})
	check.Equal(t, strings.TrimSpace(endpoints(m)), "", "endpoints")
	check.Equal(t, len(m.Problems), 7, "problems")
	check.Equal(t, endpoints(read(t, issuer, discovery.Config{AllowHTTP: true})), all, "endpoints with AllowHTTP")
	for _, from := range []string{"http://localhost:8080", "https://127.0.0.1:8443", "https://[::1]"} {
		check.Equal(t, endpoints(read(t, from, discovery.Config{})), all, "endpoints of a document on this machine, "+from)
	}
	// What the user sets is the user's word.
	m = read(t, issuer, discovery.Config{Endpoints: discovery.Endpoints{Token: "http://localhost:2/"}})
	check.Equal(t, m.TokenEndpoint, "http://localhost:2/", "token endpoint set by hand")
	check.Equal(t, len(m.Problems), 6, "problems")
}

func make1500() []string {
	values := make([]string, 1500)
	for i := range values {
		values[i] = "scope"
	}
	return values
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
		m, err := discovery.ParseMetadata(issuer, raw, discovery.Endpoints{}, false)
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
			if url != "" && remote.CheckNamedURL(url, issuer, false) != nil {
				t.Fatalf("endpoint %q breaks the rule", url)
			}
		}
		if len(m.ScopesSupported) > 1000 {
			t.Fatal("a list is not bounded")
		}
	})
}
