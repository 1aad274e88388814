package client

import (
	"net/url"
	"strings"
	"testing"
)

var returnTos = []struct {
	raw  string
	safe bool
}{
	{"/", true}, {"/a", true}, {"/a/b/", true}, {"/a?b=c&d=//e", true}, {"/a?next=https://other.example.test", true}, {"/a#b", true},
	{"/caf%C3%A9", true}, {"/a%20b", true}, {"/a%2Fb", true}, {"/a?q=%0A", true}, {"/a//b", true}, {"/a..b/.c/d.", true}, {"/:80", true}, {"/@host", true},
	{"/100%25", true}, {"/" + strings.Repeat("x", maxReturnTo-1), true},

	{"", false}, {"a", false}, {"?a=b", false}, {"#a", false}, {".", false}, {"./a", false}, {"../a", false}, {" /a", false}, {"/a b", false},
	{"//evil.example.test", false}, {"///evil.example.test", false}, {"////evil.example.test", false}, {"//evil.example.test/%2f..", false},
	{`/\evil.example.test`, false}, {`\/evil.example.test`, false}, {`\\evil.example.test`, false}, {`/a\b`, false}, {`/a?b=\c`, false}, {`/a#\b`, false}, {`/\/evil.example.test`, false},
	{"/%2Fevil.example.test", false}, {"/%2fevil.example.test", false}, {"/%5Cevil.example.test", false}, {"/%5cevil.example.test", false},
	{"%2F%2Fevil.example.test", false}, {"/%252Fevil.example.test", false}, {"/%25252Fevil.example.test", false}, {"/%255Cevil", false},
	{"/..//evil.example.test", false}, {"/.//evil.example.test", false}, {"/a/..//evil.example.test", false}, {"/a/../../b", false}, {"/%2e%2e//evil", false},
	{"/%2e/%2e", false}, {"/.%2e/a", false}, {"/a/.", false}, {"/..", false}, {"/..%2Fa", false}, {"/%252e%252e/a", false},
	{"/\t/evil.example.test", false}, {"/\n/evil.example.test", false}, {"\t//evil", false}, {"/\r\nLocation: //evil", false}, {"/a\x00b", false}, {"/a\x7fb", false},
	{"/%09/evil.example.test", false}, {"/%0d%0aSet-Cookie:x=y", false}, {"/%00", false}, {"/a%7F", false}, {"/%2509/evil", false},
	{"https://evil.example.test", false}, {"HTTPS://evil.example.test", false}, {"https:evil.example.test", false}, {"https:/evil.example.test", false},
	{"http:///evil.example.test", false}, {"javascript:alert(1)", false}, {"data:text/html,x", false}, {"//user@evil.example.test", false}, {"mailto:a@b", false},
	{"/é", false}, {"/a\u2028b", false}, {"/\u3000/evil", false}, {"/\uff0fevil", false}, {"/a\xff", false}, {"/%", false}, {"/%zz", false}, {"/%2", false},
	{"/" + strings.Repeat("x", maxReturnTo), false},
}

func TestSafeReturnTo(t *testing.T) {
	t.Parallel()
	for _, tt := range returnTos {
		if got := safeReturnTo(tt.raw); got != tt.safe {
			t.Errorf("safeReturnTo(%q) = %v", tt.raw, got)
		}
	}
}

// Whatever is accepted, a browser resolves to the origin it came from, before and after a proxy has decoded it.
func FuzzSafeReturnTo(f *testing.F) {
	for _, tt := range returnTos {
		f.Add(tt.raw)
	}
	base, _ := url.Parse("https://app.example.test/auth/callback")
	f.Fuzz(func(t *testing.T, raw string) {
		for range 4 {
			if !safeReturnTo(raw) {
				return
			}
			// As the URL standard has it for https: tabs and line ends vanish, a backslash is a slash.
			browser := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(raw)
			to, err := base.Parse(browser)
			if err != nil || to.Scheme != "https" || to.Host != base.Host || to.User != nil {
				t.Fatalf("%q leads to %v (%v)", raw, to, err)
			}
			path, _, _ := strings.Cut(raw, "?")
			decoded, err := url.PathUnescape(path)
			if err != nil {
				t.Fatalf("%q does not decode", raw)
			}
			raw = decoded
		}
	})
}
