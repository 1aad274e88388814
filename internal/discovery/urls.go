package discovery

import (
	"fmt"
	"strings"

	"github.com/relyingparty/oidc/internal/remote"
)

const suffix = "/.well-known/openid-configuration"

// wellKnown are the parts that make a URL a discovery URL: appended (OpenID) or inserted between host and path (RFC 8414 section 3.1).
var wellKnown = []string{suffix, "/.well-known/oauth-authorization-server"}

// URLs returns the URL to fetch and the issuers it may name.
// A URL with a well-known part is fetched as it is and names the issuer without that part; to any other the suffix is
// appended. The issuers are spelled as the URL is, without and with one trailing slash.
func URLs(discoveryURL string) (fetch string, issuers []string, err error) {
	if err := remote.CheckURL(discoveryURL, true); err != nil {
		return "", nil, err
	}
	if strings.Contains(discoveryURL, "?") {
		return "", nil, fmt.Errorf("%s has a query string: remove the ? and what follows", remote.Quote(discoveryURL))
	}
	for _, part := range wellKnown {
		if before, after, ok := cutSegments(discoveryURL, part); ok {
			return discoveryURL, spellings(before + after), nil
		}
	}
	return strings.TrimSuffix(discoveryURL, "/") + suffix, spellings(discoveryURL), nil
}

// cutSegments cuts the last occurrence of part that ends where a path segment ends.
func cutSegments(s, part string) (before, after string, ok bool) {
	for end := len(s); ; {
		i := strings.LastIndex(s[:end], part)
		if i < 0 {
			return "", "", false
		}
		if after := s[i+len(part):]; after == "" || after[0] == '/' {
			return s[:i], after, true
		}
		end = i + len(part) - 1
	}
}

// spellings are the issuer without and with one trailing slash.
func spellings(issuer string) []string {
	issuer = strings.TrimSuffix(issuer, "/")
	return []string{issuer, issuer + "/"}
}
