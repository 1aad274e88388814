package seal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/seal"
)

func newKey() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return b
}

func ring(t testing.TB, keys ...[]byte) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(keys...)
	check.NoError(t, err)
	return r
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	r := ring(t, newKey())
	for _, plain := range [][]byte{nil, {}, []byte("a"), bytes.Repeat([]byte("a"), 100_000)} {
		for _, purpose := range []string{"", "cookie", strings.Repeat("p", 1000), "\x00"} {
			sealed := r.Seal(purpose, plain)
			check.Equal(t, len(sealed), 1+12+len(plain)+16, "size")
			got, err := r.Open(purpose, sealed)
			check.NoError(t, err)
			check.True(t, bytes.Equal(got, plain), "opened to something else")
			check.True(t, !bytes.Contains(sealed, []byte("aaaa")), "the text shows")
			got, err = r.OpenString(purpose, r.SealString(purpose, plain))
			check.NoError(t, err)
			check.True(t, bytes.Equal(got, plain), "opened to something else")
		}
	}
	check.True(t, !bytes.Equal(r.Seal("a", nil), r.Seal("a", nil)), "sealed twice to the same")
}

func TestSealLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	key, plain := newKey(), []byte("plain")
	r := ring(t, key)
	sealed := r.Seal("a", plain)
	check.Equal(t, string(plain), "plain", "input")
	before := bytes.Clone(sealed)
	clear(key) // the ring keeps no key of the caller's
	_, err := r.Open("a", sealed)
	check.NoError(t, err)
	check.True(t, bytes.Equal(sealed, before), "the sealed text was changed")
}

func TestRotation(t *testing.T) {
	t.Parallel()
	old, current := newKey(), newKey()
	sealed := ring(t, old).Seal("a", []byte("x"))
	rotated := ring(t, current, old)
	_, err := rotated.Open("a", sealed)
	check.NoError(t, err)
	_, err = ring(t, old).Open("a", rotated.Seal("a", []byte("x")))
	check.Error(t, err, seal.ErrOpen)
	_, err = ring(t, current).Open("a", rotated.Seal("a", []byte("x")))
	check.NoError(t, err)
	_, err = ring(t, current).Open("a", sealed)
	check.Error(t, err, seal.ErrOpen)
}

// TestFormat: what an earlier version sealed must open. The text was made once,
// so a change of the key's derivation, the label or the layout shows here.
func TestFormat(t *testing.T) {
	t.Parallel()
	plain, err := ring(t, bytes.Repeat([]byte{0x2a}, 32)).OpenString("a purpose", "Adua8vl8UhvGj5ApznY5Al5wFAtFMRQkNjKGVryD2_pQH80")
	check.NoError(t, err)
	check.Equal(t, string(plain), "a text", "text")
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	r := ring(t, newKey(), newKey())
	good := r.Seal("a", []byte("text"))
	for _, purpose := range []string{"b", "", "A", "a\x00", "aa"} {
		_, err := r.Open(purpose, good)
		check.Equal(t, err, seal.ErrOpen, purpose)
	}
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			plain, err := r.Open("a", bad)
			check.Equal(t, err, seal.ErrOpen, "a changed byte")
			check.True(t, plain == nil, "byte %d changed: a text came back", i)
		}
		_, err := r.Open("a", good[:i])
		check.Equal(t, err, seal.ErrOpen, "a cut text")
	}
	for _, bad := range [][]byte{nil, {1}, append(bytes.Clone(good), 0), make([]byte, 29), make([]byte, 2<<20), r.Seal("a", make([]byte, 1<<20))} {
		_, err := r.Open("a", bad)
		check.Equal(t, err, seal.ErrOpen, fmt.Sprint(len(bad), " bytes"))
	}
	text := r.SealString("a", []byte("text"))
	for _, bad := range []string{"", "a", text + "=", text + "\n", text + "\r", text[:4] + "\r" + text[4:], text[:4] + "\r\n" + text[4:], " " + text, text + "A", "!" + text[1:], strings.Repeat("A", 4<<20)} {
		_, err := r.OpenString("a", bad)
		check.Equal(t, err, seal.ErrOpen, fmt.Sprintf("%.20q", bad))
	}
}

// TestRefusesTrailingBits: one sealed text has one spelling.
func TestRefusesTrailingBits(t *testing.T) {
	t.Parallel()
	r := ring(t, newKey())
	text := r.SealString("a", []byte("four")) // 33 bytes, a multiple of three
	_, err := r.OpenString("a", text)
	check.NoError(t, err)
	text = r.SealString("a", []byte("three")) // 34 bytes: the last character has four bits to spare
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, text[len(text)-1])
	_, err = r.OpenString("a", text[:len(text)-1]+string(alphabet[last+1]))
	check.Error(t, err, seal.ErrOpen)
}

func TestNewRingRefuses(t *testing.T) {
	t.Parallel()
	key := newKey()
	tooMany := make([][]byte, 17)
	for i := range tooMany {
		tooMany[i] = newKey()
	}
	for name, test := range map[string]struct {
		keys [][]byte
		want []string
	}{
		"none":      {nil, []string{"at least one key"}},
		"too many":  {tooMany, []string{"17 keys"}},
		"nil":       {[][]byte{nil}, []string{"key 1 has 0 bytes"}},
		"short":     {[][]byte{key[:31]}, []string{"key 1 has 31 bytes"}},
		"long":      {[][]byte{append(bytes.Clone(key), 1)}, []string{"key 1 has 33 bytes"}},
		"zeros":     {[][]byte{make([]byte, 32)}, []string{"key 1 is all zeros"}},
		"duplicate": {[][]byte{key, newKey(), key}, []string{"key 3 is key 1 again"}},
		"all":       {[][]byte{key[:3], make([]byte, 32), key, key}, []string{"key 1 has 3", "key 2 is all zeros", "key 4 is key 3 again"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := seal.NewRing(test.keys...)
			check.True(t, r == nil && err != nil, "accepted")
			check.Contains(t, err.Error(), test.want...)
		})
	}
	ring(t, tooMany[:16]...)
}

func TestRingDoesNotPrint(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdefghijklmnopqrstuv")
	r := ring(t, key)
	leaks := []string{string(key), fmt.Sprintf("%x", key), "48 49 50 51", "func", "0x"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		check.Equal(t, fmt.Sprintf(verb, r)+fmt.Sprintf(verb, *r), "[redacted][redacted]", verb)
		// fmt skips the methods of unexported fields: a pointer or an address shows there, but no key.
		inside := fmt.Sprintf(verb, struct{ r seal.Ring }{*r}) + fmt.Sprintf(verb, struct{ r *seal.Ring }{r})
		check.Lacks(t, inside, leaks[:3]...)
	}
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "ring", r, "value", *r, "in", struct{ R *seal.Ring }{r})
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "ring", r, "value", *r, "in", struct{ R *seal.Ring }{r})
	marshalled, err := json.Marshal(map[string]any{"ring": r, "value": *r})
	check.NoError(t, err)
	check.Equal(t, string(marshalled), `{"ring":"[redacted]","value":"[redacted]"}`, "json")
	check.Contains(t, b.String(), "[redacted]")
	check.Lacks(t, b.String(), leaks...)
}

// FuzzOpen: nothing that was not sealed opens, and what is sealed opens under its purpose only.
func FuzzOpen(f *testing.F) {
	key := bytes.Repeat([]byte("k"), 32)
	r := ring(f, key, bytes.Repeat([]byte("o"), 32))
	f.Add("a", []byte{})
	f.Add("cookie", []byte("text"))
	f.Add("cookie", append([]byte{1}, make([]byte, 28)...))
	f.Fuzz(func(t *testing.T, purpose string, b []byte) {
		if _, err := r.Open(purpose, b); err != nil {
			check.Equal(t, err, seal.ErrOpen, "error")
		} else {
			t.Fatal("opened what was not sealed")
		}
		_, err := r.OpenString(purpose, string(b))
		check.Equal(t, err, seal.ErrOpen, "error")
		sealed := r.SealString(purpose, b)
		plain, err := r.OpenString(purpose, sealed)
		check.NoError(t, err)
		check.True(t, bytes.Equal(plain, b), "opened to something else")
		_, err = r.OpenString(purpose+"x", sealed)
		check.Error(t, err, seal.ErrOpen)
	})
}

func BenchmarkSealOpen(b *testing.B) {
	r := ring(b, newKey())
	plain := make([]byte, 2000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.OpenString("session", r.SealString("session", plain)); err != nil {
			b.Fatal(err)
		}
	}
}
