package client

import (
	"slices"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

func flowLogin(t testing.TB) *Login {
	t.Helper()
	c, err := New(Config{
		DiscoveryURL: "https://op.example.test", ClientID: "web", ClientSecret: "s", RedirectURL: "https://app.example.test/auth/callback",
		Scopes: []string{"openid", "email"}, Resources: []string{"https://api.example.test"},
	})
	check.NoError(t, err)
	return &Login{rp: c}
}

// What a cookie brings back is what was put into it, whether the configuration says it or not.
func TestFlowComesBackWhole(t *testing.T) {
	t.Parallel()
	l := flowLogin(t)
	now := time.Now().Round(0)
	age := 90 * time.Second
	usual := Transaction{
		State: random(), Nonce: random(), Verifier: random(), RedirectURI: l.rp.cfg.RedirectURL, ClientID: "web",
		Issuer: "https://op.example.test/", Scopes: l.rp.cfg.Scopes, Resources: l.rp.cfg.Resources,
		Started: now, Expires: now.Add(transactionLifetime), ReturnTo: "/",
	}
	for name, tt := range map[string]struct {
		edit     func(*Transaction)
		replaces string
	}{
		"usual":      {func(*Transaction) {}, ""},
		"replaces":   {func(*Transaction) {}, digest("some session")},
		"no PKCE":    {func(tx *Transaction) { tx.Verifier = "" }, ""},
		"max age":    {func(tx *Transaction) { tx.MaxAge = &age }, ""},
		"max age 0":  {func(tx *Transaction) { tx.MaxAge = new(time.Duration) }, ""},
		"acr":        {func(tx *Transaction) { tx.ACRValues = []string{"mfa", ""} }, ""},
		"scopes":     {func(tx *Transaction) { tx.Scopes = []string{"openid"} }, ""},
		"no scopes":  {func(tx *Transaction) { tx.Scopes, tx.Resources = []string{}, []string{} }, ""},
		"resources":  {func(tx *Transaction) { tx.Resources = append(l.rp.cfg.Resources, "urn:other") }, ""},
		"return to":  {func(tx *Transaction) { tx.ReturnTo = "/a?b=\x00\u00e9" }, ""},
		"the issuer": {func(tx *Transaction) { tx.Issuer = "https://op.example.test" }, ""},
	} {
		tx := usual
		tt.edit(&tx)
		packed, err := l.packFlow(flow{&tx, tt.replaces})
		check.NoError(t, err)
		got, ok := l.unpackFlow(packed)
		check.True(t, ok, "%s: it cannot be read", name)
		check.DeepEqual(t, got.replaces, tt.replaces, name)
		check.DeepEqual(t, *got.tx, tx, name)
		for i := range len(packed) - len(tx.ReturnTo) {
			if _, ok := l.unpackFlow(packed[:i]); ok {
				t.Errorf("%s: the first %d bytes are enough", name, i)
			}
		}
	}
	tx := usual
	tx.Issuer = "https://other.example.test"
	packed, err := l.packFlow(flow{&tx, ""})
	check.NoError(t, err)
	got, _ := l.unpackFlow(packed)
	check.True(t, got.tx.Issuer != "" && !slices.Contains(l.rp.meta.Issuers(), got.tx.Issuer), "another provider's login became one of %q", got.tx.Issuer)
	tx.State = "not random"
	_, err = l.packFlow(flow{&tx, ""})
	check.Equal(t, kindOf(err), KindConfig, "kind for a transaction of somebody else's")
}

func FuzzUnpackFlow(f *testing.F) {
	l := flowLogin(f)
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, ok := l.unpackFlow(b); ok && got.tx == nil {
			t.Error("no transaction")
		}
	})
}
