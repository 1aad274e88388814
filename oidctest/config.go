package oidctest

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/redact"
)

// DefaultIssuer and DefaultResource are what a zero Config uses: the provider's issuer, and the audience of tokens made by AccessToken.
const (
	DefaultIssuer   = "https://op.example.test"
	DefaultResource = "https://api.example.test"
)

// Config of a Provider; its zero value is a provider at https://op.example.test with one user ("alice", of tenant "acme") and no client.
type Config struct {
	redact.All

	// Issuer is the provider's base; default https://op.example.test. May have a path or a trailing slash.
	Issuer string
	// Alg signs tokens: RS256 (default), ES256, ES384, ES512, PS256, EdDSA; RS384, RS512, PS384 and PS512 too.
	Alg string
	// Key is the first signing key (*rsa.PrivateKey, *ecdsa.PrivateKey or ed25519.PrivateKey, fitting Alg); nil makes one when it is
	// first needed. An RSA key takes a moment: tests that start many providers may share one, or use ES256.
	Key     crypto.Signer
	Clients []Client
	Users   []User
	// Resources are the API resources that may be asked for (RFC 8707); nil accepts any absolute URI.
	Resources                                            []string
	AccessTokenTTL, RefreshTokenTTL, IDTokenTTL, CodeTTL time.Duration // 5 min, 8 h, 5 min, 1 min
	// OpaqueAccessTokens makes access tokens opaque (introspection only).
	OpaqueAccessTokens bool
	// KeepRefreshTokens leaves refresh tokens as they are instead of replacing them at each use.
	KeepRefreshTokens bool
	Now               func() time.Time
	// HTTPClient delivers back-channel logout tokens to clients; nil is one with a timeout of 5 s. It does reach the network.
	HTTPClient *http.Client
	// Logger hears of back-channel deliveries that failed; nil is silence.
	Logger *slog.Logger

	quirks quirks // set by the presets
}

// Client is a registered client. Without Secret and PublicKey it is public, and must then use PKCE.
type Client struct {
	redact.All

	ID, Secret             string
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackChannelLogoutURI   string
	// AuthMethod is the one method the client may use; empty: any that fits what it has.
	AuthMethod string
	// PublicKey verifies private_key_jwt assertions. KeyID, when set, is the kid and AssertionAlg the alg they must carry.
	PublicKey           crypto.PublicKey
	KeyID, AssertionAlg string
	RequirePKCE         bool
	// Grants are the grant types allowed: authorization_code, refresh_token, client_credentials; nil = any. A client allowed refresh_token
	// gets one with each login.
	Grants []string
	// Claims are added to access tokens of client credentials ("tenant": "acme").
	Claims map[string]any
	Scopes []string // allowed; nil = any
	// Audience of access tokens for which no resource was asked; nil is the issuer itself.
	Audience []string
	// IDTokenAlg HS256 signs this client's ID tokens with its Secret; empty is Config.Alg.
	IDTokenAlg string
	// OmitIss leaves iss (RFC 9207) out of this client's callbacks although the metadata promises it, as Keycloak can.
	OmitIss bool
}

// User can sign in.
type User struct {
	Subject, Name, Email string
	// Claims are added to the ID token, the access token and userinfo ("tenant": "acme").
	Claims map[string]any
}

func setDefaults(cfg *Config) {
	cfg.Issuer = cmp.Or(cfg.Issuer, DefaultIssuer)
	cfg.Alg = cmp.Or(cfg.Alg, "RS256")
	cfg.AccessTokenTTL = cmp.Or(cfg.AccessTokenTTL, 5*time.Minute)
	cfg.RefreshTokenTTL = cmp.Or(cfg.RefreshTokenTTL, 8*time.Hour)
	cfg.IDTokenTTL = cmp.Or(cfg.IDTokenTTL, 5*time.Minute)
	cfg.CodeTTL = cmp.Or(cfg.CodeTTL, time.Minute)
	cfg.HTTPClient = cmp.Or(cfg.HTTPClient, &http.Client{Timeout: 5 * time.Second})
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Users == nil {
		cfg.Users = []User{{
			Subject: "alice", Name: "Alice Example", Email: "alice@example.test",
			Claims: map[string]any{"tenant": "acme"},
		}}
	}
}

func (c *Client) check() error {
	if c.ID == "" {
		return errors.New("ID is missing")
	}
	for _, raw := range slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs) {
		u, err := url.Parse(raw)
		if err != nil || !u.IsAbs() || strings.Contains(raw, "#") {
			return fmt.Errorf("redirect URI %q must be absolute and without a fragment", raw)
		}
	}
	fits := true
	switch c.AuthMethod {
	case "":
	case methodBasic, methodPost:
		fits = c.Secret != ""
	case methodAssertion:
		fits = c.PublicKey != nil
	case methodNone:
		fits = c.Secret == "" && c.PublicKey == nil
	default:
		return fmt.Errorf("AuthMethod %q is not known", c.AuthMethod)
	}
	if !fits {
		return fmt.Errorf("AuthMethod %q does not fit Secret and PublicKey", c.AuthMethod)
	}
	if c.IDTokenAlg != "" && (c.IDTokenAlg != "HS256" || c.Secret == "") {
		return fmt.Errorf("IDTokenAlg %q: only HS256, with a Secret", c.IDTokenAlg)
	}
	return nil
}
