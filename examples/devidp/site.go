package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/relyingparty/oidc/oidctest"
)

// Where the examples listen unless ADDR says otherwise.
const (
	appURL = "http://127.0.0.1:8080"
	apiURL = "http://127.0.0.1:8081"
)

// site is a provider and what the examples have to be told of it, beyond where it is and who they are.
type site struct {
	preset              string
	config              oidctest.Config
	login, service, api []variable
	loginOnly           bool   // no discovery, no tokens for services and none an API could check
	tenant              string // the one there is; "" = as the people say
}

// variable is one of the environment.
type variable struct{ name, value string }

// presets make a site for each provider by name. Their issuers are moved to where devidp listens.
var presets = map[string]func() *site{
	"": func() *site {
		return &site{service: []variable{{"OIDC_RESOURCES", apiURL}}}
	},
	"voxkey": func() *site {
		s := &site{
			config:  oidctest.VoxKey("", ""),
			login:   []variable{{"OIDC_AUTHORIZATION_METHOD", "POST"}},
			service: []variable{{"OIDC_RESOURCES", apiURL}},
		}
		s.config.Resources = []string{apiURL}
		return s
	},
	"miqey": func() *site {
		return &site{
			config: oidctest.MiQey(),
			login: []variable{
				{"OIDC_AUTH_METHOD", "client_secret_post"},
				{"OIDC_ALLOW_MISSING_NONCE", "1"},
				{"OIDC_ID_TOKEN_ALGS", "HS256"}, // it has no keys, and trusting TLS alone takes https
			},
			loginOnly: true,
		}
	},
	"vault": func() *site {
		return &site{
			config:  oidctest.DocbyteVault("", "", "acme"), // a realm is one tenant
			tenant:  "acme",
			service: []variable{{"OIDC_AUTH_METHOD", "client_secret_post"}, {"OIDC_SCOPES", "openid"}},
		}
	},
	"authcore": func() *site {
		return &site{config: oidctest.Authcore(""), login: []variable{{"OIDC_SCOPES", ""}}}
	},
	"tokenos": func() *site {
		return &site{
			config:  oidctest.TokenOS(""),
			login:   []variable{{"OIDC_SCOPES", "openid offline"}},
			service: []variable{{"OIDC_TOKEN_AUDIENCE", apiURL}},
			api:     []variable{{"OIDC_TENANT_CLAIM", `["ext","tenant"]`}},
		}
	},
}

func presetNames() []string {
	names := slices.Sorted(maps.Keys(presets))
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// newSite puts a preset at base, with people and clients.
func newSite(preset, base string) (*site, error) {
	resemble, ok := presets[preset]
	if !ok {
		return nil, fmt.Errorf("-preset must be one of %s, or empty", strings.Join(presetNames(), ", "))
	}
	s := resemble()
	s.preset = preset
	u, err := url.Parse(s.config.Issuer)
	if err != nil {
		return nil, err
	}
	s.config.Issuer = base + u.Path
	s.config.Users = []oidctest.User{
		{Subject: "ada", Name: "Ada Lovelace", Email: "ada@acme.example", Claims: map[string]any{"tenant": "acme"}},
		{Subject: "grace", Name: "Grace Hopper", Email: "grace@globex.example", Claims: map[string]any{"tenant": cmp.Or(s.tenant, "globex")}},
	}
	web := oidctest.Client{
		ID: "web", Secret: "web-secret-of-a-development-provider",
		RedirectURIs:           []string{appURL + "/auth/callback"},
		PostLogoutRedirectURIs: []string{appURL + "/"},
		BackChannelLogoutURI:   appURL + "/auth/backchannel-logout",
	}
	if s.loginOnly {
		web.IDTokenAlg = "HS256"
		s.config.Clients = []oidctest.Client{web}
		return s, nil
	}
	public := web
	public.ID, public.Secret = "web-public", ""
	service := oidctest.Client{
		ID: "service", Secret: "service-secret-of-a-development-provider",
		Grants: []string{"client_credentials"}, Claims: map[string]any{"tenant": "acme"},
		Audience: []string{apiURL}, // where resource is ignored
	}
	s.config.Clients = []oidctest.Client{web, public, service}
	return s, nil
}
