package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// TestCredential sends Authorization headers, in which TOKEN stands for a valid
// token.
func TestCredential(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	token := op.AccessToken(nil)
	for _, c := range []struct {
		headers []string
		want    middleware.Reason
	}{
		{[]string{"Bearer TOKEN"}, ""},
		{[]string{"bearer TOKEN"}, ""},
		{[]string{"BEARER    TOKEN"}, ""},
		{[]string{" Bearer TOKEN\t"}, ""},
		{[]string{"Bearer   TOKEN"}, ""},
		{[]string{"Bearer TOKEN "}, ""},

		{nil, middleware.ReasonTokenMissing},
		{[]string{""}, middleware.ReasonTokenMissing},
		{[]string{"Basic YTpi"}, middleware.ReasonTokenMissing},
		{[]string{"DPoP TOKEN"}, middleware.ReasonTokenMissing},
		{[]string{"BearerTOKEN"}, middleware.ReasonTokenMissing},
		{[]string{"Barter TOKEN"}, middleware.ReasonTokenMissing},
		{[]string{"TOKEN"}, middleware.ReasonTokenMissing},
		{[]string{`Digest username="a", realm="b"`}, middleware.ReasonTokenMissing},

		{[]string{"Bearer"}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer "}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer TOKEN TOKEN"}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer \tTOKEN"}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer\tTOKEN"}, middleware.ReasonTokenMalformed}, // and no stranger to Optional
		{[]string{`Bearer "TOKEN"`}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer ===="}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer TOKEN="}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer a=b"}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer TÖKEN"}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer a.b.c\x00"}, middleware.ReasonTokenMalformed},

		{[]string{"Bearer TOKEN", "Bearer TOKEN"}, middleware.ReasonCredentialAmbiguous},
		{[]string{"Bearer TOKEN", "Basic YTpi"}, middleware.ReasonCredentialAmbiguous},
		{[]string{"", "Bearer TOKEN"}, middleware.ReasonCredentialAmbiguous},
		{[]string{"Bearer TOKEN, Bearer TOKEN"}, middleware.ReasonCredentialAmbiguous},
		{[]string{"Bearer TOKEN,Basic YTpi"}, middleware.ReasonCredentialAmbiguous},
		{[]string{"Basic YTpi, Bearer TOKEN"}, middleware.ReasonCredentialAmbiguous},
		{[]string{"Basic YTpi,bearer TOKEN"}, middleware.ReasonCredentialAmbiguous},
		{[]string{`Digest username="a", BEARER TOKEN`}, middleware.ReasonCredentialAmbiguous},

		{[]string{"Bearer " + strings.Repeat("a", 16<<10)}, middleware.ReasonTokenMalformed},
		{[]string{"Bearer " + strings.Repeat("a", 16<<10+1)}, middleware.ReasonTokenTooLarge},
	} {
		r := get("")
		for _, h := range c.headers {
			r.Header["Authorization"] = append(r.Header["Authorization"], strings.ReplaceAll(h, "TOKEN", token))
		}
		var shown middleware.Reason
		cfg := forProvider(op)
		cfg.RenderError = func(_ *http.Request, e *middleware.Error) (string, []byte) {
			shown = e.Reason
			return "text/plain", nil
		}
		_, seen := serve(newGuard(t, cfg).Wrap, r)
		check.Equal(t, shown, c.want, fmt.Sprintf("reason for %.60q", c.headers))
		check.Equal(t, seen != nil, c.want == "", fmt.Sprintf("handler reached for %.60q", c.headers))
	}
	wantReason(t, guard, token, "")
}

// TestAuthenticateTakesBareTokens: Authenticate accepts no scheme and trims
// nothing.
func TestAuthenticateTakesBareTokens(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	token := op.AccessToken(nil)
	for _, c := range []struct {
		token string
		want  middleware.Reason
	}{
		{token, ""},
		{"", middleware.ReasonTokenMissing},
		{"Bearer " + token, middleware.ReasonTokenMalformed},
		{" " + token, middleware.ReasonTokenMalformed},
		{token + "\n", middleware.ReasonTokenMalformed},
	} {
		_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: c.token})
		check.Equal(t, reasonOf(t, err), c.want, "reason")
	}
}

func TestCredentialPrintsRedacted(t *testing.T) {
	t.Parallel()
	c := middleware.Credential{Token: "s3cret-token"}
	var log records
	log.logger().Info("credential", "c", c, "pointer", &c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("credential", "c", c)
	text, err := json.Marshal(map[string]any{"c": c, "pointer": &c})
	check.NoError(t, err)
	all := log.String() + string(text) + fmt.Sprintf("%v %+v %#v %s %q %x %d", c, c, c, c, c, c, c) + fmt.Sprintf("%+v", []any{&c, struct{ C middleware.Credential }{c}})
	check.Lacks(t, all, "s3cret")
	check.Contains(t, all, "[redacted]")
}

// TestNothingLeaks causes a refusal for every reason, and searches responses
// and logs for parts of the token.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		op := newProvider(oidctest.Config{OpaqueAccessTokens: opaque})
		cfg := forProvider(op)
		var log records
		cfg.Logger = log.logger()
		cfg.Tenant = middleware.RequireTenant("tenant")
		byIntrospection(&cfg)
		guard := newGuard(t, cfg)
		faults := map[string]func(){
			"": func() {}, "down": func() { op.Fault("jwks", oidctest.Down); op.Fault("introspect", oidctest.Down) },
			"echo": func() {
				echo := func(w http.ResponseWriter, r *http.Request) bool {
					_ = r.ParseForm()
					http.Error(w, r.Form.Encode()+r.Header.Get("Authorization"), http.StatusBadRequest)
					return true
				}
				op.Fault("introspect", echo)
			},
		}
		for name, fault := range faults {
			for _, claims := range []object{
				nil, {"tenant": "canary-tenant"}, {"aud": "canary-aud"}, {"exp": 1}, {"nbf": 99999999999}, {"cnf": object{"jkt": "canary-cnf"}}, {"nonce": "canary-nonce"},
				{"sub": object{"canary-sub": 1}}, {"canary-claim": "x", "Canary-claim": "y"}, {"tenant": "canary-tenant", "sub": "canary-sub", "jti": "canary-jti"},
			} {
				token := op.AccessToken(claims)
				fault()
				w, _ := serve(guard.Require(middleware.Scopes("admin")), get(token))
				op.Clear()
				answer := fmt.Sprint(w.Header(), w.Body)
				check.Lacks(t, answer, "canary", op.Issuer())
				for part := range strings.SplitSeq(token, ".") {
					if len(part) > 12 { // "opaque" is an ordinary word
						check.Lacks(t, answer+log.String(), part)
					}
				}
				check.Lacks(t, log.String(), "canary-cnf", "canary-nonce", "canary-sub", "canary-jti", "s3cret", name+"%%")
			}
		}
	}
}

func FuzzBearer(f *testing.F) {
	for _, seed := range []string{"", "Bearer", "Bearer a.b.c", "bearer  x", "Basic YTpi, Bearer x", "Bearer a, Bearer b", "Bearer ==", "Bearer \x00"} {
		f.Add(seed)
	}
	_, guard := setup(f)
	f.Fuzz(func(t *testing.T, header string) {
		r := get("")
		r.Header["Authorization"] = []string{header}
		w, seen := serve(guard.Wrap, r)
		check.True(t, seen == nil, "%q let somebody in", header)
		check.True(t, w.Code == http.StatusUnauthorized || w.Code == http.StatusBadRequest, "%q: status %d", header, w.Code)
	})
}

func FuzzAuthenticate(f *testing.F) {
	op, guard := setup(f)
	for _, seed := range []string{
		"", "a.b.c", op.AccessToken(nil), op.AccessToken(object{"exp": 1}), rawToken(`{"alg":"none"}`, `{}`),
		rawToken(`{"alg":"ES256","kid":"x"}`, `{"iss":"https://op.example.test","exp":99999999999}`), rawToken(`{"alg":"ES256"}`, `[]`),
		rawToken(`{"alg":"ES256"}`, `{"iss":"https://op.example.test","Iss":"x"}`), "é.é.é",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		p, err := guard.Authenticate(context.Background(), middleware.Credential{Token: token})
		if err == nil { // one of the seeds, because nobody else can sign
			check.Equal(t, p.Issuer, op.Issuer(), "issuer")
			return
		}
		status := check.As[*middleware.Error](t, err).Status()
		check.True(t, status == http.StatusUnauthorized, "%q: status %d", token, status)
		check.True(t, op.Requests("jwks") <= 2, "%d fetches of the keys", op.Requests("jwks"))
	})
}

// TestTooLargeTokensAreNotHashed: the time of a refusal must not grow with the
// token. The test compares it with the time of hashing the token.
func TestTooLargeTokensAreNotHashed(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, byIntrospection)
	token := strings.Repeat("a", 64<<20)
	r := get(token)
	shortest := func(do func()) time.Duration {
		least := time.Hour
		for range 5 {
			began := time.Now()
			do()
			least = min(least, time.Since(began))
		}
		return least
	}
	hashing := shortest(func() { _ = cache.Digest(token) })
	for name, refuse := range map[string]func() middleware.Reason{
		"Authenticate": func() middleware.Reason {
			_, err := guard.Authenticate(t.Context(), middleware.Credential{Token: token})
			return reasonOf(t, err)
		},
		"Wrap": func() middleware.Reason {
			w, _ := serve(guard.Wrap, r)
			check.Contains(t, w.Header().Get("Www-Authenticate"), "too large")
			return middleware.ReasonTokenTooLarge
		},
		"Invalidate": func() middleware.Reason {
			guard.Invalidate(token)
			return middleware.ReasonTokenTooLarge
		},
	} {
		took := shortest(func() { check.Equal(t, refuse(), middleware.ReasonTokenTooLarge, name) })
		check.True(t, took < hashing/2, "%s: refusing takes %v, hashing %v", name, took, hashing)
	}
	check.Equal(t, fetches(op), 0, "requests to the provider")
}
