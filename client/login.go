package client

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/seal"
)

// Login is the http.Handler of a web application's login: see LoginConfig.Paths for its endpoints.
// It is safe for concurrent use, keeps nothing running but a renewal under way, and needs no Close.
type Login struct {
	rp      *Client
	cfg     LoginConfig // without Keys
	paths   Paths
	ring    *seal.Ring
	store   boundedStore
	cookies cookies
	logout  *http.CrossOriginProtection
	log     *slog.Logger

	// namespace keeps apart what several clients have in one store.
	namespace string

	statesMu sync.Mutex
	states   *cache.Cache[*sessionState]
}

// NewLogin returns the login handler. It does no network; its error joins everything that is wrong with the configuration.
func (c *Client) NewLogin(cfg LoginConfig) (*Login, error) {
	l := &Login{rp: c, cfg: cfg, store: boundedStore{cfg.Store}, log: c.log, states: cache.New[*sessionState](maxStates)}
	errs := l.fill()

	redirectURL, err := url.Parse(c.cfg.RedirectURL) // New has checked one that is there
	if c.cfg.RedirectURL == "" || err != nil {
		errs = append(errs, configError("login", "RedirectURL", "is needed for login: set it to the registered URL the provider sends the browser back to"))
		redirectURL = &url.URL{Path: "/callback"}
	}
	errs = append(errs, l.fillPaths(redirectURL)...)
	if !safeReturnTo(l.cfg.DefaultReturnTo) || slices.Contains(l.paths.all(), pathOf(l.cfg.DefaultReturnTo)) {
		errs = append(errs, loginConfigError("DefaultReturnTo", "must be a plain path of the application, such as /home"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	l.namespace = digest("client", c.cfg.DiscoveryURL, c.cfg.Issuer, c.cfg.ClientID, c.cfg.RedirectURL)
	l.cookies = newCookies(l.namespace, redirectURL.Scheme == "https", c.cfg.ResponseMode == "form_post")
	l.logout = http.NewCrossOriginProtection()
	if err := l.logout.AddTrustedOrigin(redirectURL.Scheme + "://" + redirectURL.Host); err != nil {
		return nil, configError("login", "RedirectURL", "its origin cannot be used")
	}
	return l, nil
}

// ServeHTTP serves the endpoints of LoginConfig.Paths, and 404 for everything else.
func (l *Login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")

	answer := []string{http.MethodGet}
	if l.cookies.formPost {
		answer = []string{http.MethodPost}
	}
	for _, e := range []struct {
		path    string
		methods []string
		serve   http.HandlerFunc
	}{
		{l.paths.Login, []string{http.MethodGet, http.MethodHead}, l.serveLogin},
		{l.paths.Callback, answer, l.serveCallback},
		{l.paths.Logout, []string{http.MethodPost}, l.serveLogout},
		{l.paths.LoggedOut, []string{http.MethodGet, http.MethodHead}, l.serveLoggedOut},
		{l.paths.BackChannelLogout, []string{http.MethodPost}, l.serveBackChannelLogout},
		{l.paths.Initiate, []string{http.MethodGet, http.MethodPost}, l.serveInitiate},
	} {
		if e.path == "" || e.path != r.URL.Path {
			continue
		}
		if e.path == l.paths.BackChannelLogout && l.rp.keyless() {
			break // a logout token could not be checked
		}
		if !slices.Contains(e.methods, r.Method) {
			h.Set("Allow", strings.Join(e.methods, ", "))
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		e.serve(w, r)
		return
	}
	http.NotFound(w, r)
}

// serveLogin takes nothing from the query but return_to: everything else is the server's to decide.
func (l *Login) serveLogin(w http.ResponseWriter, r *http.Request) {
	l.begin(w, r, l.returnTo(r.URL.Query().Get("return_to")), "", l.options(r)...)
}

// Start begins a login from a handler, with options such as ACRValues and MaxAge (step-up) or Prompt. The browser comes
// back to the page it asked for if that was a GET, to DefaultReturnTo otherwise, unless a ReturnTo option says where to.
func (l *Login) Start(w http.ResponseWriter, r *http.Request, opts ...AuthOption) {
	to := l.cfg.DefaultReturnTo
	if r.Method == http.MethodGet {
		to = l.returnTo(requestPath(r))
	}
	l.begin(w, r, to, "", opts...)
}

// begin sends the browser to the provider. With an issuer it refuses to unless that is the provider's.
func (l *Login) begin(w http.ResponseWriter, r *http.Request, to, issuer string, opts ...AuthOption) {
	w.Header().Set("Cache-Control", "no-store")
	auth, err := l.rp.Authorize(r.Context(), opts...)
	if err != nil {
		l.fail(w, r, to, err)
		return
	}
	tx := auth.Transaction
	if issuer != "" && issuer != tx.Issuer {
		l.fail(w, r, to, callbackError("initiate", nil, "iss is not this provider's issuer"))
		return
	}
	if tx.ReturnTo != "" {
		to = l.returnTo(tx.ReturnTo)
	}
	tx.ReturnTo = to
	f := flow{tx: tx}
	if value := l.cookies.sessionValue(r); value != "" && l.cookies.formPost {
		f.replaces = l.sessionID(value)
	}
	name := l.cookies.flowName(tx.State)
	sealed, err := l.sealFlow(name, f)
	if err != nil && to != l.cfg.DefaultReturnTo {
		tx.ReturnTo = l.cfg.DefaultReturnTo // the longest part, and the one that can be done without
		sealed, err = l.sealFlow(name, f)
	}
	if err != nil {
		l.fail(w, r, to, err)
		return
	}
	l.makeRoom(w, r, cookieSize(name, sealed))
	l.cookies.setFlow(w, name, sealed, time.Until(tx.Expires))
	auth.Respond(w, r)
}

func (l *Login) options(r *http.Request) []AuthOption {
	if l.cfg.AuthOptions == nil {
		return nil
	}
	return l.cfg.AuthOptions(r)
}
