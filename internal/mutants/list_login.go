package main

// login are the mutants of package client's browser sign-in.
var login = []mutant{
	// The callback.
	change("login-state-twice", "callback.go", `if len(states) != 1 || states[0] == "" {`, `if len(states) == 0 || states[0] == "" {`),
	change("login-cookie-of-another-flow", "callback.go", `name := l.cookies.flowName(states[0])
	cookie, err := r.Cookie(name)`, `name := l.cookies.flowName(states[0])
	cookie, err := r.Cookie(name)
	for _, other := range r.Cookies() {
		if err != nil && len(other.Name) == len(name) {
			name, cookie, err = other.Name, other, nil
		}
	}`),
	change("login-used-twice", "callback.go", "\tcase !first:\n\t\treturn callbackError(\"callback\", ErrLoginUsed, \"\")\n", "\tcase !first:\n"),
	change("login-flow-cookie-stays", "callback.go", "\tl.cookies.setFlow(w, name, \"\", 0)\n\tf,", "\tf,"),
	change("login-mark-fails", "callback.go", "\tcase err != nil:\n\t\treturn storeError(err)\n\tcase !first:\n\t\treturn callbackError(\"callback\"", "\tcase err != nil && first:\n\t\treturn storeError(err)\n\tcase err == nil && !first:\n\t\treturn callbackError(\"callback\""),
	change("login-keeps-the-earlier-session", "callback.go", "\tfor _, old := range earlier {\n", "\tfor _, old := range earlier[:0] {\n"),
	change("login-keeps-the-session-id", "callback.go", "\tvalue := random()\n\tid := l.sessionID(value)\n", "\tvalue := l.cookies.sessionValue(r)\n\tif value == \"\" {\n\t\tvalue = random()\n\t}\n\tid := l.sessionID(value)\n"),
	change("login-in-spite-of-onlogin", "callback.go", "if err := l.cfg.OnLogin(ctx, s); err != nil {", "if err := l.cfg.OnLogin(ctx, s); err != nil && s == nil {"),
	change("login-ended-during-onlogin", "callback.go", `if err == nil && d == nil {`, `if err == nil && d == nil && id == "" {`),
	change("cookie-of-a-dead-session-keeps-tokens", "callback.go", `return err != nil || d != nil`, `return err != nil || d != nil || true`),
	change("living-session-loses-its-tokens", "callback.go", `return err != nil || d != nil`, `return err != nil || d != nil && id == ""`),
	change("logout-that-lies-ahead-is-final", "backchannel.go", `, liesAhead(err):`, `:`),
	change("login-refused-tokens-stay", "callback.go", "\t\t\tl.revoke(ctx, tokens.RefreshToken)\n", ``),
	change("login-of-a-browser-that-left", "callback.go", `if err := ctx.Err(); err != nil { // nobody`, `if err := ctx.Err(); err != nil && len(earlier) > 99 { // nobody`),
	change("login-answer-is-not-awaited", "callback.go", `context.WithTimeout(context.WithoutCancel(ctx), redeemDeadline)`, `context.WithTimeout(ctx, redeemDeadline)`),
	change("login-refused-session-stays", "callback.go", "\t\t\tl.discard(ctx, id, data, !l.anyLives(ctx, earlier))\n", ``),
	change("login-data-unbounded", "callback.go", `len(s.Data) > maxData {`, `false {`),
	change("login-parameters-unbounded", "callback.go", `if len(raw) > maxForm {`, `if false {`),
	change("login-body-of-any-type", "callback.go", ` || media != "application/x-www-form-urlencoded" {`, ` || media == "" {`),
	change("login-body-read-without-bound", "callback.go", `io.LimitReader(r.Body, maxForm+1)`, `io.LimitReader(r.Body, 1<<40)`),
	change("login-parameter-twice", "callback.go", `if len(values[name]) > 1 {`, `if false {`),

	// Cookies.
	change("cookie-without-host-prefix", "cookies.go", `c.session, c.logout, c.flow = "__Host-"+c.session, "__Host-"+c.logout, "__Host-"+c.flow`, `c.session, c.logout, c.flow = "__Secure-"+c.session, "__Secure-"+c.logout, "__Secure-"+c.flow`),
	change("cookie-not-http-only", "cookies.go", `cookie.Path, cookie.HttpOnly = "/", true`, `cookie.Path, cookie.HttpOnly = "/", false`),
	change("cookie-of-any-site", "cookies.go", `cookie.SameSite = http.SameSiteLaxMode`, `cookie.SameSite = http.SameSiteNoneMode`),
	change("session-cookie-not-secure", "cookies.go", `Name: c.session, Value: value, Secure: c.secure}`, `Name: c.session, Value: value}`),
	change("flow-cookie-not-secure", "cookies.go", `http.Cookie{Name: name, Value: value, Secure: c.secure}`, `http.Cookie{Name: name, Value: value}`),
	change("flow-cookie-of-a-form-post-is-lax", "cookies.go", `cookie.SameSite, cookie.Secure = http.SameSiteNoneMode, true`, `cookie.Secure = true`),
	change("flow-cookies-newest-goes", "cookies.go", `a.started.Compare(b.started)`, `b.started.Compare(a.started)`),
	change("flow-cookies-without-bound", "cookies.go", `(len(flows) >= maxFlows || size > maxFlowBytes)`, `size > maxFlowBytes`),
	change("flow-cookies-of-any-size", "cookies.go", `(len(flows) >= maxFlows || size > maxFlowBytes)`, `len(flows) >= maxFlows`),
	change("flow-cookie-too-large", "cookies.go", `if cookieSize(name, value) > maxFlowBytes {`, `if false {`),
	change("flow-cookie-of-another-name", "cookies.go", `packed, err := l.ring.OpenString(name, value)`, `packed, err := l.ring.OpenString(l.cookies.flow, value)`),
	change("flow-cookie-cut-short", "flow.go", `return f, r.ok`, `return f, true`),
	change("flow-cookie-of-another-issuer", "flow.go", `return "another issuer"`, `return c.meta.Issuers()[0]`),
	change("flow-cookie-read-beyond-its-end", "flow.go", `r.ok && n <= uint64(len(r.b)); !r.ok {`, `r.ok && n <= uint64(cap(r.b)); !r.ok {`),
	change("cookie-names-shared-by-applications", "login.go", `c.cfg.ClientID, c.cfg.RedirectURL)`, `c.cfg.ClientID)`),

	// Where the browser goes.
	change("return-to-another-host", "returnto.go", `if strings.HasPrefix(p, "//") || `, `if `),
	change("return-to-with-backslash", "returnto.go", `c <= ' ' || c >= 0x7f || c == '\\' })`, `c <= ' ' || c >= 0x7f })`),
	change("return-to-with-encoded-backslash", "returnto.go", `c < ' ' || c == 0x7f || c == '\\' })`, `c < ' ' || c == 0x7f })`),
	change("return-to-with-control-characters", "returnto.go", `return c <= ' ' || c >= 0x7f || c == '\\' })`, `return c == '\\' })`),
	change("return-to-with-encoded-control-characters", "returnto.go", `return c < ' ' || c == 0x7f || c == '\\' })`, `return c == '\\' })`),
	change("return-to-relative", "returnto.go", ` || !strings.HasPrefix(raw, "/") {`, ` {`),
	change("return-to-of-any-length", "returnto.go", `if len(raw) > maxReturnTo || `, `if `),
	change("return-to-dots", "returnto.go", `if segment == "." || segment == ".." {`, `if segment == "." {`),
	change("return-to-encoded-twice", "returnto.go", "\t\trest = decoded\n", "\t\treturn plainPath(decoded)\n"),
	change("return-to-our-own-paths", "returnto.go", `!slices.Contains(l.paths.all(), pathOf(raw)) {`, `!slices.Contains(l.paths.all()[:0], pathOf(raw)) {`),
	change("return-to-not-checked-at-the-transaction", "login.go", `to = l.returnTo(tx.ReturnTo)`, `to = tx.ReturnTo`),
	change("return-to-not-checked-at-the-login", "login.go", `l.begin(w, r, l.returnTo(r.URL.Query().Get("return_to")), "", l.options(r)...)`, `l.begin(w, r, r.URL.Query().Get("return_to"), "", l.options(r)...)`),
	change("target-link-of-another-origin", "returnto.go", `!remote.SameOrigin(raw, l.rp.cfg.RedirectURL) {`, `!remote.SameOrigin(raw, raw) {`),
	change("target-link-with-user", "returnto.go", `if u.User != nil || u.Opaque`, `if u.Opaque`).
		equivalent("Without scheme and host such a URL still begins with two slashes, for the user: returnTo refuses that."),
	change("default-return-to-not-checked", "login.go", `if !safeReturnTo(l.cfg.DefaultReturnTo) || `, `if `),

	// Initiated by the provider.
	change("initiate-of-another-issuer", "initiate.go", `case !slices.Contains(l.rp.meta.Issuers(), iss):`, `case !slices.Contains(l.rp.meta.Issuers(), iss) && iss == "":`),
	change("initiate-issuer-of-the-document", "login.go", `if issuer != "" && issuer != tx.Issuer {`, `if false {`),
	change("initiate-parameter-twice", "initiate.go", `case !ok1 || !ok2 || !ok3 || iss == "":`, `case !ok1 && !ok2 && !ok3 || iss == "":`),
	change("initiate-without-issuer", "initiate.go", `!ok3 || iss == "":`, `!ok3:`).
		equivalent("No provider's issuer is empty, so an empty iss is refused next as another one; only the words differ."),
	change("initiate-hint-of-any-length", "initiate.go", `case len(hint) > maxLoginHint || `, `case `),
	change("initiate-hint-with-control-characters", "initiate.go", `return c < ' ' || c == 0x7f }):`, `return c == 0x7f }):`),

	// Handlers.
	change("handler-cached", "login.go", "\th.Set(\"Cache-Control\", \"no-store\")\n\th.Set(\"Referrer-Policy\"", "\th.Set(\"Referrer-Policy\""),
	change("handler-tells-the-referrer", "login.go", "\th.Set(\"Referrer-Policy\", \"no-referrer\")\n", ``),
	change("callback-by-get-for-form-post", "login.go", `answer = []string{http.MethodPost}`, `answer = []string{http.MethodGet, http.MethodPost}`),
	change("logout-by-get", "login.go", `{l.paths.Logout, []string{http.MethodPost}, l.serveLogout}`, `{l.paths.Logout, []string{http.MethodGet, http.MethodPost}, l.serveLogout}`),
	change("method-not-checked", "login.go", `if !slices.Contains(e.methods, r.Method) {`, `if r.Method == "" {`),
	change("back-channel-without-keys", "login.go", `if e.path == l.paths.BackChannelLogout && l.rp.keyless() {`, `if false {`),
	change("require-login-for-any-error", "requirelogin.go", `if !errors.Is(err, ErrNoSession) {`, `if !errors.Is(err, ErrNoSession) && err == nil {`),
	change("require-login-redirects-scripts", "requirelogin.go", `if !navigation(r) {`, `if false {`),
	change("require-login-redirects-posts", "requirelogin.go", `if r.Method != http.MethodGet && r.Method != http.MethodHead {`, `if false {`),
	change("require-login-cached", "requirelogin.go", "\t\tw.Header().Set(\"Cache-Control\", \"no-store\")\n", ``),

	// Logout.
	change("logout-from-another-site", "logout.go", `if l.logout.Check(r) != nil {`, `if l.logout.Check(r) == http.ErrNoCookie {`),
	change("logout-keeps-the-session", "session.go", "deleted, err := l.store.DeleteByIndex(ctx, l.indexSelf(id))", "deleted, err := l.store.DeleteByIndex(ctx, l.indexSelf(id), id)"),
	change("logout-keeps-the-cookie", "logout.go", "\t\tl.cookies.setSession(w, \"\", 0)\n", "\t\t_ = w\n"),
	change("logout-keeps-the-refresh-token", "logout.go", "\t\tl.revoke(ctx, ended.RefreshToken)\n", ``),
	change("logout-revokes-what-was-saved", "session.go", `if unsaved := st.takeUnsaved(d.Version); unsaved != nil {`, `if unsaved := st.takeUnsaved(d.Version); unsaved != nil && d == nil {`),
	change("logout-fails-silently", "logout.go", `if ended, err = l.endSession(ctx, l.sessionID(value)); err != nil {`, `if ended, err = l.endSession(ctx, l.sessionID(value)); err != nil && ended != nil {`),
	change("logout-without-state", "logout.go", "\t\trequest.State = random()\n", ``),
	change("logout-with-a-long-hint", "endsession.go", "\tparams.Del(\"id_token_hint\")\n", ``),
	change("logout-without-a-short-hint", "logout.go", `if !whole && hint != "" {`, `if whole && hint == "" {`),
	change("logout-never-by-post", "logout.go", `case l.cfg.LogoutMethod == http.MethodPost:`, `case l.cfg.LogoutMethod == "":`),
	change("logged-out-for-anybody", "loggedout.go", `subtle.ConstantTimeCompare([]byte(state), []byte(cookie.Value)) != 1 {`, `subtle.ConstantTimeCompare([]byte(state), []byte(cookie.Value)) > 1 {`),
	change("logged-out-page-unasked", "loggedout.go", "\tl.paths.LoggedOut = \"\"\n", ``),

	// Back-channel logout.
	change("logout-token-of-another-type", "logouttoken.go", `types: []string{"logout+jwt", "jwt"}`, `types: []string{"logout+jwt", "jwt", "at+jwt"}`),
	change("logout-token-for-another", "logouttoken.go", "\tif err := c.checkIssuedFor(set, md, op); err != nil {\n\t\treturn nil, err\n\t}\n", ``),
	change("logout-token-times", "logouttoken.go", "\tif err := set.CheckTimes(time.Now(), c.cfg.ClockSkew, false); err != nil {", "\tif err := set.CheckTimes(time.Now(), c.cfg.ClockSkew, false); err != nil && false {"),
	change("logout-token-without-event", "logouttoken.go", `if !ok || json.Unmarshal([]byte(event), &members) != nil {`, `if ok && json.Unmarshal([]byte(event), &members) != nil {`),
	change("logout-token-with-an-event-of-a-wrong-type", "logouttoken.go", `if !ok || json.Unmarshal([]byte(event), &members) != nil {`, `if !ok || json.Unmarshal([]byte(event), &members) != nil && event == "" {`),
	change("logout-token-with-nonce", "logouttoken.go", `if set.Holds("nonce") {`, `if set.Holds("\x00") {`),
	change("logout-token-with-nonce-null", "logouttoken.go", `if set.Holds("nonce") {`, `if set.Has("nonce") {`),
	change("logout-token-without-jti", "logouttoken.go", `case t.JTI == "":`, `case false:`),
	change("logout-token-without-subject", "logouttoken.go", `case t.Subject == "" && t.SID == "":`, `case false:`),
	change("logout-token-without-iat", "logouttoken.go", "\tcase !ok:\n\t\treturn tokenError(op, \"iat\", \"iat is missing\")\n", ``),
	change("logout-token-with-exp-null", "logouttoken.go", `case !ok && set.Holds("exp"):`, `case false:`),
	change("logout-token-without-exp-lives-long", "logouttoken.go", `last = issued.Add(maxUndatedLogoutAge)`, `last = issued.Add(maxLogoutAge)`),
	change("logout-token-too-old", "logouttoken.go", `if time.Now().After(t.Expiry.Add(c.cfg.ClockSkew)) {`, `if false {`),
	change("logout-token-lives-beyond-a-day", "logouttoken.go", `if !ok || last.Before(t.Expiry) {`, `if !ok {`),
	change("logout-token-mark-of-any-issuer", "backchannel.go", `digest("jti", l.namespace, token.Issuer, token.JTI)`, `digest("jti", l.namespace, token.JTI)`),
	change("logout-token-used-twice", "backchannel.go", "\tcase used:\n\t\treturn callbackError(op, nil, \"the logout token was used before\")\n", "\tcase used:\n"),
	change("logout-token-marked-before-it-is-done", "backchannel.go", "\tif err := l.endSessions(ctx, token); err != nil {\n\t\treturn err\n\t}\n", "\t_, _ = l.store.Once(ctx, mark, token.Expiry.Add(replaySlack))\n\tif err := l.endSessions(ctx, token); err != nil {\n\t\treturn err\n\t}\n"),
	change("logout-token-not-marked", "backchannel.go", "\t_, err = l.store.Once(ctx, mark, token.Expiry.Add(replaySlack))\n\treturn storeError(err)", "\treturn nil"),
	change("logout-mark-fails", "backchannel.go", "\t_, err = l.store.Once(ctx, mark, token.Expiry.Add(replaySlack))\n\treturn storeError(err)", "\t_, _ = l.store.Once(ctx, mark, token.Expiry.Add(replaySlack))\n\treturn nil"),
	change("logout-ends-with-its-caller", "backchannel.go", `ctx := context.WithoutCancel(r.Context())`, `ctx := r.Context()`),
	change("logout-of-the-subject-for-a-sid", "backchannel.go", `return []string{l.indexSID(token.Issuer, token.SID), l.indexNoSID(token.Issuer, token.Subject)}`, `return []string{l.indexSubject(token.Issuer, token.Subject)}`),
	change("logout-without-sessions-that-have-no-sid", "backchannel.go", `return []string{l.indexSID(token.Issuer, token.SID), l.indexNoSID(token.Issuer, token.Subject)}`, `return []string{l.indexSID(token.Issuer, token.SID)}`),
	change("logout-failure-is-a-success", "backchannel.go", `failed = errors.Join(failed, err, l.deleteBegunBefore(ctx, key, ended))`, `_ = errors.Join(failed, err, l.deleteBegunBefore(ctx, key, ended))`),
	change("logout-of-logins-under-way", "backchannel.go", `err := l.noteLogout(noteCtx, key, noted)`, `err := noteCtx.Err()`),
	change("logout-of-later-sessions", "backchannel.go", "\t\t\t\tlater = append(later, record.ID)\n", "\t\t\t\t_ = record.ID\n"),
	change("logout-of-a-session-that-is-remembered", "backchannel.go", "\t\t\tl.forget(record.ID)\n", "\t\t\t_ = record\n"),
	change("logout-gives-up-at-once", "backchannel.go", `if err == nil || wait > time.Second {`, `if true {`),
	change("logout-token-mark-of-any-application", "backchannel.go", `digest("jti", l.namespace, token.Issuer, token.JTI)`, `digest("jti", token.Issuer, token.JTI)`),

	// Sessions.
	change("session-past-its-end", "sessiondata.go", `if !time.Now().Before(l.ends(d)) {`, `if false {`),
	change("session-without-lifetime", "sessiondata.go", `if last.Before(idle) {`, `if false {`),
	change("session-without-idle-timeout", "sessiondata.go", "\treturn idle\n", "\treturn last\n"),
	change("session-of-another-id", "sessiondata.go", `plain, err := l.ring.Open("session "+id, r.Data)`, `plain, err := l.ring.Open("session", r.Data)`),
	change("session-without-id-token", "sessiondata.go", `if tokens.IDToken == nil {`, `if false {`),
	change("session-not-touched", "session.go", `d.Touched = time.Now().Round(0)`, `d.Touched = d.Touched.Round(0)`),
	change("session-touched-by-each-request", "session.go", `if time.Since(d.Touched) < l.touchEvery() || !s.state`, `if !s.state`),
	change("session-touched-too-seldom", "session.go", `return min(maxTouchEvery, l.cfg.IdleTimeout/10)`, `return maxTouchEvery`),
	change("session-deleted-but-remembered", "session.go", "\tl.forget(id)\n\tif len(deleted)", "\tif len(deleted)"),
	change("session-id-of-any-application", "sessiondata.go", `digest("session", l.namespace, value)`, `digest("session", value)`),

	// Renewal.
	change("renewal-of-another-person-goes-on", "renewal.go", `if final(err) { // the provider withdrew`, `if false { // the provider withdrew`),
	change("renewal-that-failed-is-not-saved", "renewal.go", "\tcase tokens != nil:\n\t\tn.rotated", "\tcase tokens != nil && err == nil:\n\t\tn.rotated"),
	change("renewal-that-failed-is-a-success", "renewal.go", "\tcase n.failure != nil:\n\t\treturn nil, n.failure\n", ``),
	change("renewal-compares-nothing", "renewal.go", `Issuer: d.Issuer, Subject: d.Subject, Nonce: d.Nonce, Audience: d.Audience,`, `Issuer: d.Issuer,`),
	change("renewal-of-what-was-renewed", "renewal.go", `held != nil && held.good() && held.digest() != n.replaced {`, `held != nil && held.good() && n.replaced == "" {`),
	change("renewal-hands-out-the-replaced", "renewal.go", ` && held.digest() != n.replaced {`, ` {`),
	change("renewal-ends-with-its-caller", "renewal.go", `ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewDeadline)
	defer cancel()
	request`, `ctx, cancel := context.WithTimeout(ctx, renewDeadline)
	defer cancel()
	request`),
	change("renewal-that-could-not-be-saved", "renewal.go", "\t\tst.keepUnsaved(n.rotated)\n", ``),
	change("renewal-of-a-lost-token", "renewal.go", `last != n.known && last.from == d.Version {`, `false {`),
	change("renewal-of-a-deleted-session", "renewal.go", "\t\t\tst.l.revoke(ctx, n.rotated.tokens.RefreshToken)\n", "\t\t\t_ = ctx\n"),
	change("renewal-saved-for-another-version", "renewal.go", `if unsaved != nil && unsaved.from != version {`, `if false {`),
	change("renewal-with-an-expired-token", "renewal.go", `case !d.refreshable():`, `case false:`),
	change("stored-token-about-to-expire", "storedtoken.go", `return time.Until(t.Expiry) > margin`, `return time.Until(t.Expiry) > -margin`),
	change("stored-tokens-without-bound", "storedtoken.go", `for len(d.Tokens) > maxStoredTokens {`, `for len(d.Tokens) > 100*maxStoredTokens {`),
	change("stored-token-of-any-size", "storedtoken.go", `} else if len(t.AccessToken) > maxExtraToken {`, `} else if false {`),
	change("stored-refresh-token-is-not-the-new-one", "storedtoken.go", `d.RefreshToken, d.RefreshExpiry = t.RefreshToken, t.RefreshExpiry`, `d.RefreshExpiry = t.RefreshExpiry`),
	change("stored-refresh-token-without-expiry", "storedtoken.go", ` && (d.RefreshExpiry.IsZero() || time.Now().Before(d.RefreshExpiry))`, ``),

	// The store in memory.

	// Configuration.
	change("login-without-keys", "loginconfig.go", `case len(keys) == 0 && !cfg.AllowEphemeralKey:`, `case false:`),
	change("login-idle-below-a-minute", "loginconfig.go", `case *d.value < time.Minute:`, `case false:`),
	change("login-paths-of-any-form", "loginconfig.go", `if !safeReturnTo(*f.value) || path.Clean(*f.value) != *f.value || strings.ContainsAny(*f.value, "?#%") {`, `if path.Clean(*f.value) == "" {`),
	change("login-paths-alike", "loginconfig.go", `if len(slices.Compact(used)) != len(p.all()) {`, `if len(slices.Compact(used)) == 0 {`),
	change("login-logout-redirect-of-any-form", "loginconfig.go", `if err := remote.CheckURL(to, l.rp.cfg.InsecureAllowHTTP); err != nil {`, `if err := remote.CheckURL(to, l.rp.cfg.InsecureAllowHTTP); err != nil && to == "" {`),
	change("login-config-tells-its-keys", "loginconfig.go", "type LoginConfig struct {\n\tredact.All\n", "type LoginConfig struct {\n\t_ redact.All\n"),
}
