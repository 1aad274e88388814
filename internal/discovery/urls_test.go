package discovery_test

import (
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/discovery"
)

func TestURLs(t *testing.T) {
	t.Parallel()
	const openid, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	tests := []struct{ url, fetch, issuer string }{
		// An issuer: the suffix is appended.
		{"https://id.example.com", "https://id.example.com" + openid, "https://id.example.com"},
		{"https://id.example.com/", "https://id.example.com" + openid, "https://id.example.com"},
		{"https://id.example.com/realms/acme", "https://id.example.com/realms/acme" + openid, "https://id.example.com/realms/acme"},
		{"https://id.example.com/realms/acme/", "https://id.example.com/realms/acme" + openid, "https://id.example.com/realms/acme"},
		{"https://id.example.com/a//", "https://id.example.com/a/" + openid, "https://id.example.com/a/"},
		{"http://127.0.0.1:4444/", "http://127.0.0.1:4444" + openid, "http://127.0.0.1:4444"},
		// Spelling is kept, byte for byte.
		{"https://ID.example.com/%61cme", "https://ID.example.com/%61cme" + openid, "https://ID.example.com/%61cme"},
		// A full URL is fetched as it is. Appended:
		{"https://id.example.com" + openid, "", "https://id.example.com"},
		{"https://id.example.com/oauth2/realm" + openid, "", "https://id.example.com/oauth2/realm"},
		{"https://id.example.com/oauth2/realm" + oauth, "", "https://id.example.com/oauth2/realm"},
		// Inserted (RFC 8414 section 3.1):
		{"https://id.example.com" + oauth, "", "https://id.example.com"},
		{"https://id.example.com" + oauth + "/realm/acme", "", "https://id.example.com/realm/acme"},
		{"https://id.example.com" + oauth + "/realm/acme/", "", "https://id.example.com/realm/acme"},
		{"https://id.example.com" + openid + "/realm", "", "https://id.example.com/realm"},
		{"https://id.example.com" + openid + "/", "", "https://id.example.com"},
		{"https://gateway.example.com/id" + oauth + "/acme", "", "https://gateway.example.com/id/acme"},
		// Not well-known parts: they end inside a segment.
		{"https://id.example.com" + openid + "s", "https://id.example.com" + openid + "s" + openid, "https://id.example.com" + openid + "s"},
		{"https://id.example.com/x.well-known/openid-configuration", "https://id.example.com/x.well-known/openid-configuration" + openid, "https://id.example.com/x.well-known/openid-configuration"},
	}
	for _, test := range tests {
		fetch, issuers, err := discovery.URLs(test.url)
		check.NoError(t, err)
		if test.fetch == "" {
			test.fetch = test.url
		}
		check.Equal(t, fetch, test.fetch, "fetch of "+test.url)
		check.DeepEqual(t, issuers, []string{test.issuer, test.issuer + "/"}, "issuers of "+test.url)
	}
}

func TestURLsRefused(t *testing.T) {
	t.Parallel()
	for raw, wrong := range map[string]string{
		"":                               "empty",
		"id.example.com":                 "not an absolute https URL",
		"https://id.example.com?realm=a": "query string",
		"https://id.example.com/?":       "query string",
		"https://id.example.com/.well-known/openid-configuration?p=b2c": "query string",
		"https://id.example.com/#a":                                     "fragment",
		"https://u:p@id.example.com/":                                   "user information",
		"https://id.example.com/ acme":                                  "space",
	} {
		_, _, err := discovery.URLs(raw)
		check.True(t, err != nil, "%q: no error", raw)
		check.True(t, strings.Contains(err.Error(), wrong), "%q: %v", raw, err)
	}
}
