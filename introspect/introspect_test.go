package introspect_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
)

func TestNewNamesEveryProblem(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		cfg  introspect.Config
		want []string
	}{
		{"nothing", introspect.Config{}, []string{"introspect: Config.ClientID: required", "introspect: Config.DiscoveryURL: set it"}},
		{"several", introspect.Config{
			DiscoveryURL: "ftp://op.example", Endpoint: "http://op.example/i", Issuer: "x", AuthMethod: "client_secret_jwt",
			ClockSkew: time.Hour, MaxEntries: -1,
		}, []string{"DiscoveryURL:", "Endpoint:", "Issuer:", "AuthMethod:", "ClientID:", "ClockSkew:", "MaxEntries:"}},
		{"skew", introspect.Config{Endpoint: endpoint, ClientID: "a", ClockSkew: -1}, []string{"ClockSkew:"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := introspect.New(tc.cfg)
			check.True(t, c == nil && err != nil, "no error")
			check.Contains(t, err.Error(), tc.want...)
			check.Lacks(t, err.Error(), "endpoint.invalid", "Endpoints.")
		})
	}
	p := newProvider()
	p.client(t)
	check.Equal(t, len(p.asked), 0, "requests of New")
}

func TestRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		r := ask(t, c, "tok")
		check.Equal(t, p.last.Method+" "+p.last.URL.String(), "POST "+endpoint, "request")
		check.Equal(t, p.lastForm.Encode(), "token=tok&token_type_hint=access_token", "body")
		check.Equal(t, p.last.Header.Get("Accept"), "application/json", "Accept")
		check.Equal(t, p.last.Header.Get("Authorization"), "Basic "+base64.StdEncoding.EncodeToString([]byte("api:CANARY-secret")), "Authorization")

		check.Equal(t, r.Subject+r.Issuer+r.ClientID+r.Username+r.TokenType, "alice"+issuer+"web"+"al"+"Bearer", "members")
		check.DeepEqual(t, r.Audience, []string{apiA}, "audience")
		check.DeepEqual(t, r.Scopes, []string{"read", "write"}, "scopes")
		check.Equal(t, r.Expiry.Unix(), time.Now().Add(time.Minute).Unix(), "expiry")
		check.True(t, r.IssuedAt.Equal(time.Now()) && r.FetchedAt.Equal(time.Now()), "iat %s, fetched %s", r.IssuedAt, r.FetchedAt)
	})
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   introspect.Reason
		is     error
	}{
		{"inactive", 200, `{"active":false}`, introspect.Inactive, introspect.ErrInactive},
		{"inactive with garbage", 200, `{"active":false,"exp":"CANARY","sub":7}`, introspect.Inactive, introspect.ErrInactive},
		{"no active", 200, `{"sub":"CANARY"}`, introspect.Protocol, introspect.ErrProtocol},
		{"empty object", 200, `{}`, introspect.Protocol, introspect.ErrProtocol},
		{"active null", 200, `{"active":null}`, introspect.Protocol, introspect.ErrProtocol},
		{"active as text", 200, `{"active":"true"}`, introspect.Protocol, introspect.ErrProtocol},
		{"active as number", 200, `{"active":1}`, introspect.Protocol, introspect.ErrProtocol},
		{"active twice", 200, `{"active":true,"active":true}`, introspect.Protocol, introspect.ErrProtocol},
		{"active in another case", 200, `{"Active":true}`, introspect.Protocol, introspect.ErrProtocol},
		{"active in two cases", 200, `{"active":true,"ACTIVE":false}`, introspect.Protocol, introspect.ErrProtocol},
		{"exp as text", 200, `{"active":true,"exp":"CANARY"}`, introspect.Protocol, introspect.ErrProtocol},
		{"sub as number", 200, `{"active":true,"sub":7}`, introspect.Protocol, introspect.ErrProtocol},
		{"aud as number", 200, `{"active":true,"aud":[7]}`, introspect.Protocol, introspect.ErrProtocol},
		{"unknown member twice", 200, `{"active":true,"CANARY":1,"CANARY":2}`, introspect.Protocol, introspect.ErrProtocol},
		{"html", 200, `<html>CANARY`, introspect.Protocol, introspect.ErrProtocol},
		{"empty", 200, ``, introspect.Protocol, introspect.ErrProtocol},
		{"array", 200, `[{"active":true}]`, introspect.Protocol, introspect.ErrProtocol},
		{"too large", 200, `{"active":true,"x":"` + strings.Repeat("C", 256<<10) + `"}`, introspect.Protocol, introspect.ErrProtocol},
		{"created", 201, `{"active":true}`, introspect.Protocol, introspect.ErrProtocol},
		{"redirect", 302, ``, introspect.Protocol, introspect.ErrProtocol},
		{"bad request, as oidc-provider for a JWT", 400, `{"error":"unsupported_token_type"}`, introspect.Unavailable, introspect.ErrUnavailable},
		{"401", 401, `{"error":"invalid_client","active":false}`, introspect.Unavailable, introspect.ErrUnavailable},
		{"403", 403, `{"active":false}`, introspect.Unavailable, introspect.ErrUnavailable},
		{"404", 404, `{"active":false}`, introspect.Unavailable, introspect.ErrUnavailable},
		{"429", 429, ``, introspect.Unavailable, introspect.ErrUnavailable},
		{"500", 500, `{"active":false}`, introspect.Unavailable, introspect.ErrUnavailable},
		{"no connection", 0, ``, introspect.Unavailable, introspect.ErrUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProvider()
				p.always(tc.status, tc.body)
				c := p.client(t)
				for range 2 {
					err := refused(t, c, tc.want, "tok")
					check.Error(t, err, tc.is)
					for _, other := range []error{introspect.ErrInactive, introspect.ErrUnavailable, introspect.ErrProtocol} {
						check.Equal(t, errors.Is(err, other), errors.Is(tc.is, other), "is "+other.Error())
					}
					check.Lacks(t, fmt.Sprintf("%v %+v %#v", err, err, err), "CANARY", "CCC")
				}
				want := 2 // failures are not cached
				if tc.want == introspect.Inactive {
					want = 1
				}
				check.Equal(t, p.calls(), want, "calls")
			})
		})
	}
}

// Caller and observer are told what is wrong with a response, also when a later
// check would refuse it as well.
func TestInvalidResponsesAreReported(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body, want string }{
		{"sub as number", `{"active":true,"sub":7}`, ": sub has a wrong type"},
		{"aud as number", `{"active":true,"aud":7}`, ": aud has a wrong type"},
		{"exp as text", `{"active":true,"exp":"1"}`, ": exp has a wrong type"},
		{"iat as text", `{"active":true,"iat":"1"}`, ": iat has a wrong type"},
		{"nbf as text", `{"active":true,"nbf":"1"}`, ": nbf has a wrong type"},
		{"unknown member twice", `{"active":true,"x":1,"x":2}`, ": it is not one JSON object"},
		{"member of a member twice", `{"active":true,"x":{"y":1,"y":2}}`, ": it is not one JSON object"},
		{"no active", `{}`, ": active is missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProvider()
				p.always(200, tc.body)
				var told []oidc.Event
				c := p.client(t, func(cfg *introspect.Config) {
					cfg.Observer = func(_ context.Context, e oidc.Event) {
						if e.Operation == oidc.OperationIntrospection {
							told = append(told, e)
						}
					}
				})
				err := refused(t, c, introspect.Protocol, "tok")
				check.Contains(t, err.Error(), tc.want)
				check.Equal(t, len(told), 1, "events")
				check.Equal(t, told[0].Outcome, oidc.OutcomeProtocol, "outcome")
			})
		})
	}
}

func TestSignedAnswerIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		for _, kind := range []string{"application/token-introspection+jwt", "application/jwt", "text/html", "application/octet-stream"} {
			p.set(func(p *provider) { p.header = http.Header{"Content-Type": {kind}} })
			check.Error(t, refused(t, c, introspect.Protocol, "tok"), introspect.ErrProtocol)
		}
		p.set(func(p *provider) { p.header = http.Header{"Content-Type": {"text/plain"}} })
		ask(t, c, "tok")
	})
}

func TestRetryAfterOfTheEndpoint(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		check.NoError(t, c.Ready(t.Context()))
		p.always(429, ``)
		p.set(func(p *provider) { p.header = http.Header{"Retry-After": {"17"}} })
		check.Equal(t, refused(t, c, introspect.Unavailable, "tok").RetryAfter, 17*time.Second, "RetryAfter")
	})
}

func TestTokensThatAreNone(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t)
	for token, want := range map[string]introspect.Reason{
		"": introspect.Malformed, "CANARY tok": introspect.Malformed, "CANARY\n": introspect.Malformed, "CANARYé": introspect.Malformed,
		"CANARY\x00": introspect.Malformed, strings.Repeat("C", 16<<10+1): introspect.TooLarge,
	} {
		e := refused(t, c, want, token)
		check.Lacks(t, e.Error(), "CANARY", "CCC")
		for _, sentinel := range []error{introspect.ErrInactive, introspect.ErrUnavailable, introspect.ErrProtocol} {
			check.True(t, !errors.Is(e, sentinel), "%v is %v", e, sentinel)
		}
		c.Invalidate(token)
	}
	check.Equal(t, len(p.asked), 0, "requests")
	ask(t, c, strings.Repeat("C", 16<<10))
}

func TestMembersAreCheckedLikeAJWT(t *testing.T) {
	t.Parallel()
	const skew = 30 * time.Second
	at := func(d time.Duration) func() string { return func() string { return in(d) } }
	text := func(s string) func() string { return func() string { return s } }
	for _, tc := range []struct {
		name    string
		member  string
		value   func() string // if empty, the member is omitted
		opts    []introspect.Option
		missing bool // AllowMissingAudience
		want    introspect.Reason
	}{
		{"no exp", "exp", text(""), nil, false, ""},
		{"exp within the skew", "exp", at(-skew + time.Second), nil, false, ""},
		{"exp beyond the skew", "exp", at(-skew), nil, false, introspect.Expired},
		{"exp long ago", "exp", text("1"), nil, false, introspect.Expired},
		{"exp null", "exp", text("null"), nil, false, ""},
		{"nbf within the skew", "nbf", at(skew), nil, false, ""},
		{"nbf beyond the skew", "nbf", at(skew + time.Second), nil, false, introspect.NotYetValid},
		{"iat beyond the skew", "iat", at(skew + time.Second), nil, false, introspect.NotYetValid},
		{"no iss", "iss", text(""), nil, false, ""},
		{"empty iss", "iss", text(`""`), nil, false, ""},
		{"other iss", "iss", text(`"https://evil.example"`), nil, false, introspect.IssuerUntrusted},
		{"iss with a slash", "iss", text(`"` + issuer + `/"`), nil, false, introspect.IssuerUntrusted},
		{"audience", "aud", text(`["x","` + apiA + `"]`), []introspect.Option{introspect.Audience("y", apiA)}, false, ""},
		{"other audience", "aud", text(`["x","y"]`), []introspect.Option{introspect.Audience(apiA)}, false, introspect.AudienceMismatch},
		{"other audience, missing allowed", "aud", text(`"x"`), []introspect.Option{introspect.Audience(apiA)}, true, introspect.AudienceMismatch},
		{"audience, none will do", "aud", text(`"x"`), []introspect.Option{introspect.Audience()}, false, introspect.AudienceMismatch},
		{"no audience", "aud", text(""), []introspect.Option{introspect.Audience(apiA)}, false, introspect.AudienceMismatch},
		{"no audience, allowed", "aud", text(""), []introspect.Option{introspect.Audience(apiA)}, true, ""},
		{"empty audience, as Hydra", "aud", text("[]"), []introspect.Option{introspect.Audience(apiA)}, false, introspect.AudienceMismatch},
		{"empty audience, allowed", "aud", text("[]"), []introspect.Option{introspect.Audience(apiA)}, true, ""},
		{"no audience expected", "aud", text(""), nil, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProvider()
				p.always(200, active(map[string]string{tc.member: tc.value()}))
				c := p.client(t, func(cfg *introspect.Config) { cfg.AllowMissingAudience = tc.missing })
				for range 2 { // cached or not
					if tc.want == "" {
						check.Equal(t, ask(t, c, "tok", tc.opts...).Issuer, issuer, "issuer")
						continue
					}
					e := refused(t, c, tc.want, "tok", tc.opts...)
					inactive := tc.want == introspect.Expired || tc.want == introspect.NotYetValid
					check.Equal(t, errors.Is(e, introspect.ErrInactive), inactive, "ErrInactive")
					check.True(t, !errors.Is(e, introspect.ErrUnavailable) && !errors.Is(e, introspect.ErrProtocol), "%v", e)
				}
			})
		})
	}
}

func TestPolicyRunsOnCachedAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		ask(t, c, "tok", introspect.Audience(apiA))
		_ = refused(t, c, introspect.AudienceMismatch, "tok", introspect.Audience("https://b.example"))
		ask(t, c, "tok")
		check.Equal(t, p.calls(), 1, "calls")

		// A refused answer causes no second call.
		p.always(200, active(map[string]string{"iss": `"https://evil.example"`}))
		_ = refused(t, c, introspect.IssuerUntrusted, "evil")
		_ = refused(t, c, introspect.IssuerUntrusted, "evil")
		check.Equal(t, p.calls(), 2, "calls")
	})
}

func TestResultsAreTheCallersOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		p.always(200, active(map[string]string{"ext": `{"tenant":"acme","none":null}`}))
		c := p.client(t)
		first := ask(t, c, "tok")
		want := string(first.Raw())
		first.Scopes[0], first.Audience[0], first.Subject = "admin", "everything", "root"
		first.Scopes = append(first.Scopes, "more")
		raw := first.Raw()
		clear(raw)
		tenant, ok := first.Claim("ext", "tenant")
		check.True(t, ok, "no tenant")
		clear(tenant)
		second := ask(t, c, "tok")
		check.DeepEqual(t, second.Scopes, []string{"read", "write"}, "scopes")
		check.DeepEqual(t, second.Audience, []string{apiA}, "audience")
		check.Equal(t, second.Subject, "alice", "subject")
		check.Equal(t, string(second.Raw()), want, "raw")
		tenant, _ = second.Claim("ext", "tenant")
		check.Equal(t, string(tenant), `"acme"`, "tenant")
		for _, path := range [][]string{{"ext", "none"}, {"ext", "x"}, {"x"}, {"ext", "Tenant"}, {}} {
			_, ok = second.Claim(path...)
			check.True(t, !ok, "claim %q", path)
		}
		var into struct{ Ext struct{ Tenant string } }
		check.NoError(t, second.Decode(&into))
		check.Equal(t, into.Ext.Tenant, "acme", "decoded tenant")
		check.Equal(t, p.calls(), 1, "calls")

		var none introspect.Result
		_, ok = none.Claim("sub")
		check.True(t, !ok && none.Raw() == nil && none.Decode(&into) != nil, "a result that is none")
	})
}

func TestObserver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		p.set(func(p *provider) { p.latency = time.Second })
		var got []string
		c := p.client(t, func(cfg *introspect.Config) {
			cfg.Observer = func(_ context.Context, e oidc.Event) {
				got = append(got, fmt.Sprintf("%s %s %s %t", e.Operation, e.URL, e.Duration, e.Err != nil))
			}
		})
		ask(t, c, "tok")
		ask(t, c, "tok")
		p.always(200, `{"active":false}`)
		_ = refused(t, c, introspect.Inactive, "no")
		p.always(200, `{}`)
		_ = refused(t, c, introspect.Protocol, "garbled")
		check.DeepEqual(t, got, []string{
			oidc.OperationDiscovery + " " + issuer + "/.well-known/openid-configuration 1s false",
			oidc.OperationIntrospection + " " + endpoint + " 1s false",
			oidc.OperationIntrospection + " " + endpoint + " 1s false",
			oidc.OperationIntrospection + " " + endpoint + " 1s true",
		}, "events")
		check.Equal(t, oidc.OperationDiscovery+", "+oidc.OperationIntrospection, "discovery document, introspection endpoint", "names")
	})
}

// Nothing prints a secret, whatever the provider does with the request.
func TestNothingShowsASecret(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const secret, token = "CANARY-secret", "CANARY-token-1"
		var logged bytes.Buffer
		for _, status := range []int{0, 200, 201, 302, 400, 401, 403, 404, 429, 500} {
			for _, body := range []string{
				token, secret, `{"error":"` + token + `"}`, `{"error":"x","error_description":"` + secret + `"}`,
				`{"active":"` + token + `"}`, `{"active":true,"` + token + `":1,"` + token + `":2}`, `{"active":true,"exp":"` + token + `"}`,
				`{"active":true,"` + secret + `":`, `{"active":true,"sub":["` + token + `"]}`, `{"active":true,"scope":["` + token + `"]}`,
			} {
				p := newProvider()
				p.always(status, body)
				p.set(func(p *provider) {
					p.header = http.Header{"Location": {"https://" + token}, "Www-Authenticate": {`Bearer error="` + token + `"`}}
				})
				c := p.client(t, func(cfg *introspect.Config) {
					cfg.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				_, err := c.Introspect(t.Context(), token)
				check.True(t, err != nil, "no error for %d %s", status, body)
				for e := err; e != nil; e = errors.Unwrap(e) {
					asJSON, _ := json.Marshal(e)
					check.Lacks(t, fmt.Sprintf("%v %+v %#v %q %s", e, e, e, e, asJSON), "CANARY")
				}
				check.Lacks(t, fmt.Sprintf("%v %+v %#v", c, c, c), "CANARY")
			}
		}
		check.Contains(t, logged.String(), "introspection failed")
		check.Lacks(t, logged.String(), "CANARY", base64.StdEncoding.EncodeToString([]byte("api:"+secret)))
	})
}

func TestConfigDoesNotPrint(t *testing.T) {
	t.Parallel()
	cfg := introspect.Config{ClientID: "api", ClientSecret: "CANARY"}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "cfg", cfg, "ptr", &cfg)
	asJSON, err := json.Marshal(map[string]any{"cfg": cfg, "ptr": &cfg})
	check.NoError(t, err)
	out := fmt.Sprintf("%v %+v %#v %s %q %x %v %+v", cfg, cfg, cfg, cfg, cfg, cfg, &cfg, struct{ C introspect.Config }{cfg})
	check.Lacks(t, out+logged.String()+string(asJSON), "CANARY", fmt.Sprintf("%x", "CANARY"))
	check.Contains(t, out, "[redacted]")
}

func TestEndedContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t)
		ask(t, c, "known")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Introspect(ctx, "known")
		check.NoError(t, err)
		_, err = c.Introspect(ctx, "tok")
		check.Error(t, reason(t, err, introspect.Unavailable), context.Canceled)
		check.Error(t, err, introspect.ErrUnavailable)
		check.Equal(t, p.calls(), 1, "calls")
	})
}

func TestErrorWithoutDetail(t *testing.T) {
	t.Parallel()
	check.Equal(t, (&introspect.Error{Reason: introspect.Inactive}).Error(), "introspect: inactive", "bare error")
}
