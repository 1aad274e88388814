package remote_test

import (
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/remote"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	tests := []struct {
		raw   string
		wrong string // "" = fine; "http" = fine with allowHTTP only
	}{
		{"https://id.example.com", ""},
		{"https://id.example.com/realms/acme?x=y", ""},
		{"HTTPS://ID.example.com:8443/", ""},
		{"https://[2001:db8::1]/", ""},
		{"http://localhost:8080/", ""},
		{"http://LOCALHOST/", ""},
		{"http://127.0.0.1/", ""},
		{"http://127.8.9.1:65535/", ""},
		{"http://[::1]:9000/", ""},
		{"http://id.example.com/", "http"},
		{"http://localhost.example.com/", "http"},
		{"http://127.0.0.1.example.com/", "http"},
		{"http://0.0.0.0/", "http"},
		{"http://10.0.0.1/", "http"},
		{"http://[::ffff:127.0.0.1]/", "http"},
		{"http://[::1%25eth0]/", "http"},
		{"http://2130706433/", "http"},
		{"", "empty"},
		{"id.example.com", "not an absolute https URL"},
		{"/realms/acme", "not an absolute https URL"},
		{"//id.example.com/", "not an absolute https URL"},
		{"file:///etc/passwd", "not an absolute https URL"},
		{"javascript:alert(1)", "not an absolute https URL"},
		{"https:id.example.com", "no host"},
		{"https:///path", "no host"},
		{"https://:443/", "no host"},
		{"https://user@id.example.com/", "user information"},
		{"https://user:hunter2@id.example.com/", "user information"},
		{"https://user:hunter2@id.example.com:port/", "not a URL"},
		{"https://id.example.com/#", "fragment"},
		{"https://id.example.com/#part", "fragment"},
		{"https://id.example.com:0/", "port"},
		{"https://id.example.com:65536/", "port"},
		{" https://id.example.com/", "space"},
		{"https://id.example.com/ ", "space"},
		{"https://id.example.com/\n", "control"},
		{"https://id.example.com\\@evil.example/", "backslash"},
		{"https://id.example.com/%zz", "not a URL"},
	}
	for _, test := range tests {
		for _, allow := range []bool{false, true} {
			err := remote.CheckURL(test.raw, allow)
			switch {
			case test.wrong == "" || test.wrong == "http" && allow:
				check.True(t, err == nil, "%q (allow %v): %v", test.raw, allow, err)
			case err == nil:
				t.Errorf("%q (allow %v): no error", test.raw, allow)
			default:
				check.Contains(t, err.Error(), test.wrong)
				check.Lacks(t, err.Error(), "hunter2")
			}
		}
	}
	err := remote.CheckURL("https://"+strings.Repeat("x", 9000)+"#", false)
	check.True(t, len(err.Error()) < 400, "the text has %d bytes", len(err.Error()))
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want bool
	}{
		{"https://id.example.com/a", "https://ID.example.com:443/b?c", true},
		{"http://localhost", "http://localhost:80/", true},
		{"https://[::1]/", "https://[::1]:443/", true},
		{"https://id.example.com", "http://id.example.com", false},
		{"https://id.example.com", "https://id.example.com:444", false},
		{"https://id.example.com", "https://id.example.com.", false},
		{"https://id.example.com", "https://evil.example", false},
		{"https://id.example.com", "https://id.example.com@evil.example", false},
		{"", "", false},
		{"/a", "/a", false},
		{"https://%zz", "https://%zz", false},
	}
	for _, test := range tests {
		check.Equal(t, remote.SameOrigin(test.a, test.b), test.want, test.a+" and "+test.b)
	}
}
