package keycloak

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/relyingparty/oidc/internal/interop"
)

const (
	version = "26.4.7"
	digest  = "dd9834c023460be856f731423d86228c23b5d002194a2064642bec0cc6573eaa" // SHA-256 of the zip
	minJava = 17

	database = "keycloakdb.mv.db" // of dev-file, below data/h2
)

//go:embed realm.json.tmpl
var realmTemplate string

// install gives the folder of a Keycloak that was built for its embedded database, from the cache or from Maven Central.
// Nothing may be written to it: runs share it.
func install(t testing.TB) string {
	t.Helper()
	needJava(t)
	return interop.Cached(t, "keycloak", version+" "+digest+" dev-file", func(dir string) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		mvn := exec.CommandContext(ctx, "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
			"-Dartifact=org.keycloak:keycloak-quarkus-dist:"+version+":zip", "-DoutputDirectory="+dir)
		mvn.WaitDelay = 10 * time.Second
		if out, err := mvn.CombinedOutput(); err != nil {
			interop.Unavailable(t, "mvn of Keycloak %s: %v\n%s", version, err, out)
		}
		archive := filepath.Join(dir, "keycloak-quarkus-dist-"+version+".zip")
		checkDigest(t, archive)
		unzip(t, archive, dir, "keycloak-"+version+"/")
		if err := os.Remove(archive); err != nil {
			t.Fatal(err)
		}
		build := java(dir, "build", "--db=dev-file")
		stdin, err := build.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building Keycloak: %v\n%s", err, out)
		}
	})
}

// realmFields are what the realm file is executed with.
type realmFields struct {
	Name, Other, Callback, Secret string
	RotateRefreshTokens           bool
}

// realms gives the folder of a database that holds both: importing them takes longer than starting.
func realms(t testing.TB, dist string) string {
	t.Helper()
	files := map[string][]byte{}
	content := bytes.NewBufferString(filepath.Base(dist))
	for _, r := range []realmFields{{Name: Acme, Other: Globex}, {Name: Globex, Other: Acme, RotateRefreshTokens: true}} {
		r.Callback, r.Secret = interop.Callback, interop.OddSecret
		var b bytes.Buffer
		if err := template.Must(template.New("realm").Parse(realmTemplate)).Execute(&b, r); err != nil {
			t.Fatal(err)
		}
		files[r.Name+".json"] = b.Bytes()
		content.Write(b.Bytes())
	}
	return interop.Cached(t, "keycloak-realms", content.String(), func(dir string) {
		home := homeOf(t, dist)
		imports := filepath.Join(home, "data", "import")
		if err := os.MkdirAll(imports, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, file := range files {
			if err := os.WriteFile(filepath.Join(imports, name), file, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := run(t, home, "--import-realm")
		// Only a server that was asked to end leaves its database whole.
		if s.process.End(30*time.Second) == -1 {
			t.Fatalf("Keycloak did not end:\n%s", s.process.Log())
		}
		if err := os.Rename(filepath.Join(home, "data", "h2", database), filepath.Join(dir, database)); err != nil {
			t.Fatal(err)
		}
	})
}

// homeOf is a folder that a server may write to, with the installed one's parts.
func homeOf(t testing.TB, dist string) string {
	t.Helper()
	home := t.TempDir()
	for _, part := range []string{"conf", "lib", "providers", "themes"} {
		if err := os.Symlink(filepath.Join(dist, part), filepath.Join(home, part)); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// java is Keycloak's command as its kc.sh starts it, with a small heap and the compiler that is fast to start.
func java(home string, args ...string) *exec.Cmd {
	return interop.Lifeline("java", append([]string{
		"-Xms64m", "-Xmx512m", "-XX:MaxMetaspaceSize=256m", "-XX:+ExitOnOutOfMemoryError", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dfile.encoding=UTF-8", "-Duser.language=en", "-Duser.country=US",
		"--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
		"--add-opens=java.base/java.security=ALL-UNNAMED",
		"-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
		"-Djava.util.logging.manager=org.jboss.logmanager.LogManager", "-Dquarkus.log.console.stderr=true",
		"-Dpicocli.disable.closures=true", "-Dkc.home.dir=" + home, "-Djboss.server.config.dir=" + filepath.Join(home, "conf"),
		"-cp", filepath.Join(home, "lib", "quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
	}, args...)...)
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

func needJava(t testing.TB) {
	t.Helper()
	for _, program := range []string{"java", "mvn", "sh"} {
		if _, err := exec.LookPath(program); err != nil {
			interop.Unavailable(t, "Keycloak needs Java %d or newer, Maven and a shell: %v", minJava, err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "java", "-version").CombinedOutput()
	if err != nil {
		interop.Unavailable(t, "Keycloak needs Java %d or newer: java -version: %v", minJava, err)
	}
	found := javaVersion.FindSubmatch(out)
	if found == nil {
		interop.Unavailable(t, "Keycloak needs Java %d or newer, here is %s", minJava, out)
	}
	if major, err := strconv.Atoi(string(found[1])); err != nil || major < minJava {
		interop.Unavailable(t, "Keycloak needs Java %d or newer, here is %s", minJava, found[1])
	}
}

func checkDigest(t testing.TB, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != digest {
		t.Fatalf("the zip of Keycloak %s has the SHA-256 %s, want %s", version, got, digest)
	}
}

// unzip writes what is below prefix in the archive into dir, and nothing outside of it.
func unzip(t testing.TB, archive, dir, prefix string) {
	t.Helper()
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, entry := range z.File {
		name, ok := strings.CutPrefix(entry.Name, prefix)
		if !ok || name == "" {
			continue
		}
		if entry.FileInfo().IsDir() {
			err = root.MkdirAll(strings.TrimSuffix(name, "/"), 0o700)
		} else {
			err = extract(root, name, entry)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func extract(root *os.Root, name string, entry *zip.File) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	in, err := entry.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(out, in, int64(entry.UncompressedSize64))
	if closing := out.Close(); err == nil {
		err = closing
	}
	return err
}

func port(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
