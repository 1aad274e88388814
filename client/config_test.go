package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// noNetwork fails every request and counts them.
type noNetwork struct{ requests int }

func (n *noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	n.requests++
	return nil, errors.New("no network here: " + r.URL.String())
}

func goodConfig() client.Config {
	return client.Config{
		DiscoveryURL: "https://op.example.test", ClientID: "web", ClientSecret: "secret", RedirectURL: appCallback,
	}
}

func static(cfg *client.Config) {
	cfg.DiscoveryURL = ""
	cfg.Issuer = "https://op.example.test"
	cfg.Endpoints = client.Endpoints{
		Authorization: "https://op.example.test/authorize", Token: "https://op.example.test/token", JWKS: "https://op.example.test/jwks",
	}
}

func TestNewDoesNoNetwork(t *testing.T) {
	t.Parallel()
	var wire noNetwork
	cfg := goodConfig()
	cfg.HTTPClient = &http.Client{Transport: &wire}
	c, err := client.New(cfg)
	check.NoError(t, err)
	c.ClientCredentials(client.TokenRequest{}).HTTPClient(apiResource)
	check.Equal(t, wire.requests, 0, "requests")
	e := wantError(t, c.Ready(t.Context()), client.KindUnreachable, "")
	check.Equal(t, e.Op, "ready", "op")
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*client.Config){
		"discovery":                   func(*client.Config) {},
		"static":                      static,
		"service without RedirectURL": func(cfg *client.Config) { cfg.RedirectURL = "" },
		"service, token endpoint only": func(cfg *client.Config) {
			static(cfg)
			cfg.RedirectURL, cfg.Issuer = "", ""
			cfg.Endpoints = client.Endpoints{Token: "https://op.example.test/token"}
		},
		"loopback RedirectURL":                func(cfg *client.Config) { cfg.RedirectURL = "http://127.0.0.1:8080/auth/callback" },
		"public client":                       func(cfg *client.Config) { cfg.ClientSecret = "" },
		"empty scopes":                        func(cfg *client.Config) { cfg.Scopes = []string{} },
		"prompt in every request":             func(cfg *client.Config) { cfg.ExtraAuthParams = url.Values{"prompt": {"consent"}} },
		"no keys, unsigned":                   func(cfg *client.Config) { static(cfg); cfg.Endpoints.JWKS = ""; cfg.SkipIDTokenSignature = true },
		"neither PKCE nor nonce, said openly": func(cfg *client.Config) { cfg.SkipPKCE, cfg.AllowMissingNonce, cfg.AllowUnboundCode = true, true, true },
		"HS256 beside keys":                   func(cfg *client.Config) { static(cfg); cfg.IDTokenAlgs = []string{"HS256"} },
		"HS256 and RS256":                     func(cfg *client.Config) { cfg.IDTokenAlgs = []string{"RS256", "HS256"} },
		"no keys, HS256":                      func(cfg *client.Config) { static(cfg); cfg.Endpoints.JWKS = ""; cfg.IDTokenAlgs = []string{"HS256"} },
		"http in a closed network":            func(cfg *client.Config) { cfg.DiscoveryURL = "http://op.internal"; cfg.InsecureAllowHTTP = true },
		"most skew":                           func(cfg *client.Config) { cfg.ClockSkew = 5 * time.Minute },
		"form_post by POST":                   func(cfg *client.Config) { cfg.ResponseMode, cfg.AuthorizationMethod = "form_post", "POST" },
		"one overridden endpoint":             func(cfg *client.Config) { cfg.Endpoints.UserInfo = "https://users.example.test/me" },
		"an algorithm beside discovery":       func(cfg *client.Config) { cfg.IDTokenAlgs = []string{"ES256", "PS512"} },
		"query response mode, spelt out":      func(cfg *client.Config) { cfg.ResponseMode = "query" },
		"authorization by POST and query":     func(cfg *client.Config) { cfg.AuthorizationMethod = "POST-query" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := goodConfig()
			edit(&cfg)
			_, err := client.New(cfg)
			check.NoError(t, err)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check.NoError(t, err)
	for name, test := range map[string]struct {
		edit  func(*client.Config)
		field string
		says  string
	}{
		"nothing":                  {func(cfg *client.Config) { *cfg = client.Config{ClientID: "web"} }, "DiscoveryURL", "set it"},
		"no client id":             {func(cfg *client.Config) { cfg.ClientID, cfg.ClientSecret = "", "" }, "ClientID", "required"},
		"http discovery":           {func(cfg *client.Config) { cfg.DiscoveryURL = "http://op.example.test" }, "DiscoveryURL", "https"},
		"http issuer":              {func(cfg *client.Config) { static(cfg); cfg.Issuer = "http://op.example.test" }, "Issuer", "https"},
		"http token endpoint":      {func(cfg *client.Config) { static(cfg); cfg.Endpoints.Token = "http://op.example.test/token" }, "Endpoints.Token", "https"},
		"static without issuer":    {func(cfg *client.Config) { static(cfg); cfg.Issuer = "" }, "Issuer", "login"},
		"static without authorize": {func(cfg *client.Config) { static(cfg); cfg.Endpoints.Authorization = "" }, "Endpoints.Authorization", "login"},
		"static without token":     {func(cfg *client.Config) { static(cfg); cfg.Endpoints.Token = "" }, "Endpoints.Token", "login"},
		"static without keys":      {func(cfg *client.Config) { static(cfg); cfg.Endpoints.JWKS = "" }, "Endpoints.JWKS", "SkipIDTokenSignature"},
		"http redirect":            {func(cfg *client.Config) { cfg.RedirectURL = "http://app.example.test/cb" }, "RedirectURL", "loopback"},
		"relative redirect":        {func(cfg *client.Config) { cfg.RedirectURL = "/auth/callback" }, "RedirectURL", "absolute"},
		"redirect with fragment":   {func(cfg *client.Config) { cfg.RedirectURL = appCallback + "#x" }, "RedirectURL", "fragment"},
		"scopes in one string":     {func(cfg *client.Config) { cfg.Scopes = []string{"openid email"} }, "Scopes", "own element"},
		"scope with a quote":       {func(cfg *client.Config) { cfg.Scopes = []string{`a"b`} }, "Scopes", "own element"},
		"scope with a backslash":   {func(cfg *client.Config) { cfg.Scopes = []string{`a\b`} }, "Scopes", "own element"},
		"scope beyond ASCII":       {func(cfg *client.Config) { cfg.Scopes = []string{"é"} }, "Scopes", "own element"},
		"scope with DEL":           {func(cfg *client.Config) { cfg.Scopes = []string{"a\x7f"} }, "Scopes", "own element"},
		"empty scope element":      {func(cfg *client.Config) { cfg.Scopes = []string{""} }, "Scopes", "own element"},
		"relative resource":        {func(cfg *client.Config) { cfg.Resources = []string{"api"} }, "Resources", "absolute"},
		"resource with fragment":   {func(cfg *client.Config) { cfg.Resources = []string{"https://api.example.test#x"} }, "Resources", "fragment"},
		"reserved auth parameter":  {func(cfg *client.Config) { cfg.ExtraAuthParams = url.Values{"nonce": {"x"}} }, "ExtraAuthParams", "nonce"},
		"reserved token parameter": {func(cfg *client.Config) { cfg.ExtraTokenParams = url.Values{"code": {"x"}} }, "ExtraTokenParams", "code"},
		"unknown response mode":    {func(cfg *client.Config) { cfg.ResponseMode = "fragment" }, "ResponseMode", "form_post"},
		"unknown method":           {func(cfg *client.Config) { cfg.AuthorizationMethod = "PUT" }, "AuthorizationMethod", "POST-query"},
		"negative skew":            {func(cfg *client.Config) { cfg.ClockSkew = -1 }, "ClockSkew", "5 minutes"},
		"too much skew":            {func(cfg *client.Config) { cfg.ClockSkew = 5*time.Minute + 1 }, "ClockSkew", "5 minutes"},
		"negative renewal":         {func(cfg *client.Config) { cfg.RenewBefore = -1 }, "RenewBefore", "negative"},
		"unsigned beside keys":     {func(cfg *client.Config) { static(cfg); cfg.SkipIDTokenSignature = true }, "SkipIDTokenSignature", "Endpoints.JWKS"},
		"unsigned over http": {func(cfg *client.Config) {
			static(cfg)
			cfg.SkipIDTokenSignature, cfg.InsecureAllowHTTP = true, true
			cfg.Endpoints.JWKS, cfg.Endpoints.Token = "", "http://op.internal/token"
		}, "SkipIDTokenSignature", "https"},
		"unknown alg": {func(cfg *client.Config) { cfg.IDTokenAlgs = []string{"none"} }, "IDTokenAlgs", "RS256"},
		"HS256 beside RS256, no keys": {func(cfg *client.Config) {
			static(cfg)
			cfg.Endpoints.JWKS, cfg.IDTokenAlgs = "", []string{"RS256", "HS256"}
		}, "Endpoints.JWKS", "HS256 alone"},
		"neither PKCE nor nonce":    {func(cfg *client.Config) { cfg.SkipPKCE, cfg.AllowMissingNonce = true, true }, "AllowUnboundCode", "stolen codes"},
		"HS256 without secret":      {func(cfg *client.Config) { cfg.IDTokenAlgs, cfg.ClientSecret = []string{"HS256"}, "" }, "ClientSecret", "HS256"},
		"secret and key":            {func(cfg *client.Config) { cfg.Auth = oidc.PrivateKeyJWT{Key: key} }, "AuthMethod", "both"},
		"unknown auth method":       {func(cfg *client.Config) { cfg.AuthMethod = "mutual" }, "AuthMethod", "client_secret_basic"},
		"private_key_jwt, no key":   {func(cfg *client.Config) { cfg.AuthMethod, cfg.ClientSecret = "private_key_jwt", "" }, "Auth", "needs an oidc.PrivateKeyJWT"},
		"alg does not fit key":      {func(cfg *client.Config) { cfg.Auth, cfg.ClientSecret = oidc.PrivateKeyJWT{Key: key, Alg: "RS256"}, "" }, "Auth", "ES256"},
		"secret with line end":      {func(cfg *client.Config) { cfg.ClientSecret = "secret\n" }, "ClientSecret", "line end"},
		"post secret without one":   {func(cfg *client.Config) { cfg.AuthMethod, cfg.ClientSecret = "client_secret_post", "" }, "ClientSecret", "required"},
		"discovery URL with a user": {func(cfg *client.Config) { cfg.DiscoveryURL = "https://u:p4ss@op.example.test" }, "DiscoveryURL", "user information"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := goodConfig()
			test.edit(&cfg)
			_, err := client.New(cfg)
			check.True(t, err != nil, "accepted")
			e := fieldError(err, test.field)
			check.True(t, e != nil, "no error about %s in: %v", test.field, err)
			check.Equal(t, e.Package, "client", "package")
			check.Contains(t, e.Error(), "Config."+test.field+": ", test.says)
			check.Lacks(t, err.Error(), "p4ss")
		})
	}
}

// fieldError finds the error about a field among joined ones.
func fieldError(err error, field string) *oidc.ConfigError {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, one := range joined.Unwrap() {
		if e, ok := errors.AsType[*oidc.ConfigError](one); ok && e.Field == field {
			return e
		}
	}
	return nil
}

// An extra parameter of one of these names would replace what the checks compare
// with, so neither the configuration nor a request can have one.
func TestReservedParameters(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for name := range strings.FieldsSeq("client_id response_type response_mode redirect_uri scope resource state nonce code_challenge " +
		"code_challenge_method max_age acr_values claims request request_uri client_secret client_assertion client_assertion_type") {
		_, err := client.New(client.Config{DiscoveryURL: p.Issuer(), ClientID: "web", ExtraAuthParams: url.Values{name: {"x"}}})
		check.True(t, fieldError(err, "ExtraAuthParams") != nil, "ExtraAuthParams sets %s", name)
		_, err = newClient(t, p).Authorize(t.Context(), client.ExtraParam(name, "x"))
		check.True(t, err != nil, "ExtraParam sets %s", name)
		wantError(t, err, client.KindConfig, "")
	}
	for name := range strings.FieldsSeq("grant_type code redirect_uri code_verifier refresh_token scope resource audience " +
		"client_id client_secret client_assertion client_assertion_type") {
		_, err := client.New(client.Config{DiscoveryURL: p.Issuer(), ClientID: "web", ExtraTokenParams: url.Values{name: {"x"}}})
		check.True(t, fieldError(err, "ExtraTokenParams") != nil, "ExtraTokenParams sets %s", name)
		_, err = newClient(t, p).Refresh(t.Context(), "r", client.TokenRequest{Extra: url.Values{name: {"x"}}})
		check.True(t, err != nil, "TokenRequest.Extra sets %s", name)
		wantError(t, err, client.KindConfig, "")
	}
	check.Equal(t, p.Requests("token"), 0, "token requests")
}

func TestNewReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	_, err := client.New(client.Config{
		RedirectURL: "app", ResponseMode: "x", AuthMethod: "y", ClockSkew: time.Hour, Scopes: []string{"a b"}, IDTokenAlgs: []string{"z"},
	})
	for _, field := range []string{
		"DiscoveryURL", "Issuer", "ClientID", "RedirectURL", "ResponseMode", "AuthMethod", "ClockSkew", "Scopes", "IDTokenAlgs", "Endpoints.Token",
	} {
		check.True(t, fieldError(err, field) != nil, "no error about %s in: %v", field, err)
	}
}

// The caller's slices and maps are not the client's.
func TestConfigIsCopied(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	scopes, extra := []string{"openid"}, url.Values{"display": {"page"}}
	c := newClient(t, p, func(cfg *client.Config) { cfg.Scopes, cfg.ExtraAuthParams = scopes, extra })
	scopes[0], extra["display"][0] = "evil", "evil"
	a, err := c.Authorize(t.Context())
	check.NoError(t, err)
	check.Lacks(t, a.URL, "evil")
	_, err = c.Authorize(t.Context(), client.Scope("more"), client.ExtraParam("display", "again"))
	check.NoError(t, err)
	b, err := c.Authorize(t.Context())
	check.NoError(t, err)
	check.Lacks(t, b.URL, "more", "again")
}

// Without a Logger the reason of a failed login is in the program's own log. Not parallel: that is everybody's.
func TestNilLogger(t *testing.T) {
	said := &logBuffer{}
	log.SetOutput(said) // where slog's default goes
	defer log.SetOutput(os.Stderr)
	p := newProvider(t)
	p.Fault("discovery", oidctest.Down)
	login, err := newClient(t, p).NewLogin(client.LoginConfig{AllowEphemeralKey: true})
	check.NoError(t, err)
	w := httptest.NewRecorder()
	login.ServeHTTP(w, httptest.NewRequest(http.MethodGet, appOrigin+"/auth/login", nil))
	check.Equal(t, w.Code, http.StatusServiceUnavailable, "status")
	check.Contains(t, said.String(), "WARN", "status=503", "discovery document")
}
