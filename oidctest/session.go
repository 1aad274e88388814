package oidctest

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const sessionTTL = 12 * time.Hour

// session is the single sign-on session of one browser. Its key is the value of
// the cookie.
type session struct {
	subject, sid, acr string
	authTime, expires time.Time
	clients           map[string]bool // IDs of the clients that received a code
}

// cookieName depends on the issuer, because several providers may share
// 127.0.0.1 and cookies ignore ports.
func (p *Provider) cookieName() string {
	sum := sha256.Sum256([]byte(p.cfg.Issuer))
	return "oidctest_" + encode(sum[:6])
}

func (p *Provider) setCookie(w http.ResponseWriter, value string, maxAge int) {
	c := &http.Cookie{
		Name: p.cookieName(), Value: value, Path: p.base.Path + "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if p.base.Scheme == "https" {
		c.Secure, c.SameSite = true, http.SameSiteNoneMode // an authorization request by POST comes from another site
	}
	http.SetCookie(w, c)
}

func (p *Provider) sessionOf(r *http.Request) *session {
	c, err := r.Cookie(p.cookieName())
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sessions[c.Value]
	if s == nil || !p.cfg.Now().Before(s.expires) {
		return nil
	}
	return s
}

// serveSignIn handles the forms of the sign-in page.
func (p *Provider) serveSignIn(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		p.errorPage(w, http.StatusForbidden, "Not from here", "This form was sent by another site.")
		return
	}
	form, refusal := readForm(r)
	if refusal != nil {
		p.errorPage(w, http.StatusBadRequest, "This form cannot be read", "Go back and try again.")
		return
	}
	id := form.Get("request")
	p.mu.Lock()
	page := p.pages[id]
	p.mu.Unlock()
	if page == nil || page.request == nil || !p.cfg.Now().Before(page.expires) {
		p.errorPage(w, http.StatusBadRequest, "This page is too old", "Go back to the application and sign in from there.")
		return
	}
	if form.Has("cancel") {
		p.refuseLogin(w, page.request, refuse("access_denied", "the person said no"))
		return
	}
	who := cmp.Or(form.Get("subject"), form.Get("user"))
	u := p.findUser(who)
	if u == nil {
		p.signInPage(w, http.StatusUnprocessableEntity, id, page.request, p.sessionOf(r), who)
		return
	}
	if hinted := page.request.hinted; hinted != "" && hinted != u.Subject {
		p.refuseLogin(w, page.request, refuse("login_required", "another person signed in than the application expects"))
		return
	}
	p.finish(w, page.request, p.signIn(w, r, u, page.request.acr))
}

// findUser finds a user by subject, email address or name.
func (p *Provider) findUser(text string) *User {
	text = strings.TrimSpace(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if u := p.lookUp(text); u != nil {
		return u
	}
	for _, same := range []func(User) bool{
		func(u User) bool { return u.Email != "" && strings.EqualFold(u.Email, text) },
		func(u User) bool { return u.Name != "" && strings.EqualFold(u.Name, text) },
	} {
		if i := slices.IndexFunc(p.users, same); text != "" && i >= 0 {
			u := p.users[i]
			return &u
		}
	}
	return nil
}

// signIn starts a session, or renews the session of the same person, with a new
// cookie value.
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request, u *User, acr []string) *session {
	now := p.cfg.Now()
	s := &session{subject: u.Subject, sid: random(), acr: "0", authTime: now, expires: now.Add(sessionTTL), clients: map[string]bool{}}
	if len(acr) > 0 {
		s.acr = acr[0]
	}
	value := random()
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, err := r.Cookie(p.cookieName()); err == nil {
		if old := p.sessions[c.Value]; old != nil && old.subject == u.Subject && now.Before(old.expires) {
			s.sid, s.clients = old.sid, maps.Clone(old.clients)
		}
		delete(p.sessions, c.Value)
	}
	p.sessions[value] = s
	p.setCookie(w, value, 0)
	return s
}
