package middleware_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// TestModes sends a JWT and an opaque token through each mode.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode        middleware.Mode
		introspects bool
		opaque      bool
		want        middleware.Reason
		method      middleware.Method
		asked       int
	}{
		{middleware.ModeAuto, false, false, "", middleware.MethodJWT, 0},
		{middleware.ModeAuto, false, true, middleware.ReasonTokenMalformed, "", 0},
		{middleware.ModeAuto, true, false, "", middleware.MethodJWT, 0},
		{middleware.ModeAuto, true, true, "", middleware.MethodIntrospection, 1},
		{middleware.ModeJWT, false, false, "", middleware.MethodJWT, 0},
		{middleware.ModeJWT, false, true, middleware.ReasonTokenMalformed, "", 0},
		{middleware.ModeIntrospection, true, false, "", middleware.MethodIntrospection, 1},
		{middleware.ModeIntrospection, true, true, "", middleware.MethodIntrospection, 1},
		{middleware.ModeBoth, true, false, "", middleware.MethodBoth, 1},
		{middleware.ModeBoth, true, true, middleware.ReasonTokenMalformed, "", 0},
	} {
		op := newProvider(oidctest.Config{OpaqueAccessTokens: c.opaque})
		cfg := forProvider(op)
		cfg.Mode = c.mode
		cfg.Tenant = middleware.RequireTenant("tenant")
		if c.introspects {
			byIntrospection(&cfg)
		}
		guard := newGuard(t, cfg)
		token := op.AccessToken(object{"tenant": "acme", "scope": "a b"})
		wantReason(t, guard, token, c.want)
		check.Equal(t, op.Requests("introspect"), c.asked, "introspection requests")
		if c.want != "" {
			continue
		}
		p := principalOf(t, guard, token)
		check.Equal(t, p.Method, c.method, "Method")
		check.Equal(t, p.Subject+"@"+p.Tenant, "alice@acme", "who")
		check.Equal(t, p.Issuer, op.Issuer(), "Issuer")
		check.DeepEqual(t, p.Scopes, []string{"a", "b"}, "Scopes")
		check.DeepEqual(t, p.Audience, []string{oidctest.DefaultResource}, "Audience")
		check.True(t, !p.Expiry.IsZero() && !p.IssuedAt.IsZero(), "times are missing")
		value, _ := p.Claim("tenant")
		check.Equal(t, string(value), `"acme"`, "Claim")
		check.NoError(t, guard.Ready(context.Background()))
	}
}

// TestJWTIsNotIntrospected: the guard does not introspect a JWT that it
// refuses.
func TestJWTIsNotIntrospected(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, byIntrospection)
	for token, want := range map[string]middleware.Reason{
		op.AccessToken(object{"aud": "x"}):                middleware.ReasonAudienceMismatch,
		op.Sign(object{"alg": "HS256"}, standard(op)):     middleware.ReasonAlgNotAllowed,
		rawToken(`{"alg":"none"}`, `{}`):                  middleware.ReasonAlgNotAllowed,
		rawToken(` {"alg":"ES256"}`, `nothing`):           middleware.ReasonTokenMalformed,
		op.AccessToken(object{"iss": "https://evil.one"}): middleware.ReasonIssuerUntrusted,
	} {
		wantReason(t, guard, token, want)
	}
	check.Equal(t, op.Requests("introspect"), 0, "introspection requests")
	for _, token := range []string{"v4.local.dGhpcw", "a.b.c.d.e", "opaque", "e30", "bm90IGpzb24.e30.c2ln"} {
		wantReason(t, guard, token, middleware.ReasonTokenInactive)
	}
	check.Equal(t, op.Requests("introspect"), 5, "introspection requests for what is no JWT")
}

// TestFormBeforeIntrospection: the guard does not introspect what cannot be a
// token.
func TestFormBeforeIntrospection(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, byIntrospection)
	for _, token := range []string{`a"b`, "a,b", "{}", "a=b", "a:b", "=", "a b", "a\x7f"} {
		_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token})
		check.Equal(t, reasonOf(t, err), middleware.ReasonTokenMalformed, "reason for "+token)
	}
	check.Equal(t, op.Requests("introspect"), 0, "introspection requests")
}

// TestNotAccessTokens: an active token need not be an access token.
func TestNotAccessTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer object
		want   middleware.Reason
	}{
		{object{}, ""},
		{object{"token_type": "Bearer", "typ": "Bearer", "nonce": "x"}, ""},
		{object{"token_use": "access_token"}, ""},
		{object{"token_use": "refresh_token"}, middleware.ReasonTypeNotAllowed},
		{object{"token_type": "refresh_token"}, middleware.ReasonTypeNotAllowed},
		{object{"token_type": "Refresh"}, middleware.ReasonTypeNotAllowed},
		{object{"token_type": "id_token"}, middleware.ReasonTypeNotAllowed},
		{object{"typ": "Offline"}, middleware.ReasonTypeNotAllowed},
		{object{"typ": "ID"}, middleware.ReasonTypeNotAllowed},
		{object{"typ": "Refresh"}, middleware.ReasonTypeNotAllowed},
		{object{"nonce": "x"}, middleware.ReasonTypeNotAllowed},
		{object{"cnf": object{}}, middleware.ReasonBindingMissing},
		{object{"token_type": "DPoP"}, middleware.ReasonBindingMissing},
		{object{"sub": 7}, middleware.ReasonProviderUnavailable}, // no verdict at all
		{object{"active": "true"}, middleware.ReasonProviderUnavailable},
	} {
		op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
		cfg := forProvider(op)
		byIntrospection(&cfg)
		op.Edit("introspection", func(answer object) { maps.Copy(answer, c.answer) })
		token := op.AccessToken(nil)
		guard := newGuard(t, cfg)
		wantReason(t, guard, token, c.want)
		wantReason(t, guard, token, c.want)
	}
}

// TestAnswersReadAsTokens: a claim has the same meaning in a JWT and in an
// introspection response.
func TestAnswersReadAsTokens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims object
		want   middleware.Reason
		path   []string // to the tenant
	}{
		"as it is":                        {object{}, "", nil},
		"tenant in another case":          {object{"tenant": nil, "Tenant": "acme"}, middleware.ReasonTokenMalformed, nil},
		"tenant of another type":          {object{"tenant": 7}, middleware.ReasonTenantMissing, nil},
		"nested tenant":                   {object{"ext": object{"tenant": "acme"}}, "", []string{"ext", "tenant"}},
		"nested tenant, in another case":  {object{"ext": object{"Tenant": "acme"}}, middleware.ReasonTokenMalformed, []string{"ext", "tenant"}},
		"nested tenant in something else": {object{"ext": "tenant"}, middleware.ReasonTenantMissing, []string{"ext", "tenant"}},
		"an empty audience":               {object{"aud": []string{"", oidctest.DefaultResource}}, "", nil},
		"for an ID token's use":           {object{"token_use": "ID"}, middleware.ReasonTypeNotAllowed, nil},
		"token_use of another type":       {object{"token_use": 7}, "", nil},
		"nonce":                           {object{"nonce": "n"}, middleware.ReasonTypeNotAllowed, nil},
		"bound":                           {object{"cnf": object{"jkt": "x"}}, middleware.ReasonBindingMissing, nil},
		"not bound":                       {object{"cnf": nil}, "", nil},
		"a long life":                     {object{"exp": time.Now().Add(48 * time.Hour).Unix()}, middleware.ReasonTokenMalformed, nil},
	} {
		for _, opaque := range []bool{false, true} {
			op := newProvider(oidctest.Config{OpaqueAccessTokens: opaque})
			cfg := forProvider(op)
			cfg.Tenant, cfg.MaxLifetime = middleware.RequireTenant("tenant"), 24*time.Hour
			if c.path != nil {
				cfg.Tenant.Claim = c.path
			}
			claims := object{"tenant": "acme"}
			if opaque {
				byIntrospection(&cfg)
				op.Edit("introspection", func(answer object) {
					maps.Copy(answer, c.claims)
					maps.DeleteFunc(answer, func(_ string, value any) bool { return value == nil })
				})
			} else {
				maps.Copy(claims, c.claims)
			}
			token := op.AccessToken(claims)
			guard := newGuard(t, cfg)
			_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token})
			check.Equal(t, reasonOf(t, err), c.want, fmt.Sprintf("%s, opaque is %v", name, opaque))
			if c.want != "" {
				continue
			}
			p := principalOf(t, guard, token)
			check.Equal(t, p.Tenant, "acme", "Tenant, "+name)
			check.DeepEqual(t, p.Audience, []string{oidctest.DefaultResource}, "Audience, "+name)
		}
	}
}

// TestBothAgree: in ModeBoth, JWT and introspection must name the same subject,
// issuer and tenant.
func TestBothAgree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(object)
		want   middleware.Reason
	}{
		"they do":          {func(object) {}, ""},
		"inactive":         {func(a object) { clear(a); a["active"] = false }, middleware.ReasonTokenInactive},
		"another subject":  {func(a object) { a["sub"] = "bob" }, middleware.ReasonTokenInactive},
		"no subject":       {func(a object) { delete(a, "sub") }, middleware.ReasonTokenInactive},
		"another tenant":   {func(a object) { a["tenant"] = "globex" }, middleware.ReasonTenantMismatch},
		"no tenant":        {func(a object) { delete(a, "tenant") }, middleware.ReasonTenantMissing},
		"no issuer":        {func(a object) { delete(a, "iss") }, ""},
		"another audience": {func(a object) { a["aud"] = "x" }, middleware.ReasonAudienceMismatch},
		"a bound token":    {func(a object) { a["cnf"] = object{} }, middleware.ReasonBindingMissing},
	} {
		op := newProvider(oidctest.Config{})
		op.Edit("introspection", c.answer)
		cfg := forProvider(op)
		cfg.Mode, cfg.Tenant = middleware.ModeBoth, middleware.RequireTenant("tenant")
		byIntrospection(&cfg)
		guard := newGuard(t, cfg)
		_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: op.AccessToken(object{"tenant": "acme"})})
		check.Equal(t, reasonOf(t, err), c.want, name)
		if c.want == middleware.ReasonTenantMismatch {
			check.Equal(t, check.As[*middleware.Error](t, err).Status(), http.StatusUnauthorized, "status")
		}
		before := op.Requests("introspect")
		wantReason(t, guard, op.AccessToken(object{"tenant": "acme", "exp": 1}), middleware.ReasonTokenExpired)
		wantReason(t, guard, junk(t, op, "x", nil), middleware.ReasonKeyUnknown)
		check.Equal(t, op.Requests("introspect"), before, "introspection of tokens the keys refuse")
	}
}

// TestBothWithoutSubject: service tokens may have no subject.
func TestBothWithoutSubject(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, byIntrospection, func(cfg *middleware.Config) { cfg.Mode = middleware.ModeBoth })
	wantReason(t, guard, op.AccessToken(object{"sub": nil}), "")
}

// TestRevocation: an introspected token is cached for 30 seconds, or less if a
// route requires it.
func TestRevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setupOpaque(t)
		token := op.AccessToken(object{"scope": "a"})
		wantReason(t, guard, token, "")
		check.Equal(t, op.Requests("introspect"), 1, "introspection requests")
		time.Sleep(10 * time.Second)
		op.RevokeSubject("alice")
		wantReason(t, guard, token, "")
		wantReason(t, guard, token, "", middleware.FreshIntrospection(15*time.Second))
		wantReason(t, guard, token, middleware.ReasonInsufficientScope, middleware.Scopes("b")) // policies on a cached answer
		check.Equal(t, op.Requests("introspect"), 1, "introspection requests")
		wantReason(t, guard, token, middleware.ReasonTokenInactive, middleware.FreshIntrospection(5*time.Second))
		check.Equal(t, op.Requests("introspect"), 2, "introspection requests")
		wantReason(t, guard, token, middleware.ReasonTokenInactive)
	})
}

// TestFreshIntrospection: only the route with the policy introspects a JWT.
func TestFreshIntrospection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setup(t, byIntrospection)
		token := op.AccessToken(nil)
		wantReason(t, guard, token, "")
		check.Equal(t, op.Requests("introspect"), 0, "introspection requests")
		fresh := middleware.FreshIntrospection(0)
		p, err := guard.Authenticate(context.Background(), middleware.Credential{Token: token}, fresh)
		check.NoError(t, err)
		check.Equal(t, p.Method, middleware.MethodBoth, "Method")
		check.Equal(t, op.Requests("introspect"), 1, "introspection requests")

		// The route also introspects inside Wrap, every time.
		route := func(next http.Handler) http.Handler { return guard.Wrap(guard.Require(fresh)(next)) }
		w, seen := serve(route, get(token))
		check.Equal(t, w.Code, http.StatusNoContent, "status")
		check.Equal(t, seen.Method, middleware.MethodBoth, "Method")
		check.Equal(t, op.Requests("introspect"), 2, "introspection requests")
		op.RevokeSubject("alice")
		w, _ = serve(route, get(token))
		check.Equal(t, w.Code, http.StatusUnauthorized, "status after revocation")
		wantReason(t, guard, token, "")
	})
}

// TestStrictestFreshIntrospection: of several policies the strictest applies,
// in any order.
func TestStrictestFreshIntrospection(t *testing.T) {
	t.Parallel()
	strict, lax := middleware.FreshIntrospection(5*time.Second), middleware.FreshIntrospection(time.Hour)
	for name, policies := range map[string][]middleware.Policy{
		"strict": {strict}, "strict first": {strict, lax}, "strict last": {lax, strict}, "strict between": {lax, strict, lax},
	} {
		synctest.Test(t, func(t *testing.T) {
			op, guard := setupOpaque(t)
			token := op.AccessToken(nil)
			wantReason(t, guard, token, "")
			time.Sleep(10 * time.Second)
			op.RevokeSubject("alice")
			wantReason(t, guard, token, "", lax, lax)
			_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token}, policies...)
			check.Equal(t, reasonOf(t, err), middleware.ReasonTokenInactive, name)
		})
	}
}

// TestFreshAnswersAreRead: a fresh response is used even if it arrives in the
// same instant.
func TestFreshAnswersAreRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setupOpaque(t)
		token := op.AccessToken(object{"scope": "admin"})
		wantReason(t, guard, token, "", middleware.Scopes("admin"))
		op.Edit("introspection", func(a object) { a["scope"] = "read" })
		wantReason(t, guard, token, middleware.ReasonInsufficientScope, middleware.Scopes("admin"), middleware.FreshIntrospection(0))
		wantReason(t, guard, token, middleware.ReasonInsufficientScope, middleware.Scopes("admin"))
	})
}

// TestOneCall: a thousand requests with one token cause one introspection.
func TestOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
		op.Fault("introspect", oidctest.Slow(50*time.Millisecond))
		cfg := forProvider(op)
		byIntrospection(&cfg)
		guard := newGuard(t, cfg)
		token := op.AccessToken(nil)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if _, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		check.Equal(t, op.Requests("introspect"), 1, "introspection requests")
	})
}

// TestIntrospectionOutage: the breaker opens, cached tokens still work, and
// Ready reports the outage.
func TestIntrospectionOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setupOpaque(t)
		known := op.AccessToken(nil)
		wantReason(t, guard, known, "")
		check.NoError(t, guard.Ready(context.Background()))
		op.Fault("introspect", oidctest.Down)
		for range 10 {
			wantReason(t, guard, op.AccessToken(nil), middleware.ReasonProviderUnavailable)
		}
		check.Equal(t, op.Requests("introspect"), 6, "introspection requests until the breaker opened")
		_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: op.AccessToken(nil)})
		wait := check.As[*middleware.Error](t, err).RetryAfter
		check.True(t, wait > 0 && wait <= 2*time.Second, "RetryAfter is %v", wait)
		check.Error(t, err, introspect.ErrUnavailable)
		check.Error(t, guard.Ready(context.Background()), introspect.ErrUnavailable)
		wantReason(t, guard, known, "")
		op.Clear()
		time.Sleep(3 * time.Second)
		wantReason(t, guard, op.AccessToken(nil), "")
		check.NoError(t, guard.Ready(context.Background()))
	})
}

// TestIntrospectionOfOneOfSeveral: opaque tokens go to the only issuer with
// introspection.
func TestIntrospectionOfOneOfSeveral(t *testing.T) {
	t.Parallel()
	all := newRealms("a", "b")
	a, b := all.providers["a"], all.providers["b"]
	opaque := newProvider(oidctest.Config{Issuer: realmsURL + "c", OpaqueAccessTokens: true})
	all.providers["c"] = opaque
	cfg := middleware.Config{
		HTTPClient: &http.Client{Transport: all}, Audience: []string{oidctest.DefaultResource},
		Issuers: []middleware.IssuerConfig{
			{DiscoveryURL: a.Issuer()},
			{DiscoveryURL: opaque.Issuer(), Introspection: &introspect.Config{ClientID: "api", ClientSecret: "s3cret"}},
			{DiscoveryURL: b.Issuer()},
		},
	}
	guard := newGuard(t, cfg)
	wantReason(t, guard, a.AccessToken(nil), "")
	wantReason(t, guard, opaque.AccessToken(nil), "")
	wantReason(t, guard, "unknown", middleware.ReasonTokenInactive)
	wantReason(t, guard, a.AccessToken(nil), middleware.ReasonPolicyDenied, middleware.FreshIntrospection(time.Minute))

	for i := range cfg.Issuers {
		cfg.Issuers[i].Introspection = &introspect.Config{ClientID: "api", ClientSecret: "s3cret"}
	}
	_, err := middleware.New(cfg)
	check.True(t, err != nil, "two issuers may introspect opaque tokens")
	cfg.Mode = middleware.ModeBoth
	guard = newGuard(t, cfg)
	wantReason(t, guard, a.AccessToken(nil), "")
	wantReason(t, guard, b.AccessToken(nil), "")
	check.Equal(t, a.Requests("introspect")*b.Requests("introspect"), 1, "introspection requests")
}

// TestTemplateAndIntrospection: JWTs use the keys of their realm, and opaque
// tokens the configured endpoint.
func TestTemplateAndIntrospection(t *testing.T) {
	t.Parallel()
	all := newRealms("acme")
	all.providers["main"] = newProvider(oidctest.Config{Issuer: realmsURL + "main", OpaqueAccessTokens: true})
	main := all.providers["main"]
	cfg := all.config(anyTenant())
	cfg.Introspection = &introspect.Config{DiscoveryURL: main.Issuer(), ClientID: "api", ClientSecret: "s3cret"}
	guard := newGuard(t, cfg)
	wantReason(t, guard, all.providers["acme"].AccessToken(object{"tenant": "acme"}), "")
	wantReason(t, guard, main.AccessToken(object{"tenant": "main"}), "")
	wantReason(t, guard, main.AccessToken(object{"tenant": "acme"}), middleware.ReasonTenantMismatch)

	// An endpoint that may name any issuer must still name the issuer of the
	// JWT.
	acme := all.providers["acme"]
	cfg.Mode = middleware.ModeBoth
	cfg.Introspection = &introspect.Config{Endpoint: acme.URL("introspect"), ClientID: "api", ClientSecret: "s3cret"}
	token := acme.AccessToken(object{"tenant": "acme"})
	wantReason(t, newGuard(t, cfg), token, "")
	acme.Edit("introspection", func(a object) { a["iss"] = main.Issuer() })
	wantReason(t, newGuard(t, cfg), token, middleware.ReasonTokenInactive)
}

// TestIntrospectionWithoutDiscovery needs only the endpoint.
func TestIntrospectionWithoutDiscovery(t *testing.T) {
	t.Parallel()
	op := newProvider(oidctest.Config{OpaqueAccessTokens: true})
	for _, cfg := range []middleware.Config{
		{Introspection: &introspect.Config{Endpoint: op.URL("introspect"), ClientID: "api", ClientSecret: "s3cret"}},
		{
			Endpoints:     middleware.Endpoints{Introspection: op.URL("introspect")},
			Introspection: &introspect.Config{ClientID: "api", ClientSecret: "s3cret"}, Issuer: op.Issuer(),
		},
	} {
		cfg.Mode, cfg.Audience, cfg.HTTPClient = middleware.ModeIntrospection, []string{oidctest.DefaultResource}, op.HTTPClient()
		guard := newGuard(t, cfg)
		check.NoError(t, guard.Ready(context.Background()))
		wantReason(t, guard, op.AccessToken(nil), "")
		wantReason(t, guard, op.AccessToken(object{"aud": "x"}), middleware.ReasonAudienceMismatch)
	}
	check.Equal(t, op.Requests("discovery")+op.Requests("jwks"), 0, "requests for what is not needed")
}
