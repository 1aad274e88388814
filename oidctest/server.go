package oidctest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const maxBody = 64 << 10

// defaultPaths are the endpoints and their paths below the issuer. sign_in and
// home are pages.
var defaultPaths = map[string]string{
	"discovery": "/.well-known/openid-configuration", "jwks": "/jwks", "authorize": "/authorize", "token": "/token", "userinfo": "/userinfo",
	"introspect": "/introspect", "revoke": "/revoke", "end_session": "/end-session", "sign_in": "/sign-in", "home": "/",
}

// route fills p.paths and p.routes.
func (p *Provider) route() {
	prefix := p.base.Path
	for name, path := range defaultPaths {
		if other, ok := p.cfg.quirks.paths[name]; ok {
			path = other
		}
		if path == "" {
			continue
		}
		p.paths[name] = prefix + path
		p.routes[prefix+path] = name
	}
	if prefix != "" {
		p.routes[prefix] = "home"
	}
	if p.cfg.quirks.paths == nil { // further locations of RFC 8414
		p.routes[prefix+"/.well-known/oauth-authorization-server"] = "discovery"
		p.routes["/.well-known/oauth-authorization-server"+prefix] = "discovery"
		p.routes["/.well-known/openid-configuration"+prefix] = "discovery"
	}
}

// ServeHTTP serves the endpoints and the pages.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := p.routes[r.URL.Path]
	if !ok {
		p.errorPage(w, http.StatusNotFound, "There is nothing here", "This provider has no page at this address.")
		return
	}
	if p.count(name, w, r) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	e := handlers[name]
	if !slices.Contains(e.methods, r.Method) {
		w.Header().Set("Allow", strings.Join(e.methods, ", "))
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	e.serve(p, w, r)
}

var handlers = map[string]struct {
	methods []string
	serve   func(*Provider, http.ResponseWriter, *http.Request)
}{
	"discovery":   {[]string{http.MethodGet, http.MethodHead}, (*Provider).serveDiscovery},
	"jwks":        {[]string{http.MethodGet, http.MethodHead}, (*Provider).serveKeys},
	"authorize":   {[]string{http.MethodGet, http.MethodPost}, (*Provider).serveAuthorize},
	"sign_in":     {[]string{http.MethodPost}, (*Provider).serveSignIn},
	"token":       {[]string{http.MethodPost}, (*Provider).serveToken},
	"userinfo":    {[]string{http.MethodGet, http.MethodPost}, (*Provider).serveUserInfo},
	"introspect":  {[]string{http.MethodPost}, (*Provider).serveIntrospect},
	"revoke":      {[]string{http.MethodPost}, (*Provider).serveRevoke},
	"end_session": {[]string{http.MethodGet, http.MethodPost}, (*Provider).serveEndSession},
	"home":        {[]string{http.MethodGet, http.MethodHead}, (*Provider).serveHome},
}

// oauthError is an error response (RFC 6749 section 5.2).
type oauthError struct {
	status    int // 0 means 400
	code      string
	text      string
	challenge string // WWW-Authenticate
}

func refuse(code, text string) *oauthError { return &oauthError{code: code, text: text} }

func (p *Provider) writeError(w http.ResponseWriter, e *oauthError) {
	status := e.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if e.challenge != "" && !p.cfg.quirks.bareErrors {
		w.Header().Set("WWW-Authenticate", e.challenge)
	}
	body := map[string]any{}
	setUnlessEmpty(body, "error", e.code)
	setUnlessEmpty(body, "error_description", e.text)
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, v map[string]any) {
	body := must(json.Marshal(v))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// readForm reads the body of a POST. It ignores empty parameters, and refuses
// repeated ones except resource and audience (RFC 6749 section 3.2).
func readForm(r *http.Request) (url.Values, *oauthError) {
	if err := r.ParseForm(); err != nil {
		return nil, refuse("invalid_request", "the body cannot be read as a form")
	}
	if len(r.PostForm) == 0 && r.ContentLength > 0 {
		return nil, refuse("invalid_request", "the body must be application/x-www-form-urlencoded")
	}
	return clean(r.PostForm)
}

func clean(form url.Values) (url.Values, *oauthError) {
	out := url.Values{}
	for name, values := range form {
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
		if len(values) > 1 && name != "resource" && name != "audience" {
			return out, refuse("invalid_request", "a parameter is there twice")
		}
		if len(values) > 0 {
			out[name] = values
		}
	}
	return out, nil
}
