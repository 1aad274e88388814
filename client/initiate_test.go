package client_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

func TestInitiate(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *appConfig) { cfg.login.DefaultReturnTo = "/home" })
	iss := a.op.Issuer()
	for _, tt := range []struct {
		name string
		q    url.Values
		to   string // "" = refused
	}{
		{"oidcc-client-test-3rd-party-init-login", url.Values{"iss": {iss}, "login_hint": {"alice"}, "target_link_uri": {appOrigin + "/deep?x=1"}}, "/deep?x=1"},
		{"a path", url.Values{"iss": {iss}, "target_link_uri": {"/deep"}}, "/deep"},
		{"nothing but the issuer", url.Values{"iss": {iss}}, "/home"},
		{"origin alone", url.Values{"iss": {iss}, "target_link_uri": {appOrigin}}, "/"},
		{"default port, upper case", url.Values{"iss": {iss}, "target_link_uri": {"HTTPS://APP.example.test:443/deep"}}, "/deep"},
		{"another origin", url.Values{"iss": {iss}, "target_link_uri": {"https://evil.example.test/deep"}}, "/home"},
		{"another scheme", url.Values{"iss": {iss}, "target_link_uri": {"http://app.example.test/deep"}}, "/home"},
		{"user info", url.Values{"iss": {iss}, "target_link_uri": {"https://app.example.test@evil.example.test/"}}, "/home"},
		{"own user info", url.Values{"iss": {iss}, "target_link_uri": {"https://x@app.example.test/"}}, "/home"},
		{"two slashes", url.Values{"iss": {iss}, "target_link_uri": {appOrigin + "//evil.example.test"}}, "/home"},
		{"backslash", url.Values{"iss": {iss}, "target_link_uri": {appOrigin + `/\evil.example.test`}}, "/home"},
		{"scheme-relative", url.Values{"iss": {iss}, "target_link_uri": {"//app.example.test/x"}}, "/home"},
		{"javascript", url.Values{"iss": {iss}, "target_link_uri": {"javascript:alert(1)"}}, "/home"},
		{"no issuer", url.Values{"login_hint": {"alice"}}, ""},
		{"another issuer", url.Values{"iss": {"https://evil.example.test"}}, ""},
		{"the issuer with a slash", url.Values{"iss": {iss + "/"}}, ""},
		{"two issuers", url.Values{"iss": {iss, iss}}, ""},
		{"two targets", url.Values{"iss": {iss}, "target_link_uri": {"/a", "/b"}}, ""},
		{"a hint that is too long", url.Values{"iss": {iss}, "login_hint": {strings.Repeat("x", 513)}}, ""},
		{"a hint that is none", url.Values{"iss": {iss}, "login_hint": {"a\r\nb"}}, ""},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			b := a.browser()
			target, form := "/auth/initiate?"+tt.q.Encode(), url.Values(nil)
			if method == http.MethodPost {
				target, form = "/auth/initiate", tt.q
			}
			resp := b.request(method, target, form, "Sec-Fetch-Site", "cross-site")
			if tt.to == "" {
				check.Equal(t, resp.StatusCode, http.StatusBadRequest, tt.name)
				check.Equal(t, len(b.cookies), 0, tt.name+": cookies")
				continue
			}
			check.Equal(t, resp.StatusCode, http.StatusSeeOther, tt.name)
			to, err := url.Parse(resp.Header.Get("Location"))
			check.NoError(t, err)
			check.Equal(t, to.Query().Get("login_hint"), tt.q.Get("login_hint"), tt.name+": login_hint")
			check.Equal(t, b.finish(b.signIn(to.String(), "alice")).Header.Get("Location"), tt.to, tt.name+" leads to")
		}
	}
}

// Junk costs no request to the provider.
func TestInitiateAsksNobody(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	check.Equal(t, a.browser().get("/auth/initiate?iss=https://evil.example.test").StatusCode, http.StatusBadRequest, "status")
	check.Equal(t, a.op.Requests("discovery"), 0, "requests")
}

// Before the metadata is known the issuer may have a slash at its end or none: which of them it is shows when it is.
func TestInitiateComparesWithTheMetadata(t *testing.T) {
	t.Parallel()
	for iss, want := range map[string]int{oidctest.DefaultIssuer: http.StatusSeeOther, oidctest.DefaultIssuer + "/": http.StatusBadRequest} {
		a := newApp(t, nil)
		b := a.browser()
		check.Equal(t, b.get("/auth/initiate?iss="+url.QueryEscape(iss)).StatusCode, want, "status for "+iss)
		check.Equal(t, len(b.cookies), 1-want/http.StatusBadRequest, "cookies for "+iss)
		check.Equal(t, a.op.Requests("discovery"), 1, "requests")
	}
}
