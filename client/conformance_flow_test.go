package client_test

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// requestsMust makes the test fail when a request to an endpoint is not as it should be.
func requestsMust(endpoint string, ok func(*http.Request) bool) func(*partyStage) {
	return func(s *partyStage) {
		s.op.Fault(endpoint, func(_ http.ResponseWriter, r *http.Request) bool {
			if !ok(r) {
				s.t.Errorf("the request to %s is wrong: %s %s", endpoint, r.Method, r.URL)
			}
			return false
		})
	}
}

// flowCases are about the requests of a login: discovery, authorization, token and userinfo.
func flowCases() map[string]conformanceCase {
	// moved gives endpoints a query in the discovery document, which their requests must bring.
	moved := func(fields map[string]string) func(*partyStage) {
		return func(s *partyStage) {
			for field, endpoint := range fields {
				s.op.Edit("discovery", set(field, s.op.URL(endpoint)+"?here=1"))
				requestsMust(endpoint, func(r *http.Request) bool { return r.URL.Query().Get("here") == "1" })(s)
			}
		}
	}
	return map[string]conformanceCase{
		"oidcc-client-test": {verify: func(rp party) {
			for _, endpoint := range []string{"discovery", "jwks", "token", "userinfo"} {
				check.Equal(rp.stage().t, rp.stage().op.Requests(endpoint), 1, endpoint+" requests")
			}
		}},
		"oidcc-client-test-discovery-openid-config": {fault: moved(map[string]string{
			"authorization_endpoint": "authorize", "token_endpoint": "token", "userinfo_endpoint": "userinfo",
		})},
		"oidcc-client-test-discovery-jwks-uri-keys": {fault: moved(map[string]string{"jwks_uri": "jwks"})},
		"oidcc-client-test-discovery-issuer-mismatch": {
			fault: func(s *partyStage) { s.op.Edit("discovery", set("issuer", "https://evil.example.test")) },
			verify: func(rp party) {
				check.Equal(rp.stage().t, rp.stage().op.Requests("authorize"), 0, "authorization requests")
			},
		},
		"oidcc-client-test-client-secret-basic": {
			configure: func(cfg *appConfig) { cfg.op.Clients[0].AuthMethod = "client_secret_basic" },
			fault: requestsMust("token", func(r *http.Request) bool {
				form := bodyOf(r)
				_, _, basic := r.BasicAuth()
				return basic && !form.Has("client_secret") && !form.Has("client_assertion")
			}),
		},
		"oidcc-client-test-scope-userinfo-claims": {
			configure: func(cfg *appConfig) { cfg.client.Scopes = []string{"openid", "profile", "email"} },
			verify: func(rp party) {
				var claims struct {
					Email    string `json:"email"`
					Username string `json:"preferred_username"`
				}
				s := rp.stage()
				check.NoError(s.t, s.infos[0].Decode(&claims))
				check.Equal(s.t, claims.Email+" "+claims.Username, "alice@example.test alice", "claims")
			},
		},
		"oidcc-client-test-userinfo-invalid-sub": {fault: func(s *partyStage) { s.op.Edit("userinfo", set("sub", "bob")) }},
		"oidcc-client-test-userinfo-bearer-header": {fault: requestsMust("userinfo", func(r *http.Request) bool {
			return strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") && r.URL.RawQuery == "" && len(bodyOf(r)) == 0
		})},
		"oidcc-client-test-userinfo-signed": {fault: func(s *partyStage) {
			s.op.Fault("userinfo", func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "application/jwt")
				_, _ = w.Write([]byte(s.op.Sign(nil, map[string]any{"iss": s.op.Issuer(), "aud": "web", "sub": "alice"})))
				return true
			})
		}},
		"oidcc-client-test-form-post-error": {
			configure: func(cfg *appConfig) { cfg.client.ResponseMode = "form_post" },
			steps:     func(rp party) error { return rp.login(client.Prompt("none"), client.MaxAge(0)) },
			verify:    noTokenRequest,
		},
		"mix-up": {
			fault:  func(s *partyStage) { s.editCallback = func(q url.Values) { q.Set("iss", "https://evil.example.test") } },
			verify: noTokenRequest,
		},
	}
}

func noTokenRequest(rp party) {
	check.Equal(rp.stage().t, rp.stage().op.Requests("token"), 0, "token requests")
}

// initiateCases are logins at the word of a third party.
func initiateCases() map[string]conformanceCase {
	initiate := func(page string, pairs ...string) conformanceCase {
		q := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			q.Add(pairs[i], pairs[i+1])
		}
		return conformanceCase{
			fault: requestsMust("authorize", func(r *http.Request) bool { return r.URL.Query().Get("login_hint") == q.Get("login_hint") }),
			steps: func(rp party) error { return rp.(*loginParty).visit("/auth/initiate?" + q.Encode()) },
			verify: func(rp party) {
				l := rp.(*loginParty)
				check.Equal(l.t, l.page, page, "the login leads to")
				check.Equal(l.t, l.op.Requests("authorize") == 0, page == "", "nothing was asked of the provider")
			},
		}
	}
	const iss = oidctest.DefaultIssuer
	return map[string]conformanceCase{
		"oidcc-client-test-3rd-party-init-login": initiate("/", "iss", iss, "login_hint", "alice"),
		"third-party-init-with-target":           initiate("/deep?x=1", "iss", iss, "target_link_uri", appOrigin+"/deep?x=1"),
		"third-party-init-with-foreign-target":   initiate("/", "iss", iss, "target_link_uri", "https://evil.example.test/deep"),
		"third-party-init-of-another-issuer":     initiate("", "iss", "https://evil.example.test"),
		"third-party-init-without-iss":           initiate("", "login_hint", "alice"),
	}
}
