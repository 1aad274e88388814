package client

import (
	"net/http"
	"slices"
	"strings"
)

const maxLoginHint = 512

// serveInitiate begins a login that a third party asks for (OpenID Connect Core section 4). Any site can: it decides nothing
// but who is likely to sign in and which of our pages comes next.
func (l *Login) serveInitiate(w http.ResponseWriter, r *http.Request) {
	const op = "initiate"
	values, err := parameters(r)
	if err != nil {
		l.fail(w, r, "", callbackError(op, nil, err.Error()))
		return
	}
	iss, ok1 := one(values, "iss")
	hint, ok2 := one(values, "login_hint")
	target, ok3 := one(values, "target_link_uri")
	switch {
	case !ok1 || !ok2 || !ok3 || iss == "":
		err = callbackError(op, nil, "iss is needed, and each parameter may be there once")
	case !slices.Contains(l.rp.meta.Issuers(), iss):
		err = callbackError(op, nil, "iss is not this provider's issuer")
	case len(hint) > maxLoginHint || strings.ContainsFunc(hint, func(c rune) bool { return c < ' ' || c == 0x7f }):
		err = callbackError(op, nil, "login_hint is no hint")
	}
	if err != nil {
		l.fail(w, r, "", err)
		return
	}
	to := l.cfg.DefaultReturnTo
	if target != "" {
		to = l.targetLink(target)
	}
	opts := l.options(r)
	if hint != "" {
		opts = append(slices.Clone(opts), LoginHint(hint))
	}
	l.begin(w, r, to, iss, opts...)
}
