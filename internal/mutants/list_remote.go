package main

var remote = []mutant{
	// URLs.
	change("url-empty", "url.go", `if raw == "" {`, `if false {`),
	change("url-with-space", "url.go", ` || unicode.IsSpace(r)`, ``),
	change("url-with-control-character", "url.go", ` || unicode.IsControl(r) })`, ` })`),
	change("url-with-backslash", "url.go", `return r == '\\' || unicode`, `return unicode`),
	change("url-with-password", "url.go", `case u.User != nil:`, `case false:`),
	change("url-of-another-scheme", "url.go", `case u.Scheme != "https" && u.Scheme != "http":`, `case u.Scheme == "":`),
	change("url-without-host", "url.go", `case u.Opaque != "" || u.Hostname() == "":`, `case u.Opaque != "":`),
	change("url-with-fragment", "url.go", `case strings.Contains(raw, "#"):`, `case u.Fragment != "":`),
	change("url-with-port-zero", "url.go", ` || n == 0 {`, ` || n > 65535 {`),
	change("url-with-impossible-port", "url.go", `strconv.ParseUint(port, 10, 16)`, `strconv.ParseUint(port, 10, 32)`),
	change("http-beyond-loopback", "url.go", ` && !loopback(u.Hostname()) {`, ` && false {`),
	change("http-on-loopback-refused", "url.go", `!allowHTTP && !loopback(u.Hostname())`, `!allowHTTP`),
	change("loopback-mapped", "url.go", `!ip.Is4In6() && `, ``),
	change("loopback-with-zone", "url.go", ` && ip.Zone() == ""`, ``),
	change("loopback-by-prefix", "url.go", `if strings.EqualFold(host, "localhost") {`, `if strings.HasPrefix(strings.ToLower(host), "localhost") {`),
	change("error-tells-the-password", "url.go", `return fmt.Errorf("%s is not a URL", Quote(withoutUserInfo(raw)))`, `return fmt.Errorf("%s is not a URL", Quote(raw))`),
	change("error-tells-the-user", "url.go", `remove what stands before the @", Quote(withoutUserInfo(raw)))`, `remove what stands before the @", Quote(raw))`),
	change("origin-without-scheme", "url.go", `return u.Scheme + "://" + strings`, `return "://" + strings`),
	change("origin-without-port", "url.go", `"|" + port`, `"|" + port[:0]`),
	change("origin-without-default-port", "url.go", `port = "443"`, `port = ""`),
	change("origin-of-no-host", "url.go", ` && x.Host != ""`, ``),

	// Redirects.
	change("redirect-to-another-origin", "client.go", `if !SameOrigin(via[0].URL.String(), to) {`, `if false {`),
	change("redirect-origin-step-by-step", "client.go", `via[0].URL.String()`, `via[len(via)-1].URL.String()`).
		equivalent("Each step stays within its origin, so all stay within the first one's."),
	change("redirects-without-end", "client.go", `if len(via) > maxRedirects {`, `if len(via) > 100 {`),
	change("redirect-one-more", "client.go", `if len(via) > maxRedirects {`, `if len(via) > maxRedirects+1 {`),
	change("redirect-to-a-bad-url", "client.go", `if err := CheckURL(to, allowHTTP); err != nil {`, `if err := CheckURL(to, allowHTTP); err != nil && false {`),
	change("private-client-follows", "client.go", "\town.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }\n", ``),
	change("cookies-kept", "client.go", "\town.Jar = nil\n", ``),
	change("no-time-to-dial", "client.go", `&net.Dialer{Timeout: 5 * time.Second, KeepAlive`, `&net.Dialer{KeepAlive`).
		equivalent("Each fetch and each request has a deadline of its own; this one is for those who use the client for something else."),
	change("no-time-for-headers", "client.go", "\tt.ResponseHeaderTimeout = 10 * time.Second\n", ``),
	change("headers-without-bound", "client.go", "\tt.MaxResponseHeaderBytes = 64 << 10\n", ``),
	change("dead-connections-kept", "client.go", `if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {`, `if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() && false {`),
	change("idle-connections-closed-for-any-error", "client.go", `ok && e.Timeout() {`, `ok && e != nil {`),

	// Bodies.
	change("body-of-another-type", "body.go", `!isJSON(kind) && !slices.Contains(types, kind) {`, `!isJSON(kind) && !slices.Contains(types, kind) && kind != "image/png" {`),
	change("body-larger-than-the-limit", "body.go", `if int64(len(read)) > limit {`, `if false {`),
	change("body-read-without-bound", "body.go", `io.ReadAll(io.LimitReader(body, limit+1))`, `io.ReadAll(body)`),
	change("body-cut-at-the-limit", "body.go", `io.LimitReader(body, limit+1)`, `io.LimitReader(body, limit)`),
	change("body-inflates-for-ever", "body.go", `io.LimitReader(resp.Body, limit+64<<10)`, `io.LimitReader(resp.Body, limit*limit)`),
	change("body-of-another-encoding", "body.go", `case "", "identity":`, `case "", "identity", "br":`),
	change("body-cut-short", "body.go", "\tif err != nil {\n\t\treturn nil, inflationFailed(err)\n\t}\n\treturn read, nil", "\tif err != nil && len(read) == 0 {\n\t\treturn nil, inflationFailed(err)\n\t}\n\treturn read, nil"),
	change("json-by-its-ending-alone", "body.go", `strings.HasPrefix(kind, "application/") && `, ``),

	// Answers.
	change("any-2xx", "fetch.go", `case resp.StatusCode == http.StatusOK:`, `case resp.StatusCode/100 == 2:`),
	change("304-unasked", "fetch.go", `case resp.StatusCode == http.StatusNotModified && prev != nil:`, `case resp.StatusCode == http.StatusNotModified && d.cur.Load() != nil && func() bool { prev = d.cur.Load(); return true }():`),
	change("etag-of-another-url", "fetch.go", `if prev != nil && (prev.url != raw || prev.etag == "") {`, `if prev != nil && prev.etag == "" {`),
	change("etag-without-bound", "fetch.go", `if len(h.etag) > maxETag {`, `if false {`),
	change("url-not-checked", "fetch.go", `if err := CheckURL(raw, d.cfg.AllowHTTP); err != nil {`, `if err := CheckURL(raw, d.cfg.AllowHTTP); err != nil && false {`),
	change("parse-error-ignored", "fetch.go", "\tif err != nil {\n\t\treturn fail(Invalid, err)\n\t}\n\treturn d.hold(value", "\treturn d.hold(value"),
	change("retry-after-without-bound", "fetch.go", `return min(wait, maxBackoff)`, `return wait`),
	change("redirect-counts-as-unreachable", "fetch.go", `return fail(Invalid, refused)
		}
		return fail(Unreachable, withoutURL(err))`, `return fail(Unreachable, refused)
		}
		return fail(Unreachable, withoutURL(err))`),
	change("error-tells-the-body-of-the-url", "fetch.go", `return fail(Unreachable, withoutURL(err))`, `return fail(Unreachable, err)`),

	// Lifetimes.
	change("ttl-below-the-least", "ttl.go", `return min(max(ttl, least), most)`, `return min(ttl, most)`),
	change("ttl-above-the-most", "ttl.go", `return min(max(ttl, least), most)`, `return max(ttl, least)`),
	change("no-store-ignored", "ttl.go", `case "no-store", "no-cache":`, `case "no-cache":`),
	change("no-cache-ignored", "ttl.go", `case "no-store", "no-cache":`, `case "no-store":`),
	change("broken-max-age-ignored", "ttl.go", "\t\t\tif !ok {\n\t\t\t\treturn least\n\t\t\t}\n", "\t\t\tif !ok {\n\t\t\t\tcontinue\n\t\t\t}\n"),
	change("larger-of-two-max-ages", "ttl.go", `said < ttl {`, `said > ttl {`),
	change("age-ignored", "ttl.go", `ttl -= spent`, `ttl -= 0 * spent`),
	change("seconds-overflow", "ttl.go", ` || n > math.MaxInt64/int64(time.Second) {`, ` {`),
	change("refresh-at-the-end", "ttl.go", `return ttl/10*8 + rand.N(ttl/10+1)`, `return ttl + rand.N(ttl/10+1)`),
	change("stale-for-ever", "fetch.go", `if d.cfg.StaleFor > 0 {`, `if false {`),
	change("stale-is-usable", "remote.go", `return h.stale.IsZero() || now.Before(h.stale) }`, `return true }`),
	change("peek-at-what-is-stale", "remote.go", `(h.stale.IsZero() || h.usable(time.Now()))`, `true`),
	change("get-what-is-stale", "remote.go", "\tif !h.usable(now) {\n\t\treturn nil\n\t}\n", ``),
	change("fresh-beyond-its-end", "remote.go", `return h != nil && time.Now().Before(h.soft)`, `return h != nil`),
	change("held-document-is-refetched", "remote.go", `!forced && h != nil && h.usable(now) {`, `false && h != nil && h.usable(now) {`).
		equivalent("It is for a document that arrives between two looks at it, without a lock and with one: one fetch more, and no test can stand between them."),

	// Flights and backoff.
	change("flight-not-shared", "remote.go", "\tcase f != nil:\n\tcase now", "\tcase f != nil && !forced:\n\tcase now"),
	change("no-backoff", "remote.go", `case now.Before(d.retryAt):`, `case false:`),
	change("no-backoff-in-the-background", "remote.go", `if d.flight == nil && !now.Before(d.retryAt) && `, `if d.flight == nil && `),
	change("no-backoff-for-newer", "newer.go", ` && n.doc.Backoff() == 0`, ``).
		equivalent("A refetch within the backoff makes no request either; asking first saves starting one."),
	change("newer-without-budget", "newer.go", `(n.refetched.IsZero() || time.Since(n.refetched) >= newerInterval) && `, ``),
	change("newer-interval-from-a-failure", "newer.go", "\tif err == nil {\n\t\tn.refetched = began\n\t}\n", "\tn.refetched, _ = began, err\n"),
	change("newer-not-shared", "newer.go", "\tcase n.running != nil:\n", ``).
		equivalent("A second refetch joins the fetch that is in flight; sharing saves a goroutine for each caller."),
	change("newer-ignores-what-has-arrived", "newer.go", `ok && held != tried {`, `ok && held != tried && false {`),
	change("newer-of-a-stale-document-by-the-budget", "newer.go", `case !n.doc.Fresh():`, `case false:`),
	change("newer-ends-with-its-caller", "newer.go", `go n.refetch(context.WithoutCancel(ctx), n.running)`, `go n.refetch(ctx, n.running)`),
	change("newer-waiter-ignores-its-context", "newer.go", "\tcase <-ctx.Done():\n\t\treturn tried, ctx.Err()\n", ``),
	change("newer-in-the-background-twice", "newer.go", `if n.running == nil && n.allowed() {`, `if n.allowed() {`).
		equivalent("A second refetch joins the fetch that is in flight; this saves its goroutine."),

	// Addresses that a document names, and those that have moved.
	change("named-loopback", "url.go", `if allowHTTP || local(document) || !local(raw) {`, `if true {`),
	change("named-loopback-without-exception", "url.go", `if allowHTTP || local(document) || !local(raw) {`, `if local(document) || !local(raw) {`),
	change("loopback-names-loopback-refused", "url.go", `if allowHTTP || local(document) || !local(raw) {`, `if allowHTTP || !local(raw) {`),
	change("named-url-unchecked", "url.go", "\tif err := CheckURL(raw, allowHTTP); err != nil {\n\t\treturn err\n\t}\n", ``),
	change("localhost-with-a-dot", "url.go", `strings.TrimSuffix(u.Hostname(), ".")`, `u.Hostname()`),
	change("localhost-in-capitals", "url.go", `host := strings.ToLower(`, `host := string(`),
	change("localhost-itself", "url.go", `if host == "localhost" || `, `if `),
	change("below-localhost", "url.go", ` || strings.HasSuffix(host, ".localhost") {`, ` {`),
	change("loopback-with-a-zone", "url.go", `ip.WithZone("").Unmap()`, `ip.Unmap()`),
	change("loopback-as-ipv6", "url.go", `ip.WithZone("").Unmap()`, `ip.WithZone("")`),
	change("named-loopback-address", "url.go", `return ip.IsLoopback() || ip.IsUnspecified() || `, `return ip.IsUnspecified() || `),
	change("unspecified-address", "url.go", `ip.IsLoopback() || ip.IsUnspecified() || `, `ip.IsLoopback() || `),
	change("link-local-address", "url.go", ` || ip.IsLinkLocalUnicast()`, ``),
	change("decimal-address", "url.go", `return strings.Trim(last, "0123456789") == "" || `, `return `),
	change("hexadecimal-address", "url.go", `strings.Trim(digits, "0123456789abcdef") == "" ||`, `digits == "" ||`),
	change("address-in-another-script", "url.go", `strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII })`, `false`),
	change("busy-is-moved", "error.go", ` && e.Status != http.StatusTooManyRequests`, ` && e.Status != http.StatusTeapot`),
	change("misconfigured-is-moved", "error.go", ` && e.Kind != Misconfigured`, ``),
	change("naming-document-away-is-moved", "error.go", `ok && !e.inner && `, `ok && `),
	change("backoff-does-not-grow", "remote.go", "\t\td.fails++\n", ``),
	change("backoff-overflows", "remote.go", `minBackoff<<min(fails, 6)`, `minBackoff<<fails`),
	change("backoff-above-its-bound", "remote.go", `return min(step+rand.N(step/5), maxBackoff)`, `return step + rand.N(step/5)`),
	change("backoff-stays-after-success", "remote.go", `d.fails, d.retryAt, d.lastErr = 0, time.Time{}, nil`, `d.retryAt, d.lastErr = time.Time{}, nil`),
	change("backoff-of-the-naming-document-counts-twice", "remote.go", `if !err.inner || wait <= 0 {`, `if true {`),
	change("retry-after-ignored", "remote.go", `wait = max(backoff(d.fails), wait)`, `wait = backoff(d.fails)`),
	change("failure-drops-the-document", "remote.go", "\terr.RetryAfter = wait\n", "\terr.RetryAfter = wait\n\td.cur.Store(nil)\n"),
	change("flight-ends-with-its-caller", "remote.go", `go d.run(context.WithoutCancel(ctx), f)`, `go d.run(ctx, f)`),
	change("flight-without-deadline", "remote.go", `context.WithTimeout(ctx, d.cfg.Timeout)`, `context.WithTimeout(ctx, 100*d.cfg.Timeout)`),
	change("waiter-without-deadline", "remote.go", "\tcase <-timer.C:\n\t\terr = context.DeadlineExceeded\n", ``),
	change("waiter-ignores-its-context", "remote.go", "\tcase <-ctx.Done():\n\t\terr = ctx.Err()\n", ``),
	change("ended-context-starts-a-flight", "remote.go", `if err := ctx.Err(); err != nil {`, `if err := ctx.Err(); false {`),
	change("panic-tells-its-value", "remote.go", `fmt.Errorf("panic of type %T while fetching or parsing", p)`, `fmt.Errorf("panic of type %v while fetching or parsing", p)`),
	change("panic-of-the-observer", "observer.go", `if p := recover(); p != nil {`, `if p := any(nil); p != nil {`),
	change("panic-while-parsing", "remote.go", `if p := recover(); p != nil { // its value may hold what was fetched: only its type is told`, `if p := any(nil); p != nil {`),
	change("log-without-limit", "limiter.go", `(since >= int64(every) || since < 0) && `, `(since >= 0 || since < 0) && `),
	change("log-silent-after-the-clock-went-back", "limiter.go", ` || since < 0)`, `)`),

	// Errors.
	change("error-of-any-length", "error.go", `return strconv.QuoteToASCII(s[:most]) + "..."`, `return strconv.QuoteToASCII(s)`),
	change("error-with-control-characters", "error.go", `if !unicode.IsPrint(r) {`, `if !unicode.IsPrint(r) && r > 0xffff {`),
	change("cause-of-any-length", "error.go", `printable(e.Err.Error(), 1500)`, `printable(e.Err.Error(), 1<<20)`),
}
