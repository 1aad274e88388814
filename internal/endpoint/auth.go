package endpoint

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The authentication methods, by their IANA names.
const (
	SecretBasic   = "client_secret_basic"
	SecretPost    = "client_secret_post"
	PrivateKeyJWT = "private_key_jwt"
	None          = "none"
)

const redacted = "[redacted]"

// AuthConfig is how a client authenticates. Field names are those of client.Config and introspect.Config, so that errors name them.
// It prints as [redacted].
type AuthConfig struct {
	ClientID, ClientSecret string
	Method                 string // IANA name; empty = chosen from metadata
	AssertionKey           crypto.Signer
	AssertionKeyID         string
	AssertionAlg           string
	AssertionAudience      string // "issuer" (default), "token_endpoint", or a literal audience
}

// Format, LogValue and MarshalJSON keep the secret and the key out of every print.
func (AuthConfig) Format(s fmt.State, _ rune)   { _, _ = io.WriteString(s, redacted) }
func (AuthConfig) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (AuthConfig) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Auth authenticates a client; it is immutable. Secrets sit behind closures: it prints as [redacted].
type Auth struct {
	clientID string
	method   string // empty: chosen from metadata
	secret   func() string
	sign     func(claims []byte) (string, error) // nil without an assertion key
	audience string
}

// Format, LogValue and MarshalJSON keep the secret and the key out of every print.
func (Auth) Format(s fmt.State, _ rune)   { _, _ = io.WriteString(s, redacted) }
func (Auth) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Auth) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// NewAuth checks cfg; its error joins every problem.
func NewAuth(cfg AuthConfig) (*Auth, error) {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf(field+": "+format, args...))
	}
	if cfg.ClientID == "" {
		bad("ClientID", "required")
	}
	for _, f := range []struct{ name, value string }{
		{"ClientID", cfg.ClientID}, {"ClientSecret", cfg.ClientSecret},
		{"AssertionKeyID", cfg.AssertionKeyID}, {"AssertionAudience", cfg.AssertionAudience},
	} {
		if !clean(f.value) {
			bad(f.name, "holds a control character or is not UTF-8 (a line end read from a file?)")
		}
	}
	secret, key := cfg.ClientSecret != "", cfg.AssertionKey != nil
	switch cfg.Method {
	case "":
		if secret && key {
			bad("AuthMethod", "required, as both ClientSecret and AssertionKey are set")
		}
	case SecretBasic, SecretPost:
		if !secret {
			bad("ClientSecret", "required by AuthMethod %s", cfg.Method)
		}
		if key {
			bad("AssertionKey", "set, but AuthMethod is %s", cfg.Method)
		}
	case PrivateKeyJWT: // a secret may be there for ID tokens signed with it
		if !key {
			bad("AssertionKey", "required by AuthMethod %s", cfg.Method)
		}
	case None:
		if secret {
			bad("ClientSecret", "set, but AuthMethod is %s", None)
		}
		if key {
			bad("AssertionKey", "set, but AuthMethod is %s", None)
		}
	default:
		bad("AuthMethod", "unknown method %s; supported are %s, %s, %s and %s",
			quoteList([]string{cfg.Method}), SecretBasic, SecretPost, PrivateKeyJWT, None)
	}
	a := &Auth{clientID: cfg.ClientID, method: cfg.Method, audience: cfg.AssertionAudience}
	value := cfg.ClientSecret
	a.secret = func() string { return value }
	if key {
		sign, err := newSigner(cfg.AssertionKey, cfg.AssertionAlg, cfg.AssertionKeyID)
		if err != nil {
			errs = append(errs, err)
		}
		a.sign = sign
	} else if cfg.Method != PrivateKeyJWT {
		for _, f := range []struct{ name, value string }{
			{"AssertionKeyID", cfg.AssertionKeyID}, {"AssertionAlg", cfg.AssertionAlg}, {"AssertionAudience", cfg.AssertionAudience},
		} {
			if f.value != "" {
				bad(f.name, "set without AssertionKey")
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return a, nil
}

// ClientID is the client's id.
func (a *Auth) ClientID() string { return a.clientID }

// HasSecret reports whether there is a client secret.
func (a *Auth) HasSecret() bool { return a.secret() != "" }

// HasKey reports whether there is an assertion key.
func (a *Auth) HasKey() bool { return a.sign != nil }

// Configured is the method that was configured by name; empty means chosen from metadata.
func (a *Auth) Configured() string { return a.method }

// Method says how the client authenticates at t. It never depends on what a provider answered before.
func (a *Auth) Method(t Target) (string, error) {
	listed := func(method string) bool { return len(t.Methods) == 0 || slices.Contains(t.Methods, method) }
	switch {
	case a.method != "":
		return a.method, nil
	case a.sign != nil:
		if listed(PrivateKeyJWT) {
			return PrivateKeyJWT, nil
		}
	case a.HasSecret():
		if listed(SecretBasic) {
			return SecretBasic, nil
		}
		if listed(SecretPost) {
			return SecretPost, nil
		}
	default: // public clients work at providers that do not list "none"
		return None, nil
	}
	have, fix := "a client secret", "set AssertionKey, or AuthMethod if you know better"
	if a.sign != nil {
		have, fix = "an assertion key", "set ClientSecret instead, or AuthMethod if you know better"
	}
	return "", &Error{
		Kind: Misconfigured, Endpoint: t.Name,
		detail: "there is " + have + ", but the provider lists only " + quoteList(t.Methods),
		Hint:   fix,
	}
}

// Check reports what would keep the client from authenticating at t. It neither signs nor sends anything.
func (a *Auth) Check(t Target) error {
	method, err := a.Method(t)
	if err == nil && method == PrivateKeyJWT {
		_, err = a.audienceAt(t)
	}
	return err
}

// apply puts the client's credentials into form or header.
func (a *Auth) apply(t Target, form url.Values, header http.Header) (string, error) {
	method, err := a.Method(t)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"} {
		delete(form, name)
	}
	switch method {
	case SecretBasic:
		header.Set("Authorization", "Basic "+basic(a.clientID, a.secret()))
	case SecretPost:
		form.Set("client_id", a.clientID)
		form.Set("client_secret", a.secret())
	case PrivateKeyJWT:
		assertion, err := a.assertion(t)
		if err != nil {
			return "", err
		}
		form.Set("client_id", a.clientID)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	default:
		form.Set("client_id", a.clientID)
	}
	return method, nil
}

// basic is RFC 6749 section 2.3.1: both halves are form-urlencoded before they are joined.
func basic(id, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
}

// encodingChanges reports whether a provider that does not decode Basic would see another id or secret.
func (a *Auth) encodingChanges() bool {
	secret := a.secret()
	return url.QueryEscape(a.clientID) != a.clientID || url.QueryEscape(secret) != secret
}

func clean(s string) bool { return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0 }

// short quotes a configured value, capped.
func short(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return strconv.QuoteToASCII(s)
}
