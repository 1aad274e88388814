package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/relyingparty/oidc/oidctest"
)

// print writes whom to sign in as, and for each example a command with its environment.
func (s *site) print(w io.Writer, p *oidctest.Provider) {
	_, _ = fmt.Fprint(w, "# people, without passwords:")
	for _, u := range s.config.Users {
		_, _ = fmt.Fprintf(w, " %s (tenant %s)", u.Subject, u.Claims["tenant"])
	}
	where := []variable{{"OIDC_DISCOVERY_URL", p.Issuer()}}
	if s.loginOnly {
		where = []variable{
			{"OIDC_ISSUER", p.Issuer()},
			{"OIDC_AUTHORIZATION_ENDPOINT", p.URL("authorize")},
			{"OIDC_TOKEN_ENDPOINT", p.URL("token")},
		}
	}
	web := s.config.Clients[0]
	about := "a web app that signs people in: " + appURL
	if !s.loginOnly {
		about += " (for a public client: OIDC_CLIENT_ID=" + s.config.Clients[1].ID + " and no secret)"
	}
	command(w, "login", about, where, identity(web), []variable{
		{"OIDC_REDIRECT_URL", web.RedirectURIs[0]},
		{"OIDC_POST_LOGOUT_URL", web.PostLogoutRedirectURIs[0]},
		{"OIDC_SCOPES", "openid profile email"},
	}, s.login)
	if !s.loginOnly {
		command(w, "api", "a protected API: "+apiURL+"/whoami", where, []variable{
			{"OIDC_AUDIENCE", apiURL},
			{"OIDC_TENANT_CLAIM", "tenant"},
		}, s.api)
		command(w, "service", "calls that API once a second", where, identity(s.config.Clients[2]), []variable{
			{"API_URL", apiURL + "/whoami"},
		}, s.service)
	}
	_, _ = fmt.Fprint(w, "\n\n")
}

func identity(c oidctest.Client) []variable {
	return []variable{{"OIDC_CLIENT_ID", c.ID}, {"OIDC_CLIENT_SECRET", c.Secret}}
}

// command prints a command and what it needs. Of variables that are there twice the last counts.
func command(w io.Writer, example, about string, lists ...[]variable) {
	_, _ = fmt.Fprintf(w, "\n\n# %s\n", about)
	vars := slices.Concat(lists...)
	for i, v := range vars {
		if !slices.ContainsFunc(vars[i+1:], func(later variable) bool { return later.name == v.name }) {
			_, _ = fmt.Fprintf(w, "%s=%s \\\n", v.name, quoted(v.value))
		}
	}
	_, _ = fmt.Fprintf(w, "go run ./examples/%s", example)
}

// quoted makes a value one word of a shell. No value here holds a single quote.
func quoted(value string) string {
	if value != "" && !strings.ContainsAny(value, ` "[]`) {
		return value
	}
	return "'" + value + "'"
}
