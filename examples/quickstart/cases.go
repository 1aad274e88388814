package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// tryCase is one button: how to call the API, and what it should answer.
type tryCase struct {
	Name, Title, Why string
	want             int
	// request says which tenant's notes are asked for and with which token ("" for none).
	request func(u user, token string) (tenant, bearer string)
}

func (s *stack) cases() []tryCase {
	return []tryCase{
		{"right-tenant", "Right tenant", "my token, my tenant", http.StatusOK,
			func(u user, token string) (string, string) { return u.Tenant, token }},
		{"wrong-tenant", "Wrong tenant", "my token, somebody else’s tenant", http.StatusForbidden,
			func(u user, token string) (string, string) { return u.other(), token }},
		{"no-token", "No token", "nobody is asking", http.StatusUnauthorized,
			func(u user, _ string) (string, string) { return u.Tenant, "" }},
		{"expired-token", "Expired token", "well signed, an hour too late", http.StatusUnauthorized,
			func(u user, _ string) (string, string) {
				return u.Tenant, s.provider.AccessToken(map[string]any{
					"sub": u.Subject, "aud": s.apiURL, "tenant": u.Tenant, "scope": "notes:read",
					"iat": time.Now().Add(-2 * time.Hour).Unix(), "exp": time.Now().Add(-time.Hour).Unix(),
				})
			}},
	}
}

// exchange is one request and its answer as they went over the wire, with the token cut short.
type exchange struct {
	Request string `json:"request"`
	Answer  string `json:"answer"`
	Status  int    `json:"status"`
}

// Class is the first digit of the status, for the style sheet.
func (e exchange) Class() int { return e.Status / 100 }

// try calls the API as the case says.
func (s *stack) try(ctx context.Context, c tryCase, u user, token string) (*exchange, error) {
	tenant, bearer := c.request(u, token)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.apiURL+"/tenants/"+tenant+"/notes", nil)
	if err != nil {
		return nil, err
	}
	var shown strings.Builder
	fmt.Fprintf(&shown, "GET %s HTTP/1.1\nHost: %s\n", req.URL.Path, req.URL.Host)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
		fmt.Fprintf(&shown, "Authorization: Bearer %s… (%d bytes)\n", bearer[:min(len(bearer), 24)], len(bearer))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	return &exchange{Request: shown.String(), Answer: showAnswer(resp, body), Status: resp.StatusCode}, nil
}

func showAnswer(resp *http.Response, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", resp.Proto, resp.Status)
	for _, name := range []string{"WWW-Authenticate", "Cache-Control", "Content-Type"} {
		if v := resp.Header.Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	b.WriteString("\n" + indent(body))
	return b.String()
}

// claimsOf reads the payload of a JWT access token to show it. An app has no other business in there: the token is for the API.
func claimsOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "(opaque)"
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "(unreadable)"
	}
	return indent(payload)
}

func indent(body []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		return string(body)
	}
	return strings.TrimSpace(b.String())
}
