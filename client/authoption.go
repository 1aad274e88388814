package client

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/remote"
)

// AuthOption changes one authorization request.
type AuthOption func(*authRequest)

type authRequest struct {
	params            url.Values
	scopes, resources []string
	maxAge            *time.Duration
	acr               []string
	returnTo          string
	err               error // the first
}

func (r *authRequest) fail(format string, args ...any) {
	if r.err == nil {
		r.err = configError("authorize", "", format, args...)
	}
}

// Prompt asks for pages: login, consent, select_account, or none, which may end in ErrLoginRequired.
func Prompt(values ...string) AuthOption {
	return func(r *authRequest) {
		if len(values) > 1 && slices.Contains(values, "none") {
			r.fail("prompt none excludes every other value")
		}
		r.set("prompt", values)
	}
}

// MaxAge asks that the user signed in no longer ago than d (whole seconds), and Exchange holds the ID token's
// auth_time to it.
func MaxAge(d time.Duration) AuthOption {
	return func(r *authRequest) {
		if d < 0 {
			r.fail("max age %v is negative", d)
		}
		d = d.Truncate(time.Second)
		r.maxAge = &d
	}
}

// ACRValues demands one of these authentication contexts, the preferred one first: Exchange refuses an ID token with
// another acr, or with none.
func ACRValues(values ...string) AuthOption {
	return func(r *authRequest) {
		r.demand(values)
		r.set("acr_values", values)
	}
}

// LoginHint tells the provider who is likely to sign in.
func LoginHint(hint string) AuthOption {
	return func(r *authRequest) { r.params.Set("login_hint", hint) }
}

// UILocales asks for languages, the preferred one first (BCP 47 tags).
func UILocales(tags ...string) AuthOption {
	return func(r *authRequest) { r.set("ui_locales", tags) }
}

// ClaimsRequest asks for single claims (OIDC Core 5.5); claims is marshalled to a JSON object. An acr of the ID token
// that is marked essential is demanded as ACRValues does.
func ClaimsRequest(claims any) AuthOption {
	return func(r *authRequest) {
		raw, err := json.Marshal(claims)
		if err != nil || len(raw) == 0 || raw[0] != '{' {
			r.fail("the claims request is not a JSON object")
			return
		}
		r.params.Set("claims", string(raw))
		var asked struct {
			IDToken struct {
				ACR struct {
					Essential bool     `json:"essential"`
					Value     string   `json:"value"`
					Values    []string `json:"values"`
				} `json:"acr"`
			} `json:"id_token"`
		}
		if err := json.Unmarshal(raw, &asked); err != nil {
			r.fail("the claims request does not have the form of OIDC Core 5.5")
			return
		}
		if acr := asked.IDToken.ACR; acr.Essential {
			if acr.Value != "" {
				acr.Values = append(acr.Values, acr.Value)
			}
			r.demand(acr.Values)
		}
	}
}

// Resource adds APIs that the access token is for (RFC 8707) to Config.Resources.
func Resource(uris ...string) AuthOption {
	return func(r *authRequest) {
		for _, u := range uris {
			if !validResource(u) {
				r.fail("resource %s is not an absolute URI without a fragment", remote.Quote(u))
			}
		}
		r.resources = union(r.resources, uris)
	}
}

// Scope adds scopes to Config.Scopes.
func Scope(scopes ...string) AuthOption {
	return func(r *authRequest) {
		for _, s := range scopes {
			if !validScope(s) {
				r.fail("%s is not one scope: give each its own argument", remote.Quote(s))
			}
		}
		r.scopes = union(r.scopes, scopes)
	}
}

// ReturnTo keeps in the Transaction where the user wanted to go. It is not checked here: [Login] does that; a program
// that redirects to Transaction.ReturnTo itself must make sure that it leads to its own pages.
func ReturnTo(path string) AuthOption {
	return func(r *authRequest) { r.returnTo = path }
}

// ExtraParam adds a parameter the package does not know. What it sends or checks itself cannot be set.
func ExtraParam(name, value string) AuthOption {
	return func(r *authRequest) {
		if slices.Contains(reservedAuth, name) {
			r.fail("parameter %q is set by this package: use its option or Config field", name)
			return
		}
		r.params.Add(name, value)
	}
}

// demand makes an acr one of these a condition of the login. An empty list leaves what was demanded before.
func (r *authRequest) demand(acr []string) {
	if len(acr) > 0 {
		r.acr = slices.Clone(acr)
	}
}

// set sends a list of words. An empty list changes nothing.
func (r *authRequest) set(name string, words []string) {
	if len(words) == 0 {
		return
	}
	for _, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\r\n") {
			r.fail("%s %s is not one word: give each its own argument", name, remote.Quote(w))
		}
	}
	r.params.Set(name, strings.Join(words, " "))
}

// union appends what a lacks, leaving a itself alone.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
