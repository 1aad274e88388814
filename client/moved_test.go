package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// movable is the transport of a provider whose key set can move to /keys2.
type movable struct {
	p     *oidctest.Provider
	gone  func(http.ResponseWriter) // answers at the old address once it has moved
	asked int                       // at the old address since then
}

func (m *movable) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case m.gone != nil && r.URL.Path == "/jwks":
		m.asked++
		w := httptest.NewRecorder()
		m.gone(w)
		return w.Result(), nil
	case m.gone != nil && r.URL.Path == "/keys2":
		r = r.Clone(r.Context())
		r.URL.Path = "/jwks"
	}
	return m.p.Transport().RoundTrip(r)
}

func (m *movable) move(gone func(http.ResponseWriter)) {
	m.gone = gone
	m.p.Edit("discovery", func(doc map[string]any) { doc["jwks_uri"] = m.p.Issuer() + "/keys2" })
}

// A key set that moves is found again by the third login that needs it, not by
// the daily refresh of the metadata, whatever the old address answers.
func TestKeySetMoves(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]func(http.ResponseWriter){
		"404": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"410": func(w http.ResponseWriter) { w.WriteHeader(http.StatusGone) },
		"a page": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprint(w, "<p>not here")
		},
		"a redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://elsewhere.example.test/keys")
			w.WriteHeader(http.StatusMovedPermanently)
		},
		"an empty set": func(w http.ResponseWriter) { _, _ = fmt.Fprint(w, `{"keys":[]}`) },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProvider(t)
			at := &movable{p: p}
			c := newClient(t, p, func(cfg *client.Config) { cfg.HTTPClient = &http.Client{Transport: at} })
			_, err := logIn(t, p, c)
			check.NoError(t, err)
			at.move(gone)
			p.RotateKeys()
			for n := range 3 {
				_, err = logIn(t, p, c)
				check.True(t, err != nil, "%s: login %d found the keys", name, n)
				time.Sleep(time.Minute) // past any backoff
			}
			_, err = logIn(t, p, c)
			check.NoError(t, err)
			check.Equal(t, at.asked, 3, name+": requests at the old address")
			check.Equal(t, p.Requests("discovery"), 2, name+": metadata requests")
		})
	}
}

// A busy key server has not moved.
func TestKeySetBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		c := newClient(t, p)
		_, err := logIn(t, p, c)
		check.NoError(t, err)
		p.RotateKeys()
		p.Fault("jwks", answer(http.StatusTooManyRequests, "text/plain", "later"))
		for range 10 {
			_, err = logIn(t, p, c)
			check.True(t, err != nil, "accepted without a key")
			time.Sleep(time.Minute)
		}
		check.Equal(t, p.Requests("discovery"), 1, "metadata requests")
	})
}
