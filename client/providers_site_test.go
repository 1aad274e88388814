package client_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// providerSite is one flow at one provider.
type providerSite struct {
	*testing.T
	namedProvider
	op *oidctest.Provider
}

func (s *providerSite) client(cfg client.Config) *client.Client {
	s.Helper()
	cfg.HTTPClient = s.op.HTTPClient()
	rp, err := client.New(cfg)
	check.NoError(s, err)
	return rp
}

// appClient is the recipe's, confidential; edits change it.
func (s *providerSite) appClient(edits ...func(*client.Config)) *client.Client {
	s.Helper()
	cfg := s.app
	cfg.ClientID, cfg.ClientSecret = "app", appSecret
	for _, f := range edits {
		f(&cfg)
	}
	return s.client(cfg)
}

// signIn is alice's login at rp.
func (s *providerSite) signIn(rp *client.Client) *client.Tokens {
	s.Helper()
	tokens, err := signIn(s.op, rp)
	check.NoError(s, err)
	check.Equal(s, tokens.IDToken.Subject, "alice", "sub")
	return tokens
}

func asPublic(cfg *client.Config) { cfg.ClientID, cfg.ClientSecret, cfg.AuthMethod = "spa", "", "" }

func (s *providerSite) public() {
	rp := s.appClient(asPublic)
	a, err := rp.Authorize(s.Context())
	check.NoError(s, err)
	check.Contains(s, a.URL+"&"+a.Form.Encode(), "code_challenge_method=S256")
	s.signIn(rp)
}

func (s *providerSite) noPublic() {
	_, err := signIn(s.op, s.appClient(asPublic))
	check.Equal(s, wantError(s, err, client.KindRefused, "").Code, "invalid_client", "code")
}

func (s *providerSite) confidential() {
	before := s.op.Requests("token")
	tokens := s.signIn(s.appClient())
	check.True(s, time.Until(tokens.Expiry) > 4*time.Minute, "the token expires at %v", tokens.Expiry)
	check.Equal(s, s.op.Requests("token"), before+1, "token requests")
}

func (s *providerSite) clientCredentials() {
	source := s.client(s.service).ClientCredentials(s.request)
	first := tokenOf(s, source)
	check.Equal(s, tokenOf(s, source), first, "the token in memory")
	source.Invalidate(first)
	check.True(s, tokenOf(s, source) != first, "not renewed")
}

func (s *providerSite) noClientCredentials() {
	_, err := s.client(s.service).ClientCredentials(s.request).Token()
	check.Equal(s, wantError(s, err, client.KindRefused, "").Code, "unsupported_grant_type", "code")
}

func (s *providerSite) privateKeyJWT() {
	cfg := tokenOSService(conformanceRSA()[1])
	cfg.ClientID = "keyed"
	rp := s.client(cfg)
	for range 2 { // each with an assertion of its own
		_, err := rp.ClientCredentials(s.request).Token()
		check.NoError(s, err)
	}
}

func (s *providerSite) refresh() {
	rp := s.appClient()
	tokens := s.signIn(rp)
	fresh, err := rp.Refresh(s.Context(), tokens.RefreshToken, s.request)
	check.NoError(s, err)
	check.True(s, fresh.AccessToken != tokens.AccessToken, "the same access token")
	if fresh.IDToken != nil {
		check.Equal(s, fresh.IDToken.Subject, "alice", "sub")
	}
}

func (s *providerSite) noRefresh() {
	rp := s.appClient()
	tokens := s.signIn(rp)
	check.Equal(s, tokens.RefreshToken, "", "refresh token")
	_, err := rp.Refresh(s.Context(), tokens.RefreshToken, client.TokenRequest{})
	check.Error(s, err, client.ErrReauthRequired)
}

// resource: the token of the login, the refreshed one and a service's are for the API that was asked for.
func (s *providerSite) resource() {
	rp := s.appClient()
	tokens := s.signIn(rp)
	check.DeepEqual(s, tokenAudience(s.T, tokens.AccessToken), []string{recipeAPI}, "aud of the login")
	fresh, err := rp.Refresh(s.Context(), tokens.RefreshToken, s.request)
	check.NoError(s, err)
	check.DeepEqual(s, tokenAudience(s.T, fresh.AccessToken), []string{recipeAPI}, "aud of the refresh")
	service := s.client(s.service)
	check.DeepEqual(s, tokenAudience(s.T, tokenOf(s, service.ClientCredentials(s.request))), []string{recipeAPI}, "aud of the service")
	unknown := s.request
	for _, names := range []*[]string{&unknown.Resources, &unknown.Audience} {
		if len(*names) > 0 {
			*names = []string{"https://unknown.example.com"}
		}
	}
	_, err = service.ClientCredentials(unknown).Token()
	wantError(s, err, client.KindRefused, "")
}

// noResource: the provider says nothing, so the log does. An opaque token tells nobody.
func (s *providerSite) noResource() {
	var log logBuffer
	rp := s.appClient(func(cfg *client.Config) { cfg.Resources, cfg.Logger = []string{recipeAPI}, log.logger() })
	if strings.Count(s.signIn(rp).AccessToken, ".") == 2 {
		check.Contains(s, log.String(), "the access token's aud lacks what was asked for")
	}
}

func (s *providerSite) userInfo() {
	rp := s.appClient(func(cfg *client.Config) { cfg.Resources = nil })
	info, err := rp.UserInfo(s.Context(), s.signIn(rp).AccessToken, "alice")
	check.NoError(s, err)
	check.Equal(s, info.Subject, "alice", "sub")
}

func (s *providerSite) noUserInfo() {
	rp := s.appClient()
	_, err := rp.UserInfo(s.Context(), s.signIn(rp).AccessToken, "alice")
	check.Error(s, err, client.ErrEndpointMissing)
}

// guard is the recipe's API; GET /tenants/{tenant} must name the token's tenant.
func (s *providerSite) guard(edit func(*middleware.Config)) func(token, tenant string) *httptest.ResponseRecorder {
	s.Helper()
	cfg := s.api
	policy := *cfg.Tenant
	policy.Match = []middleware.TenantSource{middleware.PathSegment(1)}
	cfg.Tenant, cfg.HTTPClient = &policy, s.op.HTTPClient()
	edit(&cfg)
	guard, err := middleware.New(cfg)
	check.NoError(s, err)
	api := guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant, _ := middleware.TenantFromContext(r.Context())
		fmt.Fprint(w, tenant)
	}))
	return func(token, tenant string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/tenants/"+tenant, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w
	}
}

// accepted are tokens of a user and of a service that the recipe's API must take, and nobody else's tenant with them.
func (s *providerSite) accepted(call func(token, tenant string) *httptest.ResponseRecorder) {
	s.Helper()
	for _, token := range []string{s.signIn(s.appClient()).AccessToken, tokenOf(s, s.client(s.service).ClientCredentials(s.request))} {
		good := call(token, "globex")
		check.Equal(s, good.Code, http.StatusOK, "status: "+good.Header().Get("WWW-Authenticate"))
		check.Equal(s, good.Body.String(), "globex", "tenant")
		check.Equal(s, call(token, "initech").Code, http.StatusForbidden, "status for another tenant")
	}
}

func (s *providerSite) jwt() {
	call := s.guard(func(cfg *middleware.Config) { cfg.Mode = middleware.ModeJWT })
	s.accepted(call)
	for claim, value := range map[string]any{"tenant": nil, "ext": nil, "aud": "https://other.example.com", "exp": time.Now().Add(-time.Hour).Unix()} {
		claims := map[string]any{"aud": s.api.Audience[0]}
		if len(s.api.Tenant.Claim) == 2 {
			claims["ext"] = map[string]any{"tenant": "globex"}
		} else {
			claims["tenant"] = "globex"
		}
		want := http.StatusOK
		if _, there := claims[claim]; there || claim == "exp" {
			want = http.StatusUnauthorized
		}
		claims[claim] = value
		check.Equal(s, call(s.op.AccessToken(claims), "globex").Code, want, "status without the right "+claim)
	}
}

// noJWT: what comes as an access token is nothing that keys could verify.
func (s *providerSite) noJWT() {
	check.True(s, strings.Count(s.signIn(s.appClient()).AccessToken, ".") != 2, "the access token is a JWT")
	check.Equal(s, s.op.URL("jwks"), "", "jwks_uri")
}

func (s *providerSite) introspection() {
	call := s.guard(func(cfg *middleware.Config) {
		cfg.Mode = middleware.ModeIntrospection
		cfg.DiscoveryURL = strings.Replace(cfg.DiscoveryURL, "{tenant}", "globex", 1)
		cfg.Introspection = &introspect.Config{ClientID: "api", ClientSecret: appSecret, Endpoint: s.op.URL("introspect")}
	})
	s.accepted(call)
	check.Equal(s, call("unknown", "globex").Code, http.StatusUnauthorized, "status of an unknown token")
}

func (s *providerSite) noIntrospection() {
	check.Equal(s, s.op.URL("introspect"), "", "introspection_endpoint")
}

func (s *providerSite) revocation() {
	rp := s.appClient()
	tokens := s.signIn(rp)
	check.NoError(s, rp.Revoke(s.Context(), tokens.RefreshToken, "refresh_token"))
	_, err := rp.Refresh(s.Context(), tokens.RefreshToken, client.TokenRequest{})
	check.Error(s, err, client.ErrReauthRequired)
}

func (s *providerSite) noRevocation() {
	check.Error(s, s.appClient().Revoke(s.Context(), "token", "refresh_token"), client.ErrEndpointMissing)
}

// application is the recipe behind Login, at a provider that can reach it, with a browser in front.
func (s *providerSite) application() *browser {
	var a *app
	a = newApp(s.T, func(cfg *appConfig) {
		cfg.op = s.registered(appOrigin)
		cfg.op.HTTPClient = &http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			a.mux.ServeHTTP(w, r)
			return w.Result(), nil
		})}
		logger := cfg.client.Logger
		cfg.client = s.app
		cfg.client.ClientID, cfg.client.ClientSecret = "app", appSecret
		cfg.client.RedirectURL, cfg.client.Logger = appOrigin+"/auth/callback", logger
		cfg.login.PostLogoutRedirectURL = appOrigin + "/bye"
	})
	return a.browser()
}

// enter signs alice in, by redirect or by the page that posts itself.
func (b *browser) enter() {
	b.t.Helper()
	resp := b.get("/auth/login")
	to, form := resp.Header.Get("Location"), url.Values{}
	if resp.StatusCode == http.StatusOK {
		page := pageText(b.t, resp)
		to = html.UnescapeString(pageAction.FindStringSubmatch(page)[1])
		for _, field := range pageField.FindAllStringSubmatch(page, -1) {
			form.Set(field[1], html.UnescapeString(field[2]))
		}
	}
	method := http.MethodGet
	if len(form) > 0 {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, to, strings.NewReader(form.Encode()))
	check.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	callback, err := b.person.Do(r, "alice")
	check.NoError(b.t, err)
	check.Equal(b.t, b.finish(callback).StatusCode, http.StatusSeeOther, "status of the callback")
	check.Equal(b.t, b.signedIn(), "alice", "signed in")
}

func (s *providerSite) session() {
	b := s.application()
	b.enter()
	session, err := b.session()
	check.NoError(s, err)
	check.Equal(s, session.Refreshable, s.lacks[refreshFlow] == "", "the session can be renewed")
	token := heldToken(s.T, session.TokenSource())
	fresh := token
	if session.Refreshable {
		session, err = session.Refresh(s.Context())
		check.NoError(s, err)
		fresh = heldToken(s.T, session.TokenSource())
		check.True(s, fresh != token, "the same access token")
	}
	if _, lacking := s.lacks[resourceFlow]; !lacking {
		check.DeepEqual(s, tokenAudience(s.T, fresh), []string{recipeAPI}, "aud of the renewed token")
	}
	check.Equal(s, b.post("/auth/logout", nil).StatusCode, http.StatusSeeOther, "status of the logout")
	check.Equal(s, b.signedIn(), "", "signed in")
}

func (s *providerSite) endSession() {
	b := s.application()
	b.enter()
	to := b.post("/auth/logout", nil).Header.Get("Location")
	check.True(s, strings.HasPrefix(to, b.app.op.URL("end_session")+"?"), "logout leads to %s", to)
	check.Contains(s, to, "id_token_hint=")
	end, err := b.person.SignOut(to)
	check.NoError(s, err)
	back, _, _ := strings.Cut(end, "?state=")
	check.Equal(s, back, appOrigin+"/bye", "the provider's logout leads to")
}

func (s *providerSite) noEndSession() {
	_, err := s.appClient().EndSessionURL(s.Context(), client.EndSessionRequest{})
	check.Error(s, err, client.ErrEndpointMissing)
	b := s.application()
	b.enter()
	check.Equal(s, b.post("/auth/logout", nil).Header.Get("Location"), appOrigin+"/bye", "logout leads to")
}

func (s *providerSite) backChannel() {
	b := s.application()
	b.enter()
	b.app.op.RevokeSubject("alice")
	check.Equal(s, b.signedIn(), "", "signed in")
}

// noBackChannel: a provider without keys finds no endpoint; another one's logout token would be checked.
func (s *providerSite) noBackChannel() {
	b := s.application()
	want := http.StatusBadRequest
	if s.lacks[jwtFlow] != "" {
		want = http.StatusNotFound
	}
	check.Equal(s, b.app.tell("no-token").StatusCode, want, "status")
}
