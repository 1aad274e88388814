package main

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/examples/internal/testop"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// visit runs the program and returns its exit code and what it wrote.
func visit(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func start(t *testing.T) *oidctest.Provider {
	t.Helper()
	return testop.Start(t, oidctest.Config{Alg: "ES256"})
}

var changing = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, (in )?(\d+ days|[0-9hms]+)`), "TIME, ${1}DURATION"},
	{regexp.MustCompile(`differs from ours by [0-9hms-]+`), "differs from ours by DURATION"},
	{regexp.MustCompile(`\d+ bytes`), "N bytes"},
	{regexp.MustCompile(`kid "[^"]+"`), `kid "KID"`},
}

// steady takes out what differs from run to run.
func steady(out string) []byte {
	for _, c := range changing {
		out = c.pattern.ReplaceAllString(out, c.with)
	}
	return []byte(out)
}

func edits(kind, name string, value any) func(*oidctest.Provider) {
	return func(p *oidctest.Provider) {
		p.Edit(kind, func(doc map[string]any) {
			if value == nil {
				delete(doc, name)
				return
			}
			doc[name] = value
		})
	}
}

func answers(contentType, body string) oidctest.FaultFunc {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// dated lets the endpoint answer by a clock that is off.
func dated(off time.Duration) oidctest.FaultFunc {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		return false
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	const algs = "id_token_signing_alg_values_supported"
	for name, test := range map[string]struct {
		prepare func(*oidctest.Provider)
		code    int
		want    string // the line that tells
	}{
		"good":               {nil, exitOK, "ok       clock"},
		"issuer-mismatch":    {edits("discovery", "issuer", "https://evil.example.com"), exitProblems, "set Config.Issuer"},
		"no-jwks-uri":        {edits("discovery", "jwks_uri", nil), exitProblems, "problem  jwks_uri "},
		"no-keys":            {edits("jwks", "keys", []any{}), exitProblems, "problem  keys "},
		"shared-secret-only": {edits("discovery", algs, []string{"HS256"}), exitProblems, "problem  " + algs},
		"unsigned-too":       {edits("discovery", algs, []string{"none", "ES256"}), exitOK, "warning  " + algs},
		"plain-http":         {edits("discovery", "token_endpoint", "http://id.example.com/token"), exitProblems, "plain http, which is for loopback only"},
		"no-endpoints": {func(p *oidctest.Provider) {
			for _, name := range []string{"authorization", "token", "userinfo", "introspection", "revocation", "end_session"} {
				edits("discovery", name+"_endpoint", nil)(p)
			}
		}, exitProblems, "problem  authorization_endpoint "},
		"clock-an-hour-ahead": {func(p *oidctest.Provider) { p.Fault("jwks", dated(time.Hour)) }, exitProblems, "problem  clock "},
		"clock-a-bit-behind":  {func(p *oidctest.Provider) { p.Fault("jwks", dated(-15*time.Second)) }, exitOK, "warning  clock "},
		"auth-methods-silent": {edits("discovery", "token_endpoint_auth_methods_supported", nil), exitOK, "uses client_secret_basic"},
		"down":                {func(p *oidctest.Provider) { p.Fault("discovery", oidctest.Down) }, exitProblems, "status 503"},
		"html":                {func(p *oidctest.Provider) { p.Fault("discovery", answers("text/html", "<p>Welcome")) }, exitProblems, "problem  metadata "},
		"keys-html":           {func(p *oidctest.Provider) { p.Fault("jwks", answers("text/html", "<p>Welcome")) }, exitProblems, "problem  jwks_uri "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			if test.prepare != nil {
				test.prepare(p)
			}
			code, out, errs := visit(t, "", p.Issuer())
			check.Equal(t, code, test.code, "exit code of\n"+out+errs)
			check.Contains(t, out, test.want)
			check.Equal(t, p.Requests("token")+p.Requests("authorize"), 0, "requests but for metadata and keys")
			gravestFirst(t, out)
			check.Golden(t, "provider/"+name+".txt", steady(out))
		})
	}
}

func gravestFirst(t *testing.T, out string) {
	t.Helper()
	order := []string{"problem", "warning", "note", "ok"}
	for line := range strings.Lines(out[strings.IndexByte(out, '\n')+1:]) {
		severity, _, _ := strings.Cut(line, " ")
		for len(order) > 0 && order[0] != severity {
			order = order[1:]
		}
		check.True(t, len(order) > 0, "%q is not in its place in\n%s", line, out)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	code, out, _ := visit(t, "", "http://127.0.0.1:1")
	check.Equal(t, code, exitProblems, "exit code")
	check.Contains(t, out, "problem  metadata")
}

func TestFlagsStandWhereTheyLike(t *testing.T) {
	t.Parallel()
	p := start(t)
	token := p.AccessToken(map[string]any{"aud": "https://api", "tenant": "acme", "scope": "read write"})
	for _, args := range [][]string{
		{p.Issuer(), "-token", "-", "-audience", "https://api"},
		{"-token", "-", "-audience=https://api", p.Issuer()},
		{"--token=-", p.Issuer() + "/.well-known/openid-configuration", "--audience", "https://other", "-audience", "https://api", "-scope", "read", "-scope", "write"},
		{"-issuer", p.Issuer(), p.Issuer(), "-token", "-", "-tenant-claim", "tenant"},
	} {
		code, out, errs := visit(t, " "+token+"\n", args...)
		check.Equal(t, code, exitOK, "exit code of\n"+out+errs)
		check.Contains(t, out, "accepted")
	}
}

func TestBadUsage(t *testing.T) {
	t.Parallel()
	const url = "https://id.example.com"
	const pasted = "eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl"
	for name, test := range map[string]struct {
		args  []string
		stdin string
		want  string
	}{
		"nothing":                    {nil, "", "give one URL"},
		"two URLs":                   {[]string{url, url}, "", "give one URL"},
		"a token on the line":        {[]string{url, "-token", pasted}, "", "give the token on stdin"},
		"a token after -token -":     {[]string{url, "-token", "-", pasted}, "", "give one URL"},
		"a token for a URL":          {[]string{pasted}, "", "must begin with https://"},
		"an unknown flag":            {[]string{url, "-frobnicate"}, "", "-frobnicate"},
		"plain http":                 {[]string{"http://id.example.com"}, "", "loopback only"},
		"a password in the URL":      {[]string{"https://user:hunter2@id.example.com"}, "", "user information"},
		"a template":                 {[]string{url + "/realms/{tenant}"}, "", "put a tenant in the place of"},
		"no token on stdin":          {[]string{url, "-token", "-"}, " \n", "holds no token"},
		"a file that is no token":    {[]string{url, "-token", "-"}, strings.Repeat("x", maxInput+1), "more than 64 KiB"},
		"flags that need a token":    {[]string{url, "-audience", "x"}, "", "add -token -"},
		"an empty audience":          {[]string{url, "-token", "-", "-audience", ""}, pasted, "-audience"},
		"a scope that is none":       {[]string{url, "-token", "-", "-scope", "read write"}, pasted, "Scopes"},
		"a tenant path that is none": {[]string{url, "-token", "-", "-tenant-claim", `["ext",1]`}, pasted, "-tenant-claim"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := visit(t, test.stdin, test.args...)
			check.Equal(t, code, exitUsage, "exit code")
			check.Equal(t, out, "", "stdout")
			check.Contains(t, errs, test.want)
			check.Lacks(t, errs, pasted, "c2lnbmF0dXJl", "hunter2", "panic")
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	code, _, errs := visit(t, "", "-h")
	check.Equal(t, code, exitOK, "exit code")
	check.Contains(t, errs, "usage: doctor URL", "-token -", "-audience", "-tenant-claim", "-scope", "-issuer", "exit code")
}
