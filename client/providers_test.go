package client_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

const (
	recipeAPI = "https://api.example.com" // the API of the recipes
	notRun    = "not run"                 // by -run
)

// namedProvider is one of the five, with the recipes of docs/providers.md.
type namedProvider struct {
	name    string
	preset  oidctest.Config
	app     client.Config       // its ClientSecret is set or taken out by the flows
	service client.Config       // with a secret
	request client.TokenRequest // for a token for recipeAPI
	api     middleware.Config
	// lacks says of each flow the provider does not offer why; a flow that is not here is run.
	lacks map[string]string
}

// providerFlow is a column of the matrix.
type providerFlow struct {
	name    string
	run     func(*providerSite)
	without func(*providerSite) // what a caller sees where the provider lacks it; nil: there is nothing to call
}

func namedProviders() []namedProvider {
	serviceOf := func(app client.Config, method string) client.Config {
		return client.Config{DiscoveryURL: app.DiscoveryURL, Issuer: app.Issuer, Endpoints: app.Endpoints, ClientID: "service", ClientSecret: appSecret, AuthMethod: method}
	}
	const (
		noLogout  = "no end_session_endpoint"
		noKeyAuth = "documents no client authentication by key"
	)
	voxKey, authcore, tokenOS := voxKeyApp(appSecret), authcoreApp(appSecret), tokenOSApp(appSecret)
	return []namedProvider{
		{
			name: "VoxKey", preset: oidctest.VoxKey("https://your-domain.com", "your-realm"),
			app: voxKey, service: serviceOf(voxKey, ""), request: client.TokenRequest{Resources: []string{recipeAPI}},
			api: middleware.Config{DiscoveryURL: voxKey.DiscoveryURL, Audience: []string{recipeAPI}, Tenant: middleware.RequireTenant("tenant")},
			lacks: map[string]string{
				keyFlow: noKeyAuth, logoutFlow: noLogout, backChannelFlow: "documents no back-channel logout",
			},
		},
		{
			name: "miQey", preset: oidctest.MiQey(), app: miQeyApp(appSecret), service: serviceOf(miQeyApp(""), "client_secret_post"),
			lacks: map[string]string{
				publicFlow: "id and secret must be in the body", serviceFlow: "documents the code grant only", keyFlow: noKeyAuth,
				refreshFlow: "gives no refresh token", resourceFlow: "knows neither resource nor audience", userInfoFlow: "no userinfo_endpoint",
				introspectionFlow: "no introspection_endpoint", jwtFlow: "publishes no keys, and documents no access token", revocationFlow: "no revocation_endpoint",
				logoutFlow: noLogout, backChannelFlow: "publishes no keys to check a logout token with",
			},
		},
		{
			name: "Docbyte Vault", preset: oidctest.DocbyteVault("acme", "prod", "globex"),
			app: vaultApp(), service: vaultService(appSecret), request: client.TokenRequest{Scopes: []string{"openid"}},
			api: middleware.Config{
				DiscoveryURL: "https://keycloak.acme.prod.docbyte.cloud/realms/{tenant}", Audience: []string{"account"},
				Tenant: &middleware.TenantPolicy{Claim: []string{"tenant"}, Allow: []string{"globex", "initech"}},
			},
			lacks: map[string]string{
				keyFlow: noKeyAuth, resourceFlow: "a Keycloak ignores resource: audiences come from its client scopes",
			},
		},
		{
			name: "Authcore", preset: oidctest.Authcore(""),
			app: authcore, service: serviceOf(authcore, ""),
			api: middleware.Config{DiscoveryURL: authcore.DiscoveryURL, Audience: []string{authcore.DiscoveryURL}, Tenant: middleware.RequireTenant("tenant")},
			lacks: map[string]string{
				keyFlow: noKeyAuth, resourceFlow: "knows neither resource nor audience", userInfoFlow: "no userinfo_endpoint",
				introspectionFlow: "no introspection_endpoint", revocationFlow: "no revocation_endpoint",
				logoutFlow: noLogout, backChannelFlow: "documents no back-channel logout",
			},
		},
		{
			name: "TokenOS", preset: oidctest.TokenOS(""),
			app: tokenOS, service: serviceOf(tokenOS, "client_secret_basic"), request: client.TokenRequest{Audience: []string{recipeAPI}},
			api: middleware.Config{DiscoveryURL: tokenOS.DiscoveryURL, Audience: []string{recipeAPI}, Tenant: &middleware.TenantPolicy{Claim: []string{"ext", "tenant"}}},
		},
	}
}

// registered is the preset with the recipes' clients.
func (p namedProvider) registered(origin string) oidctest.Config {
	cfg := p.preset
	if cfg.Alg == "" {
		cfg.Key = conformanceRSA()[0]
	}
	cfg.Resources = []string{recipeAPI}
	cfg.Clients = []oidctest.Client{
		{
			ID: "app", Secret: appSecret, RedirectURIs: []string{origin + "/auth/callback"}, PostLogoutRedirectURIs: []string{origin + "/bye"},
			BackChannelLogoutURI: origin + "/auth/backchannel-logout",
		},
		{ID: "spa", RedirectURIs: []string{origin + "/auth/callback"}},
		{ID: "service", Secret: appSecret, AuthMethod: p.service.AuthMethod, Claims: map[string]any{"tenant": "globex"}},
		{ID: "keyed", PublicKey: conformanceRSA()[1].Public(), KeyID: "key-1"},
		{ID: "api", Secret: appSecret},
	}
	cfg.Users = []oidctest.User{{Subject: "alice", Claims: map[string]any{"tenant": "globex"}}}
	return cfg
}

const (
	publicFlow        = "code, PKCE, public client"
	confidentialFlow  = "code, confidential client"
	loginFlow         = "login with a session"
	serviceFlow       = "client credentials"
	keyFlow           = "private_key_jwt"
	refreshFlow       = "refresh"
	resourceFlow      = "token for one API"
	userInfoFlow      = "userinfo"
	jwtFlow           = "API: JWT, tenant"
	introspectionFlow = "API: introspection"
	revocationFlow    = "revocation"
	logoutFlow        = "logout at the provider"
	backChannelFlow   = "back-channel logout"
)

func providerFlows() []providerFlow {
	return []providerFlow{
		{publicFlow, (*providerSite).public, (*providerSite).noPublic},
		{confidentialFlow, (*providerSite).confidential, nil},
		{loginFlow, (*providerSite).session, nil},
		{serviceFlow, (*providerSite).clientCredentials, (*providerSite).noClientCredentials},
		{keyFlow, (*providerSite).privateKeyJWT, nil},
		{refreshFlow, (*providerSite).refresh, (*providerSite).noRefresh},
		{resourceFlow, (*providerSite).resource, (*providerSite).noResource},
		{userInfoFlow, (*providerSite).userInfo, (*providerSite).noUserInfo},
		{jwtFlow, (*providerSite).jwt, (*providerSite).noJWT},
		{introspectionFlow, (*providerSite).introspection, (*providerSite).noIntrospection},
		{revocationFlow, (*providerSite).revocation, (*providerSite).noRevocation},
		{logoutFlow, (*providerSite).endSession, (*providerSite).noEndSession},
		{backChannelFlow, (*providerSite).backChannel, (*providerSite).noBackChannel},
	}
}

// TestProviders runs every flow at every provider and prints the matrix. A dash is a flow the provider does not offer: the
// note says why, and the run proves that the package says so too.
func TestProviders(t *testing.T) {
	t.Parallel()
	providers, flows := namedProviders(), providerFlows()
	cells := map[string]string{}
	for _, p := range providers {
		op := oidctest.New(p.registered("https://app.example.com"))
		unknown := maps.Clone(p.lacks)
		for _, flow := range flows {
			why, lacking := p.lacks[flow.name]
			delete(unknown, flow.name)
			cell := notRun
			t.Run(p.name+"/"+flow.name, func(t *testing.T) {
				cell = "FAIL"
				site := &providerSite{T: t, namedProvider: p, op: op}
				switch {
				case !lacking:
					flow.run(site)
				case flow.without != nil:
					flow.without(site)
				}
				if cell = "pass"; lacking {
					cell = why
				}
			})
			cells[p.name+"/"+flow.name] = cell
		}
		for name := range unknown {
			t.Errorf("%s lacks %q, which is no flow", p.name, name)
		}
	}
	matrix := providerMatrix(t, providers, flows, cells)
	t.Logf("the provider matrix\n\n%s\n", matrix)
	page, err := os.ReadFile("../docs/providers.md")
	check.NoError(t, err)
	if !strings.Contains(matrix, notRun) && !strings.Contains(string(page), matrix) {
		t.Error("docs/providers.md shows another matrix: put this one there")
	}
}

// providerMatrix lays the cells out, with the reasons as notes; a blank cell fails the test.
func providerMatrix(t *testing.T, providers []namedProvider, flows []providerFlow, cells map[string]string) string {
	t.Helper()
	var matrix strings.Builder
	var notes []string
	w := tabwriter.NewWriter(&matrix, 0, 0, 3, ' ', 0)
	for _, p := range providers {
		fmt.Fprintf(w, "\t%s", p.name)
	}
	for _, flow := range flows {
		fmt.Fprintf(w, "\n%s", flow.name)
		for _, p := range providers {
			cell := cells[p.name+"/"+flow.name]
			switch cell {
			case "":
				t.Errorf("%s at %s: neither run nor a reason", flow.name, p.name)
			case "pass", "FAIL", notRun:
			default:
				i := slices.Index(notes, cell)
				if i < 0 {
					i, notes = len(notes), append(notes, cell)
				}
				cell = fmt.Sprintf("- %c", 'a'+i)
			}
			fmt.Fprintf(w, "\t%s", cell)
		}
	}
	check.NoError(t, w.Flush())
	for i, why := range notes {
		fmt.Fprintf(&matrix, "\n%c  %s", 'a'+i, why)
	}
	return matrix.String()
}
