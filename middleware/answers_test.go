package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// answerCase is one line of the table: a request, and the guard that handles
// it.
type answerCase struct {
	name    string
	config  func(*middleware.Config)
	op      oidctest.Config
	fault   func(*oidctest.Provider)
	request func(op *oidctest.Provider) *http.Request
	policy  []middleware.Policy
}

// bearing returns a request with a token that has these claims.
func bearing(claims object) func(*oidctest.Provider) *http.Request {
	return func(op *oidctest.Provider) *http.Request { return get(op.AccessToken(claims)) }
}

func literal(authorization ...string) func(*oidctest.Provider) *http.Request {
	return func(*oidctest.Provider) *http.Request {
		r := get("")
		r.Header["Authorization"] = authorization
		return r
	}
}

func signed(header, claims object) func(*oidctest.Provider) *http.Request {
	return func(op *oidctest.Provider) *http.Request { return get(op.Sign(header, with(standard(op), claims))) }
}

func byIntrospection(cfg *middleware.Config) {
	cfg.Introspection = &introspect.Config{ClientID: "api", ClientSecret: "s3cret"}
}

func withTenant(cfg *middleware.Config) {
	cfg.Tenant = middleware.RequireTenant("tenant", middleware.Header("X-Tenant"))
}

// forTenant returns a request with a token of acme that names these tenants in
// X-Tenant headers.
func forTenant(named ...string) func(*oidctest.Provider) *http.Request {
	return func(op *oidctest.Provider) *http.Request {
		r := get(op.AccessToken(object{"tenant": "acme"}))
		r.Header["X-Tenant"] = named
		return r
	}
}

var hour = time.Hour

func jwtCases() []answerCase {
	return []answerCase{
		{name: "accepted", request: bearing(nil)},
		{name: "no credential", request: literal()},
		{
			name: "no credential, with metadata", request: literal(),
			config: func(cfg *middleware.Config) { cfg.ResourceURL = "https://api.example.test/v1" },
		},
		{
			name: "no credential, with a realm that must be escaped", request: literal(),
			config: func(cfg *middleware.Config) { cfg.Realm = `the "inner" \ circle` },
		},
		{name: "another scheme", request: literal("Basic YWxpY2U6c2VjcmV0")},
		{name: "a token in the query", request: func(op *oidctest.Provider) *http.Request {
			return httptest.NewRequest(http.MethodGet, "/?access_token="+op.AccessToken(nil), nil)
		}},
		{name: "a token in the body", request: func(op *oidctest.Provider) *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("access_token="+op.AccessToken(nil)))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		}},
		{name: "HEAD", request: func(*oidctest.Provider) *http.Request { return httptest.NewRequest(http.MethodHead, "/", nil) }},
		{name: "two headers", request: literal("Bearer a.b.c", "Bearer a.b.c")},
		{name: "two schemes in one header", request: literal("Basic YWxpY2U6c2VjcmV0, Bearer a.b.c")},
		{name: "Bearer alone", request: literal("Bearer")},
		{name: "not a JWT", request: literal("Bearer opaque.3vJ8")},
		{name: "too large", request: literal("Bearer " + strings.Repeat("a", 16<<10+1))},
		{name: "alg none", request: literal("Bearer " + rawToken(`{"alg":"none"}`, `{}`))},
		{name: "alg HS256", request: signed(object{"alg": "HS256"}, nil)},
		{name: "crit", request: signed(object{"crit": []string{"b64"}}, nil)},
		{name: "typ of a logout token", request: signed(object{"typ": "logout+jwt"}, nil)},
		{name: "an ID token", request: func(op *oidctest.Provider) *http.Request {
			return get(op.IDToken(object{"aud": oidctest.DefaultResource, "nonce": "n-0S6_WzA2Mj"}))
		}},
		{name: "bad signature", request: func(op *oidctest.Provider) *http.Request {
			parts := strings.Split(op.AccessToken(nil), ".")
			return get(parts[0] + "." + strings.Split(op.AccessToken(object{"sub": "mallory"}), ".")[1] + "." + parts[2])
		}},
		{name: "unknown key", request: signed(object{"kid": "nobody's"}, nil)},
		{name: "expired", request: bearing(object{"exp": time.Unix(946684800, 0).Add(-hour).Unix()})},
		{name: "expired a moment ago", request: bearing(object{"exp": time.Unix(946684800, 0).Add(-time.Minute).Unix()})},
		{name: "not yet valid", request: bearing(object{"nbf": time.Unix(946684800, 0).Add(hour).Unix()})},
		{name: "wrong issuer", request: bearing(object{"iss": "https://evil.example"})},
		{name: "wrong audience", request: bearing(object{"aud": "https://other.example"})},
		{name: "bound to a key", request: bearing(object{"cnf": object{"jkt": "0ZcOCORZNYy"}})},
		{name: "no tenant claim", config: withTenant, request: bearing(nil)},
		{name: "tenant claim of the wrong type", config: withTenant, request: bearing(object{"tenant": []string{"acme"}})},
		{
			name: "tenant not in the allow-list", request: bearing(object{"tenant": "globex"}),
			config: func(cfg *middleware.Config) {
				cfg.Tenant = &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme"}}
			},
		},
		{
			name: "tenant of another issuer", request: bearing(object{"tenant": "globex"}), op: oidctest.Config{Issuer: realmsURL + "acme"},
			config: func(cfg *middleware.Config) { cfg.DiscoveryURL, cfg.Tenant = realmsURL+"{tenant}", anyTenant() },
		},
		{
			name: "allow function fails", request: bearing(object{"tenant": "acme"}),
			config: func(cfg *middleware.Config) {
				cfg.Tenant = &middleware.TenantPolicy{
					Claim:     []string{"tenant"},
					AllowFunc: func(context.Context, string, string) (bool, error) { return false, errors.New("database is away") },
				}
			},
		},
		{name: "request for the token's tenant", config: withTenant, request: forTenant("acme")},
		{name: "request for another tenant", config: withTenant, request: forTenant("globex")},
		{name: "request for two tenants", config: withTenant, request: forTenant("acme", "globex")},
		{name: "request for no tenant", config: withTenant, request: forTenant()},
		{
			name: "PathValue around a mux", config: func(cfg *middleware.Config) { cfg.Tenant = middleware.RequireTenant("tenant") },
			request: bearing(object{"tenant": "acme"}), policy: []middleware.Policy{middleware.Tenant(middleware.PathValue("tenant"))},
		},
		{
			name: "Check says no", request: bearing(nil),
			policy: []middleware.Policy{middleware.Check(func(context.Context, *middleware.Principal) error { return errors.New("not an editor") })},
		},
		{
			name: "Check panics", request: bearing(nil),
			policy: []middleware.Policy{middleware.Check(func(context.Context, *middleware.Principal) error { panic("oops") })},
		},
		{
			name: "scope too small", request: bearing(object{"scope": "notes:read"}),
			policy: []middleware.Policy{middleware.Scopes("notes:read", "notes:write"), middleware.AnyScope("admin", "notes:write")},
		},
		{
			name: "authentication too old", request: bearing(object{"auth_time": time.Unix(946684800, 0).Add(-hour).Unix(), "acr": "silver"}),
			policy: []middleware.Policy{middleware.MaxAuthAge(5 * time.Minute), middleware.ACR("gold", "silver")},
		},
		{name: "keys unreachable", request: bearing(nil), fault: func(op *oidctest.Provider) { op.Fault("jwks", oidctest.Down) }},
		{name: "keys garbled", request: bearing(nil), fault: func(op *oidctest.Provider) { op.Fault("jwks", oidctest.Garbage) }},
		{name: "discovery unreachable", request: bearing(nil), fault: func(op *oidctest.Provider) { op.Fault("discovery", oidctest.Reset) }},
		{
			name: "body by RenderError", request: literal(),
			config: func(cfg *middleware.Config) {
				cfg.RenderError = func(_ *http.Request, e *middleware.Error) (string, []byte) {
					return "text/plain", []byte(fmt.Sprint(e.Status(), " ", e.Reason))
				}
			},
		},
		{
			name: "RenderError panics", request: literal(),
			config: func(cfg *middleware.Config) {
				cfg.RenderError = func(*http.Request, *middleware.Error) (string, []byte) { panic("oops") }
			},
		},
	}
}

func introspectionCases() []answerCase {
	opaque := oidctest.Config{OpaqueAccessTokens: true}
	all := []answerCase{
		{name: "accepted", request: bearing(nil)},
		{name: "inactive", request: literal("Bearer opaque.3vJ8")},
		{name: "expired", request: bearing(object{"exp": time.Unix(946684800, 0).Add(-hour).Unix()})},
		{name: "wrong issuer", request: bearing(object{"iss": "https://evil.example"})},
		{name: "wrong audience", request: bearing(object{"aud": "https://other.example"})},
		{name: "bound to a key", request: bearing(object{"cnf": object{"jkt": "0ZcOCORZNYy"}})},
		{name: "a refresh token", request: bearing(object{"typ": "Refresh"})},
		{name: "no tenant claim", config: withTenant, request: bearing(nil)},
		{
			name: "tenant not in the allow-list", request: bearing(object{"tenant": "globex"}),
			config: func(cfg *middleware.Config) {
				cfg.Tenant = &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme"}}
			},
		},
		{name: "request for another tenant", config: withTenant, request: forTenant("globex")},
		{name: "request for two tenants", config: withTenant, request: forTenant("acme", "globex")},
		{
			name: "Check says no", request: bearing(nil),
			policy: []middleware.Policy{middleware.Check(func(context.Context, *middleware.Principal) error { return errors.New("not an editor") })},
		},
		{name: "scope too small", request: bearing(object{"scope": "notes:read"}), policy: []middleware.Policy{middleware.Scopes("notes:write")}},
		{name: "authentication too weak", request: bearing(object{"acr": "silver"}), policy: []middleware.Policy{middleware.ACR("gold")}},
		{name: "unreachable", request: bearing(nil), fault: func(op *oidctest.Provider) { op.Fault("introspect", oidctest.Reset) }},
		{name: "garbled", request: bearing(nil), fault: func(op *oidctest.Provider) { op.Fault("introspect", oidctest.Garbage) }},
		{
			name: "busy for an hour", request: bearing(nil),
			fault: func(op *oidctest.Provider) {
				op.Fault("introspect", func(w http.ResponseWriter, _ *http.Request) bool {
					w.Header().Set("Retry-After", "3600")
					w.WriteHeader(http.StatusTooManyRequests)
					return true
				})
			},
		},
		{
			name: "active for the provider, expired for us", request: bearing(nil),
			fault: func(op *oidctest.Provider) { op.Edit("introspection", func(answer object) { answer["exp"] = 1 }) },
		},
		{
			name: "active for the provider, not valid yet for us", request: bearing(nil),
			fault: func(op *oidctest.Provider) {
				op.Edit("introspection", func(answer object) { answer["nbf"] = time.Unix(946684800, 0).Add(hour).Unix() })
			},
		},
		{
			name: "refused", request: bearing(nil),
			fault: func(op *oidctest.Provider) { op.AddClient(oidctest.Client{ID: "api", Secret: "another"}) },
		},
	}
	for i := range all {
		edit := all[i].config
		all[i].op = opaque
		all[i].config = func(cfg *middleware.Config) {
			byIntrospection(cfg)
			if edit != nil {
				edit(cfg)
			}
		}
	}
	return all
}

// TestAnswers compares every kind of response with the golden file.
func TestAnswers(t *testing.T) {
	t.Parallel()
	var all bytes.Buffer
	for _, group := range []struct {
		title string
		cases []answerCase
	}{{"JWT", jwtCases()}, {"Introspection", introspectionCases()}} {
		fmt.Fprintf(&all, "# %s\n", group.title)
		for _, c := range group.cases {
			synctest.Test(t, func(t *testing.T) { all.WriteString(c.answer(t)) })
		}
		all.WriteByte('\n')
	}
	check.Golden(t, "answers.golden", all.Bytes())
}

func (c *answerCase) answer(t *testing.T) string {
	t.Helper()
	op := newProvider(c.op)
	cfg := forProvider(op)
	if c.config != nil {
		c.config(&cfg)
	}
	var log records
	cfg.Logger = log.logger()
	guard := newGuard(t, cfg)
	r := c.request(op)
	if c.fault != nil {
		c.fault(op)
	}
	w, seen := serve(guard.Require(c.policy...), r)
	check.Equal(t, seen != nil, w.Code == http.StatusNoContent, c.name+": handler reached")

	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n%d", c.name, w.Code)
	if seen == nil {
		text := log.String()
		reason, _, _ := strings.Cut(text[strings.LastIndex(text, " reason=")+len(" reason="):], " ")
		fmt.Fprintf(&b, " %s\n", reason)
		check.Equal(t, w.Header().Get("Cache-Control"), "no-store", c.name+": Cache-Control")
		check.Equal(t, w.Header().Get("X-Content-Type-Options"), "nosniff", c.name+": X-Content-Type-Options")
	} else {
		b.WriteByte('\n')
	}
	for _, name := range []string{"WWW-Authenticate", "Retry-After", "Cache-Control", "Content-Type"} {
		for _, value := range w.Header().Values(name) {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	if w.Body.Len() > 0 {
		fmt.Fprintf(&b, "%s\n", w.Body)
	}
	return b.String()
}
