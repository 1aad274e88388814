package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

func principalOf(tb testing.TB, guard *middleware.Guard, token string) *middleware.Principal {
	tb.Helper()
	p, err := guard.Authenticate(context.Background(), middleware.Credential{Token: token})
	check.NoError(tb, err)
	return p
}

// TestPrincipalLists: short lists are part of the facts, long ones are not.
// Both are returned complete and as copies.
func TestPrincipalLists(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	words := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, audiences := range []int{0, 1, 5, 6, 7} {
		for _, scopes := range []int{0, 1, 5, 8} {
			audience := append([]string{oidctest.DefaultResource}, words[:audiences]...)
			token := op.Sign(nil, with(standard(op), object{"aud": audience, "scope": strings.Join(words[:scopes], " ")}))
			for range 2 { // the second time from the cache, without the changes of the first caller
				p := principalOf(t, guard, token)
				check.DeepEqual(t, p.Audience, audience, "Audience")
				check.True(t, slices.Equal(p.Scopes, words[:scopes]), "Scopes are %q, want %q", p.Scopes, words[:scopes])
				clear(append(p.Audience, "more"))
				clear(p.Audience)
				clear(p.Scopes)
			}
		}
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) { cfg.Tenant = &middleware.TenantPolicy{Claim: []string{"ext", "tenant"}} })
	claims := with(standard(op), object{
		"scope": "a b", "scp": []string{"b", "c"}, "aud": []string{"x", oidctest.DefaultResource},
		"ext": object{"tenant": "acme"}, "big": json.RawMessage("12345678901234567890"), "none": nil,
	})
	p := principalOf(t, guard, op.Sign(nil, claims))
	check.Equal(t, p.Subject, "alice", "Subject")
	check.Equal(t, p.Issuer, op.Issuer(), "Issuer")
	check.Equal(t, p.ClientID, "web", "ClientID")
	check.Equal(t, p.Tenant, "acme", "Tenant")
	check.Equal(t, p.Method, middleware.MethodJWT, "Method")
	check.Equal(t, p.Expiry.Unix(), claims["exp"].(int64), "Expiry")
	check.Equal(t, p.IssuedAt.Unix(), claims["iat"].(int64), "IssuedAt")
	check.DeepEqual(t, p.Audience, []string{"x", oidctest.DefaultResource}, "Audience")
	check.DeepEqual(t, p.Scopes, []string{"a", "b", "c"}, "Scopes")
	check.True(t, p.HasScope("c") && !p.HasScope("d") && !p.HasScope(""), "HasScope")

	value, ok := p.Claim("ext", "tenant")
	check.True(t, ok, "the claim is there")
	check.Equal(t, string(value), `"acme"`, "Claim")
	value, _ = p.Claim("big")
	check.Equal(t, string(value), "12345678901234567890", "Claim keeps numbers as they are")
	for _, path := range [][]string{nil, {"none"}, {"nowhere"}, {"ext", "nowhere"}, {"sub", "x"}, {"Sub"}} {
		_, ok = p.Claim(path...)
		check.True(t, !ok, "Claim%q is there", path)
	}
	var decoded struct {
		Subject string `json:"sub"`
		Ext     struct{ Tenant string }
	}
	check.NoError(t, p.Decode(&decoded))
	check.Equal(t, decoded.Subject+"@"+decoded.Ext.Tenant, "alice@acme", "Decode")

	p = principalOf(t, guard, op.Sign(nil, with(claims, object{"client_id": nil, "azp": "cli", "aud": oidctest.DefaultResource, "scope": nil, "scp": "x y"})))
	check.Equal(t, p.ClientID, "cli", "ClientID from azp")
	check.DeepEqual(t, p.Audience, []string{oidctest.DefaultResource}, "Audience from a string")
	check.DeepEqual(t, p.Scopes, []string{"x", "y"}, "Scopes from scp alone")

	text := fmt.Sprintf("%v %+v %#v", p, p, *p)
	check.Lacks(t, text, "eyJ")
}

// TestPrincipalsAreApart: changes of a handler to its principal do not affect
// the next request.
func TestPrincipalsAreApart(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		op := newProvider(oidctest.Config{OpaqueAccessTokens: opaque})
		cfg := forProvider(op)
		byIntrospection(&cfg)
		guard := newGuard(t, cfg)
		token := op.AccessToken(object{"scope": "read list", "list": []int{1}})
		spoil := func(p *middleware.Principal) {
			p.Scopes[0] = "admin"
			p.Scopes = append(p.Scopes[:1], "root")
			p.Audience[0] = "elsewhere"
			_ = append(p.Audience, "admin") // must not run into the scopes
			p.Subject = "root"
			value, _ := p.Claim("list")
			copy(value, "XXX")
			var raw json.RawMessage
			check.NoError(t, p.Decode(&raw))
			copy(raw, "XXXXXXXXXXXXXXXX")
		}
		for range 3 {
			p := principalOf(t, guard, token)
			check.Equal(t, p.Subject, "alice", "Subject")
			check.DeepEqual(t, p.Scopes, []string{"read", "list"}, "Scopes")
			check.DeepEqual(t, p.Audience, []string{oidctest.DefaultResource}, "Audience")
			_ = append(p.Audience, "admin")
			check.DeepEqual(t, p.Scopes, []string{"read", "list"}, "Scopes after an append to Audience")
			value, _ := p.Claim("list")
			check.Equal(t, string(value), "[1]", "Claim")
			spoil(p)
			wantReason(t, guard, token, middleware.ReasonInsufficientScope, middleware.Scopes("admin"))
		}
		// They do not affect later policies of the same request either.
		inner := guard.Require(middleware.Scopes("admin"))
		w, seen := serve(func(next http.Handler) http.Handler {
			return guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				p, _ := middleware.FromContext(r.Context())
				spoil(p)
				inner(next).ServeHTTP(w, r)
			}))
		}, get(token))
		check.Equal(t, w.Code, http.StatusForbidden, "status")
		check.True(t, seen == nil, "a handler gave itself a scope")
	}
}
