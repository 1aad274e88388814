package middleware

import (
	"errors"
	"net/http"
	"strings"
)

// TenantSource is a part of the request that names a tenant. The guard compares
// it with the token and never trusts it. Sources are created by PathSegment,
// HostLabel, Header and PathValue.
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

// PathSegment is a segment of the path, counted from 0. PathSegment(1) of
// /tenants/acme/notes is acme.
func PathSegment(i int) TenantSource { return TenantSource{kind: fromSegment, index: i} }

// HostLabel is the label before suffix in the host name.
// HostLabel("api.example.com") of acme.api.example.com is acme. It reads the
// Host header, never X-Forwarded-Host.
func HostLabel(suffix string) TenantSource { return TenantSource{kind: fromHost, name: suffix} }

// Header is the value of a request header. A request with two such headers is
// refused. Host and Authorization are not permitted.
func Header(name string) TenantSource {
	return TenantSource{kind: fromHeader, name: http.CanonicalHeaderKey(name)}
}

// PathValue is a wildcard of the http.ServeMux pattern that matched. It works
// only in [Tenant], because it is empty outside the mux.
func PathValue(name string) TenantSource { return TenantSource{kind: fromPattern, name: name} }

// headerName contains the characters of header names (RFC 9110 section 5.6.2).
const headerName = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// check returns the mistake in the arguments of a source. inRoute tells that it
// belongs to the Tenant policy of a route.
func (s TenantSource) check(inRoute bool) error {
	switch s.kind {
	case fromSegment:
		if s.index < 0 {
			return errors.New("PathSegment needs an index of 0 or more")
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
			return errors.New(`PathValue is empty outside the mux: use Require(Tenant(PathValue("tenant")))`)
		}
		if s.name == "" {
			return errors.New("PathValue needs the name of a wildcard")
		}
	default:
		return errors.New("create a TenantSource with PathSegment, HostLabel, Header or PathValue")
	}
	return nil
}

// value returns the tenant that the request names there. It is empty if the
// request does not name exactly one.
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

// segment returns a segment of the path. It is empty if routers may disagree on
// the path: if a segment is empty, is a dot segment, or contains an encoded
// slash.
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

// label removes suffix and port from a host name. It is empty unless exactly one
// label is left.
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
