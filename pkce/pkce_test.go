package pkce_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/pkce"
)

// The example of RFC 7636 appendix B.
const (
	rfcVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	rfcChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestRFC7636AppendixB(t *testing.T) {
	t.Parallel()
	v, err := pkce.Parse(rfcVerifier)
	check.NoError(t, err)
	check.Equal(t, v.Secret(), rfcVerifier, "verifier")
	check.Equal(t, v.Challenge(), rfcChallenge, "challenge")
	check.True(t, pkce.Verify(rfcChallenge, rfcVerifier), "does not verify")
	check.Equal(t, pkce.Method, "S256", "method")
}

func TestNew(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		v := pkce.New()
		check.Equal(t, len(v.Secret()), 43, "length")
		check.Equal(t, len(v.Challenge()), 43, "length of the challenge")
		check.True(t, !seen[v.Secret()], "the same verifier twice")
		seen[v.Secret()] = true
		same, err := pkce.Parse(v.Secret())
		check.NoError(t, err)
		check.Equal(t, same.Challenge(), v.Challenge(), "challenge")
		check.True(t, pkce.Verify(v.Challenge(), v.Secret()), "does not verify")
	}
}

// TestNewIsRandomThroughout: each of the 32 bytes changes from one verifier to
// another. One that never does has not been drawn, which 100 verifiers show by
// chance once in 2^795.
func TestNewIsRandomThroughout(t *testing.T) {
	t.Parallel()
	first, err := base64.RawURLEncoding.DecodeString(pkce.New().Secret())
	check.NoError(t, err)
	check.Equal(t, len(first), 32, "bytes")
	changed := make([]bool, len(first))
	for range 100 {
		other, err := base64.RawURLEncoding.DecodeString(pkce.New().Secret())
		check.NoError(t, err)
		for i := range changed {
			changed[i] = changed[i] || other[i] != first[i]
		}
	}
	for i, ok := range changed {
		check.True(t, ok, "byte %d is the same in every verifier", i)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, good := range []string{strings.Repeat("a", 43), strings.Repeat("~", 128), strings.Repeat("-._~aZ09", 6)} {
		v, err := pkce.Parse(good)
		check.NoError(t, err)
		check.Equal(t, v.Secret(), good, "verifier")
	}
	for _, bad := range []string{
		"", strings.Repeat("a", 42), strings.Repeat("a", 129), strings.Repeat("a", 42) + "=", strings.Repeat("a", 42) + " ", strings.Repeat("a", 42) + "+",
		strings.Repeat("a", 42) + "/", strings.Repeat("a", 42) + "\n", strings.Repeat("a", 42) + "\x00", strings.Repeat("é", 30), strings.Repeat("a", 1<<20),
	} {
		v, err := pkce.Parse(bad)
		check.Error(t, err, pkce.ErrVerifier)
		check.Equal(t, v.Secret()+v.Challenge(), "", "verifier")
		if len(bad) > 2 {
			check.Lacks(t, err.Error(), bad)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	other := pkce.New()
	for name, test := range map[string][2]string{
		"another verifier":     {rfcChallenge, other.Secret()},
		"another challenge":    {other.Challenge(), rfcVerifier},
		"plain":                {rfcVerifier, rfcVerifier},
		"empty challenge":      {"", rfcVerifier},
		"empty verifier":       {rfcChallenge, ""},
		"both empty":           {"", ""},
		"padded challenge":     {rfcChallenge + "=", rfcVerifier},
		"cut challenge":        {rfcChallenge[:42], rfcVerifier},
		"challenge in capital": {strings.ToUpper(rfcChallenge), rfcVerifier},
	} {
		check.True(t, !pkce.Verify(test[0], test[1]), "%s verifies", name)
	}
	for _, malformed := range []string{"", "short", strings.Repeat("a", 129), strings.Repeat(" ", 43)} {
		sum := sha256.Sum256([]byte(malformed))
		check.True(t, !pkce.Verify(base64.RawURLEncoding.EncodeToString(sum[:]), malformed), "%q verifies", malformed)
	}
}

func TestZeroVerifier(t *testing.T) {
	t.Parallel()
	var v pkce.Verifier
	check.Equal(t, v.Secret(), "", "verifier")
	check.Equal(t, v.Challenge(), "", "challenge")
	check.Equal(t, fmt.Sprint(v), "[redacted]", "text")
}

func TestVerifierDoesNotPrint(t *testing.T) {
	t.Parallel()
	v, err := pkce.Parse(rfcVerifier)
	check.NoError(t, err)
	hidden := struct {
		v pkce.Verifier
		p *pkce.Verifier
	}{v, &v}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		check.Equal(t, fmt.Sprintf(verb, v)+fmt.Sprintf(verb, &v), "[redacted][redacted]", verb)
		check.Lacks(t, fmt.Sprintf(verb, hidden), rfcVerifier, fmt.Sprintf("%x", rfcVerifier), "100 66 106")
	}
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v, "p", &v, "in", struct{ V pkce.Verifier }{v}, "hidden", hidden)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v, "p", &v, "in", struct{ V pkce.Verifier }{v}, "hidden", hidden)
	marshalled, err := json.Marshal(map[string]any{"v": v, "p": &v, "hidden": hidden})
	check.NoError(t, err)
	b.Write(marshalled)
	check.Contains(t, b.String(), "[redacted]")
	check.Lacks(t, b.String(), rfcVerifier)
}

// FuzzParse: what is accepted has the form of RFC 7636 section 4.1 and verifies against its own challenge only.
func FuzzParse(f *testing.F) {
	f.Add(rfcVerifier)
	f.Add(strings.Repeat("~", 128))
	f.Add(strings.Repeat("a", 42) + "\n")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := pkce.Parse(s)
		unreserved := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") == ""
		check.Equal(t, err == nil, unreserved && len(s) >= 43 && len(s) <= 128, "accepted")
		if err != nil {
			check.Error(t, err, pkce.ErrVerifier)
			check.True(t, !pkce.Verify(rfcChallenge, s), "verifies")
			return
		}
		check.Equal(t, v.Secret(), s, "verifier")
		check.True(t, pkce.Verify(v.Challenge(), s), "does not verify")
		check.Equal(t, pkce.Verify(rfcChallenge, s), s == rfcVerifier, "verifies")
	})
}
