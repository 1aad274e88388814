package interop

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Cached gives the folder of what install put into the folder it was given: from the user's cache when it was installed
// before under this name and from the same content, which is what decides it (a lockfile, a version).
func Cached(t testing.TB, name, content string, install func(dir string)) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(content))
	parent := filepath.Join(cache, "relyingparty-oidc-interop")
	final := filepath.Join(parent, name+"-"+hex.EncodeToString(digest[:8]))
	if _, err := os.Stat(final); err == nil {
		return final
	}

	// Installed beside its place and moved there whole: a run that dies half way leaves nothing that looks installed.
	if err := os.MkdirAll(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	work, err := os.MkdirTemp(parent, "installing-") //nolint:usetesting // a rename needs the same file system
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(work)
	install(work)
	if err := os.Rename(work, final); err != nil {
		if _, other := os.Stat(final); other != nil { // else another run was first
			t.Fatal(err)
		}
	}
	return final
}

// WriteAll puts every file of files into dir.
func WriteAll(t testing.TB, dir string, files fs.FS) {
	t.Helper()
	if err := os.CopyFS(dir, files); err != nil {
		t.Fatal(err)
	}
}

// Unavailable skips a test whose server cannot be had here; INTEROP_REQUIRE=1 makes that a failure.
func Unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("INTEROP_REQUIRE") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
