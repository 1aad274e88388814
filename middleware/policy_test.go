package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	token := op.AccessToken(object{"scope": "a b", "scp": []string{"c"}})
	const no = middleware.ReasonInsufficientScope
	for i, c := range []struct {
		policies []middleware.Policy
		want     middleware.Reason
	}{
		{nil, ""},
		{[]middleware.Policy{middleware.Scopes()}, ""},
		{[]middleware.Policy{middleware.Scopes("a", "c")}, ""},
		{[]middleware.Policy{middleware.Scopes("a", "d")}, no},
		{[]middleware.Policy{middleware.Scopes("A")}, no},
		{[]middleware.Policy{middleware.AnyScope("d", "b")}, ""},
		{[]middleware.Policy{middleware.AnyScope("d", "e")}, no},
		{[]middleware.Policy{middleware.Scopes("a"), middleware.AnyScope("d")}, no},
		{[]middleware.Policy{middleware.AnyScope("d", "a"), middleware.Scopes("b")}, ""},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) { wantReason(t, guard, token, c.want, c.policies...) })
	}
	wantReason(t, guard, op.AccessToken(nil), no, middleware.Scopes("a"))
}

func TestStepUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setup(t)
		ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
		recent, gold := middleware.MaxAuthAge(time.Minute), middleware.ACR("gold", "platinum")
		for name, c := range map[string]struct {
			claims   object
			policies []middleware.Policy
			ok       bool
		}{
			"recent":                {object{"auth_time": ago(time.Minute)}, []middleware.Policy{recent}, true},
			"recent within skew":    {object{"auth_time": ago(90 * time.Second)}, []middleware.Policy{recent}, true},
			"too old":               {object{"auth_time": ago(91 * time.Second)}, []middleware.Policy{recent}, false},
			"ahead within skew":     {object{"auth_time": ago(-20 * time.Second)}, []middleware.Policy{recent}, true},
			"ahead":                 {object{"auth_time": ago(-40 * time.Second)}, []middleware.Policy{recent}, false},
			"no auth_time":          {nil, []middleware.Policy{recent}, false},
			"auth_time 0":           {object{"auth_time": 0}, []middleware.Policy{recent}, false},
			"auth_time a string":    {object{"auth_time": "now"}, []middleware.Policy{recent}, false},
			"age 0":                 {object{"auth_time": ago(0)}, []middleware.Policy{middleware.MaxAuthAge(0)}, true},
			"a class of the list":   {object{"acr": "gold"}, []middleware.Policy{gold}, true},
			"another class":         {object{"acr": "Gold"}, []middleware.Policy{gold}, false},
			"no class":              {nil, []middleware.Policy{gold}, false},
			"a class of wrong type": {object{"acr": []string{"gold"}}, []middleware.Policy{gold}, false},
			"both":                  {object{"acr": "gold", "auth_time": ago(0)}, []middleware.Policy{gold, recent}, true},
			"one of both":           {object{"acr": "gold"}, []middleware.Policy{gold, recent}, false},
		} {
			want := middleware.ReasonStepUpRequired
			if c.ok {
				want = ""
			}
			_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: op.AccessToken(c.claims)}, c.policies...)
			check.Equal(t, reasonOf(t, err), want, name)
		}
		w, _ := serve(guard.Require(middleware.MaxAuthAge(time.Hour), middleware.MaxAuthAge(time.Minute), gold), get(op.AccessToken(nil)))
		check.Contains(t, w.Header().Get("Www-Authenticate"), `error="insufficient_user_authentication"`, `acr_values="gold platinum"`, `max_age="60"`)
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	no := errors.New("no editor")
	editor := middleware.Check(func(_ context.Context, p *middleware.Principal) error {
		if value, _ := p.Claim("role"); string(value) != `"editor"` {
			return no
		}
		return nil
	})
	wantReason(t, guard, op.AccessToken(object{"role": "editor"}), "", editor)
	wantReason(t, guard, op.AccessToken(object{"role": "reader"}), middleware.ReasonPolicyDenied, editor)
	_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: op.AccessToken(nil)}, editor)
	check.Error(t, err, no)

	var order []int
	step := func(i int, err error) middleware.Policy {
		return middleware.Check(func(context.Context, *middleware.Principal) error { order = append(order, i); return err })
	}
	_, err = guard.Authenticate(context.Background(), middleware.Credential{Token: op.AccessToken(nil)}, step(1, nil), step(2, no), step(3, nil))
	check.Equal(t, reasonOf(t, err), middleware.ReasonPolicyDenied, "reason")
	check.DeepEqual(t, order, []int{1, 2}, "policies asked")
	var log records
	cfg := forProvider(op)
	cfg.Logger = log.logger()
	panics := middleware.Check(func(context.Context, *middleware.Principal) error { panic("with the secret 4711") })
	wantReason(t, newGuard(t, cfg), op.AccessToken(nil), middleware.ReasonInternalError, panics)
	check.Contains(t, log.String(), "Check panicked with a string")
	check.Lacks(t, log.String(), "4711")
}

// TestCheckSeesTheToken: a Check sees the token's principal, even if handlers
// or other checks have changed theirs.
func TestCheckSeesTheToken(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		op := newProvider(oidctest.Config{OpaqueAccessTokens: opaque})
		cfg := forProvider(op)
		byIntrospection(&cfg)
		guard := newGuard(t, cfg)
		checks := 0
		spoiling := middleware.Check(func(ctx context.Context, p *middleware.Principal) error {
			checks++
			inContext, ok := middleware.FromContext(ctx)
			check.True(t, ok && inContext == p, "the context has another principal")
			check.Equal(t, p.Subject, "alice", "Subject")
			check.DeepEqual(t, p.Scopes, []string{"read"}, "Scopes")
			check.DeepEqual(t, p.Audience, []string{oidctest.DefaultResource}, "Audience")
			p.Subject, p.Scopes[0] = "root", "admin"
			return nil
		})
		spoil := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				p, _ := middleware.FromContext(r.Context())
				check.Equal(t, p.Subject, "alice", "Subject")
				check.DeepEqual(t, p.Scopes, []string{"read"}, "Scopes")
				p.Subject, p.Scopes[0] = "root", "admin"
				next.ServeHTTP(w, r)
			})
		}
		w, _ := serve(chain(guard.Require(spoiling, spoiling), spoil, guard.Require(spoiling)), get(op.AccessToken(object{"scope": "read"})))
		check.Equal(t, w.Code, http.StatusNoContent, "status")
		check.Equal(t, checks, 3, "checks")
	}
}

// TestBadPolicies: an invalid policy panics when the route is set up, and is a
// 500 in Authenticate.
func TestBadPolicies(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	for name, c := range map[string]struct {
		policy middleware.Policy
		want   string
	}{
		"zero":               {middleware.Policy{}, "create a Policy with"},
		"scope with a space": {middleware.Scopes("a b"), "Scopes"},
		"scope with a quote": {middleware.Scopes(`a"`), "Scopes"},
		"empty scope":        {middleware.Scopes(""), "Scopes"},
		"no scope":           {middleware.AnyScope(), "AnyScope"},
		"no class":           {middleware.ACR(), "ACR"},
		"class with newline": {middleware.ACR("a\n"), "ACR"},
		"no function":        {middleware.Check(nil), "Check"},
		"negative age":       {middleware.MaxAuthAge(-1), "MaxAuthAge"},
		"no introspection":   {middleware.FreshIntrospection(0), "Config.Introspection"},
		"no tenant policy":   {middleware.Tenant(middleware.PathValue("tenant")), "Config.Tenant"},
		"not a scope in a 💡": {middleware.Scopes("💡"), "Scopes"},
	} {
		got := check.Panics(t, func() { guard.Require(c.policy) })
		check.Contains(t, fmt.Sprint(got), "middleware: ", c.want)
		_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: op.AccessToken(nil)}, c.policy)
		check.Equal(t, reasonOf(t, err), middleware.ReasonInternalError, name)
	}
	cfg := forProvider(op)
	cfg.Tenant = middleware.RequireTenant("tenant")
	guard = newGuard(t, cfg)
	for _, policy := range []middleware.Policy{middleware.Tenant(), middleware.Tenant(middleware.TenantSource{}), middleware.Tenant(middleware.PathValue(""))} {
		check.Panics(t, func() { guard.Require(policy) })
	}
	check.Equal(t, fetches(op), 0, "requests")
}
