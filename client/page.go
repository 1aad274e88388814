package client

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

const submitScript = `document.forms[0].submit()`

// pagePolicy has no form-action: Chrome applies that to the redirects that follow, which lead back to the application.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(submitScript))
	return "default-src 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; frame-ancestors 'none'"
}()

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body>
<form method="post" action="{{.URL}}">
{{range $name, $values := .Form}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<noscript><button>Continue</button></noscript>
</form>
<script>` + submitScript + `</script>
</body>
</html>
`))

// Respond sends the browser to the provider: a redirect, or for POST a page that submits itself, with a button for
// browsers without scripts and a Content-Security-Policy that allows nothing else.
func (a *Authorization) Respond(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	if a.Method != http.MethodPost {
		h.Set("Location", a.URL)
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	respondPage(w, pageForm{Title: "Signing in", URL: a.URL, Form: a.Form})
}

// pageForm is a form that a page submits by itself.
type pageForm struct {
	Title, URL string
	Form       url.Values
}

func respondPage(w http.ResponseWriter, f pageForm) {
	var body strings.Builder
	if err := page.Execute(&body, f); err != nil { // a template of ours over strings: it cannot fail
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(body.String()))
}
