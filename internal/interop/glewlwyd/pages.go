package glewlwyd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

// pages gives a folder with the login page as Debian means it to be served. The package's own has links to other packages,
// which the server does not follow.
func pages(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, source := range map[string]string{
		"config.json":      "/etc/glewlwyd/config-2.7.json/config.json",
		"js/jquery.min.js": "/usr/share/javascript/jquery/jquery.min.js",
		"login.html":       webapp + "login.html", "login.js": webapp + "login.js",
		"callback.html": webapp + "callback.html", "callback.js": webapp + "callback.js",
		"locales/en/translations.json": webapp + "locales/en/translations.json",
	} {
		content, err := os.ReadFile(source)
		check.NoError(t, err)
		check.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		check.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return dir + "/"
}
