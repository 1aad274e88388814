// Package glewlwyd runs Glewlwyd 2.7, a provider whose error answers follow no RFC, from Debian's package.
package glewlwyd

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/interop"
)

// Where Debian's packages glewlwyd and glewlwyd-common put what the server needs.
const (
	schema  = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
	webapp  = "/usr/share/glewlwyd/webapp/"
	modules = "/usr/lib/glewlwyd/"
)

// properties of people and clients that the fresh database does not know. Its post_logout_redirect_uri is not the name that
// the plugin looks for.
const properties = `
UPDATE g_user_module_instance SET gumi_parameters = json_set(gumi_parameters,
  '$."data-format".tenant', json('{"multiple":false,"read":true,"write":true}'));
UPDATE g_client_module_instance SET gcmi_parameters = json_set(gcmi_parameters,
  '$."data-format".tenant', json('{"multiple":false,"read":true,"write":true}'),
  '$."data-format"."refresh-token-one-use"', json('{"multiple":false,"read":true,"write":true}'),
  '$."data-format".post_logout_redirect_uris', json('{"multiple":true,"read":true,"write":true}'));`

// Server is a running Glewlwyd. Every instance of its OpenID Connect plugin is an issuer of its own.
type Server struct {
	Base    string // its origin
	Version string

	process *interop.Process
	admin   *interop.Person
}

// Start runs a server of this test's own: configuration and database in a temporary folder, a free port of loopback.
func Start(t testing.TB) *Server {
	t.Helper()
	version := installed(t)
	dir := t.TempDir()
	database := filepath.Join(dir, "glewlwyd.db")
	if out, err := exec.Command("sqlite3", "-batch", database, ".read "+schema, properties).CombinedOutput(); err != nil {
		t.Fatalf("sqlite3: %v\n%s", err, out)
	}
	address := interop.FreeAddress(t)
	config := filepath.Join(dir, "glewlwyd.conf")
	if err := os.WriteFile(config, []byte(settings(address, database, pages(t))), 0o600); err != nil {
		t.Fatal(err)
	}

	s := &Server{Base: "http://" + address, Version: version}
	s.process = interop.Start(t, interop.Lifeline("glewlwyd", "--config-file="+config))
	interop.AwaitReady(t, s.process, s.Base+"/config", 15*time.Second)
	// The administrator of every fresh database.
	s.admin = interop.NewPerson(t, "admin", "password", s.Base)
	s.signIn(t, s.admin)
	return s
}

// installed gives the version of the package's program.
func installed(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("glewlwyd", "--version").Output()
	if err != nil {
		interop.Unavailable(t, "glewlwyd is not installed (apt-get install glewlwyd sqlite3): %v", err)
	}
	if _, err := exec.LookPath("sqlite3"); err != nil {
		interop.Unavailable(t, "glewlwyd needs the program sqlite3: %v", err)
	}
	for _, path := range []string{schema, webapp, modules} {
		if _, err := os.Stat(path); err != nil {
			interop.Unavailable(t, "glewlwyd is not as Debian installs it: %v", err)
		}
	}
	return strings.TrimSpace(string(out))
}

func settings(address, database, pages string) string {
	u := url.URL{Scheme: "http", Host: address}
	return fmt.Sprintf(`
port = %s
bind_address = %q
external_url = "http://%s"
login_url = "login.html"
api_prefix = "api"
static_files_path = %q
static_files_mime_types = (
  { extension = ".html"; mime_type = "text/html"; },
  { extension = ".js"; mime_type = "text/javascript"; },
  { extension = ".json"; mime_type = "application/json"; }
)
log_mode = "console"
log_level = "WARNING"
cookie_secure = 0
session_expiration = 3600
session_key = "GLEWLWYD2_SESSION_ID"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "%[5]suser"
client_module_path = "%[5]sclient"
user_auth_scheme_module_path = "%[5]sscheme"
plugin_module_path = "%[5]splugin"
hash_algorithm = "SHA256"
database = { type = "sqlite3"; path = %[6]q; };
`, u.Port(), u.Hostname(), address, pages, modules, database)
}
