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
		{"https://id.example.com/\x7f", "control"},
		{"https://id.example.com/\u009b2J", "control"}, // which some terminals obey
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

func TestCheckNamedURL(t *testing.T) {
	t.Parallel()
	const away, here = "https://id.example.com/.well-known/openid-configuration", "http://127.0.0.1:9000/.well-known/openid-configuration"
	for _, raw := range []string{
		"http://127.0.0.1:8500/v1/agent/service/register",
		"https://127.0.0.1/",
		"https://127.255.0.1/",
		"https://127.0.0.1./",
		"http://localhost:9200/_search",
		"https://LocalHost/",
		"https://localhost./",
		"https://idp.localhost/",
		"http://[::1]:2375/containers/json",
		"https://[::1%25lo]/",
		"https://[::ffff:127.0.0.1]/",
		"https://[::ffff:7f00:1]/",
		"https://0.0.0.0/",
		"https://[::]/",
		"https://[::%25lo]/",
		"https://[::ffff:0.0.0.0]/",
		"https://169.254.169.254/latest/meta-data/", // a cloud's credentials
		"https://[fe80::1%25eth0]/",
		"https://[::ffff:169.254.169.254]/",
		"https://127.1/", // as C resolvers read it
		"https://2130706433/",
		"https://0x7f000001/",
		"https://0x7F.0.0.0x1/",
		"https://0177.0.0.1/",
		"https://１２７.0.0.1/", // as net/http maps it
		"https://ｌｏｃａｌｈｏｓｔ/",
		"https://127。0。0。1/",
		"https://%EF%BD%8C%EF%BD%8F%EF%BD%83%EF%BD%81%EF%BD%8C%EF%BD%88%EF%BD%8F%EF%BD%93%EF%BD%94/",
	} {
		err := remote.CheckNamedURL(raw, away, false)
		check.True(t, err != nil, "%q: no error", raw)
		check.Contains(t, err.Error(), "InsecureAllowHTTP")
		if remote.CheckURL(raw, false) == nil { // what a document on this machine may name
			check.NoError(t, remote.CheckNamedURL(raw, here, false))
			check.NoError(t, remote.CheckNamedURL(raw, "https://localhost/", false))
			check.NoError(t, remote.CheckNamedURL(raw, away, true))
		}
	}
	for _, raw := range []string{
		"https://id.example.com/token",
		"https://id.example.com./token",
		"https://10.0.0.5/token", // private addresses are an enterprise's own
		"https://172.16.0.1:8443/token",
		"https://192.168.1.1/token",
		"https://100.64.0.1/token",
		"https://[fd00::1]/token",
		"https://203.0.113.7/token",
		"https://keycloak:8443/token",
		"https://3scale/token",
		"https://id.7bridges/token",
		"https://0xide/token",
		"https://localhost.example.com/token",
		"https://mylocalhost/token",
		"https://127.0.0.1.nip.io/token",
		"https://xn--bcher-kva.example/token",
	} {
		check.NoError(t, remote.CheckNamedURL(raw, away, false))
	}
	for _, document := range []string{away, here} { // what CheckURL refuses stays refused
		check.True(t, remote.CheckNamedURL("http://id.example.com/token", document, false) != nil, "plain http, named by %s", document)
	}
	check.NoError(t, remote.CheckNamedURL("http://id.example.com/token", away, true))
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
		{"https://id.example.com:8443", "http://id.example.com:8443", false},
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
