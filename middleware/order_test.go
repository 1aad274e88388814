package middleware_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// TestRefusedWithoutNetwork: a made-up token is refused without any request,
// including discovery.
func TestRefusedWithoutNetwork(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) { cfg.AccessTokenAlgs = []string{"ES256", "PS256"} })
	payload := func(issuer string, exp time.Time) string {
		return fmt.Sprintf(`{"iss":%q,"exp":%d,"aud":%q}`, issuer, exp.Unix(), oidctest.DefaultResource)
	}
	soon := time.Now().Add(time.Minute)
	good := payload(op.Issuer(), soon)
	header := `{"alg":"ES256","kid":"k"}`
	for name, c := range map[string]struct {
		token string
		want  middleware.Reason
	}{
		"opaque":                   {"3vJ8", middleware.ReasonTokenMalformed},
		"two parts":                {"e30.e30", middleware.ReasonTokenMalformed},
		"four parts":               {rawToken(header, good) + ".x", middleware.ReasonTokenMalformed},
		"no signature":             {strings.TrimSuffix(rawToken(header, good), base64.RawURLEncoding.EncodeToString([]byte("not a signature"))), middleware.ReasonTokenMalformed},
		"padding":                  {rawToken(header, good) + "=", middleware.ReasonTokenMalformed},
		"standard base64":          {"e30+." + rawToken(header, good), middleware.ReasonTokenMalformed},
		"too large":                {rawToken(header, good+strings.Repeat(" ", 16<<10)), middleware.ReasonTokenTooLarge},
		"header is an array":       {rawToken(`[]`, good), middleware.ReasonTokenMalformed},
		"alg twice":                {rawToken(`{"alg":"ES256","alg":"none"}`, good), middleware.ReasonTokenMalformed},
		"alg in another case":      {rawToken(`{"alg":"ES256","Alg":"none"}`, good), middleware.ReasonTokenMalformed},
		"alg missing":              {rawToken(`{}`, good), middleware.ReasonTokenMalformed},
		"alg none":                 {rawToken(`{"alg":"none"}`, good), middleware.ReasonAlgNotAllowed},
		"alg None":                 {rawToken(`{"alg":"None"}`, good), middleware.ReasonAlgNotAllowed},
		"alg HS256":                {rawToken(`{"alg":"HS256"}`, good), middleware.ReasonAlgNotAllowed},
		"alg not listed":           {rawToken(`{"alg":"RS256"}`, good), middleware.ReasonAlgNotAllowed},
		"crit":                     {rawToken(`{"alg":"ES256","crit":["exp"]}`, good), middleware.ReasonTokenMalformed},
		"b64":                      {rawToken(`{"alg":"ES256","b64":false}`, good), middleware.ReasonTokenMalformed},
		"zip":                      {rawToken(`{"alg":"ES256","zip":"DEF"}`, good), middleware.ReasonTokenMalformed},
		"typ logout+jwt":           {rawToken(`{"alg":"ES256","typ":"logout+jwt"}`, good), middleware.ReasonTypeNotAllowed},
		"typ dpop+jwt":             {rawToken(`{"alg":"ES256","typ":"dpop+jwt"}`, good), middleware.ReasonTypeNotAllowed},
		"payload is no object":     {rawToken(header, `"x"`), middleware.ReasonTokenMalformed},
		"payload with two iss":     {rawToken(header, `{"iss":"`+op.Issuer()+`","iss":"x"}`), middleware.ReasonTokenMalformed},
		"payload with iss and Iss": {rawToken(header, `{"iss":"`+op.Issuer()+`","Iss":"x"}`), middleware.ReasonTokenMalformed},
		"payload with ISS":         {rawToken(header, `{"ISS":"`+op.Issuer()+`"}`), middleware.ReasonTokenMalformed},
		"iss missing":              {rawToken(header, `{}`), middleware.ReasonIssuerUntrusted},
		"iss of another type":      {rawToken(header, `{"iss":["`+op.Issuer()+`"]}`), middleware.ReasonTokenMalformed},
		"iss of somebody else":     {rawToken(header, payload("https://evil.example", soon)), middleware.ReasonIssuerUntrusted},
		"iss in another case":      {rawToken(header, payload(strings.ToUpper(op.Issuer()), soon)), middleware.ReasonIssuerUntrusted},
		"iss with more behind":     {rawToken(header, payload(op.Issuer()+"/x", soon)), middleware.ReasonIssuerUntrusted},
		"exp long past":            {rawToken(header, payload(op.Issuer(), time.Now().Add(-time.Hour))), middleware.ReasonTokenExpired},
		"exp of another type":      {rawToken(header, `{"iss":"`+op.Issuer()+`","exp":"soon"}`), middleware.ReasonTokenMalformed},
	} {
		wantReason(t, guard, c.token, c.want)
		check.Equal(t, fetches(op), 0, "requests to the provider after "+name)
	}
	wantReason(t, guard, rawToken(header, good), middleware.ReasonKeyUnknown)
	check.True(t, fetches(op) > 0, "a token that could be right asks the provider")
}

// TestHeaderNamesNoKeys: keys in the header, and URLs of keys, are ignored.
func TestHeaderNamesNoKeys(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	for name, value := range map[string]any{
		"jku": "https://op.example.test/evil", "x5u": "https://op.example.test/evil", "jwk": object{"kty": "EC"}, "x5c": []string{"MII"},
	} {
		wantReason(t, guard, op.Sign(object{name: value}, standard(op)), "")
	}
	check.Equal(t, op.Requests("jwks"), 1, "fetches of the keys")
}

// TestTypes: typ in any case, with and without its prefix.
func TestTypes(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	for _, typ := range []any{nil, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "APPLICATION/AT+jwt", "application/jwt"} {
		wantReason(t, guard, op.Sign(object{"typ": typ}, standard(op)), "")
	}
	for _, typ := range []string{"", "id+jwt", "JOSE", "secevent+jwt", "at+jwt2", "text/at+jwt"} {
		wantReason(t, guard, op.Sign(object{"typ": typ}, standard(op)), middleware.ReasonTypeNotAllowed)
	}
}

// TestSeveralReasons: the first failing check determines the reason.
func TestSeveralReasons(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) { cfg.Tenant = middleware.RequireTenant("tenant", middleware.Header("X")) })
	long := time.Now().Add(-time.Hour).Unix()
	recently := time.Now().Add(-2 * time.Minute).Unix()
	bad := object{"aud": "x", "cnf": object{}, "nonce": "x"}
	for i, c := range []struct {
		token string
		want  middleware.Reason
	}{
		{op.Sign(object{"alg": "HS256", "typ": "x"}, with(standard(op), object{"iss": "x", "exp": long})), middleware.ReasonAlgNotAllowed},
		{op.Sign(object{"typ": "x"}, with(standard(op), object{"iss": "x", "exp": long})), middleware.ReasonTypeNotAllowed},
		{op.Sign(object{"kid": "x"}, with(standard(op), object{"iss": "x", "exp": long})), middleware.ReasonIssuerUntrusted},
		{op.Sign(object{"kid": "x"}, with(standard(op), object{"exp": long, "aud": "x"})), middleware.ReasonTokenExpired},
		{op.Sign(object{"kid": "x"}, with(standard(op), object{"exp": recently, "aud": "x"})), middleware.ReasonKeyUnknown},
		{op.AccessToken(with(bad, object{"exp": recently})), middleware.ReasonTokenExpired},
		{op.AccessToken(bad), middleware.ReasonAudienceMismatch},
		{op.AccessToken(object{"cnf": object{}, "nonce": "x"}), middleware.ReasonTypeNotAllowed},
		{op.AccessToken(object{"cnf": object{}}), middleware.ReasonBindingMissing},
		{op.AccessToken(nil), middleware.ReasonTenantMissing},
		{op.AccessToken(object{"tenant": "acme"}), middleware.ReasonTenantAmbiguous},
	} {
		_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: c.token}, middleware.Scopes("x"))
		check.Equal(t, reasonOf(t, err), c.want, fmt.Sprintf("reason of token %d", i))
	}
	_, err := guard.Authenticate(context.Background(),
		middleware.Credential{Token: op.AccessToken(object{"tenant": "acme"}), Tenants: []string{"acme"}}, middleware.Scopes("x"))
	check.Equal(t, reasonOf(t, err), middleware.ReasonInsufficientScope, "reason of the last token")
}

// TestJunkDoesNotAmplify: 1000 unknown kids and 1000 bad signatures cause one
// fetch. None is a 503, and none delays a real key rotation.
func TestJunkDoesNotAmplify(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setup(t)
		valid := op.AccessToken(nil)
		wantReason(t, guard, valid, "")
		for i := range 1000 {
			wantReason(t, guard, junk(t, op, fmt.Sprint("kid-", i), nil), middleware.ReasonKeyUnknown)
		}
		check.Equal(t, op.Requests("jwks"), 2, "fetches of the keys after 1000 unknown keys")
		kid := keyID(t, valid)
		for i := range 1000 {
			wantReason(t, guard, junk(t, op, kid, object{"n": i}), middleware.ReasonSignatureInvalid)
		}
		check.Equal(t, op.Requests("jwks"), 2, "fetches of the keys after 1000 bad signatures")
		check.Equal(t, op.Requests("discovery"), 1, "fetches of the discovery document")

		op.AddKey()
		began := time.Now()
		for i := 0; ; i++ {
			wantReason(t, guard, junk(t, op, fmt.Sprint("more-", i), nil), middleware.ReasonKeyUnknown)
			if _, err := guard.Authenticate(context.Background(), middleware.Credential{Token: op.AccessToken(nil)}); err == nil {
				break
			}
			check.True(t, time.Since(began) <= 31*time.Second, "the new key was not accepted within one interval")
			time.Sleep(time.Second)
		}
		wantReason(t, guard, valid, "")
	})
}

// TestOutage: stale keys still work for a while. Then every token, valid or
// not, is a 503.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, guard := setup(t)
		op.Fault("jwks", oidctest.Times(1, oidctest.Down))
		err := guard.Ready(context.Background())
		check.True(t, err != nil, "ready without keys")
		wantReason(t, guard, op.AccessToken(nil), middleware.ReasonProviderUnavailable)
		time.Sleep(3 * time.Second)
		check.NoError(t, guard.Ready(context.Background()))
		wantReason(t, guard, op.AccessToken(nil), "")

		op.Fault("jwks", oidctest.Down)
		time.Sleep(23 * time.Hour)
		wantReason(t, guard, op.AccessToken(nil), "")
		check.NoError(t, guard.Ready(context.Background()))
		time.Sleep(3 * time.Hour)
		wantReason(t, guard, op.AccessToken(nil), middleware.ReasonProviderUnavailable)
		wantReason(t, guard, junk(t, op, "x", nil), middleware.ReasonProviderUnavailable)
		check.True(t, guard.Ready(context.Background()) != nil, "ready with keys that are too old")

		op.Clear()
		time.Sleep(2 * time.Minute)
		wantReason(t, guard, op.AccessToken(nil), "")
	})
}

// keyID returns the kid of a token.
func keyID(tb testing.TB, token string) string {
	tb.Helper()
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	check.NoError(tb, err)
	_, kid, _ := strings.Cut(string(header), `"kid":"`)
	kid, _, _ = strings.Cut(kid, `"`)
	return kid
}
