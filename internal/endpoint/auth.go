package endpoint

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/problem"
	"github.com/relyingparty/oidc/internal/redact"
)

// The authentication methods, by their IANA names.
const (
	SecretBasic   = "client_secret_basic"
	SecretPost    = "client_secret_post"
	PrivateKeyJWT = "private_key_jwt"
	None          = "none"
)

// AuthConfig is how a client authenticates. Its field names are those of
// client.Config and introspect.Config, so that errors name them.
type AuthConfig struct {
	redact.All

	ClientID     string
	ClientSecret string
	AuthMethod   string    // IANA name. If empty, it is chosen from the metadata.
	Auth         oidc.Auth // If nil, ClientSecret is all there is.
}

// Authenticator authenticates a client. It is immutable. Secrets sit behind
// closures.
type Authenticator struct {
	redact.All

	clientID string
	method   string                                // If empty, it is chosen from the metadata.
	secret   func(context.Context) (string, error) // If nil, there is none.
	sign     func(claims []byte) (string, error)   // If nil, there is no key.
	audience string
}

// NewAuthenticator checks cfg. Its error joins every problem, each an
// *oidc.ConfigError.
func NewAuthenticator(cfg AuthConfig) (*Authenticator, error) {
	var problems problem.List
	if cfg.ClientID == "" {
		problems.Add("ClientID", "required")
	}
	for _, f := range []struct{ name, value string }{{"ClientID", cfg.ClientID}, {"ClientSecret", cfg.ClientSecret}} {
		if !clean(f.value) {
			problems.Add(f.name, "%s", unclean)
		}
	}
	a := &Authenticator{clientID: cfg.ClientID, method: cfg.AuthMethod}
	if secret := cfg.ClientSecret; secret != "" {
		a.secret = func(context.Context) (string, error) { return secret, nil }
	}
	switch auth := cfg.Auth.(type) {
	case nil:
	case oidc.PrivateKeyJWT:
		a.audience = auth.Audience
		for _, f := range []struct{ name, value string }{{"KeyID", auth.KeyID}, {"Audience", auth.Audience}} {
			if !clean(f.value) {
				problems.Add("Auth", "PrivateKeyJWT.%s %s", f.name, unclean)
			}
		}
		var err error
		if a.sign, err = newSigner(auth); err != nil {
			problems.Add("Auth", "PrivateKeyJWT.%v", err)
			a.sign = func([]byte) (string, error) { return "", err } // it has been reported: look for what else is wrong
		}
	case oidc.Secret:
		if a.secret != nil {
			problems.Add("ClientSecret", "set, but Auth is an oidc.Secret: leave one of them out")
		}
		if auth == nil {
			problems.Add("Auth", "the oidc.Secret is nil")
		}
		a.secret = checkedSecret(auth)
	default:
		problems.Add("Auth", "%T is none of oidc.PrivateKeyJWT and oidc.Secret", auth)
	}
	a.checkMethod(&problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return a, nil
}

// checkMethod holds AuthMethod to what there is to authenticate with.
func (a *Authenticator) checkMethod(problems *problem.List) {
	switch a.method {
	case "":
		if a.secret != nil && a.sign != nil {
			problems.Add("AuthMethod", "required, as there are both a client secret and an oidc.PrivateKeyJWT")
		}
	case SecretBasic, SecretPost:
		if a.secret == nil {
			problems.Add("ClientSecret", "required by AuthMethod %s", a.method)
		}
		if a.sign != nil {
			problems.Add("Auth", "an oidc.PrivateKeyJWT is set, but AuthMethod is %s", a.method)
		}
	case PrivateKeyJWT: // a secret may be there for ID tokens signed with it
		if a.sign == nil {
			problems.Add("Auth", "AuthMethod %s needs an oidc.PrivateKeyJWT here", a.method)
		}
	case None:
		if a.secret != nil {
			problems.Add("ClientSecret", "set, but AuthMethod is %s", None)
		}
		if a.sign != nil {
			problems.Add("Auth", "set, but AuthMethod is %s", None)
		}
	default:
		problems.Add("AuthMethod", "unknown method %s; supported are %s, %s, %s and %s",
			quoteList([]string{a.method}), SecretBasic, SecretPost, PrivateKeyJWT, None)
	}
}

// checkedSecret holds what a program's function returns to what ClientSecret is
// held to.
func checkedSecret(ask oidc.Secret) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		secret, err := ask(ctx)
		switch {
		case err != nil:
			return "", err
		case secret == "":
			return "", errors.New("it is empty")
		case !clean(secret):
			return "", errors.New("it " + unclean)
		}
		return secret, nil
	}
}

// ClientID is the client's id.
func (a *Authenticator) ClientID() string { return a.clientID }

// Public reports whether the client has nothing to prove itself with.
func (a *Authenticator) Public() bool { return a.secret == nil && a.sign == nil }

// Secret returns the client secret as it is now. It must not be called without
// one.
func (a *Authenticator) Secret(ctx context.Context) (string, error) { return a.secret(ctx) }

// Configured is the method that was configured by name. If empty, it is chosen
// from the metadata.
func (a *Authenticator) Configured() string { return a.method }

// Method says how the client authenticates at t. It never depends on what a provider answered before.
func (a *Authenticator) Method(t Target) (string, error) {
	listed := func(method string) bool { return len(t.Methods) == 0 || slices.Contains(t.Methods, method) }
	switch {
	case a.method != "":
		return a.method, nil
	case a.sign != nil:
		if listed(PrivateKeyJWT) {
			return PrivateKeyJWT, nil
		}
	case a.secret != nil:
		if listed(SecretBasic) {
			return SecretBasic, nil
		}
		if listed(SecretPost) {
			return SecretPost, nil
		}
	default: // public clients work at providers that do not list "none"
		return None, nil
	}
	have, fix := "a client secret", "set Auth to an oidc.PrivateKeyJWT, or AuthMethod if you know better"
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
func (a *Authenticator) Check(t Target) error {
	method, err := a.Method(t)
	if err == nil && method == PrivateKeyJWT {
		_, err = a.audienceAt(t)
	}
	return err
}

// apply puts the client's credentials into form or header, and returns the method
// and the client secret that it used.
func (a *Authenticator) apply(ctx context.Context, t Target, form url.Values, header http.Header) (method, secret string, err error) {
	if method, err = a.Method(t); err != nil {
		return "", "", err
	}
	for _, name := range []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"} {
		delete(form, name)
	}
	if method != SecretBasic {
		form.Set("client_id", a.clientID)
	}
	switch method {
	case SecretBasic, SecretPost:
		if secret, err = a.secret(ctx); err != nil {
			return "", "", &Error{Kind: Misconfigured, Endpoint: t.Name, detail: "oidc.Secret gave no usable client secret", Err: err}
		}
		if method == SecretPost {
			form.Set("client_secret", secret)
		} else {
			header.Set("Authorization", "Basic "+basic(a.clientID, secret))
		}
	case PrivateKeyJWT:
		assertion, err := a.assertion(t)
		if err != nil {
			return "", "", err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	}
	return method, secret, nil
}

// basic is RFC 6749 section 2.3.1: both halves are form-urlencoded before they
// are joined.
func basic(id, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
}

const unclean = "holds a control character or is not UTF-8 (a line end read from a file?)"

func clean(s string) bool { return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0 }

// short quotes a configured value, capped.
func short(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return strconv.QuoteToASCII(s)
}
