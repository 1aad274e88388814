package client_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// party is the relying party under test: what the modules ask it to do. Each login and refresh ends with a userinfo request,
// as the suite has it.
type party interface {
	login(opts ...client.AuthOption) error
	refresh() error
	// logout is RP-initiated and goes all the way; it returns the page where the browser ends.
	logout() *url.URL
	// signedOut fails the test unless nobody is signed in any more.
	signedOut()

	stage() *partyStage
}

// newParty starts a provider and a relying party, which is used by its single steps (client) or through its handler (login).
func newParty(t *testing.T, through string, configure func(*appConfig)) party {
	s := &partyStage{}
	s.app = newApp(t, func(cfg *appConfig) {
		cfg.op.Key = signingKey()
		cfg.op.HTTPClient = &http.Client{Transport: roundTripFunc(s.deliver)}
		cfg.op.Clients[0].BackChannelLogoutURI = appOrigin + "/auth/backchannel-logout"
		cfg.client.Logger = slog.New(&s.refused)
		cfg.login.PostLogoutRedirectURL = appOrigin + "/bye"
		cfg.login.OnLogin = func(ctx context.Context, session *client.Session) error {
			token, err := session.TokenSource().TokenContext(ctx)
			if err != nil {
				return err
			}
			return s.ask(ctx, token.AccessToken, session.Subject)
		}
		configure(cfg)
		s.formPost = cfg.client.ResponseMode == "form_post"
	})
	s.mux.HandleFunc("/bye", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	if through == "client" {
		return &clientParty{partyStage: s}
	}
	check.Equal(t, through, "login", "a module goes through")
	l := &loginParty{partyStage: s, browser: s.browser()}
	s.mux.HandleFunc("/start", func(w http.ResponseWriter, r *http.Request) { l.app.login.Start(w, r, l.opts...) })
	return l
}

// partyStage is the application, its provider and what happens between them.
type partyStage struct {
	*app
	formPost     bool
	editCallback func(url.Values)             // changes what the provider sends back; nil = nothing
	editLogout   func(string) string          // changes the provider's logout token; nil = nothing
	infos        []*client.UserInfo           // accepted
	told         []*httptest.ResponseRecorder // answers to logout tokens
	refused      refusals
}

func (s *partyStage) stage() *partyStage { return s }

func (s *partyStage) ask(ctx context.Context, accessToken, subject string) error {
	info, err := s.rp.UserInfo(ctx, accessToken, subject)
	if err == nil {
		s.infos = append(s.infos, info)
	}
	return err
}

// back is where the provider sends the browser after the login.
func (s *partyStage) back(b *oidctest.Browser, authorizationURL string) *url.URL {
	s.t.Helper()
	u, err := b.SignIn(authorizationURL, "alice")
	check.NoError(s.t, err)
	if s.editCallback != nil {
		q := u.Query()
		s.editCallback(q)
		u.RawQuery = q.Encode()
	}
	return u
}

// deliver takes the provider's back-channel requests to the application.
func (s *partyStage) deliver(r *http.Request) (*http.Response, error) {
	form := bodyOf(r)
	if s.editLogout != nil {
		form.Set("logout_token", s.editLogout(form.Get("logout_token")))
	}
	in := httptest.NewRequest(r.Method, r.URL.String(), strings.NewReader(form.Encode()))
	in.Header = r.Header
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, in)
	s.told = append(s.told, w)
	return w.Result(), nil
}

// follow goes from the relying party to the provider's logout and back to the registered page.
func (s *partyStage) follow(b *browser, to string) *url.URL {
	s.t.Helper()
	check.True(s.t, strings.HasPrefix(to, s.op.URL("end_session")+"?"), "logout leads to %s", to)
	asked, err := url.Parse(to)
	check.NoError(s.t, err)
	check.True(s.t, asked.Query().Get("id_token_hint") != "", "no id_token_hint")
	check.Equal(s.t, asked.Query().Get("post_logout_redirect_uri"), appOrigin+"/bye", "post_logout_redirect_uri")
	end, err := b.person.SignOut(to)
	check.NoError(s.t, err)
	landing, err := url.Parse(end)
	check.NoError(s.t, err)
	check.Equal(s.t, landing.Path, "/bye", "the browser ends at")
	check.Equal(s.t, b.get(end).StatusCode, http.StatusOK, "status of the page where a logout ends")
	return landing
}

// clientParty is an application with sessions of its own, which uses the single steps of Client as their documentation says.
type clientParty struct {
	*partyStage
	tokens *client.Tokens
}

func (c *clientParty) login(opts ...client.AuthOption) error {
	ctx := c.t.Context()
	a, err := c.rp.Authorize(ctx, opts...)
	if err != nil {
		return err
	}
	tokens, err := c.rp.Exchange(ctx, c.back(c.op.NewBrowser(), a.URL).Query(), a.Transaction)
	if err != nil {
		return err
	}
	c.tokens = tokens
	return c.ask(ctx, tokens.AccessToken, tokens.IDToken.Subject)
}

func (c *clientParty) refresh() error {
	ctx := c.t.Context()
	tokens, err := c.rp.Refresh(ctx, c.tokens.RefreshToken, client.TokenRequest{})
	if err != nil {
		return err
	}
	c.tokens.RefreshToken = tokens.RefreshToken // before anything is judged
	if err := tokens.Err(); err != nil {
		return err
	}
	return c.ask(ctx, tokens.AccessToken, c.tokens.IDToken.Subject)
}

func (c *clientParty) logout() *url.URL {
	to, err := c.rp.EndSessionURL(c.t.Context(), client.EndSessionRequest{
		IDTokenHint: c.tokens.RawIDToken, PostLogoutRedirectURI: appOrigin + "/bye", State: "sent",
	})
	check.NoError(c.t, err)
	check.Contains(c.t, to, "state=sent")
	return c.follow(c.browser(), to)
}

func (c *clientParty) signedOut() {} // its sessions are its own affair

// loginParty is an application that leaves everything to Login.
type loginParty struct {
	*partyStage
	browser *browser
	opts    []client.AuthOption
	page    string // where the last login led
}

func (l *loginParty) login(opts ...client.AuthOption) error {
	l.opts = opts
	return l.visit("/start")
}

// visit opens a page that begins a login, and goes through with it.
func (l *loginParty) visit(page string) error {
	b := l.browser
	resp := b.get(page)
	if resp.StatusCode != http.StatusSeeOther {
		return l.failed()
	}
	callback := l.back(b.person, resp.Header.Get("Location"))
	if l.formPost {
		resp = b.post(callback.Path, callback.Query(), "Sec-Fetch-Site", "cross-site")
	} else {
		resp = b.finish(callback)
	}
	if resp.StatusCode != http.StatusSeeOther {
		return l.failed()
	}
	l.page = resp.Header.Get("Location")
	check.Equal(l.t, b.signedIn(), "alice", "signed in")
	return nil
}

// failed is why; it leaves no session and no cookie of the flow.
func (l *loginParty) failed() error {
	l.t.Helper()
	err := l.lastError()
	l.signedOut()
	check.Equal(l.t, len(l.browser.named("oidc-flow")), 0, "flow cookies left")
	return err
}

func (l *loginParty) refresh() error {
	s, err := l.browser.session()
	check.NoError(l.t, err)
	before := heldToken(l.t, s.TokenSource())
	s, err = s.Refresh(l.t.Context())
	check.Equal(l.t, l.browser.signedIn() == "", errors.Is(err, client.ErrReauthRequired), "the session has ended")
	if err != nil {
		return err
	}
	after := heldToken(l.t, s.TokenSource())
	check.True(l.t, after != before, "the same access token")
	return l.ask(l.t.Context(), after, s.Subject)
}

func (l *loginParty) logout() *url.URL {
	resp := l.browser.post("/auth/logout", nil)
	check.Equal(l.t, resp.StatusCode, http.StatusSeeOther, "status of the logout")
	l.signedOut()
	landing := l.follow(l.browser, resp.Header.Get("Location"))
	l.signedOut()
	return landing
}

func (l *loginParty) signedOut() {
	l.t.Helper()
	check.Equal(l.t, l.browser.signedIn(), "", "signed in")
}

// refusals keeps the errors of back-channel logouts: the log is where an application sees them.
type refusals struct {
	mu   sync.Mutex
	last error
}

func (r *refusals) Enabled(context.Context, slog.Level) bool { return true }
func (r *refusals) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *refusals) WithGroup(string) slog.Handler            { return r }

func (r *refusals) Handle(_ context.Context, record slog.Record) error {
	if !strings.Contains(record.Message, "back-channel logout was refused") {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	record.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			r.last = err
		}
		return true
	})
	return nil
}

func (r *refusals) error() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}
