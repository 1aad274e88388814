package middleware

import (
	"errors"
	"net/http"
	"strings"
)

// TenantSource is a part of the request that names a tenant. It is compared with the token, never believed.
type TenantSource struct {
	kind  sourceKind
	index int
	name  string
}

type sourceKind uint8

const (
	fromSegment sourceKind = iota + 1
	fromHost
	fromHeader
	fromPattern
)

// PathSegment is a segment of the path, counted from 0: PathSegment(1) of /tenants/acme/notes is acme.
func PathSegment(i int) TenantSource { return TenantSource{kind: fromSegment, index: i} }

// HostLabel is the one label before suffix in the host name: HostLabel("api.example.com") of acme.api.example.com is
// acme. It reads the Host header, never X-Forwarded-Host.
func HostLabel(suffix string) TenantSource { return TenantSource{kind: fromHost, name: suffix} }

// Header is the value of a request header, which must be there once.
func Header(name string) TenantSource {
	return TenantSource{kind: fromHeader, name: http.CanonicalHeaderKey(name)}
}

// PathValue is a wildcard of the pattern that matched (http.ServeMux), for [Tenant] only: around a mux it is empty.
func PathValue(name string) TenantSource { return TenantSource{kind: fromPattern, name: name} }

// headerName are the characters of a header's name (RFC 9110 section 5.6.2).
const headerName = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// check finds mistakes in how a source was made. inRoute says that it is part of a route's policy.
func (s TenantSource) check(inRoute bool) error {
	switch s.kind {
	case fromSegment:
		if s.index < 0 {
			return errors.New("PathSegment counts from 0")
		}
	case fromHost:
		if strings.Trim(s.name, ".") == "" || strings.Contains(s.name, ":") {
			return errors.New(`HostLabel needs what follows the tenant in the host name, without a port: "api.example.com"`)
		}
	case fromHeader:
		switch {
		case s.name == "" || strings.Trim(s.name, headerName) != "":
			return errors.New("Header needs the name of a header")
		case s.name == "Host":
			return errors.New("Header cannot read Host: use HostLabel")
		case s.name == "Authorization":
			return errors.New("Header cannot read Authorization")
		}
	case fromPattern:
		if !inRoute {
			return errors.New(`PathValue is empty around a mux: use it as Require(Tenant(PathValue("tenant")))`)
		}
		if s.name == "" {
			return errors.New("PathValue needs the name of a wildcard")
		}
	default:
		return errors.New("a TenantSource is made by PathSegment, HostLabel, Header or PathValue")
	}
	return nil
}

// value reads the source; empty when the request does not name exactly one tenant there.
func (s TenantSource) value(r *http.Request) string {
	switch s.kind {
	case fromSegment:
		return segment(r, s.index)
	case fromHost:
		return label(r.Host, strings.TrimPrefix(s.name, "."))
	case fromHeader:
		if values := r.Header[s.name]; len(values) == 1 && !strings.Contains(values[0], ",") {
			return values[0]
		}
	case fromPattern:
		return r.PathValue(s.name)
	}
	return ""
}

// segment reads a path that every router reads alike: none of its segments may be empty, a dot segment, or hold an
// encoded slash.
func segment(r *http.Request, index int) string {
	path, ok := strings.CutPrefix(r.URL.Path, "/")
	if !ok || r.URL.RawPath != "" && strings.Count(r.URL.RawPath, "/") != strings.Count(r.URL.Path, "/") ||
		strings.Contains(path, `\`) {
		return ""
	}
	found := ""
	i := 0
	for one := range strings.SplitSeq(strings.TrimSuffix(path, "/"), "/") {
		if one == "" || one == "." || one == ".." {
			return ""
		}
		if i == index {
			found = one
		}
		i++
	}
	return found
}

// label cuts suffix and port off a host name; empty unless one label is left.
func label(host, suffix string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	n := len(host) - len(suffix) - 1
	if n <= 0 || host[n] != '.' || !strings.EqualFold(host[n+1:], suffix) || strings.Contains(host[:n], ".") {
		return ""
	}
	return host[:n]
}
