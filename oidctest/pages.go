package oidctest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	style = `:root{color-scheme:light dark;--bg:#f4f5f7;--card:#fff;--text:#1a1d23;--dim:#5c6370;--line:#d5d9e0;--accent:#2456c8;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1e2127;--text:#e8eaee;--dim:#a2a9b5;--line:#3a3f49;--accent:#8ab0ff;--bad:#ff9a92}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--bg);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:25rem;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.75rem}
h1{font-size:1.35rem;line-height:1.25;margin:0 0 .25rem}
p{margin:0 0 1rem}
.dim{color:var(--dim);font-size:.9rem}
.bad{color:var(--bad)}
ul{list-style:none;margin:0 0 1.25rem;padding:0;display:grid;gap:.5rem}
button,input[type=text]{font:inherit;color:inherit;width:100%;padding:.6rem .8rem;border:1px solid var(--line);border-radius:8px;background:transparent}
button{cursor:pointer;text-align:left}
button:hover{border-color:var(--accent)}
button:focus-visible,input:focus-visible,a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
button small{display:block;color:var(--dim);overflow-wrap:anywhere}
label{display:block;font-size:.9rem;margin-bottom:.25rem}
.row{display:flex;gap:.5rem;margin-bottom:1rem}
.row button{width:auto;text-align:center;white-space:nowrap}
.quiet{border-color:transparent;text-align:center;color:var(--dim)}
.note{margin:1rem 0 0;padding-top:1rem;border-top:1px solid var(--line);color:var(--dim);font-size:.85rem}
code{overflow-wrap:anywhere}
a{color:var(--accent)}`

	submitScript = `document.forms[0].submit()`
)

// The policies have no form-action, because Chrome also applies it to the
// redirect to the application after the form.
var (
	pagePolicy   = "default-src 'none'; style-src '" + hashSource(style) + "'; base-uri 'none'; frame-ancestors 'none'"
	submitPolicy = pagePolicy + "; script-src '" + hashSource(submitScript) + "'"
)

func hashSource(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

var pages = template.Must(template.New("").Parse(`{{define "head"}}<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
<style>` + style + `</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{end}}
{{define "foot"}}</main>
</body>
</html>
{{end}}
{{define "message"}}{{template "head" .}}<p>{{.Text}}</p>
{{template "foot" .}}{{end}}
{{define "sign-in"}}{{template "head" .}}<p class="dim">to continue to <strong>{{.Client}}</strong></p>
{{with .Unknown}}<p class="bad" role="alert" id="bad">There is no user “{{.}}” here.</p>
{{end}}{{if .Users}}<form method="post" action="{{.Action}}">
<input type="hidden" name="request" value="{{.Request}}">
<ul aria-label="Users">
{{range .Users}}<li><button name="subject" value="{{.Subject}}"{{if .Current}} aria-current="true"{{end}}>{{.Title}}{{with .Detail}}<small>{{.}}</small>{{end}}</button></li>
{{end}}</ul>
</form>
{{end}}<form method="post" action="{{.Action}}">
<input type="hidden" name="request" value="{{.Request}}">
<label for="user">Or type a user name or an email address</label>
<div class="row">
<input type="text" id="user" name="user" value="{{.Hint}}" autocomplete="username" autocapitalize="none" spellcheck="false" required{{if .Unknown}} aria-describedby="bad" aria-invalid="true"{{end}}>
<button>Sign in</button>
</div>
</form>
<form method="post" action="{{.Action}}">
<input type="hidden" name="request" value="{{.Request}}">
<button class="quiet" name="cancel" value="1">Cancel</button>
</form>
<p class="note">This is a development provider: it asks for no password. Never use it for real people.</p>
{{template "foot" .}}{{end}}
{{define "sign-out"}}{{template "head" .}}<p>{{.Text}}</p>
<form method="post" action="{{.Action}}">
<input type="hidden" name="confirm" value="{{.Request}}">
<ul>
<li><button name="answer" value="yes">Sign out</button></li>
<li><button name="answer" value="no">Stay signed in</button></li>
</ul>
</form>
{{template "foot" .}}{{end}}
{{define "submit"}}{{template "head" .}}<form method="post" action="{{.Action}}">
{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{end}}<button>Continue</button>
</form>
<script>` + submitScript + `</script>
{{template "foot" .}}{{end}}
{{define "home"}}{{template "head" .}}<p>This provider runs in memory, for tests and development. It asks for no password and forgets everything when it stops.</p>
<p class="dim">Issuer: <code>{{.Issuer}}</code></p>
{{with .Discovery}}<p><a href="{{.}}">Discovery document</a></p>
{{end}}{{template "foot" .}}{{end}}
`))

type pageUser struct {
	Subject, Title, Detail string
	Current                bool
}

type pageField struct{ Name, Value string }

func (p *Provider) page(w http.ResponseWriter, status int, name, policy string, data map[string]any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		panic("oidctest: " + err.Error())
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "same-origin")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (p *Provider) errorPage(w http.ResponseWriter, status int, title, text string) {
	p.page(w, status, "message", pagePolicy, map[string]any{"Title": title, "Text": text})
}

func (p *Provider) serveHome(w http.ResponseWriter, _ *http.Request) {
	p.page(w, http.StatusOK, "home", pagePolicy, map[string]any{
		"Title": "Development OpenID provider", "Issuer": p.cfg.Issuer, "Discovery": p.paths["discovery"],
	})
}

func (p *Provider) signInPage(w http.ResponseWriter, status int, id string, req *authRequest, s *session, unknown string) {
	var users []pageUser
	p.mu.Lock()
	for _, u := range p.users {
		detail := u.Email
		if detail == "" && u.Name != "" {
			detail = u.Subject
		}
		users = append(users, pageUser{
			Subject: u.Subject, Title: cmp.Or(u.Name, u.Subject), Detail: detail, Current: s != nil && s.subject == u.Subject,
		})
	}
	p.mu.Unlock()
	p.page(w, status, "sign-in", pagePolicy, map[string]any{
		"Title": "Sign in", "Client": req.client.ID, "Action": p.paths["sign_in"], "Request": id, "Users": users,
		"Hint": cmp.Or(unknown, req.loginHint), "Unknown": unknown,
	})
}

// formPostPage sends values to the client as a form that submits itself.
func (p *Provider) formPostPage(w http.ResponseWriter, action string, values url.Values) {
	var fields []pageField
	for name := range values {
		fields = append(fields, pageField{name, values.Get(name)})
	}
	slices.SortFunc(fields, func(a, b pageField) int { return strings.Compare(a.Name, b.Name) })
	p.page(w, http.StatusOK, "submit", submitPolicy, map[string]any{"Title": "Back to the application", "Action": action, "Fields": fields})
}
