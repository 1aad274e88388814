package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

func anyTenant() *middleware.TenantPolicy {
	return &middleware.TenantPolicy{Claim: []string{"tenant"}, AllowAnyTenant: true}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	all := newRealms("acme", "globex", "initech")
	acme, globex := all.providers["acme"], all.providers["globex"]
	guard := newGuard(t, all.config(&middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme", "globex"}}))
	check.NoError(t, guard.Ready(context.Background()))
	check.Equal(t, all.requests(), 0, "requests by Ready")

	wantReason(t, guard, acme.AccessToken(object{"tenant": "acme"}), "")
	wantReason(t, guard, globex.AccessToken(object{"tenant": "globex"}), "")
	check.Equal(t, principalOf(t, guard, acme.AccessToken(object{"tenant": "acme"})).Tenant, "acme", "Tenant")
	// The issuer of one tenant cannot name another tenant in any claim.
	wantReason(t, guard, acme.AccessToken(object{"tenant": "globex"}), middleware.ReasonTenantMismatch)
	_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: acme.AccessToken(object{"tenant": "globex"})})
	check.Equal(t, check.As[*middleware.Error](t, err).Status(), http.StatusUnauthorized, "status")
	wantReason(t, guard, acme.AccessToken(object{"tenant": "Acme"}), middleware.ReasonTenantMismatch)
	wantReason(t, guard, acme.AccessToken(nil), middleware.ReasonTenantMissing)
	// Neither can its keys.
	wantReason(t, guard, acme.AccessToken(object{"tenant": "globex", "iss": globex.Issuer()}), middleware.ReasonKeyUnknown)

	before := all.requests()
	wantReason(t, guard, all.providers["initech"].AccessToken(object{"tenant": "initech"}), middleware.ReasonTenantUnknown)
	for _, iss := range []string{
		"https://id.example.test/realms/", "https://id.example.test/realms/a/b", "https://id.example.test/realms/..", "https://id.example.test/realms/.",
		"https://id.example.test/realms/acme?x", "https://id.example.test/realms/acme#x", "https://id.example.test/realms/%61cme",
		"https://id.example.test/realms/acme//", "https://evil.example/realms/acme", "http://id.example.test/realms/acme", "https://id.example.test/realms/acme/../globex",
		"https://id.example.test/realms/ärzte", "https://id.example.test/realms/{tenant}",
	} {
		wantReason(t, guard, acme.AccessToken(object{"tenant": "acme", "iss": iss}), middleware.ReasonIssuerUntrusted)
	}
	wantReason(t, guard, acme.AccessToken(object{"tenant": "acme", "iss": acme.Issuer() + "/"}), middleware.ReasonIssuerUntrusted)
	wantReason(t, guard, junk(t, globex, "unknown", object{"iss": globex.Issuer() + "/"}), middleware.ReasonIssuerUntrusted)
	check.Equal(t, all.requests(), before, "requests for tenants and issuers that are not allowed")
}

// TestTemplateAsksOnce: the policy is asked about the issuer's tenant once per
// request, before any request to the provider.
func TestTemplateAsksOnce(t *testing.T) {
	t.Parallel()
	all := newRealms("acme")
	var asked []string
	answer := func() (bool, error) { return true, nil }
	guard := newGuard(t, all.config(&middleware.TenantPolicy{Claim: []string{"tenant"}, AllowFunc: func(_ context.Context, _, tenant string) (bool, error) {
		asked = append(asked, fmt.Sprint(tenant, " after ", all.requests()))
		return answer()
	}}))
	token := all.providers["acme"].AccessToken(object{"tenant": "acme"})
	for range 2 {
		_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: token})
		check.NoError(t, err)
	}
	check.DeepEqual(t, asked, []string{"acme after 0", "acme after 2"}, "questions")

	for _, c := range []struct {
		answer func() (bool, error)
		want   middleware.Reason
	}{
		{func() (bool, error) { return false, nil }, middleware.ReasonTenantUnknown},
		{func() (bool, error) { return false, context.DeadlineExceeded }, middleware.ReasonProviderUnavailable},
		{func() (bool, error) { panic("x") }, middleware.ReasonInternalError},
	} {
		answer = c.answer
		wantReason(t, guard, token, c.want)
		wantReason(t, guard, junk(t, all.providers["acme"], "x", object{"iss": realmsURL + "new"}), c.want)
	}
	check.Equal(t, all.requests(), 2, "requests")
}

func TestFromIssuer(t *testing.T) {
	t.Parallel()
	all := newRealms("acme", "globex")
	acme := all.providers["acme"]
	guard := newGuard(t, all.config(&middleware.TenantPolicy{FromIssuer: true, AllowAnyTenant: true, Match: []middleware.TenantSource{middleware.PathSegment(0)}}))
	for url, want := range map[string]int{"/acme": http.StatusNoContent, "/globex": http.StatusForbidden} {
		r := get("")
		r.URL.Path = url
		check.Equal(t, statusOf(t, guard.Wrap, r, acme.AccessToken(object{"tenant": "globex"})), want, "status of "+url)
	}
	guard = newGuard(t, all.config(&middleware.TenantPolicy{Claim: []string{"tenant"}, FromIssuer: true, AllowAnyTenant: true}))
	wantReason(t, guard, acme.AccessToken(object{"tenant": "acme"}), "")
	wantReason(t, guard, acme.AccessToken(object{"tenant": "globex"}), middleware.ReasonTenantMismatch)
	wantReason(t, guard, acme.AccessToken(nil), middleware.ReasonTenantMissing)
}

// TestSegmentLength: the captured tenant becomes part of a URL, and never has
// more than 128 bytes.
func TestSegmentLength(t *testing.T) {
	t.Parallel()
	fits := strings.Repeat("a", 128)
	all := newRealms(fits, fits+"a")
	guard := newGuard(t, all.config(anyTenant()))
	check.Equal(t, all.try(t, guard, fits), "", "reason for 128 bytes")
	before := all.requests()
	check.Equal(t, all.try(t, guard, fits+"a"), middleware.ReasonIssuerUntrusted, "reason for 129 bytes")
	check.Equal(t, all.requests(), before, "requests for 129 bytes")

	for name, want := range map[string]bool{fits: true, fits + "a": false} {
		_, err := middleware.New(all.config(&middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{name}}))
		check.Equal(t, err == nil, want, fmt.Sprint("a list with a tenant of ", len(name), " bytes is right"))
	}
}

// TestTemplateForms: full discovery URLs, an issuer at another URL, and keys
// without discovery.
func TestTemplateForms(t *testing.T) {
	t.Parallel()
	all := newRealms("acme")
	acme := all.providers["acme"]
	token := acme.AccessToken(object{"tenant": "acme"})
	edits := map[string]func(*middleware.Config){
		"slash": func(cfg *middleware.Config) { cfg.DiscoveryURL = realmsURL + "{tenant}/" },
		"well-known": func(cfg *middleware.Config) {
			cfg.DiscoveryURL = realmsURL + "{tenant}/.well-known/openid-configuration"
		},
		"issuer": func(cfg *middleware.Config) { cfg.Issuer = realmsURL + "{tenant}" },
		"static": func(cfg *middleware.Config) {
			cfg.DiscoveryURL, cfg.Issuer, cfg.Endpoints.JWKS = "", realmsURL+"{tenant}", realmsURL+"{tenant}/jwks"
		},
		"among others": func(cfg *middleware.Config) {
			cfg.Issuers = []middleware.IssuerConfig{{DiscoveryURL: realmsURL + "{tenant}"}, {DiscoveryURL: "https://other.example", Tenants: []string{"initech"}}}
			cfg.DiscoveryURL = ""
		},
	}
	check.Equal(t, acme.URL("jwks"), realmsURL+"acme/jwks", "where the keys are")
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			cfg := all.config(anyTenant())
			edit(&cfg)
			guard := newGuard(t, cfg)
			wantReason(t, guard, token, "")
			wantReason(t, guard, acme.AccessToken(object{"tenant": "globex"}), middleware.ReasonTenantMismatch)
			wantReason(t, guard, acme.AccessToken(object{"iss": acme.Issuer() + "/"}), middleware.ReasonIssuerUntrusted)
		})
	}
}

// TestUnprovenBudget: unknown issuers together cause a bounded number of
// requests.
func TestUnprovenBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newRealms("acme", "late")
		acme := all.providers["acme"]
		guard := newGuard(t, all.config(anyTenant()))
		token := acme.AccessToken(object{"tenant": "acme"})
		wantReason(t, guard, token, "")
		start := all.requests()
		reasons := map[middleware.Reason]int{}
		for i := range 1000 {
			_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: junk(t, acme, "x", object{"iss": fmt.Sprint(realmsURL, "r", i)})})
			reasons[reasonOf(t, err)]++
			wait := check.As[*middleware.Error](t, err).RetryAfter
			check.True(t, reasonOf(t, err) == middleware.ReasonIssuerUntrusted || wait > 0 && wait <= time.Second, "RetryAfter %v", wait)
		}
		check.Equal(t, all.requests()-start, 29, "requests for 1000 made-up realms")
		check.DeepEqual(t, reasons, map[middleware.Reason]int{middleware.ReasonIssuerUntrusted: 29, middleware.ReasonProviderUnavailable: 971}, "reasons")
		wantReason(t, guard, acme.AccessToken(object{"tenant": "acme"}), "") // proven: not of that budget
		wantReason(t, guard, all.providers["late"].AccessToken(object{"tenant": "late"}), middleware.ReasonProviderUnavailable)
		time.Sleep(2 * time.Second)
		wantReason(t, guard, all.providers["late"].AccessToken(object{"tenant": "late"}), "")
	})
}

// TestMissingRealm: a realm without a discovery document is a 401, cached for
// 30 seconds.
func TestMissingRealm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newRealms("acme")
		guard := newGuard(t, all.config(anyTenant()))
		token := junk(t, all.providers["acme"], "x", object{"iss": realmsURL + "new", "exp": time.Now().Add(time.Hour).Unix()})
		for range 10 {
			wantReason(t, guard, token, middleware.ReasonIssuerUntrusted)
		}
		check.Equal(t, all.requests(), 1, "requests")
		all.providers["new"] = newProvider(oidctest.Config{Issuer: realmsURL + "new"})
		time.Sleep(29 * time.Second)
		wantReason(t, guard, token, middleware.ReasonIssuerUntrusted)
		check.Equal(t, all.requests(), 1, "requests after 29 s")
		time.Sleep(2 * time.Second)
		wantReason(t, guard, token, middleware.ReasonKeyUnknown)
		wantReason(t, guard, all.providers["new"].AccessToken(object{"tenant": "new"}), "")
		// Every other failure is an outage.
		all.providers["sick"] = newProvider(oidctest.Config{Issuer: realmsURL + "sick"})
		all.providers["sick"].Fault("discovery", oidctest.Down)
		wantReason(t, guard, all.providers["sick"].AccessToken(object{"tenant": "sick"}), middleware.ReasonProviderUnavailable)
	})
}

// TestSourcesAreBounded: the 101st realm replaces the least recently used one.
// A realm that never verified a token is replaced before one that did.
func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tenants []string
		for i := range 101 {
			tenants = append(tenants, fmt.Sprint("t", i))
		}
		all := newRealms(tenants...)
		guard := newGuard(t, all.config(anyTenant()))
		use := func(i int) {
			time.Sleep(time.Second) // to leave the budget out of this test
			tenant := tenants[i]
			wantReason(t, guard, all.providers[tenant].AccessToken(object{"tenant": tenant}), "")
		}
		first := all.providers["t0"].AccessToken(object{"tenant": "t0", "exp": time.Now().Add(time.Hour).Unix()})
		wantReason(t, guard, first, "")
		for i := range 100 {
			use(i)
		}
		wantReason(t, guard, first, "") // used again, from the cache of tokens: t1 is the oldest now
		use(100)
		fetched := func(i int) int { return all.providers[tenants[i]].Requests("jwks") }
		use(0)
		check.Equal(t, fetched(0), 1, "fetches of a realm in use")
		use(1)
		check.Equal(t, fetched(1), 2, "fetches of the realm that had gone")

		// A realm that only made-up tokens name is evicted first.
		wantReason(t, guard, junk(t, all.providers["t2"], "x", nil), middleware.ReasonKeyUnknown) // t2 went for t1, and comes back unproven
		check.Equal(t, fetched(2), 3, "fetches of t2, one of them for the unknown key")
		use(3) // evicted by t2, and replaces it
		use(4)
		check.Equal(t, fetched(4), 1, "fetches of a proven realm")
	})
}

// TestTemplateConcurrently is for the race detector.
func TestTemplateConcurrently(t *testing.T) {
	t.Parallel()
	all := newRealms("a", "b", "c")
	guard := newGuard(t, all.config(anyTenant()))
	var wg sync.WaitGroup
	for i := range 60 {
		tenant := []string{"a", "b", "c"}[i%3]
		token := all.providers[tenant].AccessToken(object{"tenant": tenant})
		bad := junk(t, all.providers[tenant], "x", object{"iss": realmsURL + "nowhere"})
		wg.Go(func() {
			for range 10 {
				p, err := guard.Authenticate(context.Background(), middleware.Credential{Token: token})
				if err != nil || p.Tenant != tenant {
					t.Errorf("%s: %v %v", tenant, p, err)
				}
				if _, err = guard.Authenticate(context.Background(), middleware.Credential{Token: bad}); err == nil {
					t.Error("a realm that does not exist was accepted")
				}
			}
		})
	}
	wg.Wait()
	check.Equal(t, all.providers["a"].Requests("discovery"), 1, "discovery of a realm")
}
