package endpoint_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/endpoint"
)

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	if bits < 1024 {
		t.Setenv("GODEBUG", "rsa1024min=0")
	}
	k, err := rsa.GenerateKey(rand.Reader, bits)
	check.NoError(t, err)
	return k
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	check.NoError(t, err)
	return k
}

func edKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	check.NoError(t, err)
	return k
}

func TestClientSecretBasicEncodesBothHalves(t *testing.T) {
	t.Parallel()
	// RFC 6749 section 2.3.1 and appendix B; the last is the secret of a provider that issues "%" and "+".
	for _, tc := range []struct{ id, secret, want string }{
		{"web", "s3cret", "web:s3cret"},
		{"a:b", "c d", "a%3Ab:c+d"},
		{"https://client.example/x", "p+q%r&=é", "https%3A%2F%2Fclient.example%2Fx:p%2Bq%25r%26%3D%C3%A9"},
	} {
		header, form := sent(t, target(), auth(t, endpoint.AuthConfig{ClientID: tc.id, ClientSecret: tc.secret}), url.Values{"grant_type": {"x"}})
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(header.Get("Authorization"), "Basic "))
		check.NoError(t, err)
		check.Equal(t, string(raw), tc.want, "credentials")
		check.DeepEqual(t, form, url.Values{"grant_type": {"x"}}, "form")
	}
}

func TestCredentialsInTheForm(t *testing.T) {
	t.Parallel()
	mine := url.Values{"resource": {"https://a.example", "https://b.example"}, "client_id": {"other"}, "client_secret": {"x"}, "client_assertion": {"y"}}
	before := fmt.Sprint(mine)

	header, form := sent(t, target(), auth(t, endpoint.AuthConfig{ClientSecret: "p+q", AuthMethod: endpoint.SecretPost}), mine)
	check.Equal(t, header.Get("Authorization"), "", "Authorization")
	check.DeepEqual(t, form, url.Values{
		"resource": {"https://a.example", "https://b.example"}, "client_id": {"web"}, "client_secret": {"p+q"},
	}, "form")

	_, form = sent(t, target(), auth(t, endpoint.AuthConfig{}), mine)
	check.DeepEqual(t, form, url.Values{"resource": {"https://a.example", "https://b.example"}, "client_id": {"web"}}, "public client's form")
	check.Equal(t, fmt.Sprint(mine), before, "the caller's form")

	header, form = sent(t, target(), nil, url.Values{"a": {"b"}})
	check.Equal(t, header.Get("Authorization"), "", "Authorization without auth")
	check.DeepEqual(t, form, url.Values{"a": {"b"}}, "form without auth")
}

func TestMethodIsChosenFromMetadata(t *testing.T) {
	t.Parallel()
	secret := endpoint.AuthConfig{ClientSecret: "s"}
	key := endpoint.AuthConfig{Auth: oidc.PrivateKeyJWT{Key: edKey(t)}}
	for _, tc := range []struct {
		name    string
		cfg     endpoint.AuthConfig
		methods []string
		want    string // empty: misconfigured
	}{
		{"secret, metadata absent", secret, nil, "client_secret_basic"},
		{"secret, metadata empty", secret, []string{}, "client_secret_basic"},
		{"secret, both", secret, []string{"client_secret_post", "client_secret_basic"}, "client_secret_basic"},
		{"secret, post only", secret, []string{"client_secret_post", "none"}, "client_secret_post"},
		{"secret, neither", secret, []string{"private_key_jwt", "none"}, ""},
		{"secret, named", endpoint.AuthConfig{ClientSecret: "s", AuthMethod: "client_secret_post"}, []string{"client_secret_basic"}, "client_secret_post"},
		{"key, metadata absent", key, nil, "private_key_jwt"},
		{"key, listed", key, []string{"client_secret_basic", "private_key_jwt"}, "private_key_jwt"},
		{"key, unlisted", key, []string{"client_secret_basic"}, ""},
		{"nothing, metadata absent", endpoint.AuthConfig{}, nil, "none"},
		{"nothing, as Keycloak lists it", endpoint.AuthConfig{}, []string{"client_secret_basic", "private_key_jwt"}, "none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tgt := target()
			tgt.Methods = tc.methods
			got, err := auth(t, tc.cfg).Method(tgt)
			if tc.want == "" {
				e := fails(t, err, endpoint.Misconfigured)
				check.Contains(t, e.Error(), "token endpoint: the request cannot be made", tc.methods[0], "AuthMethod")
				check.True(t, e.Hint != "", "no hint")
				return
			}
			check.NoError(t, err)
			check.Equal(t, got, tc.want, "method")
		})
	}
}

func TestMisfitIsFoundBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	tgt := target()
	tgt.Methods = []string{"tls_client_auth"}
	c := caller(func(*http.Request) (*http.Response, error) { t.Error("a request was sent"); return nil, errBoom })
	_, err := c.Post(t.Context(), tgt, auth(t, endpoint.AuthConfig{ClientSecret: "s"}), nil)
	_ = fails(t, err, endpoint.Misconfigured)
}

func TestNewAuthNamesEveryProblem(t *testing.T) {
	t.Parallel()
	p224 := ecKey(t, elliptic.P224())
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	check.NoError(t, err)
	var nilRSA *rsa.PrivateKey
	for _, tc := range []struct {
		name string
		cfg  endpoint.AuthConfig
		want []string
	}{
		{"nothing", endpoint.AuthConfig{}, []string{"ClientID: required"}},
		{"several", endpoint.AuthConfig{AuthMethod: "client_secret_jwt", ClientSecret: "a\n"}, []string{
			"ClientID: required", "ClientSecret: holds a control character",
			`AuthMethod: unknown method "client_secret_jwt"`, "client_secret_basic, client_secret_post, private_key_jwt and none",
		}},
		{"tls", endpoint.AuthConfig{ClientID: "a", AuthMethod: "tls_client_auth"}, []string{`AuthMethod: unknown method "tls_client_auth"`}},
		{"secret with none", endpoint.AuthConfig{ClientID: "a", ClientSecret: "s", AuthMethod: "none"}, []string{"ClientSecret: set, but AuthMethod is none"}},
		{"key with none", endpoint.AuthConfig{ClientID: "a", AuthMethod: "none", Auth: oidc.PrivateKeyJWT{Key: edKey(t)}}, []string{"Auth: set, but AuthMethod is none"}},
		{"key with basic", endpoint.AuthConfig{ClientID: "a", ClientSecret: "s", AuthMethod: "client_secret_basic", Auth: oidc.PrivateKeyJWT{Key: edKey(t)}}, []string{"Auth: an oidc.PrivateKeyJWT is set"}},
		{"no secret for basic", endpoint.AuthConfig{ClientID: "a", AuthMethod: "client_secret_basic"}, []string{"ClientSecret: required by AuthMethod client_secret_basic"}},
		{"no secret for post", endpoint.AuthConfig{ClientID: "a", AuthMethod: "client_secret_post"}, []string{"ClientSecret: required"}},
		{"no key", endpoint.AuthConfig{ClientID: "a", AuthMethod: "private_key_jwt"}, []string{"Auth: AuthMethod private_key_jwt needs"}},
		{"ambiguous", endpoint.AuthConfig{ClientID: "a", ClientSecret: "s", Auth: oidc.PrivateKeyJWT{Key: edKey(t)}}, []string{"AuthMethod: required"}},
		{"small key", endpoint.AuthConfig{ClientID: "a", Auth: oidc.PrivateKeyJWT{Key: small}}, []string{"PrivateKeyJWT.Key: an RSA key of 1024 bits cannot be used"}},
		{"curve", endpoint.AuthConfig{ClientID: "a", Auth: oidc.PrivateKeyJWT{Key: p224}}, []string{`PrivateKeyJWT.Key: the curve "P-224" cannot be used`}},
		{"nil key", endpoint.AuthConfig{ClientID: "a", Auth: oidc.PrivateKeyJWT{Key: nilRSA}}, []string{"PrivateKeyJWT.Key holds no key"}},
		{"empty ed25519", endpoint.AuthConfig{ClientID: "a", Auth: oidc.PrivateKeyJWT{Key: ed25519.PrivateKey{}}}, []string{"PrivateKeyJWT.Key holds no key"}},
		{"alg of another key", endpoint.AuthConfig{ClientID: "a", Auth: oidc.PrivateKeyJWT{Key: ecKey(t, elliptic.P384()), Alg: "ES256"}}, []string{`PrivateKeyJWT.Alg "ES256" does not fit Key, which signs with ES384`}},
		{"hmac", endpoint.AuthConfig{ClientID: "a", Auth: oidc.PrivateKeyJWT{Key: rsaKey(t, 2048), Alg: "HS256"}}, []string{"PrivateKeyJWT.Alg", "RS256, RS384"}},
		{"secret twice", endpoint.AuthConfig{ClientID: "a", ClientSecret: "s", Auth: oidc.Secret(func(context.Context) (string, error) { return "t", nil })}, []string{"ClientSecret: set, but Auth is an oidc.Secret"}},
		{"nil secret", endpoint.AuthConfig{ClientID: "a", Auth: oidc.Secret(nil)}, []string{"Auth: the oidc.Secret is nil"}},
		{"control characters", endpoint.AuthConfig{ClientID: "a\x00", Auth: oidc.PrivateKeyJWT{Key: edKey(t), KeyID: "\x7f", Audience: "\u0085"}}, []string{"ClientID: holds", "PrivateKeyJWT.KeyID holds", "PrivateKeyJWT.Audience holds"}},
		{"not UTF-8", endpoint.AuthConfig{ClientID: "a\xff"}, []string{"ClientID: holds"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, err := endpoint.NewAuthenticator(tc.cfg)
			check.True(t, a == nil && err != nil, "no error")
			check.Contains(t, err.Error(), tc.want...)
		})
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	verifyEC := func(size int, hash crypto.Hash) func(crypto.PublicKey, string, []byte) bool {
		return func(pub crypto.PublicKey, input string, sig []byte) bool {
			h := hash.New()
			h.Write([]byte(input))
			return len(sig) == 2*size && ecdsa.Verify(pub.(*ecdsa.PublicKey), h.Sum(nil), new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:]))
		}
	}
	for _, tc := range []struct {
		alg    string
		ask    string
		key    crypto.Signer
		verify func(crypto.PublicKey, string, []byte) bool
	}{
		{"RS256", "", rsaKey(t, 2048), func(pub crypto.PublicKey, input string, sig []byte) bool {
			sum := sha256.Sum256([]byte(input))
			return rsa.VerifyPKCS1v15(pub.(*rsa.PublicKey), crypto.SHA256, sum[:], sig) == nil
		}},
		{"PS256", "PS256", rsaKey(t, 2048), func(pub crypto.PublicKey, input string, sig []byte) bool {
			sum := sha256.Sum256([]byte(input))
			return rsa.VerifyPSS(pub.(*rsa.PublicKey), crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: 32}) == nil
		}},
		{"ES256", "", ecKey(t, elliptic.P256()), verifyEC(32, crypto.SHA256)},
		{"ES384", "", ecKey(t, elliptic.P384()), verifyEC(48, crypto.SHA384)},
		{"ES512", "", ecKey(t, elliptic.P521()), verifyEC(66, crypto.SHA512)},
		{"EdDSA", "EdDSA", edKey(t), func(pub crypto.PublicKey, input string, sig []byte) bool {
			return ed25519.Verify(pub.(ed25519.PublicKey), []byte(input), sig)
		}},
	} {
		t.Run(tc.alg, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := auth(t, endpoint.AuthConfig{Auth: oidc.PrivateKeyJWT{Key: tc.key, Alg: tc.ask, KeyID: "k1"}})
				seen := map[string]bool{}
				for range 40 { // often enough for an r or s with leading zeros
					header, form := sent(t, target(), a, url.Values{"grant_type": {"x"}})
					check.Equal(t, header.Get("Authorization"), "", "Authorization")
					check.Equal(t, form.Get("client_id"), "web", "client_id")
					check.Equal(t, form.Get("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "type")
					parts := strings.Split(form.Get("client_assertion"), ".")
					check.Equal(t, len(parts), 3, "parts")
					check.Equal(t, decode(t, parts[0]), `{"alg":"`+tc.alg+`","typ":"JWT","kid":"k1"}`, "header")
					sig, err := base64.RawURLEncoding.DecodeString(parts[2])
					check.NoError(t, err)
					check.True(t, tc.verify(tc.key.Public(), parts[0]+"."+parts[1], sig), "the signature does not verify")
					var claims map[string]any
					check.NoError(t, json.Unmarshal([]byte(decode(t, parts[1])), &claims))
					jti, _ := claims["jti"].(string)
					check.True(t, len(jti) >= 22 && !seen[jti], "jti %q is short or not new", jti)
					seen[jti] = true
					delete(claims, "jti")
					now := float64(time.Now().Unix())
					check.DeepEqual(t, claims, map[string]any{
						"iss": "web", "sub": "web", "aud": "https://op.example.test", "iat": now, "exp": now + 60,
					}, "claims")
				}
			})
		})
	}
}

func decode(t testing.TB, part string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	check.NoError(t, err)
	return string(raw)
}

func TestAssertionAudience(t *testing.T) {
	t.Parallel()
	key := edKey(t)
	for _, tc := range []struct {
		audience string
		edit     func(*endpoint.Target)
		want     string // empty: misconfigured
	}{
		{"", nil, "https://op.example.test"},
		{"issuer", nil, "https://op.example.test"},
		{"token_endpoint", nil, tokenURL},
		{"https://literal.example/", nil, "https://literal.example/"},
		{"", func(t *endpoint.Target) { t.Issuer = "" }, ""},
		{"token_endpoint", func(t *endpoint.Target) { t.TokenEndpoint = "" }, ""},
		{"urn:x", func(t *endpoint.Target) { t.Issuer = "" }, "urn:x"},
	} {
		a := auth(t, endpoint.AuthConfig{Auth: oidc.PrivateKeyJWT{Key: key, Audience: tc.audience}})
		tgt := target()
		if tc.edit != nil {
			tc.edit(&tgt)
		}
		check.Equal(t, a.Check(tgt) == nil, tc.want != "", "Check of "+tc.audience)
		if tc.want == "" {
			_, err := caller(answer(200, nil, `{}`)).Post(t.Context(), tgt, a, nil)
			check.Contains(t, fails(t, err, endpoint.Misconfigured).Error(), "PrivateKeyJWT.Audience")
			continue
		}
		_, form := sent(t, tgt, a, nil)
		header, payload, _ := strings.Cut(form.Get("client_assertion"), ".")
		check.Equal(t, decode(t, header), `{"alg":"EdDSA","typ":"JWT"}`, "header without a key id")
		payload, _, _ = strings.Cut(payload, ".")
		check.Contains(t, decode(t, payload), `"aud":"`+tc.want+`"`)
	}
}

// badSigner fails, or gives garbage.
type badSigner struct {
	*ecdsa.PrivateKey
	out []byte
	err error
}

func (s badSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return s.out, s.err }

func TestFailingSigner(t *testing.T) {
	t.Parallel()
	for _, s := range []badSigner{
		{err: fmt.Errorf("CANARY-key: %w", errBoom)},
		{out: []byte("CANARY")},
		{out: []byte{0x30, 6, 2, 1, 0xff, 2, 1, 1}},                                     // r < 0
		{out: []byte{0x30, 6, 2, 1, 0, 2, 1, 1}},                                        // r = 0
		{out: append([]byte{0x30, 38, 2, 33, 1}, append(make([]byte, 32), 2, 1, 1)...)}, // r too long
		{out: []byte{0x30, 6, 2, 1, 1, 2, 1, 1, 0}},                                     // trailing data
	} {
		s.PrivateKey = ecKey(t, elliptic.P256())
		a := auth(t, endpoint.AuthConfig{Auth: oidc.PrivateKeyJWT{Key: s}})
		_, err := caller(answer(200, nil, `{}`)).Post(t.Context(), target(), a, nil)
		e := fails(t, err, endpoint.Misconfigured)
		check.Contains(t, e.Error(), "PrivateKeyJWT.Key could not sign")
		check.Lacks(t, e.Error(), "CANARY")
		if s.err != nil {
			check.Error(t, err, errBoom)
		}
	}
}

// TestSecretIsAskedForEachRequest: a secret that rotates is used from its next request on.
func TestSecretIsAskedForEachRequest(t *testing.T) {
	t.Parallel()
	secret, failure := "first", error(nil)
	for _, method := range []string{endpoint.SecretPost, endpoint.SecretBasic} {
		a := auth(t, endpoint.AuthConfig{AuthMethod: method, Auth: oidc.Secret(func(context.Context) (string, error) { return secret, failure })})
		for _, secret = range []string{"first", "second"} {
			header, form := sent(t, target(), a, url.Values{"grant_type": {"x"}})
			got := form.Get("client_secret")
			if method == endpoint.SecretBasic {
				_, got, _ = (&http.Request{Header: header}).BasicAuth()
			}
			check.Equal(t, got, secret, "secret")
		}
		c := caller(func(*http.Request) (*http.Response, error) { t.Error("a request was sent"); return nil, errBoom })
		for _, bad := range []struct {
			secret string
			err    error
		}{{"", nil}, {"CANARY\n", nil}, {"CANARY", fmt.Errorf("CANARY: %w", errBoom)}} {
			secret, failure = bad.secret, bad.err
			_, err := c.Post(t.Context(), target(), a, nil)
			e := fails(t, err, endpoint.Misconfigured)
			check.Contains(t, e.Error(), "oidc.Secret gave no usable client secret")
			check.Lacks(t, e.Error(), "CANARY")
			if bad.err != nil {
				check.Error(t, err, errBoom)
			}
		}
		secret, failure = "first", nil
	}
}

func TestAuthDoesNotPrint(t *testing.T) {
	t.Parallel()
	const canary = "CANARY+%secret"
	key := edKey(t)
	cfg := endpoint.AuthConfig{ClientID: "web", ClientSecret: canary, AuthMethod: endpoint.PrivateKeyJWT, Auth: oidc.PrivateKeyJWT{Key: key}}
	a := auth(t, cfg)
	check.True(t, !a.Public(), "secret or key lost")
	check.Equal(t, a.ClientID(), "web", "client id")
	check.Equal(t, a.Configured(), endpoint.PrivateKeyJWT, "configured method")
	type wrap struct {
		hidden *endpoint.Authenticator
		deep   endpoint.Authenticator
		Shown  *endpoint.Authenticator
	}
	forbidden := []string{"CANARY", fmt.Sprintf("%d", []byte(key))[1:20], fmt.Sprintf("%x", []byte(key))[:20], fmt.Sprintf("%x", canary)}
	for _, v := range []any{cfg, &cfg, a, *a, []any{cfg, a}, map[string]any{"a": a, "c": cfg}, wrap{a, *a, a}, &wrap{a, *a, a}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			check.Lacks(t, fmt.Sprintf(verb, v), forbidden...)
		}
		out, err := json.Marshal(v)
		check.NoError(t, err)
		check.Lacks(t, string(out), forbidden...)
		for _, h := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(h(&b)).Info("x", "v", v)
			check.Lacks(t, b.String(), forbidden...)
		}
	}
	check.True(t, slices.Contains([]string{"[redacted]"}, fmt.Sprint(a)), "prints as %s", fmt.Sprint(a))
}
