package env_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/examples/internal/env"
	"github.com/relyingparty/oidc/internal/check"
)

func reader(vars map[string]string) *env.Reader {
	return env.From(func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{
		"NAME": "value", "EMPTY": "", "LIST": " a  b ", "ON": "1", "OFF": "0", "SKEW": "30s", "MODE": "jwt",
	})
	check.Equal(t, r.Get("NAME", "other"), "value", "set")
	check.Equal(t, r.Get("EMPTY", "other"), "other", "empty")
	check.DeepEqual(t, r.List("LIST"), []string{"a", "b"}, "list")
	check.DeepEqual(t, r.List("EMPTY"), []string{}, "set but empty list")
	check.DeepEqual(t, r.List("UNSET"), nil, "unset list")
	check.True(t, r.Flag("ON") && !r.Flag("OFF") && !r.Flag("UNSET"), "flags")
	check.Equal(t, r.Duration("SKEW"), 30*time.Second, "duration")
	check.Equal(t, r.OneOf("MODE", "auto", "jwt"), "jwt", "one of")
	check.Equal(t, r.OneOf("UNSET", "auto", "jwt"), "auto", "default of one of")
	check.NoError(t, r.Err())
}

func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{"FLAG": "yes", "SKEW": "soon", "MODE": "magic", "OIDC_ASSERTION_KEY_FILE": "does/not/exist"})
	r.Flag("FLAG")
	r.Duration("SKEW")
	r.OneOf("MODE", "auto", "jwt")
	r.Require("OIDC_CLIENT_ID", "the id")
	r.Provider()
	check.Contains(t, r.Err().Error(), "FLAG", "SKEW", "MODE", "OIDC_CLIENT_ID", "OIDC_ASSERTION_KEY_FILE", "OIDC_DISCOVERY_URL")
}

func TestAssertionKeyFile(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	check.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	check.NoError(t, err)
	for name, test := range map[string]struct {
		content []byte
		want    string // "" = accepted
	}{
		"PKCS#8":      {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), ""},
		"another PEM": {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}), "PKCS#8"},
		"no PEM":      {[]byte("hunter2"), "PKCS#8"},
		"no key":      {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2")}), "no PKCS#8 key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "key.pem")
			check.NoError(t, os.WriteFile(path, test.content, 0o600))
			r := reader(map[string]string{"OIDC_DISCOVERY_URL": "https://id.example.com", "OIDC_ASSERTION_KEY_FILE": path})
			p := r.Provider()
			if test.want == "" {
				check.NoError(t, r.Err())
				check.True(t, key.Public().(ed25519.PublicKey).Equal(p.Auth.(oidc.PrivateKeyJWT).Key.Public()), "another key")
				return
			}
			check.Contains(t, r.Err().Error(), "OIDC_ASSERTION_KEY_FILE", test.want)
			check.Lacks(t, r.Err().Error(), "hunter2")
		})
	}
}
