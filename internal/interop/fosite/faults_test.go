package fosite_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/interop/fosite"
)

const noAnswer = "no answer"

// tokenFaults are what can happen to a token request that was sent: it reached the provider, and the answer is lost.
func tokenFaults() map[string]fosite.Fault {
	return map[string]fosite.Fault{
		"cut before the code is spent": func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
		"cut after the code is spent": func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
		"cut in the middle of the answer": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			body := answer.Body.Bytes()
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body[:len(body)/2])
			_ = http.NewResponseController(w).Flush() // what was written is on the wire; then the line is cut
			panic(http.ErrAbortHandler)
		},
		noAnswer: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			_ = r.ParseForm() // only once the body is read does the server notice that we leave
			<-r.Context().Done()
		},
		"503": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	}
}

// brokenExchange: a code works once, so that whatever happens to its one request, there is no second.
func (s *suite) brokenExchange(t *testing.T) string {
	t.Cleanup(s.op.Mend)
	for _, http2 := range []bool{false, true} {
		transport := interop.Trusting(t, s.op.Certificate)
		transport.Transport.(*http.Transport).ForceAttemptHTTP2 = http2
		rp := s.relyingParty(t, func(cfg *client.Config) { cfg.HTTPClient = transport })
		for what, fault := range tokenFaults() {
			interop.SignIn(t, rp, alice(t, s.op)) // and leaves a connection that the next request uses again
			auth, err := rp.Authorize(interop.Deadline(t))
			check.NoError(t, err)
			back := alice(t, s.op).Visit(t, auth.URL, interop.Callback).URL.Query()

			s.op.Break(fault)
			before := s.op.Requests()
			patience := 30 * time.Second
			if what == noAnswer {
				patience = 500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			_, err = rp.Exchange(ctx, back, auth.Transaction)
			cancel()
			s.op.Mend()
			failure := check.As[*client.Error](t, err)
			check.Equal(t, failure.Kind, client.KindUnreachable, what)
			check.Lacks(t, err.Error(), back.Get("code"), interop.OddSecret)
			check.Equal(t, s.op.Requests()-before, 1, "token requests: "+what)
		}
		interop.SignIn(t, rp, alice(t, s.op))
	}
	return "five ways to lose the answer, over HTTP/1.1 and HTTP/2: one token request each, KindUnreachable, and the next sign-in works"
}

// brokenLogin is the same for a person at an application.
func (s *suite) brokenLogin(t *testing.T) string {
	t.Cleanup(s.op.Mend)
	base := app(t, s.op, "app-faults").Base
	for what, fault := range tokenFaults() {
		if what == noAnswer {
			continue // the application's own deadline is longer than a test should take
		}
		who := alice(t, s.op)
		s.op.Break(fault)
		before := s.op.Requests()
		page := who.Visit(t, base+"/orders", "")
		check.Equal(t, page.Status, http.StatusServiceUnavailable, what)
		check.True(t, page.Header.Get("Retry-After") != "", "no Retry-After")
		check.Equal(t, s.op.Requests()-before, 1, "token requests: "+what)
		check.Equal(t, who.GetJSON(t, base+"/orders").Status, http.StatusUnauthorized, "a session is left: "+what)
		s.op.Mend()
		check.Equal(t, who.Visit(t, base+"/orders", "").Status, http.StatusOK, "the next sign-in after: "+what)
	}
	return "a login whose token request is cut answers 503 with Retry-After and leaves no session; the next one works, without a restart"
}
