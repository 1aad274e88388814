package faults

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

// site is a web application with our login, and a browser's cookies for it; no network between the two.
type site struct {
	handler http.Handler
	jar     *cookiejar.Jar
	base    *url.URL
	session *client.Session // of the last page
}

func newSite(t testing.TB, rp *client.Client, opts ...client.AuthOption) *site {
	t.Helper()
	base, err := url.Parse(interop.Callback)
	check.NoError(t, err)
	jar, err := cookiejar.New(nil)
	check.NoError(t, err)
	login, err := rp.NewLogin(client.LoginConfig{
		Keys:        [][]byte{[]byte("thirty-two bytes for this test..")},
		AuthOptions: func(*http.Request) []client.AuthOption { return opts },
	})
	check.NoError(t, err)
	s := &site{jar: jar, base: base}
	s.handler = login.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.session, _ = client.SessionFromContext(r.Context())
		if _, err := s.session.TokenSource().TokenContext(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	return s
}

// get opens a page, as a person does.
func (s *site) get(t testing.TB, target string) *httptest.ResponseRecorder {
	t.Helper()
	return s.send(t, http.MethodGet, target)
}

func (s *site) send(t testing.TB, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	at, err := s.base.Parse(target)
	check.NoError(t, err)
	r := httptest.NewRequestWithContext(t.Context(), method, at.String(), nil)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range s.jar.Cookies(at) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	s.jar.SetCookies(at, (&http.Response{Header: w.Header()}).Cookies())
	return w
}

// toCallback goes as far as the provider sends the person back.
func (s *site) toCallback(t testing.TB, who *interop.Person) string {
	t.Helper()
	resp := s.get(t, "/auth/login")
	check.Equal(t, resp.Code, http.StatusSeeOther, "the way to the provider")
	return who.Visit(t, resp.Header().Get("Location"), interop.Callback).URL.String()
}

func (s *site) signIn(t testing.TB, who *interop.Person) {
	t.Helper()
	check.Equal(t, s.get(t, s.toCallback(t, who)).Code, http.StatusSeeOther, "the callback")
	check.Equal(t, s.get(t, "/").Code, http.StatusOK, "the page")
}

// session breaks the line behind a web application: people stay signed in, and of many requests at once one renews.
func (s *suite) session(t *testing.T) string {
	w := newWorld(t)
	web := newSite(t, w.client(t, s.target.Login, 4*patience), s.target.Options...)
	who := s.target.Person
	w.line.Down()
	check.Equal(t, web.get(t, "/").Code, http.StatusSeeOther, "a page, to be signed in for")
	check.Equal(t, web.get(t, "/auth/login").Code, http.StatusServiceUnavailable, "a login that starts while the provider is down")
	w.clear()
	eventually(t, 2*time.Second, "a login", func() bool { return web.get(t, "/auth/login").Code == http.StatusSeeOther })
	web.signIn(t, who)

	callback := web.toCallback(t, who)
	code := interop.Query(t, callback).Get("code")
	w.line.Cut(w.gate.middle(t, "authorization_code"))
	check.Equal(t, web.get(t, callback).Code, http.StatusServiceUnavailable, "a callback whose code's answer is lost")
	w.clear()
	check.True(t, web.get(t, callback).Code/100 == 4, "the same callback again")
	check.Equal(t, w.gate.sent(code), 1, "how often the code was sent")
	check.Equal(t, web.get(t, "/").Code, http.StatusOK, "the earlier session")

	w.gate.set(func() { w.gate.lifetime = short })
	web.signIn(t, who)
	if !web.session.Refreshable {
		return "no second request for a code whose answer is lost; the provider gives no refresh token"
	}
	expires, pages := web.session.TokenExpiry, 0
	w.line.Down()
	for time.Until(expires) > 100*time.Millisecond {
		got := web.get(t, "/").Code
		check.True(t, got == http.StatusOK || time.Now().After(expires), "a page while the token is valid: %d", got)
		pages++
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(time.Until(expires.Add(100 * time.Millisecond)))
	check.Equal(t, web.get(t, "/").Code, http.StatusServiceUnavailable, "the token has expired, the session has not")
	w.line.Up()
	took := eventually(t, 5*time.Second, "a new token", func() bool { return web.get(t, "/").Code == http.StatusOK })

	// The provider may have rotated the refresh token, and nobody knows. Eight who ask find out together, by one request.
	check.Equal(t, web.get(t, "/").Code, http.StatusOK, "the page")
	session := web.session
	was := w.gate.requests("refresh_token")
	w.line.Cut(w.gate.middle(t, "refresh_token"))
	w.gate.set(func() { w.gate.delay = patience / 2 }) // so that all eight have come
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() { _, err := session.Refresh(t.Context()); errs <- err }()
	}
	for range cap(errs) {
		unreachable(t, <-errs, "a renewal whose answer is lost")
	}
	check.Equal(t, w.gate.requests("refresh_token")-was, 1, "requests for a renewal of eight at once")
	w.clear()
	_, err := session.Refresh(interop.Deadline(t))
	end := "takes the old refresh token"
	if err != nil {
		check.Error(t, err, client.ErrReauthRequired)
		check.Equal(t, web.get(t, "/").Code, http.StatusSeeOther, "a page after the session's end")
		end = "ends the login"
	}
	web.signIn(t, who)
	w.line.Hang()
	began := time.Now()
	check.Equal(t, web.send(t, http.MethodPost, "/auth/logout").Code, http.StatusSeeOther, "a logout while the provider is silent")
	within(t, began, 4*patience, "a logout while the provider is silent")
	check.Equal(t, web.get(t, "/").Code, http.StatusSeeOther, "a page after the logout")
	return fmt.Sprintf("%d pages while the line was down, a new token %v after it was up; eight renewals whose answer is lost are one request; asked again, the provider %s",
		pages, took.Round(10*time.Millisecond), end)
}
