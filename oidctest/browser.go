package oidctest

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// Browser acts as a browser and the person who uses it. It has its own cookies,
// so its second sign-in uses the session of the first (single sign-on).
type Browser struct {
	p      *Provider
	client *http.Client
}

// NewBrowser returns a browser without a session.
func (p *Provider) NewBrowser() *Browser {
	jar, _ := cookiejar.New(nil) // never returns an error
	return &Browser{p: p, client: &http.Client{
		Transport: p.Transport(), Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// SignIn acts as a new browser and the person who uses it. It opens the
// authorization URL, signs in as subject and returns the callback URL. For
// response_mode=form_post, the URL's query contains the values. If subject is
// empty, the person cancels. The error contains the text of the provider's
// error page. Use [Provider.NewBrowser] for single sign-on, prompt=none and
// max_age.
func (p *Provider) SignIn(authorizationURL, subject string) (*url.URL, error) {
	return p.NewBrowser().SignIn(authorizationURL, subject)
}

// SignIn is [Provider.SignIn] in this browser. It uses subject only if the
// provider shows its sign-in page. If the authorization endpoint accepts only
// POST, SignIn sends the query as the body.
func (b *Browser) SignIn(authorizationURL, subject string) (*url.URL, error) {
	method, body := http.MethodGet, ""
	if b.p.cfg.quirks.authorizeOnly == http.MethodPost {
		method = http.MethodPost
		authorizationURL, body, _ = strings.Cut(authorizationURL, "?")
	}
	r, err := request(method, authorizationURL, body)
	if err != nil {
		return nil, err
	}
	return b.Do(r, subject)
}

// Do is [Browser.SignIn] for a request that is not a plain GET, such as an
// authorization request by POST.
func (b *Browser) Do(r *http.Request, subject string) (*url.URL, error) {
	at, err := b.send(r)
	if err != nil {
		return nil, err
	}
	if id := at.fields().Get("request"); at.status == http.StatusOK && id != "" {
		form := url.Values{"request": {id}, "subject": {subject}}
		if subject == "" {
			form = url.Values{"request": {id}, "cancel": {"1"}}
		}
		if at, err = b.open(http.MethodPost, b.p.URL("sign_in"), form.Encode()); err != nil {
			return nil, err
		}
	}
	switch {
	case at.status == http.StatusSeeOther:
		return url.Parse(at.location)
	case at.status == http.StatusOK && strings.Contains(at.body, submitScript):
		return url.Parse(withQuery(at.action(), at.fields()))
	}
	return nil, at.problem()
}

// SignOut opens a logout URL and confirms the logout if asked. It returns the
// URL of the final redirect, empty if there is none.
func (b *Browser) SignOut(endSessionURL string) (string, error) {
	at, err := b.open(http.MethodGet, endSessionURL, "")
	if err != nil {
		return "", err
	}
	if id := at.fields().Get("confirm"); at.status == http.StatusOK && id != "" {
		form := url.Values{"confirm": {id}, "answer": {"yes"}}
		if at, err = b.open(http.MethodPost, b.p.URL("end_session"), form.Encode()); err != nil {
			return "", err
		}
	}
	if at.status != http.StatusSeeOther && at.status != http.StatusOK {
		return "", at.problem()
	}
	return at.location, nil
}

func (b *Browser) open(method, address, body string) (*view, error) {
	r, err := request(method, address, body)
	if err != nil {
		return nil, err
	}
	return b.send(r)
}

func request(method, address, body string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
	if err == nil && method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, err
}

func (b *Browser) send(r *http.Request) (*view, error) {
	resp, err := b.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &view{status: resp.StatusCode, location: resp.Header.Get("Location"), body: string(body)}, err
}

// view is the final response: a redirect, or a page of this package, whose
// structure is known.
type view struct {
	status         int
	location, body string
}

var (
	actionPattern = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	fieldPattern  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	alertPattern  = regexp.MustCompile(`role="alert"[^>]*>([^<]*)<`)
	textPattern   = regexp.MustCompile(`<h1>([^<]*)</h1>\s*<p>([^<]*)</p>`)
)

func (v *view) action() string {
	if m := actionPattern.FindStringSubmatch(v.body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

func (v *view) fields() url.Values {
	values := url.Values{}
	for _, m := range fieldPattern.FindAllStringSubmatch(v.body, -1) {
		values.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return values
}

// problem returns the text of an error page as an error.
func (v *view) problem() error {
	if m := alertPattern.FindStringSubmatch(v.body); m != nil {
		return errors.New("oidctest: " + html.UnescapeString(m[1]))
	}
	if m := textPattern.FindStringSubmatch(v.body); m != nil {
		return fmt.Errorf("oidctest: %s: %s", html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return fmt.Errorf("oidctest: the provider responded with status %d", v.status)
}
