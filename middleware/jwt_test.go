package middleware_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	op, guard := setup(t)
	now := time.Now()
	for name, c := range map[string]struct {
		claims object
		want   middleware.Reason
	}{
		"exp missing":                {object{"exp": nil}, middleware.ReasonTokenMalformed},
		"exp a string":               {object{"exp": "2099"}, middleware.ReasonTokenMalformed},
		"exp within the skew":        {object{"exp": now.Add(-20 * time.Second).Unix()}, ""},
		"exp beyond the skew":        {object{"exp": now.Add(-40 * time.Second).Unix()}, middleware.ReasonTokenExpired},
		"exp with a fraction":        {object{"exp": float64(now.Add(time.Minute).Unix()) + 0.5}, ""},
		"exp enormous":               {object{"exp": 1e300}, middleware.ReasonTokenMalformed},
		"nbf within the skew":        {object{"nbf": now.Add(20 * time.Second).Unix()}, ""},
		"nbf beyond the skew":        {object{"nbf": now.Add(40 * time.Second).Unix()}, middleware.ReasonTokenNotYetValid},
		"iat beyond the skew":        {object{"iat": now.Add(40 * time.Second).Unix()}, middleware.ReasonTokenNotYetValid},
		"iat missing":                {object{"iat": nil}, ""},
		"sub missing":                {object{"sub": nil}, ""},
		"sub a number":               {object{"sub": 7}, middleware.ReasonTokenMalformed},
		"aud missing":                {object{"aud": nil}, middleware.ReasonAudienceMismatch},
		"aud empty":                  {object{"aud": []string{}}, middleware.ReasonAudienceMismatch},
		"aud with a slash":           {object{"aud": oidctest.DefaultResource + "/"}, middleware.ReasonAudienceMismatch},
		"aud in another case":        {object{"aud": strings.ToUpper(oidctest.DefaultResource)}, middleware.ReasonAudienceMismatch},
		"aud a number":               {object{"aud": 7}, middleware.ReasonTokenMalformed},
		"aud among others":           {object{"aud": []string{"a", oidctest.DefaultResource}}, ""},
		"scope an array":             {object{"scope": []string{"a"}}, middleware.ReasonTokenMalformed},
		"cnf":                        {object{"cnf": object{"x5t#S256": "x"}}, middleware.ReasonBindingMissing},
		"cnf of no form":             {object{"cnf": "x"}, middleware.ReasonBindingMissing},
		"Aud beside aud":             {object{"Aud": oidctest.DefaultResource}, middleware.ReasonTokenMalformed},
		"two members, one letter":    {object{"role": "a", "Role": "b"}, middleware.ReasonTokenMalformed},
		"two members, deeper":        {object{"ext": object{"role": "a", "rolE": "b"}}, middleware.ReasonTokenMalformed},
		"two members, Kelvin sign":   {object{"k": "a", "\u212a": "b"}, middleware.ReasonTokenMalformed},
		"CNF":                        {object{"CNF": object{}}, middleware.ReasonTokenMalformed},
		"at_hash":                    {object{"at_hash": "x"}, middleware.ReasonTypeNotAllowed},
		"c_hash":                     {object{"c_hash": "x"}, middleware.ReasonTypeNotAllowed},
		"events":                     {object{"events": object{}}, middleware.ReasonTypeNotAllowed},
		"nonce":                      {object{"nonce": "x"}, middleware.ReasonTypeNotAllowed},
		"nonce and typ Bearer":       {object{"nonce": "x", "typ": "Bearer"}, ""},
		"nonce and typ bearer":       {object{"nonce": "x", "typ": "bearer"}, middleware.ReasonTypeNotAllowed},
		"at_hash and typ Bearer":     {object{"at_hash": "x", "typ": "Bearer"}, middleware.ReasonTypeNotAllowed},
		"typ Bearer":                 {object{"typ": "Bearer"}, ""},
		"typ ID":                     {object{"typ": "ID"}, middleware.ReasonTypeNotAllowed},
		"typ Refresh":                {object{"typ": "Refresh"}, middleware.ReasonTypeNotAllowed},
		"typ Offline":                {object{"typ": "Offline"}, middleware.ReasonTypeNotAllowed},
		"typ Logout":                 {object{"typ": "Logout"}, middleware.ReasonTypeNotAllowed},
		"typ logout":                 {object{"typ": "logout"}, middleware.ReasonTypeNotAllowed},
		"token_use id":               {object{"token_use": "id"}, middleware.ReasonTypeNotAllowed},
		"token_use access":           {object{"token_use": "access"}, ""},
		"token_use refresh_token":    {object{"token_use": "refresh_token"}, middleware.ReasonTypeNotAllowed},
		"null is absent":             {object{"nbf": json.RawMessage("null"), "nonce": json.RawMessage("null")}, ""},
		"a claim we know nothing of": {object{"https://example.com/x": object{"a": []int{1}}}, ""},
	} {
		token := op.AccessToken(c.claims)
		for range 2 { // the second time from the cache, if the token is in it
			_, err := guard.Authenticate(context.Background(), middleware.Credential{Token: token})
			check.Equal(t, reasonOf(t, err), c.want, name)
		}
	}
}

func TestAllowIDTokens(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) { cfg.AllowIDTokens = true })
	wantReason(t, guard, op.IDToken(object{"aud": oidctest.DefaultResource, "nonce": "x", "at_hash": "x"}), "")
	wantReason(t, guard, op.AccessToken(object{"typ": "ID", "token_use": "id"}), "")
	wantReason(t, guard, op.IDToken(nil), middleware.ReasonAudienceMismatch)
	wantReason(t, guard, op.AccessToken(object{"nonce": "x", "cnf": object{}}), middleware.ReasonBindingMissing)
}

func TestSkipAudienceCheck(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) { cfg.Audience, cfg.SkipAudienceCheck = nil, true })
	for _, aud := range []any{nil, "elsewhere", []string{}} {
		token := op.AccessToken(object{"aud": aud})
		wantReason(t, guard, token, "")
		wantReason(t, guard, token, "")
	}
}

func TestStrictRFC9068(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) { cfg.StrictRFC9068 = true })
	wantReason(t, guard, op.AccessToken(nil), "")
	wantReason(t, guard, op.Sign(object{"typ": "application/AT+jwt"}, standard(op)), "")
	for _, typ := range []any{nil, "JWT"} {
		wantReason(t, guard, op.Sign(object{"typ": typ}, standard(op)), middleware.ReasonTypeNotAllowed)
	}
	for _, name := range []string{"exp", "sub", "client_id", "iat", "jti"} {
		wantReason(t, guard, op.AccessToken(object{name: nil}), middleware.ReasonTokenMalformed)
	}
	for _, name := range []string{"sub", "client_id", "jti"} {
		wantReason(t, guard, op.AccessToken(object{name: ""}), middleware.ReasonTokenMalformed)
	}
	wantReason(t, guard, op.AccessToken(object{"jti": 7}), middleware.ReasonTokenMalformed)
	wantReason(t, guard, op.AccessToken(object{"aud": nil}), middleware.ReasonAudienceMismatch)
	wantReason(t, guard, op.AccessToken(object{"iss": nil}), middleware.ReasonIssuerUntrusted)
}

func TestMaxLifetime(t *testing.T) {
	t.Parallel()
	op, guard := setup(t, func(cfg *middleware.Config) { cfg.MaxLifetime = 10 * time.Minute })
	now := time.Now()
	for _, c := range []struct {
		iat  any
		exp  time.Duration
		want middleware.Reason
	}{
		{now.Unix(), 5 * time.Minute, ""},
		{now.Unix(), 10 * time.Minute, ""},
		{now.Unix(), 11 * time.Minute, middleware.ReasonTokenMalformed},
		{now.Add(-9 * time.Minute).Unix(), 5 * time.Minute, middleware.ReasonTokenMalformed},
		{nil, 9 * time.Minute, ""},
		{nil, 12 * time.Minute, middleware.ReasonTokenMalformed},
	} {
		wantReason(t, guard, op.AccessToken(object{"iat": c.iat, "exp": now.Add(c.exp).Unix()}), c.want)
	}
}

// TestAlgorithms: every listed algorithm is accepted, and no other.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			op := oidctest.New(oidctest.Config{Alg: alg})
			wantReason(t, newGuard(t, forProvider(op)), op.AccessToken(nil), "")
			cfg := forProvider(op)
			cfg.AccessTokenAlgs = []string{alg}
			wantReason(t, newGuard(t, cfg), op.AccessToken(nil), "")
			if cfg.AccessTokenAlgs = []string{"RS256"}; alg == "RS256" {
				cfg.AccessTokenAlgs = []string{"PS256"} // the same key could
			}
			wantReason(t, newGuard(t, cfg), op.AccessToken(nil), middleware.ReasonAlgNotAllowed)
		})
	}
}

// RFC 9864 gives EdDSA with Ed25519 a name of its own.
func TestBothNamesOfEd25519(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{{"EdDSA", "Ed25519"}, {"Ed25519", "EdDSA"}} {
		op := oidctest.New(oidctest.Config{Alg: names[0]})
		cfg := forProvider(op)
		cfg.AccessTokenAlgs = []string{names[1]}
		_, err := newGuard(t, cfg).Authenticate(t.Context(), middleware.Credential{Token: op.AccessToken(nil)})
		check.NoError(t, err)
	}
}
