package oidctest

import (
	"cmp"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/jws"
)

const (
	methodBasic     = "client_secret_basic"
	methodPost      = "client_secret_post"
	methodAssertion = "private_key_jwt"
	methodNone      = "none"

	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// These are mistakes in a request for which a preset may have its own error
// code.
const (
	noClient      = "client authentication is missing"
	unknownKeyID  = "the client assertion's kid names no registered key"
	usedAssertion = "the client assertion was used before"
)

var (
	authMethods   = []string{methodBasic, methodPost, methodAssertion, methodNone}
	assertionAlgs = jws.Algs
)

// credentials are the client credentials in a request.
type credentials struct {
	method, id, secret string
	assertion          *jws.Token
}

// authenticate returns the client that sent a request and checks its
// credentials.
func (p *Provider) authenticate(r *http.Request, form url.Values) (*Client, *oauthError) {
	challenge := ""
	if r.Header.Get("Authorization") != "" {
		challenge = `Basic realm="oidctest"`
	}
	invalid := func(text string) *oauthError {
		return &oauthError{status: http.StatusUnauthorized, code: "invalid_client", text: text, challenge: challenge}
	}
	cred, text := readCredentials(r, form)
	switch {
	case text == "two":
		return nil, refuse("invalid_request", "more than one way of client authentication in one request")
	case text == noClient && p.cfg.quirks.bareErrors:
		return nil, refuse("invalid_request", text)
	case text != "":
		return nil, invalid(text)
	}
	if id := form.Get("client_id"); id != "" && id != cred.id {
		return nil, invalid("client_id differs from the client that authenticates")
	}
	c := p.client(cred.id)
	if c == nil {
		return nil, invalid("unknown client")
	}
	if !slices.Contains(p.methodsOf(c), cred.method) {
		return nil, invalid("this client may not authenticate by " + cred.method)
	}
	switch cred.method {
	case methodBasic, methodPost:
		if subtle.ConstantTimeCompare([]byte(cred.secret), []byte(c.Secret)) != 1 {
			refusal := invalid("wrong client secret")
			refusal.code = cmp.Or(p.cfg.quirks.wrongSecret, refusal.code)
			return nil, refusal
		}
	case methodAssertion:
		if text := p.checkAssertion(r, c, cred.assertion); text != "" {
			if code := p.cfg.quirks.assertionCodes[text]; code != "" {
				return nil, refuse(code, text)
			}
			return nil, invalid(text)
		}
	}
	return c, nil
}

// methodsOf returns the methods by which a client may authenticate.
func (p *Provider) methodsOf(c *Client) []string {
	var methods []string
	switch {
	case c.AuthMethod != "":
		methods = []string{c.AuthMethod}
	case c.Secret != "" && p.cfg.quirks.registeredMethod:
		methods = []string{methodBasic}
	case c.Secret == "" && c.PublicKey == nil:
		methods = []string{methodNone}
	default:
		if c.Secret != "" {
			methods = append(methods, methodBasic, methodPost)
		}
		if c.PublicKey != nil {
			methods = append(methods, methodAssertion)
		}
	}
	if allowed := p.cfg.quirks.authMethods; allowed != nil {
		methods = slices.DeleteFunc(methods, func(m string) bool { return !slices.Contains(allowed, m) })
	}
	return methods
}

// readCredentials returns the credentials in a request, which must use one
// method. text is the mistake; "two" means several methods.
func readCredentials(r *http.Request, form url.Values) (cred credentials, text string) {
	var found []credentials
	if r.Header.Get("Authorization") != "" {
		id, secret, ok := r.BasicAuth()
		id, err1 := url.QueryUnescape(id)
		secret, err2 := url.QueryUnescape(secret)
		if !ok || err1 != nil || err2 != nil {
			return cred, "the Authorization header is not Basic with a form-urlencoded id and secret"
		}
		found = append(found, credentials{method: methodBasic, id: id, secret: secret})
	}
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		if form.Get("client_assertion_type") != assertionType {
			return cred, "unknown client_assertion_type"
		}
		token, err := jws.Parse(form.Get("client_assertion"), jws.Options{Types: []string{"jwt", "client-authentication+jwt"}})
		if err != nil {
			return cred, "the client assertion is malformed"
		}
		set, err := claims.Parse(token.Payload)
		if err != nil {
			return cred, "the client assertion's claims are malformed"
		}
		sub, _, _ := set.String("sub")
		found = append(found, credentials{method: methodAssertion, id: sub, assertion: token})
	}
	if form.Has("client_secret") {
		found = append(found, credentials{method: methodPost, id: form.Get("client_id"), secret: form.Get("client_secret")})
	}
	switch len(found) {
	case 0:
		if !form.Has("client_id") {
			return cred, noClient
		}
		return credentials{method: methodNone, id: form.Get("client_id")}, ""
	case 1:
		return found[0], ""
	}
	return cred, "two"
}

// checkAssertion makes the checks of RFC 7523 section 3 and returns the
// mistake.
func (p *Provider) checkAssertion(r *http.Request, c *Client, token *jws.Token) string {
	now := p.cfg.Now()
	strict := p.cfg.quirks.strictAssertion
	alg := c.AssertionAlg
	if alg == "" && strict {
		alg = "RS256"
	}
	if alg != "" && token.Alg != alg {
		return "the client assertion's alg is not the registered one"
	}
	if c.KeyID != "" && token.KeyID != c.KeyID && (token.HasKeyID || !strict) {
		return unknownKeyID
	}
	if err := token.Verify(c.PublicKey); err != nil {
		return "the client assertion's signature is wrong"
	}
	set, err := claims.Parse(token.Payload)
	if err != nil {
		return "the client assertion's claims are malformed"
	}
	audiences := []string{p.URL("token")}
	if !strict {
		audiences = append(audiences, p.cfg.Issuer, p.base.Scheme+"://"+p.base.Host+r.URL.Path)
	}
	if set.CheckIssuer(c.ID) != nil {
		return "the client assertion's iss is not the client"
	}
	if set.CheckAudience(audiences...) != nil {
		return "the client assertion's aud is not this provider"
	}
	if set.CheckTimes(now, 0, true) != nil {
		return "the client assertion is expired, not yet valid or without exp"
	}
	exp, _, _ := set.Time("exp")
	if exp.After(now.Add(time.Hour)) {
		return "the client assertion lives too long"
	}
	jti, ok, err := set.String("jti")
	if err != nil || !ok || jti == "" {
		return "the client assertion has no jti"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := c.ID + "\x00" + jti
	if now.Before(p.assertions[key]) {
		return usedAssertion
	}
	p.assertions[key] = exp
	return ""
}
