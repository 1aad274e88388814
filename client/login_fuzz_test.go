package client_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/store"
)

// Whatever a browser brings to the callback, in parameters and in the cookie of a flow that is under way, is refused
// without a request to the provider.
func FuzzLoginCallback(f *testing.F) {
	for _, seed := range []string{
		"", "&code=y", "&state=x&code=y", "&%zz", "&code=%0d%0a", "&error=access_denied", ";code=y", "&code=" + strings.Repeat("x", 5000),
	} {
		f.Add(seed, "", false)
		f.Add(seed, "x.y", true)
		f.Add(seed, strings.Repeat("A", 300)+".A", false)
	}
	f.Fuzz(func(t *testing.T, raw, cookie string, formPost bool) {
		a := newApp(t, func(cfg *appConfig) {
			cfg.op.Key, cfg.page = signingKey(), true
			if formPost {
				cfg.client.ResponseMode = "form_post"
			}
		})
		b := a.browser()
		_, state, _ := strings.Cut(b.begin("/auth/login"), "state=")
		state, _, _ = strings.Cut(state, "&")
		method, query, body := http.MethodGet, "state="+state+raw, ""
		if formPost {
			method, query, body = http.MethodPost, "", query
		}
		r := httptest.NewRequest(method, appOrigin+"/auth/callback", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: b.named("oidc-flow")[0].Name, Value: cookie})
		w := httptest.NewRecorder()
		a.login.ServeHTTP(w, r)
		check.Equal(t, w.Code, http.StatusBadRequest, "status")
		check.Equal(t, a.op.Requests("token"), 0, "token requests")
		for _, c := range w.Result().Cookies() {
			check.True(t, c.MaxAge < 0, "cookie %s was set", c.Name)
		}
	})
}

// Whatever a store gives back, it is nobody's session.
func FuzzStoredSession(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("{}"))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		spy := &spyStore{Store: store.NewMemory(0), records: map[string]*store.Record{}}
		a := newApp(t, func(cfg *appConfig) { cfg.op.Key, cfg.login.Store = signingKey(), spy })
		b := a.browser()
		b.login("/auth/login", "alice")
		id := b.mustSession().ID()
		sealed := spy.records[id].Data
		source := a.login.TokenSource(id)
		for _, changed := range [][]byte{data, append(append([]byte(nil), sealed...), data...), append(append([]byte(nil), data...), sealed...)} {
			if string(changed) == string(sealed) {
				continue
			}
			spy.records[id] = &store.Record{Data: changed, Expires: time.Now().Add(time.Hour)}
			_, err := b.session()
			check.Error(t, err, client.ErrNoSession)
		}
		_, err := source.TokenContext(t.Context())
		check.NoError(t, err) // it has not expired yet
	})
}
