package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
)

// statusOf returns the status of the response to r with the token of a tenant.
func statusOf(tb testing.TB, protect func(http.Handler) http.Handler, r *http.Request, token string) int {
	tb.Helper()
	r.Header.Set("Authorization", "Bearer "+token)
	w, seen := serve(protect, r)
	check.Equal(tb, seen != nil, w.Code == http.StatusNoContent, "handler reached")
	return w.Code
}

func TestTenantClaim(t *testing.T) {
	t.Parallel()
	op, flat := setup(t, func(cfg *middleware.Config) { cfg.Tenant = middleware.RequireTenant("tenant") })
	cfg := forProvider(op)
	cfg.Tenant = &middleware.TenantPolicy{Claim: []string{"ext", "tenant"}}
	deep := newGuard(t, cfg)
	cfg.Tenant = middleware.RequireTenant("ext.tenant")
	dotted := newGuard(t, cfg)
	for name, c := range map[string]struct {
		guard  *middleware.Guard
		claims object
		tenant string
		want   middleware.Reason
	}{
		"a string":              {flat, object{"tenant": "acme"}, "acme", ""},
		"with spaces":           {flat, object{"tenant": " Acme GmbH "}, " Acme GmbH ", ""},
		"not ASCII":             {flat, object{"tenant": "Ärzte-1"}, "Ärzte-1", ""},
		"escaped":               {flat, object{"tenant": json.RawMessage(`"\u0061cme"`)}, "acme", ""},
		"256 bytes":             {flat, object{"tenant": strings.Repeat("a", 256)}, strings.Repeat("a", 256), ""},
		"257 bytes":             {flat, object{"tenant": strings.Repeat("a", 257)}, "", middleware.ReasonTenantMissing},
		"absent":                {flat, nil, "", middleware.ReasonTenantMissing},
		"empty":                 {flat, object{"tenant": ""}, "", middleware.ReasonTenantMissing},
		"null":                  {flat, object{"tenant": json.RawMessage("null")}, "", middleware.ReasonTenantMissing},
		"an array":              {flat, object{"tenant": []string{"acme"}}, "", middleware.ReasonTenantMissing},
		"a number":              {flat, object{"tenant": 7}, "", middleware.ReasonTenantMissing},
		"an object":             {flat, object{"tenant": object{"id": "acme"}}, "", middleware.ReasonTenantMissing},
		"a line break":          {flat, object{"tenant": "acme\n"}, "", middleware.ReasonTenantMissing},
		"a zero byte":           {flat, object{"tenant": "acme\x00"}, "", middleware.ReasonTenantMissing},
		"a C1 control":          {flat, object{"tenant": "acme\u0085"}, "", middleware.ReasonTenantMissing},
		"in another case":       {flat, object{"Tenant": "acme"}, "", middleware.ReasonTokenMalformed},
		"and in another case":   {flat, object{"tenant": "acme", "TENANT": "globex"}, "", middleware.ReasonTokenMalformed},
		"deep":                  {deep, object{"ext": object{"tenant": "acme"}}, "acme", ""},
		"deep, another case":    {deep, object{"ext": object{"Tenant": "acme"}}, "", middleware.ReasonTokenMalformed},
		"outer in another case": {deep, object{"Ext": object{"tenant": "acme"}}, "", middleware.ReasonTokenMalformed},
		"deep, missing":         {deep, object{"ext": object{}}, "", middleware.ReasonTenantMissing},
		"deep, flat":            {deep, object{"tenant": "acme", "ext": "acme"}, "", middleware.ReasonTenantMissing},
		"a dot is a dot":        {dotted, object{"ext.tenant": "acme"}, "acme", ""},
		"a dot is no path":      {dotted, object{"ext": object{"tenant": "acme"}}, "", middleware.ReasonTenantMissing},
	} {
		t.Run(name, func(t *testing.T) {
			token := op.AccessToken(c.claims)
			wantReason(t, c.guard, token, c.want)
			if c.want == "" {
				check.Equal(t, principalOf(t, c.guard, token).Tenant, c.tenant, "Tenant")
			}
		})
	}
}

// TestTenantSources sends requests with a token of acme.
func TestTenantSources(t *testing.T) {
	t.Parallel()
	op, _ := setup(t)
	token := op.AccessToken(object{"tenant": "acme"})
	const ok, ambiguous, mismatch = http.StatusNoContent, http.StatusBadRequest, http.StatusForbidden
	path, host, header := middleware.PathSegment(1), middleware.HostLabel("api.example.com"), middleware.Header("x-tenant")
	type sources = []middleware.TenantSource
	for _, c := range []struct {
		sources sources
		url     string
		header  []string
		want    int
	}{
		{sources{path}, "/tenants/acme", nil, ok},
		{sources{path}, "/tenants/acme/", nil, ok},
		{sources{path}, "/tenants/acme/notes/7", nil, ok},
		{sources{path}, "/tenants/%61cme/notes", nil, ok},
		{sources{path}, "/tenants/globex/notes", nil, mismatch},
		{sources{path}, "/tenants/Acme/notes", nil, mismatch},
		{sources{path}, "/tenants/acme%20/notes", nil, mismatch},
		{sources{path}, "/tenants", nil, ambiguous},
		{sources{path}, "/", nil, ambiguous},
		{sources{path}, "/tenants//acme", nil, ambiguous},
		{sources{path}, "//tenants/acme", nil, ambiguous},
		{sources{path}, "/tenants/acme//", nil, ambiguous},
		{sources{path}, "/tenants/acme/../globex", nil, ambiguous},
		{sources{path}, "/tenants/acme/%2e%2e/globex", nil, ambiguous},
		{sources{path}, "/tenants/./acme", nil, ambiguous},
		{sources{path}, "/tenants/acme%2Fglobex", nil, ambiguous},
		{sources{path}, "/tenants%2Fglobex/acme", nil, ambiguous},
		{sources{path}, `/tenants/acme%5Cglobex`, nil, ambiguous},
		{sources{path}, "/tenants/acme%252Fglobex", nil, mismatch},
		{sources{path}, "/tenants/acme%00/notes", nil, mismatch},
		{sources{path}, "/tenants/acme;globex/notes", nil, mismatch},
		{sources{path}, "/tenants/acme%3F/notes", nil, mismatch},
		{sources{path}, "/tenants/%EF%BD%81cme/notes", nil, mismatch}, // a wide a

		{sources{host}, "http://acme.api.example.com/", nil, ok},
		{sources{host}, "http://acme.api.example.com:8443/", nil, ok},
		{sources{host}, "http://acme.API.example.com/", nil, ok},
		{sources{middleware.HostLabel(".api.example.com")}, "http://acme.api.example.com/", nil, ok},
		{sources{host}, "http://acme.api.example.com:/", nil, ok},
		{sources{host}, "http://acme.api.example.com./", nil, ambiguous},
		{sources{host}, "http://.api.example.com/", nil, ambiguous},
		{sources{host}, "http://globex.api.example.com/", nil, mismatch},
		{sources{host}, "http://ACME.api.example.com/", nil, mismatch},
		{sources{host}, "http://api.example.com/", nil, ambiguous},
		{sources{host}, "http://acme.globex.api.example.com/", nil, ambiguous},
		{sources{host}, "http://acmeapi.example.com/", nil, ambiguous},
		{sources{host}, "http://acme.api.example.com.evil.example/", nil, ambiguous},
		{sources{host}, "http://acme.api.example.org/", nil, ambiguous}, // of the same length
		{sources{host}, "http://[::1]:80/", nil, ambiguous},

		{sources{header}, "/", []string{"acme"}, ok},
		{sources{header}, "/", []string{"globex"}, mismatch},
		{sources{header}, "/", []string{"ACME"}, mismatch},
		{sources{header}, "/", nil, ambiguous},
		{sources{header}, "/", []string{""}, ambiguous},
		{sources{header}, "/", []string{"acme", "acme"}, ambiguous},
		{sources{header}, "/", []string{"acme", "globex"}, ambiguous},
		{sources{header}, "/", []string{"acme, globex"}, ambiguous},

		{sources{path, host, header}, "http://acme.api.example.com/tenants/acme", []string{"acme"}, ok},
		{sources{path, host, header}, "http://acme.api.example.com/tenants/acme", []string{"globex"}, ambiguous},
		{sources{path, host, header}, "http://globex.api.example.com/tenants/globex", []string{"globex"}, mismatch},
		{sources{path, host, header}, "http://acme.api.example.com/tenants/acme", nil, ambiguous},
	} {
		cfg := forProvider(op)
		cfg.Tenant = middleware.RequireTenant("tenant", c.sources...)
		guard := newGuard(t, cfg)
		r := httptest.NewRequest(http.MethodGet, c.url, nil)
		r.Header["X-Tenant"] = c.header
		check.Equal(t, statusOf(t, guard.Wrap, r, token), c.want, "status of "+c.url+" "+strings.Join(c.header, "|"))
	}
}

// TestHeaderIsNoAuthority: the tenant in the request never replaces the claim.
func TestHeaderIsNoAuthority(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, withTenant)
	r := get("")
	r.Header.Set("X-Tenant", "acme")
	check.Equal(t, statusOf(t, guard.Wrap, r, op.AccessToken(nil)), http.StatusUnauthorized, "status")
}

func TestCredentialTenants(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, withTenant)
	cfg := forProvider(op)
	without := newGuard(t, cfg)
	cfg.Tenant = middleware.RequireTenant("tenant")
	unmatched := newGuard(t, cfg)
	route := middleware.Tenant(middleware.PathValue("tenant"))
	for _, c := range []struct {
		guard   *middleware.Guard
		tenants []string
		policy  []middleware.Policy
		want    middleware.Reason
	}{
		{guard, []string{"acme"}, nil, ""},
		{guard, []string{"acme", "acme"}, []middleware.Policy{route}, ""},
		{guard, nil, nil, middleware.ReasonTenantAmbiguous},
		{guard, []string{""}, nil, middleware.ReasonTenantAmbiguous},
		{guard, []string{"acme", ""}, nil, middleware.ReasonTenantAmbiguous},
		{guard, []string{"acme", "globex"}, nil, middleware.ReasonTenantAmbiguous},
		{guard, []string{"globex"}, nil, middleware.ReasonTenantMismatch},
		{unmatched, nil, nil, ""},
		{unmatched, []string{"acme"}, nil, ""},
		{unmatched, []string{"globex"}, nil, middleware.ReasonTenantMismatch},
		{unmatched, nil, []middleware.Policy{route}, middleware.ReasonTenantAmbiguous},
		{unmatched, []string{"acme"}, []middleware.Policy{route}, ""},
		{without, nil, nil, ""},
		{without, []string{"acme"}, nil, middleware.ReasonInternalError}, // or else nobody would compare
	} {
		_, err := c.guard.Authenticate(context.Background(),
			middleware.Credential{Token: op.AccessToken(object{"tenant": "acme"}), Tenants: c.tenants}, c.policy...)
		check.Equal(t, reasonOf(t, err), c.want, "reason for "+strings.Join(c.tenants, "|"))
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	op, _ := setup(t)
	boom := errors.New("boom")
	guards := map[string]*middleware.TenantPolicy{
		"list": {Allow: []string{"acme", "initech"}},
		"func": {AllowFunc: func(_ context.Context, _, tenant string) (bool, error) {
			switch tenant {
			case "error":
				return true, boom
			case "panic":
				panic("at the database")
			}
			return tenant == "acme" || tenant == "initech", nil
		}},
	}
	for name, policy := range guards {
		policy.Claim = []string{"tenant"}
		cfg := forProvider(op)
		cfg.Tenant = policy
		guard := newGuard(t, cfg)
		policy.Allow = append(policy.Allow[:0], "globex", "globex") // too late
		want := map[string]middleware.Reason{
			"acme": "", "initech": "", "globex": middleware.ReasonTenantUnknown, "Acme": middleware.ReasonTenantUnknown, "acme ": middleware.ReasonTenantUnknown,
		}
		if name == "func" {
			want["error"], want["panic"] = middleware.ReasonProviderUnavailable, middleware.ReasonInternalError
		}
		for tenant, reason := range want {
			wantReason(t, guard, op.AccessToken(object{"tenant": tenant}), reason)
		}
		if name == "func" {
			_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: op.AccessToken(object{"tenant": "error"})})
			check.Error(t, err, boom)
		}
	}
}

// TestPathValue works inside a mux. Outside, the error says why it cannot.
func TestPathValue(t *testing.T) {
	t.Parallel()
	var log records
	op, guard := setup(t, func(cfg *middleware.Config) {
		cfg.Tenant = middleware.RequireTenant("tenant")
		cfg.Logger = log.logger()
	})
	token := op.AccessToken(object{"tenant": "acme"})
	require := guard.Require(middleware.Tenant(middleware.PathValue("tenant")))
	for _, outer := range []func(http.Handler) http.Handler{guard.Wrap, func(h http.Handler) http.Handler { return h }} {
		inMux := func(next http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/tenants/{tenant}/notes", require(next))
			return outer(mux)
		}
		for url, want := range map[string]int{
			"/tenants/acme/notes":   http.StatusNoContent,
			"/tenants/%61cme/notes": http.StatusNoContent,
			"/tenants/globex/notes": http.StatusForbidden,
			"/tenants/ACME/notes":   http.StatusForbidden,
		} {
			check.Equal(t, statusOf(t, inMux, httptest.NewRequest(http.MethodGet, url, nil), token), want, "status of "+url)
		}
	}
	check.Equal(t, statusOf(t, require, get(""), token), http.StatusInternalServerError, "status around a mux")
	check.Contains(t, log.String(), "level=ERROR", `inside the mux, on a pattern with {tenant}`)
}

func TestTenantWithEscapes(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) { cfg.Tenant = middleware.RequireTenant("tenant") })
	for raw, want := range map[string]string{`"acme"`: "acme", `"\u0061cme"`: "acme", `"a\"b"`: `a"b`} {
		principal, err := guard.Authenticate(t.Context(), middleware.Credential{Token: op.AccessToken(object{"tenant": json.RawMessage(raw)})})
		check.NoError(t, err)
		check.Equal(t, principal.Tenant, want, "tenant of "+raw)
	}
	wantReason(t, guard, op.AccessToken(object{"tenant": json.RawMessage(`"\u0000acme"`)}), middleware.ReasonTenantMissing)
}
