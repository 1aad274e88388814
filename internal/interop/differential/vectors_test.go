package differential

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/keyset"
)

// TestVectorsWycheproof runs Project Wycheproof's vectors of JWS and JWK, which say what a verifier must make of each
// token. Asymmetric keys are published as a key set; a single HMAC key is a client's secret.
func TestVectorsWycheproof(t *testing.T) {
	dir := wycheproof(t)
	for _, file := range []struct {
		name  string
		tests int
	}{{"json_web_signature", 401}, {"json_web_key", 26}, {"json_web_crypto", 83}} {
		t.Run(file.name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(dir, "testvectors_v1", file.name+"_test.json"))
			check.NoError(t, err)
			var doc struct{ TestGroups []*vectorGroup }
			check.NoError(t, json.Unmarshal(raw, &doc))
			seen := 0
			for _, g := range doc.TestGroups {
				verify := g.verifier()
				for _, v := range g.Tests {
					seen++
					v.group = g
					v.ours = verify(t.Context(), v.token())
					if objection := vectorBook.record(v, v.ours, v.want()); objection != "" {
						t.Errorf("%s %s, test %d %s: %s\n  %s", file.name, g.Comment, v.ID, v.Comment, objection, v.token())
					}
				}
			}
			check.Equal(t, seen, file.tests, "vectors")
		})
	}
	vectorBook.close(t, !interop.Partial())
}

// wycheproof is the folder of the module's files; it is downloaded if need be, in the version that go.mod names.
func wycheproof(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/c2sp/wycheproof").Output()
	var module struct{ Dir, Error string }
	if errors.Join(err, json.Unmarshal(out, &module)) != nil || module.Dir == "" {
		interop.Unavailable(t, "the module of the vectors cannot be had: %v %s", err, module.Error)
	}
	return module.Dir
}

// vectorGroup is a number of vectors for one key, or one set of keys.
type vectorGroup struct {
	Comment         string
	Public, Private json.RawMessage
	Tests           []*vector
}

type vector struct {
	ID       int `json:"tcId"`
	Comment  string
	Result   string // valid or invalid
	JWS, JWE json.RawMessage
	group    *vectorGroup
	ours     error
}

var errWycheproof = errors.New("it is marked as invalid")

func (v *vector) want() error {
	if v.Result == "invalid" {
		return errWycheproof
	}
	return nil
}

// token is what is presented: in JSON serialisation, the text of that.
func (v *vector) token() string {
	raw := slices.Concat(v.JWS, v.JWE)
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	return text
}

// verifier is how this module would verify with the group's key.
func (g *vectorGroup) verifier() func(ctx context.Context, token string) error {
	var secret struct{ Kty, Alg, K string }
	_ = json.Unmarshal(g.Private, &secret)
	if secret.Kty == "oct" && secret.Alg == "HS256" {
		key, err := base64.RawURLEncoding.DecodeString(secret.K)
		return func(_ context.Context, token string) error {
			t, parseErr := jws.Parse(token, jws.Options{Algs: []string{"HS256"}})
			if err := errors.Join(err, parseErr); err != nil {
				return err
			}
			return t.VerifyHMAC(key)
		}
	}
	keys := g.Public
	if keys == nil {
		keys = g.Private
	}
	if !strings.Contains(string(keys), `"keys"`) {
		keys = fmt.Appendf(nil, `{"keys":[%s]}`, keys)
	}
	source := keyset.New(keyset.Config{
		URL:        func(context.Context) (string, error) { return "https://id.example.test/jwks", nil },
		HTTPClient: &http.Client{Transport: &served{body: string(keys)}},
	})
	return func(ctx context.Context, token string) error {
		t, err := jws.Parse(token, jws.Options{})
		if err == nil {
			_, err = source.Verify(ctx, t)
		}
		return err
	}
}

// vectorBook lists where we see things otherwise than the vectors.
var vectorBook = ledger[*vector]{
	them: "the vectors",
	stricter: []rule[*vector]{
		{"empty payload", "no part is empty: a token without claims is none", func(v *vector) bool {
			return v.refused(jws.Malformed) && strings.Contains(v.token(), "..")
		}},
		{"symmetric key sets", "a published symmetric key is no key; HMAC is for ID tokens and the client's own secret", func(v *vector) bool {
			return v.refused(jws.AlgNotAllowed) && strings.Contains(string(v.group.Private), `"oct"`) && v.group.Public == nil
		}},
		{"ES521", "there is no such alg (RFC 7518 section 3.4 has ES512): the JWKs of these vectors misspell it", func(v *vector) bool {
			return v.ours != nil && strings.Contains(string(v.group.Public), `"ES521"`)
		}},
		{"alg of the JWK", "RFC 7520's figure 20 is PS384, and the JWK beside it says PS256: a key is used with its own alg", func(v *vector) bool {
			return errors.Is(v.ours, keyset.ErrKeyUnknown) && v.Comment == "Figure20"
		}},
		{"not base64url", "marked valid with a ? in the text", func(v *vector) bool { return v.refused(jws.Malformed) && strings.Contains(v.token(), "?") }},
		{"JWE", "an encrypted token is no JWS", func(v *vector) bool { return v.refused(jws.Malformed) && v.JWE != nil }},
	},
	looser: []rule[*vector]{
		{"ROCA", "that the primes of a key were chosen badly (CVE-2017-15361) is not looked for, nor is it by crypto/rsa, jwx and go-jose", func(v *vector) bool {
			return strings.Contains(v.Comment, "Roca")
		}},
		{"twins", "marked invalid for its padding, of which nothing is left: another vector has the same text and is marked valid", func(v *vector) bool {
			return slices.ContainsFunc(v.group.Tests, func(other *vector) bool { return other.Result == "valid" && other.token() == v.token() })
		}},
	},
}

func (v *vector) refused(reason jws.Reason) bool {
	e, ok := errors.AsType[*jws.Error](v.ours)
	return ok && e.Reason == reason
}
