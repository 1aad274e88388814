package oidctest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/jws"
)

// code is an authorization code. Its key is the code.
type code struct {
	grant       *grant
	redirectURI string
	challenge   string
	expires     time.Time
	used        bool
}

// interaction is a request that waits for a person, who signs in or confirms a
// logout. Its key is in the page.
type interaction struct {
	request *authRequest
	logout  *logout
	sid     string // the session that a logout ends
	expires time.Time
}

const pageTTL = time.Hour

func (p *Provider) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	if only := p.cfg.quirks.authorizeOnly; only != "" && r.Method != only {
		w.Header().Set("Allow", only)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if err := r.ParseForm(); err != nil {
		p.errorPage(w, http.StatusBadRequest, "This request cannot be read", "The application sent something that is no form.")
		return
	}
	form := r.Form // query and body, because a POST may use both
	req, text, refusal := p.readAuthRequest(form)
	if req == nil {
		p.errorPage(w, http.StatusBadRequest, "The application asked wrongly", text)
		return
	}
	if refusal != nil {
		p.refuseLogin(w, req, refusal)
		return
	}
	s := p.sessionOf(r)
	switch {
	case s != nil && p.suffices(s, req):
		p.finish(w, req, s)
	case slices.Contains(req.prompt, "none"):
		p.refuseLogin(w, req, refuse("login_required", "nobody is signed in, or not well enough"))
	default:
		p.sweep()
		id := random()
		p.mu.Lock()
		p.pages[id] = &interaction{request: req, expires: p.cfg.Now().Add(pageTTL)}
		p.mu.Unlock()
		p.signInPage(w, http.StatusOK, id, req, s, "")
	}
}

// suffices reports whether a session answers a request without a page.
func (p *Provider) suffices(s *session, req *authRequest) bool {
	for _, ask := range []string{"login", "consent", "select_account"} {
		if slices.Contains(req.prompt, ask) {
			return false
		}
	}
	if req.maxAge >= 0 && p.cfg.Now().Sub(s.authTime) > req.maxAge || req.maxAge == 0 {
		return false
	}
	if len(req.acr) > 0 && !slices.Contains(req.acr, s.acr) {
		return false
	}
	return req.hinted == "" || req.hinted == s.subject
}

// finish sends a code to the client.
func (p *Provider) finish(w http.ResponseWriter, req *authRequest, s *session) {
	now := p.cfg.Now()
	raw := random()
	g := &grant{
		client: req.client, subject: s.subject, scopes: union(req.scopes, p.cfg.quirks.moreScopes), resources: req.resources, nonce: req.nonce,
		acr: s.acr, sid: s.sid, authTime: s.authTime,
	}
	p.mu.Lock()
	p.codes[raw] = &code{grant: g, redirectURI: req.redirectURI, challenge: req.challenge, expires: now.Add(p.cfg.CodeTTL)}
	s.clients[req.client.ID] = true
	p.mu.Unlock()
	values := url.Values{"code": {raw}}
	if f := p.cfg.quirks.callback; f != nil {
		f(values, g)
	}
	p.respond(w, req, values)
}

func (p *Provider) refuseLogin(w http.ResponseWriter, req *authRequest, e *oauthError) {
	p.respond(w, req, url.Values{"error": {e.code}, "error_description": {e.text}})
}

// respond sends the browser back to the client.
func (p *Provider) respond(w http.ResponseWriter, req *authRequest, values url.Values) {
	if req.state != "" {
		values.Set("state", req.state)
	}
	if !p.cfg.quirks.noIss && !req.client.OmitIss {
		values.Set("iss", p.cfg.Issuer)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if req.mode == "form_post" {
		p.formPostPage(w, req.redirectURI, values)
		return
	}
	w.Header().Set("Location", withQuery(req.redirectURI, values))
	w.WriteHeader(http.StatusSeeOther)
}

// withQuery adds values to the query of a URI.
func withQuery(uri string, values url.Values) string {
	if len(values) == 0 {
		return uri
	}
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + values.Encode()
}

// ownToken reads a token that this provider signed, even if it has expired. It
// returns nil for any other token.
func (p *Provider) ownToken(raw string) *claims.Set {
	token, err := jws.Parse(raw, jws.Options{Algs: []string{p.cfg.Alg}, Types: []string{"jwt"}})
	if err != nil {
		return nil
	}
	key := p.keys.named(token.KeyID)
	if key == nil || token.Verify(key.private.Public()) != nil {
		return nil
	}
	set, err := claims.Parse(token.Payload)
	if err != nil || set.CheckIssuer(p.cfg.Issuer) != nil {
		return nil
	}
	return set
}
