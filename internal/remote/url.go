package remote

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// CheckURL is the rule for every URL of a provider: absolute https, or http on loopback (localhost, 127.0.0.0/8, [::1]) or with allowHTTP;
// no user info, no fragment. The error says what to change.
func CheckURL(raw string, allowHTTP bool) error {
	if raw == "" {
		return fmt.Errorf("the URL is empty: give an absolute https URL")
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r == '\\' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf("%s holds a space, a control character or a backslash: remove or encode it", Quote(raw))
	}
	u, err := url.Parse(raw)
	if err != nil { // its text could hold a password
		return fmt.Errorf("%s is not a URL", Quote(withoutUserInfo(raw)))
	}
	switch {
	case u.User != nil:
		return fmt.Errorf("%s carries user information: remove what stands before the @", Quote(withoutUserInfo(raw)))
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s is not an absolute https URL", Quote(raw))
	case u.Opaque != "" || u.Hostname() == "":
		return fmt.Errorf("%s has no host", Quote(raw))
	case strings.Contains(raw, "#"):
		return fmt.Errorf("%s has a fragment: remove the # and what follows", Quote(raw))
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%s has an impossible port", Quote(raw))
		}
	}
	if u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()) {
		return fmt.Errorf("%s is plain http, which is for loopback only: use https (or set InsecureAllowHTTP)", Quote(raw))
	}
	return nil
}

// CheckNamedURL is CheckURL for a URL that a fetched document names. A document
// from another machine may not name an address of this one: its publisher
// could otherwise have our requests, and the secrets in them, sent to a service
// that listens on loopback because it trusts whoever can reach it. Other
// private addresses are what an enterprise's provider has, and TLS vouches for
// them. allowHTTP lifts the rule.
func CheckNamedURL(raw, document string, allowHTTP bool) error {
	if err := CheckURL(raw, allowHTTP); err != nil {
		return err
	}
	if allowHTTP || local(document) || !local(raw) {
		return nil
	}
	return fmt.Errorf("%s is an address of this machine or its link, which a document from elsewhere may not name: "+
		"let the provider publish its own (or set the endpoint by hand, or InsecureAllowHTTP)", Quote(raw))
}

// local reports whether a URL's host is, in any spelling, an address that leads
// to this machine (loopback, unspecified) or no further than its link, where
// clouds keep the service that hands out a machine's credentials. It is for
// refusing, so it is wide where loopback, which allows plain http, is narrow.
// A name that some resolver maps to such an address is not local: TLS says who
// answers there.
func local(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return true
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761 section 6.3
		return true
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.WithZone("").Unmap()
		return ip.IsLoopback() || ip.IsUnspecified() || ip.IsLinkLocalUnicast()
	}
	// C resolvers read 127.1 and 0x7f000001 as addresses, and net/http maps other
	// scripts' digits and letters to ASCII. No registered name looks like either.
	last := host[strings.LastIndexByte(host, '.')+1:]
	digits, hex := strings.CutPrefix(last, "0x")
	return strings.Trim(last, "0123456789") == "" || hex && strings.Trim(digits, "0123456789abcdef") == "" ||
		strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII })
}

// SameOrigin compares scheme, host and port (defaults filled in).
func SameOrigin(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Host != "" && origin(x) == origin(y)
}

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		switch u.Scheme {
		case "https":
			port = "443"
		case "http":
			port = "80"
		}
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + "|" + port
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && !ip.Is4In6() && ip.Zone() == "" && ip.IsLoopback()
}

// withoutUserInfo cuts everything up to the last @ of the authority, for error texts.
func withoutUserInfo(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "//")
	if !ok {
		scheme, rest = "", raw
	} else {
		scheme += "//"
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	return scheme + authority + tail
}
