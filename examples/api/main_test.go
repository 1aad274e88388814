package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/examples/internal/testop"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

const audience = "https://api.example.com"

// api configures the program with these variables.
func api(t *testing.T, vars map[string]string) http.Handler {
	t.Helper()
	h, err := configure(testop.Env(vars), testop.Logger(t))
	check.NoError(t, err)
	return h
}

func get(t *testing.T, h http.Handler, path, token string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	check.NoError(t, err)
	return string(b)
}

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	op := testop.Start(t, oidctest.Config{})
	h := api(t, map[string]string{
		"OIDC_DISCOVERY_URL": op.Issuer(), "OIDC_AUDIENCE": audience, "OIDC_TENANT_CLAIM": "tenant", "OIDC_REQUIRED_SCOPES": "read",
	})
	token := op.AccessToken(map[string]any{"sub": "ada", "aud": audience, "tenant": "acme", "scope": "read write"})

	resp := get(t, h, "/whoami", token)
	text := body(t, resp)
	check.Equal(t, resp.StatusCode, http.StatusOK, "status of "+text)
	var got identity
	check.NoError(t, json.Unmarshal([]byte(text), &got))
	check.Equal(t, got.Subject+" "+got.Issuer+" "+got.Tenant+" "+got.Method, "ada "+op.Issuer()+" acme jwt", "identity")
	check.DeepEqual(t, got.Scopes, []string{"read", "write"}, "scopes")
	check.True(t, got.Expiry > 0, "exp is %d", got.Expiry)
	check.Contains(t, string(got.Claims), `"tenant"`)

	for name, test := range map[string]struct {
		path, token string
		want        int
	}{
		"the path's tenant is the token's": {"/tenants/acme/whoami", token, http.StatusOK},
		"the path names another tenant":    {"/tenants/globex/whoami", token, http.StatusForbidden},
		"no token":                         {"/whoami", "", http.StatusUnauthorized},
		"no tenant claim":                  {"/whoami", op.AccessToken(map[string]any{"aud": audience, "scope": "read"}), http.StatusUnauthorized},
		"another audience":                 {"/whoami", op.AccessToken(map[string]any{"aud": "https://other.example.com", "tenant": "acme", "scope": "read"}), http.StatusUnauthorized},
		"too small a scope":                {"/whoami", op.AccessToken(map[string]any{"aud": audience, "tenant": "acme"}), http.StatusForbidden},
		"alive":                            {"/healthz", "", http.StatusOK},
		"ready":                            {"/readyz", "", http.StatusOK},
		"metadata":                         {"/.well-known/oauth-protected-resource", "", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check.Equal(t, get(t, h, test.path, test.token).StatusCode, test.want, "status")
		})
	}
}

// TestMetadataIsWhereTheChallengeSays, whatever the path of the audience.
func TestMetadataIsWhereTheChallengeSays(t *testing.T) {
	t.Parallel()
	op := testop.Start(t, oidctest.Config{})
	for _, audience := range []string{
		"https://api.example.com", "https://api.example.com/", "https://api.example.com/v1", "https://api.example.com/v1/",
		"https://api.example.com/a/b%20c", "https://api.example.com/{id}", "https://api.example.com/v1?a=b",
	} {
		h := api(t, map[string]string{"OIDC_DISCOVERY_URL": op.Issuer(), "OIDC_AUDIENCE": audience})
		challenge := get(t, h, "/whoami", "").Header.Get("WWW-Authenticate")
		_, rest, _ := strings.Cut(challenge, `resource_metadata="https://api.example.com`)
		path, _, ok := strings.Cut(rest, `"`)
		check.True(t, ok, "no metadata in %s", challenge)
		answer := get(t, h, path, "")
		check.Equal(t, answer.StatusCode, http.StatusOK, "status of "+path)
		check.Contains(t, body(t, answer), `"resource":"`+audience+`"`)
		check.Equal(t, get(t, h, "/.well-known/oauth-protected-resource/other", "").StatusCode, http.StatusNotFound, "status of another path")
	}
}

func TestOpaqueTokensAreIntrospected(t *testing.T) {
	t.Parallel()
	op := testop.Start(t, oidctest.Config{
		OpaqueAccessTokens: true,
		Clients: []oidctest.Client{
			{ID: "service", Secret: "service-secret", Claims: map[string]any{"tenant": "acme"}},
			{ID: "api", Secret: "api-secret"},
		},
	})
	h := api(t, map[string]string{
		"OIDC_DISCOVERY_URL": op.Issuer(), "OIDC_AUDIENCE": audience, "OIDC_TENANT_CLAIM": "tenant",
		"OIDC_CLIENT_ID": "api", "OIDC_CLIENT_SECRET": "api-secret",
	})
	resp, err := http.PostForm(op.Issuer()+"/token", map[string][]string{
		"grant_type": {"client_credentials"}, "client_id": {"service"}, "client_secret": {"service-secret"}, "resource": {audience},
	})
	check.NoError(t, err)
	defer resp.Body.Close()
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	check.NoError(t, json.NewDecoder(resp.Body).Decode(&tokens))

	answer := get(t, h, "/whoami", tokens.AccessToken)
	text := body(t, answer)
	check.Equal(t, answer.StatusCode, http.StatusOK, "status of "+text)
	check.Contains(t, text, `"method":"introspection"`, `"tenant":"acme"`, `"client_id":"service"`)
	check.Equal(t, get(t, h, "/whoami", "made-up").StatusCode, http.StatusUnauthorized, "status of an inactive token")
}

func TestStartsWhileTheProviderIsDown(t *testing.T) {
	t.Parallel()
	op := testop.Start(t, oidctest.Config{})
	token := op.AccessToken(map[string]any{"aud": audience})
	h := api(t, map[string]string{"OIDC_DISCOVERY_URL": op.Issuer(), "OIDC_AUDIENCE": audience})
	op.Fault("discovery", func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	check.Equal(t, get(t, h, "/healthz", "").StatusCode, http.StatusOK, "healthz")
	check.Equal(t, get(t, h, "/readyz", "").StatusCode, http.StatusServiceUnavailable, "readyz")
	resp := get(t, h, "/whoami", token)
	check.Equal(t, resp.StatusCode, http.StatusServiceUnavailable, "whoami")
	check.True(t, resp.Header.Get("Retry-After") != "", "no Retry-After")
}

func TestErrorFormats(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"oauth":   `{"error":"unauthorized"`,
		"vault":   `{"code":"NOT_AUTHORIZED","message":null}`,
		"problem": `"status":401`,
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			h := api(t, map[string]string{
				"OIDC_DISCOVERY_URL": "https://id.example.com", "OIDC_AUDIENCE": audience, "OIDC_ERROR_FORMAT": format,
			})
			resp := get(t, h, "/whoami", "")
			check.Equal(t, resp.StatusCode, http.StatusUnauthorized, "status")
			check.Contains(t, body(t, resp), want)
			check.Contains(t, resp.Header.Get("WWW-Authenticate"), "Bearer realm=")
		})
	}
}

func TestEveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		vars map[string]string
		want []string
	}{
		"nothing set":               {nil, []string{"OIDC_DISCOVERY_URL", "OIDC_AUDIENCE"}},
		"both audience settings":    {map[string]string{"OIDC_DISCOVERY_URL": "https://id.example.com", "OIDC_AUDIENCE": "a", "OIDC_SKIP_AUDIENCE_CHECK": "1"}, []string{"exactly one"}},
		"bad mode and error format": {map[string]string{"OIDC_DISCOVERY_URL": "https://id.example.com", "OIDC_AUDIENCE": "a", "OIDC_MODE": "magic", "OIDC_ERROR_FORMAT": "xml"}, []string{"OIDC_MODE", "OIDC_ERROR_FORMAT"}},
		"introspection, no client":  {map[string]string{"OIDC_DISCOVERY_URL": "https://id.example.com", "OIDC_AUDIENCE": "a", "OIDC_MODE": "introspect"}, []string{"OIDC_CLIENT_ID"}},
		"tenants without a claim":   {map[string]string{"OIDC_DISCOVERY_URL": "https://id.example.com", "OIDC_AUDIENCE": "a", "OIDC_TENANTS": "acme"}, []string{"OIDC_TENANT_CLAIM"}},
		"template without tenants":  {map[string]string{"OIDC_DISCOVERY_URL": "https://id.example.com/realms/{tenant}", "OIDC_AUDIENCE": "a"}, []string{"OIDC_TENANTS"}},
		"claim path that is none":   {map[string]string{"OIDC_DISCOVERY_URL": "https://id.example.com", "OIDC_AUDIENCE": "a", "OIDC_TENANT_CLAIM": `["ext",1]`}, []string{"OIDC_TENANT_CLAIM"}},
		"a plain http provider":     {map[string]string{"OIDC_DISCOVERY_URL": "http://id.example.com", "OIDC_AUDIENCE": "a"}, []string{"DiscoveryURL", "https"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := configure(testop.Env(test.vars), testop.Logger(t))
			check.True(t, err != nil, "accepted")
			check.Contains(t, err.Error(), test.want...)
		})
	}
}

func TestTenantClaimPath(t *testing.T) {
	t.Parallel()
	op := testop.Start(t, oidctest.Config{})
	h := api(t, map[string]string{
		"OIDC_DISCOVERY_URL": op.Issuer(), "OIDC_SKIP_AUDIENCE_CHECK": "1", "OIDC_TENANT_CLAIM": `["ext","tenant"]`, "OIDC_TENANTS": "acme globex",
	})
	claims := func(tenant string) map[string]any {
		return map[string]any{"ext": map[string]any{"tenant": tenant}}
	}
	check.Contains(t, body(t, get(t, h, "/whoami", op.AccessToken(claims("globex")))), `"tenant":"globex"`)
	resp := get(t, h, "/whoami", op.AccessToken(claims("initech")))
	check.Equal(t, resp.StatusCode, http.StatusUnauthorized, "a tenant that is not served")
	check.True(t, !strings.Contains(body(t, resp), "initech"), "the answer quotes the token")
}
