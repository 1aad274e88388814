package oidctest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// logout is a logout request that has been checked.
type logout struct {
	client      *Client // nil if the request names none
	redirectURI string
	state       string
	sid         string // of the hint
}

// serveEndSession is the logout endpoint (OIDC RP-Initiated Logout 1.0). If the
// hint belongs to the browser's session, it ends the session at once. Otherwise
// it asks first.
func (p *Provider) serveEndSession(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.errorPage(w, http.StatusBadRequest, "This request cannot be read", "The application sent something that is no form.")
		return
	}
	if r.Method == http.MethodPost && r.PostForm.Has("confirm") {
		p.confirmedLogout(w, r)
		return
	}
	req, text := p.readLogout(r.Form)
	if req == nil {
		p.errorPage(w, http.StatusBadRequest, "The application asked wrongly", text)
		return
	}
	s := p.sessionOf(r)
	if s == nil || s.sid == req.sid {
		p.endSession(w, r, req, req.sid)
		return
	}
	id := random()
	p.mu.Lock()
	p.pages[id] = &interaction{logout: req, sid: s.sid, expires: p.cfg.Now().Add(pageTTL)}
	p.mu.Unlock()
	p.page(w, http.StatusOK, "sign-out", pagePolicy, map[string]any{
		"Title": "Sign out?", "Text": "You are signed in as " + s.subject + ".", "Action": p.paths["end_session"], "Request": id,
	})
}

// confirmedLogout handles the form of the confirmation page.
func (p *Provider) confirmedLogout(w http.ResponseWriter, r *http.Request) {
	id := r.PostForm.Get("confirm")
	p.mu.Lock()
	page := p.pages[id]
	delete(p.pages, id)
	p.mu.Unlock()
	s := p.sessionOf(r)
	switch {
	case page == nil || page.logout == nil || !p.cfg.Now().Before(page.expires) || s == nil || s.sid != page.sid:
		p.errorPage(w, http.StatusBadRequest, "This page is too old", "Go back to the application and sign out from there.")
	case r.PostForm.Get("answer") != "yes":
		p.errorPage(w, http.StatusOK, "Still signed in", "You can close this page.")
	default:
		p.endSession(w, r, page.logout, page.sid)
	}
}

// readLogout checks a logout request. If it returns none, text is the reason.
func (p *Provider) readLogout(raw url.Values) (req *logout, text string) {
	form, refusal := clean(raw)
	if refusal != nil {
		return nil, "A parameter is there twice."
	}
	req = &logout{state: form.Get("state"), redirectURI: form.Get("post_logout_redirect_uri")}
	if form.Has("client_id") {
		if req.client = p.client(form.Get("client_id")); req.client == nil {
			return nil, "Its client_id is not registered here."
		}
	}
	if p.cfg.quirks.hintedLogout && req.redirectURI != "" && !form.Has("id_token_hint") {
		return nil, "Its post_logout_redirect_uri comes without an id_token_hint."
	}
	if form.Has("id_token_hint") {
		hint := p.ownToken(form.Get("id_token_hint"))
		if hint == nil {
			return nil, "Its id_token_hint was not issued here."
		}
		audience, _ := hint.Strings("aud")
		switch {
		case req.client == nil && len(audience) > 0:
			req.client = p.client(audience[0])
		case req.client != nil && !slices.Contains(audience, req.client.ID):
			return nil, "Its client_id is not the one of its id_token_hint."
		}
		req.sid, _, _ = hint.String("sid")
	}
	if req.redirectURI != "" && (req.client == nil || !slices.Contains(req.client.PostLogoutRedirectURIs, req.redirectURI)) {
		return nil, "Its post_logout_redirect_uri is not registered, or it does not say for which client."
	}
	return req, ""
}

// endSession ends a session and revokes its grants, notifies the clients, and
// redirects the browser.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request, req *logout, sid string) {
	if sid != "" {
		p.announce(context.WithoutCancel(r.Context()), p.dropSession(sid))
	}
	p.setCookie(w, "", -1)
	if req.redirectURI == "" {
		p.errorPage(w, http.StatusOK, "Signed out", "You can close this page.")
		return
	}
	values := url.Values{}
	if req.state != "" {
		values.Set("state", req.state)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", withQuery(req.redirectURI, values))
	w.WriteHeader(http.StatusSeeOther)
}

// dropSession removes a session and revokes its grants, except those with
// offline_access (OIDC Core section 11).
func (p *Provider) dropSession(sid string) (ended []*session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, s := range p.sessions {
		if s.sid == sid {
			delete(p.sessions, id)
			ended = append(ended, s)
		}
	}
	end := func(g *grant) {
		if g != nil && g.sid == sid && !slices.Contains(g.scopes, "offline_access") {
			g.revoked = true
		}
	}
	for _, c := range p.codes {
		end(c.grant)
	}
	for _, t := range p.refresh {
		end(t.grant)
	}
	for _, t := range p.access {
		end(t.grant)
	}
	return ended
}

// announce sends logout tokens to the clients of ended sessions and waits for
// the responses (OIDC Back-Channel Logout 1.0).
func (p *Provider) announce(ctx context.Context, ended []*session) {
	var wg sync.WaitGroup
	for _, s := range ended {
		p.mu.Lock()
		ids := slices.Collect(maps.Keys(s.clients))
		p.mu.Unlock()
		for _, id := range ids {
			c := p.client(id)
			if c == nil || c.BackChannelLogoutURI == "" {
				continue
			}
			wg.Go(func() {
				if err := p.deliver(ctx, c, s); err != nil {
					p.cfg.Logger.WarnContext(ctx, "back-channel logout failed", "client_id", c.ID, "error", err)
				}
			})
		}
	}
	wg.Wait()
}

func (p *Provider) deliver(ctx context.Context, c *Client, s *session) error {
	form := url.Values{"logout_token": {p.LogoutToken(c.ID, s.subject, s.sid)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackChannelLogoutURI, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.cfg.HTTPClient.Do(r)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the client responded with %s", resp.Status)
	}
	return nil
}
