package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/examples/internal/clientenv"
	"github.com/relyingparty/oidc/examples/internal/testop"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

var assignment = regexp.MustCompile(`^([A-Z_]+)=(?:'([^']*)'|(\S*)) \\$`)

// environments reads what was printed, by example, as a shell would.
func environments(t *testing.T, printed string) map[string]map[string]string {
	t.Helper()
	all, vars := map[string]map[string]string{}, map[string]string{}
	for line := range strings.Lines(printed) {
		line = strings.TrimSuffix(line, "\n")
		if example, ok := strings.CutPrefix(line, "go run ./examples/"); ok {
			all[example], vars = vars, map[string]string{}
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := assignment.FindStringSubmatch(line)
		check.True(t, m != nil, "a shell cannot read %q", line)
		vars[m[1]] = m[2] + m[3]
	}
	return all
}

// serviceToken gets a token as examples/service does.
func serviceToken(t *testing.T, vars map[string]string) string {
	t.Helper()
	r := testop.Env(vars)
	cfg := clientenv.Config(r, testop.Logger(t))
	check.NoError(t, r.Err())
	rp, err := client.New(cfg)
	check.NoError(t, err)
	token, err := rp.ClientCredentials(client.TokenRequest{
		Scopes: cfg.Scopes, Resources: cfg.Resources, Audience: r.List("OIDC_TOKEN_AUDIENCE"),
	}).TokenContext(t.Context())
	check.NoError(t, err)
	return token.AccessToken
}

// principal judges a token as examples/api does.
func principal(t *testing.T, vars map[string]string, token string) *middleware.Principal {
	t.Helper()
	claim := []string{vars["OIDC_TENANT_CLAIM"]}
	if claim[0] == `["ext","tenant"]` {
		claim = []string{"ext", "tenant"}
	}
	guard, err := middleware.New(middleware.Config{
		DiscoveryURL: vars["OIDC_DISCOVERY_URL"],
		Audience:     []string{vars["OIDC_AUDIENCE"]},
		Tenant:       &middleware.TenantPolicy{Claim: claim},
	})
	check.NoError(t, err)
	caller, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token})
	check.NoError(t, err)
	return caller
}

// signIn signs in as examples/login does, and gives the access token and who it is.
func signIn(t *testing.T, p *oidctest.Provider, vars map[string]string, subject string) *client.Tokens {
	t.Helper()
	r := testop.Env(vars)
	cfg := clientenv.Config(r, testop.Logger(t))
	cfg.RedirectURL = vars["OIDC_REDIRECT_URL"]
	cfg.AuthorizationMethod = vars["OIDC_AUTHORIZATION_METHOD"]
	cfg.IDTokenAlgs = r.List("OIDC_ID_TOKEN_ALGS")
	cfg.AllowMissingNonce = r.Flag("OIDC_ALLOW_MISSING_NONCE")
	check.NoError(t, r.Err())
	rp, err := client.New(cfg)
	check.NoError(t, err)
	a, err := rp.Authorize(t.Context())
	check.NoError(t, err)
	req := httptest.NewRequestWithContext(t.Context(), a.Method, a.URL, strings.NewReader(a.Form.Encode()))
	req.RequestURI = ""
	if a.Form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	callback, err := p.NewBrowser().Do(req, subject)
	check.NoError(t, err)
	check.True(t, strings.HasPrefix(callback.String(), cfg.RedirectURL+"?"), "sent back to %s", callback)
	tokens, err := rp.Exchange(t.Context(), callback.Query(), a.Transaction)
	check.NoError(t, err)
	return tokens
}

// TestPresets pastes what is printed into the three examples.
func TestPresets(t *testing.T) {
	t.Parallel()
	for _, preset := range append(presetNames(), "") {
		t.Run("like "+preset, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(nil)
			s, err := newSite(preset, "http://"+server.Listener.Addr().String())
			check.NoError(t, err)
			p := oidctest.New(s.config)
			server.Config.Handler = p
			server.Start()
			t.Cleanup(server.Close)

			var out bytes.Buffer
			s.print(&out, p)
			check.Golden(t, "like-"+cmp.Or(preset, "the-book")+".txt", regexp.MustCompile(`127\.0\.0\.1:\d{5}`).ReplaceAll(out.Bytes(), []byte("127.0.0.1:PORT")))
			env := environments(t, out.String())

			for _, u := range s.config.Users {
				check.Equal(t, signIn(t, p, env["login"], u.Subject).IDToken.Subject, u.Subject, "subject")
			}
			if preset == "miqey" {
				check.Equal(t, len(env), 1, "examples beside login")
				return
			}
			public := env["login"]
			public["OIDC_CLIENT_ID"] = "web-public"
			delete(public, "OIDC_CLIENT_SECRET")
			check.Equal(t, signIn(t, p, public, "grace").IDToken.Subject, "grace", "subject of the public client's")

			caller := principal(t, env["api"], serviceToken(t, env["service"]))
			check.Equal(t, caller.ClientID+" of "+caller.Tenant, "service of acme", "caller")
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"-addr", "127.0.0.1:0"}, in, t.Output())
		in.Close()
	}()
	var printed strings.Builder
	base := ""
	for lines := bufio.NewScanner(out); base == "" && lines.Scan(); {
		if at, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			base = at
			break
		}
		printed.WriteString(lines.Text() + "\n")
	}
	check.True(t, strings.HasPrefix(base, "http://127.0.0.1:"), "listening on %q", base)
	env := environments(t, printed.String())
	check.Equal(t, env["api"]["OIDC_DISCOVERY_URL"], base, "issuer")
	caller := principal(t, env["api"], serviceToken(t, env["service"]))
	check.Equal(t, caller.Tenant, "acme", "tenant")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/", nil)
	check.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	check.NoError(t, err)
	resp.Body.Close()
	check.Equal(t, resp.StatusCode, http.StatusOK, "status of the page for people")
	http.DefaultClient.CloseIdleConnections()
	stop()
	check.Equal(t, <-code, 0, "exit code")
}

func TestBadUsage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"all addresses":     {[]string{"-addr", ":0"}, "loopback"},
		"all IPv4":          {[]string{"-addr", "0.0.0.0:0"}, "loopback"},
		"an unknown preset": {[]string{"-addr", "127.0.0.1:0", "-preset", "acme"}, "voxkey"},
		"an argument":       {[]string{"voxkey"}, "flags only"},
		"an unknown flag":   {[]string{"-port", "1"}, "-port"},
		"no address":        {[]string{"-addr", "nowhere"}, "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Second) // or it would serve on
			defer stop()
			check.Equal(t, run(ctx, test.args, &out, &errs), 2, "exit code")
			check.Equal(t, out.String(), "", "stdout")
			check.Contains(t, errs.String(), test.want)
		})
	}
	var errs bytes.Buffer
	check.Equal(t, run(t.Context(), []string{"-h"}, io.Discard, &errs), 0, "exit code of -h")
	check.Contains(t, errs.String(), "-addr", "-preset", "tokenos")
}
