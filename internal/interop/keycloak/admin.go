package keycloak

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/interop"
)

const adminID = "relyingparty-admin"

// adminClient asks the admin REST API as a service of the master realm; our client renews its tokens, which live for 60 s.
func adminClient(t testing.TB, base string) *http.Client {
	t.Helper()
	rp, err := client.New(client.Config{
		DiscoveryURL: base + "/realms/master", ClientID: adminID, ClientSecret: interop.OddSecret,
	})
	if err != nil {
		t.Fatal(err)
	}
	admin := rp.ClientCredentials(client.TokenRequest{}).HTTPClient(base)
	admin.Timeout = 30 * time.Second
	return admin
}

// Admin asks a realm's admin REST API: path is below /admin/realms/{realm}, body is sent as JSON unless nil, the answer is
// read into answer unless nil. Every refusal fails the test.
func (s *Server) Admin(t testing.TB, method, realm, path string, body, answer any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.Base+"/admin/realms/"+realm+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.admin.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s answers %d: %s", method, req.URL.Path, resp.StatusCode, got)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(got, answer); err != nil {
		t.Fatal(err)
	}
}

// Register adds a client to a realm: like another one of it, with the changes in the words of Keycloak's client
// representation. Of attributes only the named ones change.
func (s *Server) Register(t testing.TB, realm, like string, changes map[string]any) {
	t.Helper()
	representation := s.client(t, realm, like)
	delete(representation, "id")
	mappers, _ := representation["protocolMappers"].([]any)
	for _, mapper := range mappers {
		delete(mapper.(map[string]any), "id")
	}
	attributes, _ := representation["attributes"].(map[string]any)
	if changed, ok := changes["attributes"].(map[string]any); ok {
		maps.Copy(attributes, changed)
	}
	maps.Copy(representation, changes)
	representation["attributes"] = attributes
	s.Admin(t, http.MethodPost, realm, "/clients", representation, nil)
}

// RegisterApp adds the client id to a realm, like another one of it (web, spa), with the URLs of an app.
func (s *Server) RegisterApp(t testing.TB, realm, like, id string, app *interop.App) {
	t.Helper()
	s.Register(t, realm, like, map[string]any{
		"clientId": id, "redirectUris": []string{app.RedirectURL},
		"attributes": map[string]any{
			"post.logout.redirect.uris": app.PostLogoutURL,
			"backchannel.logout.url":    app.BackChannelURL, "backchannel.logout.session.required": "true",
		},
	})
}

// client is the representation of a realm's client.
func (s *Server) client(t testing.TB, realm, id string) map[string]any {
	t.Helper()
	var found []map[string]any
	s.Admin(t, http.MethodGet, realm, "/clients?clientId="+url.QueryEscape(id), nil, &found)
	if len(found) != 1 {
		t.Fatalf("%d clients %q in realm %s", len(found), id, realm)
	}
	return found[0]
}
