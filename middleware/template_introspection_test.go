package middleware_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// endpoint answers every introspection request alike, and passes on all other
// requests.
type endpoint struct {
	answer object
	next   http.RoundTripper
}

const sharedEndpoint = "https://id.example.test/introspect"

func (e endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.String() != sharedEndpoint {
		return e.next.RoundTrip(r)
	}
	body, err := json.Marshal(with(object{"active": true, "sub": "alice", "aud": oidctest.DefaultResource}, e.answer))
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(string(body))), Request: r,
	}, nil
}

// sharing returns an API whose realms share one introspection endpoint with
// this answer.
func (f *realms) sharing(policy *middleware.TenantPolicy, answer object) middleware.Config {
	cfg := f.config(policy)
	cfg.HTTPClient = &http.Client{Transport: endpoint{answer, f}}
	cfg.Introspection = &introspect.Config{Endpoint: sharedEndpoint, ClientID: "api", ClientSecret: "s3cret", AuthMethod: "client_secret_basic"}
	return cfg
}

// TestTemplateBindsAnswers: an introspection response is bound to its realm
// like a JWT, in every mode.
func TestTemplateBindsAnswers(t *testing.T) {
	t.Parallel()
	allow := &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme", "globex"}}
	issuer := &middleware.TenantPolicy{FromIssuer: true, Allow: []string{"acme", "globex"}}
	missing := func(cfg *middleware.Config) { cfg.AllowMissingIssuer = true }
	named := func(cfg *middleware.Config) { cfg.Introspection.Issuer = realmsURL + "globex" }
	beside := func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.IssuerConfig{{DiscoveryURL: "https://partner.example.test", Tenants: []string{"initech"}}}
	}
	for name, c := range map[string]struct {
		policy *middleware.TenantPolicy
		edit   func(*middleware.Config)
		answer object
		want   middleware.Reason
	}{
		"its realm":                     {allow, nil, object{"iss": realmsURL + "acme", "tenant": "acme"}, ""},
		"its realm, with a slash":       {allow, nil, object{"iss": realmsURL + "acme/", "tenant": "acme"}, ""},
		"another realm":                 {allow, nil, object{"iss": realmsURL + "evil", "tenant": "acme"}, middleware.ReasonTenantMismatch},
		"another realm of ours":         {allow, nil, object{"iss": realmsURL + "globex", "tenant": "acme"}, middleware.ReasonTenantMismatch},
		"a realm that is not allowed":   {allow, nil, object{"iss": realmsURL + "evil", "tenant": "evil"}, middleware.ReasonTenantUnknown},
		"below a realm":                 {allow, nil, object{"iss": realmsURL + "acme/x", "tenant": "acme"}, middleware.ReasonIssuerUntrusted},
		"another host":                  {allow, nil, object{"iss": "https://evil.example.test/realms/acme", "tenant": "acme"}, middleware.ReasonIssuerUntrusted},
		"an empty iss":                  {allow, nil, object{"iss": "", "tenant": "acme"}, middleware.ReasonIssuerUntrusted},
		"an empty iss, none needed":     {allow, missing, object{"iss": "", "tenant": "acme"}, middleware.ReasonIssuerUntrusted},
		"another host, none needed":     {allow, missing, object{"iss": "https://evil.example.test", "tenant": "acme"}, middleware.ReasonIssuerUntrusted},
		"another realm, none needed":    {allow, missing, object{"iss": realmsURL + "evil", "tenant": "acme"}, middleware.ReasonTenantMismatch},
		"no iss":                        {allow, nil, object{"tenant": "acme"}, middleware.ReasonIssuerUntrusted},
		"a null iss":                    {allow, nil, object{"iss": nil, "tenant": "acme"}, middleware.ReasonIssuerUntrusted},
		"no iss, none needed":           {allow, missing, object{"tenant": "acme"}, ""},
		"no iss, another tenant":        {allow, missing, object{"tenant": "evil"}, middleware.ReasonTenantUnknown},
		"no iss, the endpoint has one":  {allow, named, object{"tenant": "globex"}, middleware.ReasonIssuerUntrusted},
		"no iss, neither here":          {allow, nil, object{}, middleware.ReasonIssuerUntrusted},
		"tenant of the issuer":          {issuer, nil, object{"iss": realmsURL + "acme"}, ""},
		"tenant of no issuer":           {issuer, missing, object{}, middleware.ReasonTenantMissing},
		"an issuer beside the template": {allow, beside, object{"iss": "https://stranger.example.test", "tenant": "acme"}, middleware.ReasonIssuerUntrusted},
	} {
		for mode, m := range map[string]middleware.Mode{"ModeAuto": middleware.ModeAuto, "ModeIntrospection": middleware.ModeIntrospection} {
			if name == "an issuer beside the template" && m == middleware.ModeIntrospection {
				continue // accepts one issuer only
			}
			t.Run(mode+"/"+name, func(t *testing.T) {
				all := newRealms("acme", "globex", "evil")
				cfg := all.sharing(c.policy, c.answer)
				cfg.Mode = m
				if c.edit != nil {
					c.edit(&cfg)
				}
				guard := newGuard(t, cfg)
				for range 2 { // from the endpoint, then from the cache
					wantReason(t, guard, "opaque", c.want)
				}
				if c.want == "" {
					check.Equal(t, principalOf(t, guard, "opaque").Tenant, "acme", "Tenant")
				}
				check.Equal(t, all.requests(), 0, "requests to realms")
			})
		}
	}
}

// TestMaxLifetimeOfAnswers: MaxLifetime applies to introspected tokens. A token
// without exp is the provider's to end.
func TestMaxLifetimeOfAnswers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		answer object
		want   middleware.Reason
	}{
		"as long as allowed":       {object{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}, ""},
		"longer":                   {object{"iat": now.Unix(), "exp": now.Add(time.Hour + time.Second).Unix()}, middleware.ReasonTokenMalformed},
		"longer, nearly over":      {object{"iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(time.Minute).Unix()}, middleware.ReasonTokenMalformed},
		"no iat, not too far away": {object{"exp": now.Add(time.Hour - time.Minute).Unix()}, ""},
		"no iat, too far away":     {object{"exp": now.Add(time.Hour + time.Minute).Unix()}, middleware.ReasonTokenMalformed},
		"no exp":                   {object{"iat": now.Add(-2 * time.Hour).Unix()}, ""},
	} {
		for _, mode := range []middleware.Mode{middleware.ModeAuto, middleware.ModeIntrospection} {
			t.Run(fmt.Sprint(name, mode), func(t *testing.T) {
				cfg := newRealms().sharing(nil, c.answer)
				cfg.DiscoveryURL, cfg.Mode, cfg.MaxLifetime = realmsURL+"acme", mode, time.Hour
				cfg.Introspection.Issuer = realmsURL + "acme"
				guard := newGuard(t, cfg)
				for range 2 {
					wantReason(t, guard, "opaque", c.want)
				}
			})
		}
	}
}

// TestBothBindToTheRealm: if a JWT is introspected too, its keys have bound it
// to its realm. The response may omit iss, but must not name another.
func TestBothBindToTheRealm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer object
		want   middleware.Reason
	}{
		"its realm":     {object{"iss": realmsURL + "acme", "tenant": "acme"}, ""},
		"no iss":        {object{"tenant": "acme"}, ""},
		"another realm": {object{"iss": realmsURL + "globex", "tenant": "acme"}, middleware.ReasonTokenInactive},
		"another host":  {object{"iss": "https://evil.example.test", "tenant": "acme"}, middleware.ReasonTokenInactive},
		"with a slash":  {object{"iss": realmsURL + "acme/", "tenant": "acme"}, middleware.ReasonTokenInactive},
		"an empty iss":  {object{"iss": "", "tenant": "acme"}, middleware.ReasonTokenInactive},
	} {
		t.Run(name, func(t *testing.T) {
			all := newRealms("acme", "globex")
			cfg := all.sharing(&middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"acme", "globex"}}, c.answer)
			token := all.providers["acme"].AccessToken(object{"tenant": "acme"})
			wantReason(t, newGuard(t, cfg), token, c.want, middleware.FreshIntrospection(0))
			cfg.Mode = middleware.ModeBoth
			wantReason(t, newGuard(t, cfg), token, c.want)
		})
	}
}
