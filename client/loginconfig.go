package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/redact"
	"github.com/relyingparty/oidc/internal/remote"
	"github.com/relyingparty/oidc/internal/seal"
	"github.com/relyingparty/oidc/store"
)

const (
	defaultIdle     = 12 * time.Hour
	defaultLifetime = 7 * 24 * time.Hour
)

// LoginConfig describes the login of one web application. Only Keys is required.
//
// A LoginConfig prints as [redacted].
type LoginConfig struct {
	redact.All

	// Keys seal what is handed to the browser and to the store: 32 random bytes each, the same in every replica.
	// The first seals, all open: to rotate, put a new key in front and drop the old one a week (Lifetime) later.
	Keys [][]byte
	// AllowEphemeralKey makes up a key when there is none: a restart then signs everybody out. For a demo.
	AllowEphemeralKey bool
	// Paths are where Login is mounted. Empty fields come from Config.RedirectURL: with ".../auth/callback" they are
	// /auth/login, /auth/callback, /auth/logout, /auth/logged-out (where PostLogoutRedirectURL is its URL),
	// /auth/backchannel-logout and /auth/initiate.
	Paths Paths
	// Store keeps the sessions; nil means a [store.Memory]. Replicas need a shared one.
	Store store.Store
	// IdleTimeout ends a session that was not used for so long, a minute at least. Use is noted every 10 minutes, or every
	// tenth of IdleTimeout where that is less: a session may end earlier by so much. If zero, it is 12 h.
	IdleTimeout time.Duration
	// Lifetime ends a session however much it is used; 7 days when zero.
	Lifetime time.Duration
	// DefaultReturnTo is the path to go to after login when none was asked for, or one that is not safe; "/" when empty.
	DefaultReturnTo string
	// PostLogoutRedirectURL is where logout ends; it must be registered at the provider. The URL of Paths.LoggedOut shows a
	// page that says so. If empty, the provider decides, and DefaultReturnTo serves where the provider has no logout.
	PostLogoutRedirectURL string
	// LogoutMethod is how the browser gets to the provider's logout:
	//   - GET: by a redirect. An ID token too long for a URL (2 KiB) is left out of it, so the provider may ask the user.
	//   - POST: by a form that submits itself, with the ID token however long it is.
	//
	// If empty, it is GET.
	LogoutMethod string
	// AuthOptions are added to each login that begins at Paths.Login or Paths.Initiate. Of the parameters there only
	// return_to counts, and at Initiate those of OpenID Connect Core section 4. For one login with options see Login.Start.
	AuthOptions func(*http.Request) []AuthOption
	// OnLogin may refuse a login that is otherwise complete, with an error: no session is left then. What it puts into
	// s.Data (JSON, at most 16 KiB) stays with the session. s.TokenSource works already.
	OnLogin func(ctx context.Context, s *Session) error
	// OnError answers a request whose login, logout or session lookup failed; err is a *LoginError. The request has lost
	// its query: that held the code. Nil shows a plain page that tells nothing.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
}

// Paths are those of a Login's endpoints, as the browser and the provider see them.
type Paths struct {
	Login, Callback, Logout, LoggedOut, BackChannelLogout, Initiate string
}

// fill checks the fields that stand alone and sets defaults.
func (l *Login) fill() (errs []error) {
	cfg := &l.cfg
	keys := cfg.Keys
	cfg.Keys = nil
	switch {
	case len(keys) == 0 && !cfg.AllowEphemeralKey:
		errs = append(errs, loginConfigError("Keys", "at least one key of 32 random bytes is needed (AllowEphemeralKey makes one up, for a demo)"))
	case len(keys) == 0:
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails (crypto/rand)
		keys = [][]byte{key}
		fallthrough
	default:
		var err error
		if l.ring, err = seal.NewRing(keys...); err != nil {
			errs = append(errs, loginConfigError("Keys", "%s", plain(err)))
		}
	}
	if l.store.Store == nil {
		l.store.Store = store.NewMemory(0)
	}
	for _, d := range []struct {
		field    string
		value    *time.Duration
		fallback time.Duration
	}{{"IdleTimeout", &cfg.IdleTimeout, defaultIdle}, {"Lifetime", &cfg.Lifetime, defaultLifetime}} {
		switch {
		case *d.value == 0:
			*d.value = d.fallback
		case *d.value < time.Minute:
			errs = append(errs, loginConfigError(d.field, "must be at least a minute, or zero for %v", d.fallback))
		}
	}
	if m := cfg.LogoutMethod; m != "" && m != http.MethodGet && m != http.MethodPost {
		errs = append(errs, loginConfigError("LogoutMethod", "%s is unknown: use GET or POST", remote.Quote(m)))
	}
	if cfg.DefaultReturnTo == "" {
		cfg.DefaultReturnTo = "/"
	}
	if to := cfg.PostLogoutRedirectURL; to != "" {
		if err := remote.CheckURL(to, l.rp.cfg.InsecureAllowHTTP); err != nil {
			errs = append(errs, loginConfigError("PostLogoutRedirectURL", "%s: give the absolute https URL (http only on loopback) that is registered at the provider", plain(err)))
		}
	}
	return errs
}

func (l *Login) fillPaths(redirectURL *url.URL) (errs []error) {
	p := l.cfg.Paths
	callback := redirectURL.Path
	base, derived := strings.CutSuffix(callback, "/callback")
	for _, f := range []struct {
		field    string
		value    *string
		fallback string
		optional bool
	}{
		{"Login", &p.Login, "/login", false},
		{"Callback", &p.Callback, "/callback", false},
		{"Logout", &p.Logout, "/logout", false},
		{"LoggedOut", &p.LoggedOut, "/logged-out", true},
		{"BackChannelLogout", &p.BackChannelLogout, "/backchannel-logout", true},
		{"Initiate", &p.Initiate, "/initiate", true},
	} {
		switch {
		case *f.value != "":
			if !safeReturnTo(*f.value) || path.Clean(*f.value) != *f.value || strings.ContainsAny(*f.value, "?#%") {
				errs = append(errs, loginConfigError("Paths."+f.field, "must be a plain path such as /auth%s", f.fallback))
			}
		case derived:
			*f.value = base + f.fallback
		case f.field == "Callback" && callback != "":
			*f.value = callback
		case !f.optional:
			errs = append(errs, loginConfigError("Paths."+f.field, "must be set, because Config.RedirectURL does not end in /callback"))
		}
	}
	l.paths = p
	errs = append(errs, l.fillLoggedOut(l.cfg.Paths.LoggedOut != "", redirectURL)...)
	p = l.paths
	used := slices.Sorted(slices.Values(p.all()))
	if len(slices.Compact(used)) != len(p.all()) {
		errs = append(errs, loginConfigError("Paths", "must differ from each other"))
	}
	return errs
}

// all lists the paths that are served.
func (p Paths) all() []string {
	return slices.DeleteFunc([]string{p.Login, p.Callback, p.Logout, p.LoggedOut, p.BackChannelLogout, p.Initiate},
		func(s string) bool { return s == "" })
}

// loginConfigError is about a field of LoginConfig.
func loginConfigError(field, format string, args ...any) error {
	wrong := &oidc.ConfigError{Package: "client", Field: "LoginConfig." + field, Problem: fmt.Sprintf(format, args...)}
	return &Error{Kind: KindConfig, Op: "login", Err: wrong, detail: wrong.Field + ": " + wrong.Problem}
}
