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
