package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// TestIssuerSpelling: before discovery both spellings of the issuer are
// accepted, and then only that of the document.
func TestIssuerSpelling(t *testing.T) {
	t.Parallel()
	for _, own := range []string{"https://op.example.test/a", "https://op.example.test/a/"} {
		op := newProvider(oidctest.Config{Issuer: own})
		other := strings.TrimSuffix(own, "/")
		if other == own {
			other += "/"
		}
		for _, url := range []string{own, other, strings.TrimSuffix(own, "/") + "/.well-known/openid-configuration"} {
			cfg := forProvider(op)
			cfg.DiscoveryURL = url
			guard := newGuard(t, cfg)
			wantReason(t, guard, op.AccessToken(object{"iss": other}), middleware.ReasonIssuerUntrusted)
			wantReason(t, guard, op.AccessToken(nil), "")
			wantReason(t, guard, op.AccessToken(object{"iss": other}), middleware.ReasonIssuerUntrusted)
		}
	}
}

// TestOtherSpellingAsksNobody: after discovery a token with another spelling of
// the issuer causes no request, whatever key it names.
func TestOtherSpellingAsksNobody(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	wantReason(t, guard, op.AccessToken(nil), "")
	before := fetches(op)
	wantReason(t, guard, junk(t, op, "unknown", object{"iss": op.Issuer() + "/"}), middleware.ReasonIssuerUntrusted)
	check.Equal(t, fetches(op), before, "requests for another spelling")

	all := newRealms("acme")
	template := newGuard(t, all.config(anyTenant()))
	check.Equal(t, all.try(t, template, "acme"), "", "reason")
	wantReason(t, template, junk(t, all.providers["acme"], "unknown", object{"iss": realmsURL + "acme/"}), middleware.ReasonIssuerUntrusted)
	check.Equal(t, all.requests(), 2, "requests for another spelling of a realm")
}

// TestIssuerMismatch: a document that names another issuer is an outage,
// because the token is not at fault.
func TestIssuerMismatch(t *testing.T) {
	t.Parallel()
	op := newProvider(oidctest.Config{})
	op.Edit("discovery", func(doc object) { doc["issuer"] = "https://public.example" })
	var log records
	cfg := forProvider(op)
	cfg.Logger = log.logger()
	wantReason(t, newGuard(t, cfg), op.AccessToken(nil), middleware.ReasonProviderUnavailable)
	check.Contains(t, log.String(), "Issuer", "https://public.example")

	cfg.Issuer = "https://public.example"
	guard := newGuard(t, cfg)
	wantReason(t, guard, op.AccessToken(nil), middleware.ReasonIssuerUntrusted)
	wantReason(t, guard, op.AccessToken(object{"iss": cfg.Issuer}), "")
}

// TestMetadataWithoutKeys: a document without jwks_uri is an outage that says
// which field to set.
func TestMetadataWithoutKeys(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	op.Edit("discovery", func(document object) { delete(document, "jwks_uri") })
	_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: op.AccessToken(nil)})
	check.Equal(t, reasonOf(t, err), middleware.ReasonProviderUnavailable, "reason")
	check.Contains(t, fmt.Sprint(err, errors.Unwrap(err)), "jwks_uri", "set Endpoints.JWKS")
}

// TestStaticProvider uses keys without discovery.
func TestStaticProvider(t *testing.T) {
	t.Parallel()
	op := newProvider(oidctest.Config{})
	cfg := forProvider(op)
	cfg.DiscoveryURL, cfg.Issuer, cfg.Endpoints.JWKS = "", op.Issuer(), op.URL("jwks")
	guard := newGuard(t, cfg)
	wantReason(t, guard, op.AccessToken(nil), "")
	check.NoError(t, guard.Ready(context.Background()))
	check.Equal(t, op.Requests("discovery"), 0, "discovery")
}

// TestSeveralIssuers: each issuer has its own keys and algorithms.
func TestSeveralIssuers(t *testing.T) {
	t.Parallel()
	all := newRealms("a", "b")
	a, b := all.providers["a"], all.providers["b"]
	cfg := middleware.Config{
		HTTPClient: &http.Client{Transport: all}, Audience: []string{oidctest.DefaultResource}, AccessTokenAlgs: []string{"ES256", "RS256"},
		Issuers: []middleware.IssuerConfig{{DiscoveryURL: a.Issuer()}, {DiscoveryURL: b.Issuer()}},
	}
	guard := newGuard(t, cfg)
	wantReason(t, guard, a.AccessToken(nil), "")
	wantReason(t, guard, b.AccessToken(nil), "")
	wantReason(t, guard, a.AccessToken(object{"iss": b.Issuer()}), middleware.ReasonKeyUnknown)
	wantReason(t, guard, a.Sign(object{"kid": keyID(t, b.AccessToken(nil))}, with(standard(a), object{"iss": b.Issuer()})), middleware.ReasonSignatureInvalid)
	wantReason(t, guard, a.AccessToken(object{"iss": realmsURL + "c"}), middleware.ReasonIssuerUntrusted)
	check.NoError(t, guard.Ready(context.Background()))

	cfg.Issuers[1].AccessTokenAlgs = []string{"PS256"}
	guard = newGuard(t, cfg)
	wantReason(t, guard, a.AccessToken(nil), "")
	before := b.Requests("jwks")
	wantReason(t, guard, b.AccessToken(nil), middleware.ReasonAlgNotAllowed)
	check.Equal(t, b.Requests("jwks"), before, "fetches of the keys for an algorithm this issuer has not")

	// The first issuer may be the one of Config itself.
	cfg.DiscoveryURL, cfg.Issuers = a.Issuer(), []middleware.IssuerConfig{{DiscoveryURL: b.Issuer()}}
	guard = newGuard(t, cfg)
	wantReason(t, guard, a.AccessToken(nil), "")
	wantReason(t, guard, b.AccessToken(nil), "")
	b.Fault("jwks", oidctest.Down)
	b.RotateKeys()
	wantReason(t, guard, a.AccessToken(nil), "")
}

// TestMetadataNamesLoopback: metadata from another host cannot make the guard
// send requests to its own host.
func TestMetadataNamesLoopback(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"http://127.0.0.1:9200/_search", "https://localhost:9200/", "https://[::1]/"} {
		op := newProvider(oidctest.Config{})
		op.Edit("discovery", func(doc object) { doc["jwks_uri"], doc["introspection_endpoint"] = at, at })
		var log records
		cfg := forProvider(op)
		cfg.Logger = log.logger()
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if op.Issuer() != "https://"+r.URL.Host {
				t.Errorf("sent to %s", r.URL.Host)
			}
			return op.Transport().RoundTrip(r)
		})}
		cfg.Introspection = &introspect.Config{ClientID: "api", ClientSecret: "s3cret"}
		guard := newGuard(t, cfg)
		wantReason(t, guard, op.AccessToken(nil), middleware.ReasonProviderUnavailable)
		wantReason(t, guard, "opaque", middleware.ReasonProviderUnavailable)
		check.Contains(t, log.String(), "jwks_uri", "introspection_endpoint", "InsecureAllowHTTP")
	}
}

// TestKeySetMoves: after the third failure at the old URL, the guard asks the
// metadata where the key set is. Made-up tokens cannot cause that more than
// once in 30 seconds.
func TestKeySetMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := newProvider(oidctest.Config{})
		var moved atomic.Bool
		cfg := forProvider(op)
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			switch {
			case moved.Load() && r.URL.Path == "/jwks":
				w := httptest.NewRecorder()
				w.WriteHeader(http.StatusNotFound)
				return w.Result(), nil
			case r.URL.Path == "/keys2":
				r = r.Clone(r.Context())
				r.URL.Path = "/jwks"
			}
			return op.Transport().RoundTrip(r)
		})}
		guard := newGuard(t, cfg)
		wantReason(t, guard, op.AccessToken(nil), "")
		moved.Store(true)
		op.RotateKeys()
		began := time.Now()
		for n := range 100 { // before the metadata names the new URL: made-up tokens, and tokens of the new key
			wantReason(t, guard, junk(t, op, fmt.Sprint("junk ", n), nil), middleware.ReasonKeyUnknown)
			wantReason(t, guard, op.AccessToken(nil), middleware.ReasonKeyUnknown)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		check.True(t, op.Requests("discovery") <= 1+4, "%d metadata requests in %v", op.Requests("discovery"), time.Since(began))

		op.Edit("discovery", func(doc object) { doc["jwks_uri"] = op.Issuer() + "/keys2" })
		began = time.Now()
		for {
			if _, err := guard.Authenticate(t.Context(), middleware.Credential{Token: op.AccessToken(nil)}); err == nil {
				break
			}
			time.Sleep(time.Second)
			check.True(t, time.Since(began) <= 2*time.Minute, "the keys are not found at their new address")
		}
	})
}
