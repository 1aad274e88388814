package interop

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/relyingparty/oidc/client"
)

// Person sits at a browser without a window: cookies, redirects, and the provider's forms.
type Person struct {
	Name, Password string

	// Script stands for the program in a provider's page that has no form: it gives the address the page goes to next, or "".
	Script func(t testing.TB, p *Person, page *Page) string

	provider string // origin whose forms are filled in
	http     *http.Client
}

// Page is where a person came to.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string

	Form    url.Values     // what would have been posted to an address that was not opened
	Forms   []string       // titles of the pages whose form was sent on the way: the provider's, and those that submit themselves
	Cookies []*http.Cookie // set on the way
}

// NewPerson has an account at the provider whose issuer is given, and an empty cookie jar.
func NewPerson(t testing.TB, name, password, issuer string) *Person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &Person{Name: name, Password: password, provider: origin(parse(t, issuer)), http: &http.Client{
		Jar: jar, Transport: transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Trust makes the browser accept a server's certificate, such as that of NewTLSApp.
func (p *Person) Trust(cert *x509.Certificate) *Person {
	p.http.Transport.(*http.Transport).TLSClientConfig = trusting(cert)
	return p
}

// trusting is how to speak TLS with the one server that has this certificate.
func trusting(cert *x509.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// Visit opens target and goes on as a person would: follows redirects and answers each form of the provider,
// until there is nothing left to answer or the next address starts with until (not empty), which is not opened.
func (p *Person) Visit(t testing.TB, target, until string) *Page {
	t.Helper()
	return p.travel(t, request(t, http.MethodGet, parse(t, target), nil), until)
}

// Authorize opens the answer of an application that sends the browser to the provider with auth: a redirect, or a page
// that posts. Then it goes on like Visit.
func (p *Person) Authorize(t testing.TB, auth *client.Authorization, until string) *Page {
	t.Helper()
	w := httptest.NewRecorder()
	auth.Respond(w, nil)
	page := &Page{URL: parse(t, Callback), Status: w.Code, Header: w.Header(), Body: w.Body.String()}
	return p.travel(t, p.next(t, page), until)
}

// Post sends a form to target, as a button on a page of the same origin would, and goes on like Visit.
func (p *Person) Post(t testing.TB, target string, form url.Values, until string) *Page {
	t.Helper()
	u := parse(t, target)
	req := request(t, http.MethodPost, u, form)
	req.Header.Set("Origin", origin(u))
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return p.travel(t, req, until)
}

// GetJSON asks for a page as a script would, with the person's cookies.
func (p *Person) GetJSON(t testing.TB, target string) *Page {
	t.Helper()
	return p.open(t, scripted(t, target))
}

// scripted is what a script asks for.
func scripted(t testing.TB, target string) *http.Request {
	t.Helper()
	req := request(t, http.MethodGet, parse(t, target), nil)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Sec-Fetch-Mode", "cors")
	req.Header.Set("Sec-Fetch-Dest", "empty")
	return req
}

const maxSteps = 25

func (p *Person) travel(t testing.TB, req *http.Request, until string) *Page {
	t.Helper()
	var way, forms []string
	var cookies []*http.Cookie
	for range maxSteps {
		if until != "" && strings.HasPrefix(req.URL.String(), until) {
			return &Page{URL: req.URL, Form: req.PostForm, Forms: forms, Cookies: cookies}
		}
		way = append(way, req.Method+" "+origin(req.URL)+req.URL.Path)
		page := p.open(t, req)
		cookies = append(cookies, page.Cookies...)
		next := p.next(t, page)
		if next == nil {
			page.Forms, page.Cookies = forms, cookies
			return page
		}
		if page.Status/100 != 3 {
			forms = append(forms, title(page.Body))
		}
		next.Header.Set("Sec-Fetch-Site", site(page.URL, next.URL))
		req = next
	}
	t.Fatalf("%s is still on the way after %d steps:\n%s", p.Name, maxSteps, strings.Join(way, "\n"))
	return nil
}

func (p *Person) open(t testing.TB, req *http.Request) *Page {
	t.Helper()
	resp, err := p.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return &Page{URL: req.URL, Status: resp.StatusCode, Header: resp.Header, Body: string(body), Cookies: resp.Cookies()}
}

// next is the request that page leads to: its redirect, or its form when the page is the provider's or submits itself.
func (p *Person) next(t testing.TB, page *Page) *http.Request {
	t.Helper()
	if location := page.Header.Get("Location"); location != "" && page.Status/100 == 3 {
		if page.Status >= http.StatusTemporaryRedirect {
			t.Fatalf("%s answers %d: a form would be sent on", page.URL.Path, page.Status)
		}
		return request(t, http.MethodGet, resolve(t, page.URL, location), nil)
	}
	itself := strings.Contains(page.Body, "document.forms[0].submit()")
	if !itself && (page.Status != http.StatusOK || origin(page.URL) != p.provider) {
		return nil
	}
	method, action, values, found := p.fill(t, page)
	if !found {
		return p.run(t, page)
	}
	target := resolve(t, page.URL, action)
	if method != http.MethodPost {
		target.RawQuery = values.Encode()
		return request(t, http.MethodGet, target, nil)
	}
	req := request(t, http.MethodPost, target, values)
	req.Header.Set("Origin", origin(page.URL))
	return req
}

// fill answers the first form of a page: the person's password where one is asked for, the name in any other empty
// field one can write into, and the first button.
func (p *Person) fill(t testing.TB, page *Page) (method, action string, values url.Values, found bool) {
	t.Helper()
	tree, err := html.Parse(bytes.NewBufferString(page.Body))
	if err != nil {
		t.Fatal(err)
	}
	var form *html.Node
	values = url.Values{}
	pressed := false
	for n := range tree.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "form":
			if form == nil {
				form = n
			}
		case "input", "button":
			if form == nil || !belongs(n, form) || attr(n, "name") == "" && n.Data == "input" {
				continue
			}
			name, value, kind := attr(n, "name"), attr(n, "value"), attr(n, "type")
			switch {
			case n.Data == "button" || kind == "submit":
				if pressed || kind == "button" || kind == "reset" {
					continue
				}
				if pressed = true; name == "" {
					continue
				}
			case kind == "password" || name == "password":
				value = p.Password
			case kind == "checkbox" || kind == "radio":
				if !has(n, "checked") {
					continue
				}
			case kind != "hidden" && value == "":
				value = p.Name
			}
			values.Add(name, value)
		}
	}
	if form == nil {
		return "", "", nil, false
	}
	return strings.ToUpper(attr(form, "method")), attr(form, "action"), values, true
}

// belongs tells whether a field is inside the form or names it by its form attribute.
func belongs(field, form *html.Node) bool {
	if id := attr(field, "form"); id != "" {
		return id == attr(form, "id")
	}
	for n := range field.Ancestors() {
		if n == form {
			return true
		}
	}
	return false
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// title is what stands between a page's title tags.
func title(body string) string {
	_, rest, _ := strings.Cut(body, "<title>")
	text, _, _ := strings.Cut(rest, "</title>")
	return text
}

// request is what a browser sends when a person goes to a page.
func request(t testing.TB, method string, target *url.URL, form url.Values) *http.Request {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.PostForm = form // for whoever looks at the request; the body is what is sent
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	req.Header.Set("Sec-Fetch-Site", "none")
	return req
}

// site is the word of Sec-Fetch-Site for a way between two servers of this machine.
func site(from, to *url.URL) string {
	switch {
	case origin(from) == origin(to):
		return "same-origin"
	case from.Scheme == to.Scheme:
		return "same-site" // another port
	}
	return "cross-site"
}

func origin(u *url.URL) string { return fmt.Sprintf("%s://%s", u.Scheme, u.Host) }

func parse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func resolve(t testing.TB, base *url.URL, ref string) *url.URL {
	t.Helper()
	u, err := base.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
