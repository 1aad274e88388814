package hydra

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// Account is a person at the provider; the name is the key it is registered under.
type Account struct {
	Password, Tenant, Name, Email string
}

// pages are what Hydra leaves to its operator: who a person is, what they allow, and what their tokens carry.
type pages struct {
	accounts map[string]Account
	server   *httptest.Server
	admin    string // base of Hydra's answers to these pages

	mu      sync.Mutex
	tenants map[string]string // of services, by client id
}

func newPages(t testing.TB, adminURL string, accounts map[string]Account) *pages {
	p := &pages{accounts: accounts, admin: adminURL + "/admin/oauth2/auth/requests/", tenants: map[string]string{}}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /login": p.askPassword, "POST /login": p.login,
		"GET /consent": p.askConsent, "POST /consent": p.consent,
		"GET /logout": p.askLogout, "POST /logout": p.logout,
		"POST /token-hook": p.tokenHook,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := handle(w, r); err != nil {
				t.Error(err)
				http.Error(w, "see the log of the test", http.StatusBadGateway)
			}
		})
	}
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

// URL is the address of a page.
func (p *pages) URL(path string) string { return p.server.URL + path }

func (p *pages) setTenant(clientID, tenant string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tenants[clientID] = tenant
}

func (p *pages) askPassword(w http.ResponseWriter, r *http.Request) error {
	challenge := r.FormValue("login_challenge")
	var request struct {
		Skip    bool   `json:"skip"` // signed in already
		Subject string `json:"subject"`
	}
	if err := p.ask(r, http.MethodGet, "login", challenge, nil, &request); err != nil {
		return err
	}
	if request.Skip {
		return p.accept(w, r, "login", challenge, map[string]any{"subject": request.Subject})
	}
	return show(w, form{Title: "Sign in", Field: "login_challenge", Challenge: challenge, Password: true})
}

func (p *pages) login(w http.ResponseWriter, r *http.Request) error {
	name, challenge := r.PostFormValue("name"), r.PostFormValue("login_challenge")
	account, ok := p.accounts[name]
	if !ok || r.PostFormValue("password") != account.Password {
		return show(w, form{Title: "Sign in again", Field: "login_challenge", Challenge: challenge, Password: true})
	}
	return p.accept(w, r, "login", challenge, map[string]any{"subject": name, "remember": true, "remember_for": 3600})
}

func (p *pages) askConsent(w http.ResponseWriter, r *http.Request) error {
	return show(w, form{Title: "Allow?", Field: "consent_challenge", Challenge: r.FormValue("consent_challenge")})
}

func (p *pages) consent(w http.ResponseWriter, r *http.Request) error {
	challenge := r.PostFormValue("consent_challenge")
	var request struct {
		Subject  string   `json:"subject"`
		Scopes   []string `json:"requested_scope"`
		Audience []string `json:"requested_access_token_audience"`
	}
	if err := p.ask(r, http.MethodGet, "consent", challenge, nil, &request); err != nil {
		return err
	}
	account := p.accounts[request.Subject]
	access, id := map[string]any{}, map[string]any{}
	if account.Tenant != "" {
		access["tenant"], id["tenant"] = account.Tenant, account.Tenant
	}
	if slices.Contains(request.Scopes, "profile") {
		id["name"] = account.Name
	}
	if slices.Contains(request.Scopes, "email") {
		id["email"] = account.Email
	}
	return p.accept(w, r, "consent", challenge, map[string]any{
		"grant_scope": request.Scopes, "grant_access_token_audience": request.Audience,
		"session": session{AccessToken: access, IDToken: id},
	})
}

// session is what the tokens carry beyond Hydra's own claims.
type session struct {
	AccessToken map[string]any `json:"access_token"`
	IDToken     map[string]any `json:"id_token,omitempty"`
}

func (p *pages) askLogout(w http.ResponseWriter, r *http.Request) error {
	return show(w, form{Title: "Sign out?", Field: "logout_challenge", Challenge: r.FormValue("logout_challenge")})
}

func (p *pages) logout(w http.ResponseWriter, r *http.Request) error {
	return p.accept(w, r, "logout", r.PostFormValue("logout_challenge"), nil)
}

// tokenHook is asked before each token is made: a service has given no consent that could say whose it is.
func (p *pages) tokenHook(w http.ResponseWriter, r *http.Request) error {
	var question struct {
		Request struct {
			ClientID   string   `json:"client_id"`
			GrantTypes []string `json:"grant_types"`
		} `json:"request"`
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		return err
	}
	p.mu.Lock()
	tenant := p.tenants[question.Request.ClientID]
	p.mu.Unlock()
	if tenant == "" || !slices.Contains(question.Request.GrantTypes, "client_credentials") {
		w.WriteHeader(http.StatusNoContent) // as it is
		return nil
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]any{"session": session{AccessToken: map[string]any{"tenant": tenant}}})
}

// accept says yes to Hydra and sends the browser where it says.
func (p *pages) accept(w http.ResponseWriter, r *http.Request, kind, challenge string, body any) error {
	var answer struct {
		RedirectTo string `json:"redirect_to"`
	}
	if err := p.ask(r, http.MethodPut, kind+"/accept", challenge, body, &answer); err != nil {
		return err
	}
	if answer.RedirectTo == "" {
		return errors.New("hydra says no address to go on to")
	}
	http.Redirect(w, r, answer.RedirectTo, http.StatusSeeOther)
	return nil
}

// ask is a request about one login, consent or logout.
func (p *pages) ask(r *http.Request, method, path, challenge string, body, answer any) error {
	return ask(r.Context(), method, p.admin+path+"?"+url.Values{"challenge": {challenge}}.Encode(), body, answer)
}

type form struct {
	Title, Field, Challenge string
	Password                bool
}

var formPage = template.Must(template.New("form").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>{{.Title}}</title>
<h1>{{.Title}}</h1><form method="post"><input type="hidden" name="{{.Field}}" value="{{.Challenge}}">
{{if .Password}}<label>Name <input name="name" required></label> <label>Password <input name="password" type="password" required></label>
{{end}}<button>{{.Title}}</button></form></html>
`))

func show(w http.ResponseWriter, f form) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	return formPage.Execute(w, f)
}
