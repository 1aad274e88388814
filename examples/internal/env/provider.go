package env

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"

	"github.com/relyingparty/oidc"
)

// Provider is what all examples read: where the provider is and how this program authenticates to it.
type Provider struct {
	DiscoveryURL, Issuer string

	Authorization, Token, JWKS, UserInfo, Introspection, Revocation, EndSession string

	ClientID, ClientSecret, AuthMethod string

	Auth oidc.Auth // nil without a key
}

// Provider reads the variables that all examples share.
func (r *Reader) Provider() Provider {
	p := Provider{
		DiscoveryURL: r.Get("OIDC_DISCOVERY_URL", ""),
		Issuer:       r.Get("OIDC_ISSUER", ""),

		Authorization: r.Get("OIDC_AUTHORIZATION_ENDPOINT", ""),
		Token:         r.Get("OIDC_TOKEN_ENDPOINT", ""),
		JWKS:          r.Get("OIDC_JWKS_URL", ""),
		UserInfo:      r.Get("OIDC_USERINFO_ENDPOINT", ""),
		Introspection: r.Get("OIDC_INTROSPECTION_ENDPOINT", ""),
		Revocation:    r.Get("OIDC_REVOCATION_ENDPOINT", ""),
		EndSession:    r.Get("OIDC_END_SESSION_ENDPOINT", ""),

		ClientID:     r.Get("OIDC_CLIENT_ID", ""),
		ClientSecret: r.Get("OIDC_CLIENT_SECRET", ""),
		AuthMethod:   r.Get("OIDC_AUTH_METHOD", ""),

		Auth: r.assertion(),
	}
	if p.DiscoveryURL == "" && p.Token == "" && p.JWKS == "" && p.Introspection == "" {
		r.Problem("OIDC_DISCOVERY_URL", "is required: the issuer or the full discovery URL (or set the endpoints one by one: OIDC_TOKEN_ENDPOINT and so on)")
	}
	return p
}

// assertion reads the key that the client signs its assertions with; nil without
// one.
func (r *Reader) assertion() oidc.Auth {
	auth := oidc.PrivateKeyJWT{
		Key:      r.signer("OIDC_ASSERTION_KEY_FILE"),
		KeyID:    r.Get("OIDC_ASSERTION_KEY_ID", ""),
		Alg:      r.Get("OIDC_ASSERTION_ALG", ""),
		Audience: r.Get("OIDC_ASSERTION_AUDIENCE", ""),
	}
	if auth.Key != nil {
		return auth
	}
	if r.Get("OIDC_ASSERTION_KEY_FILE", "") == "" && auth.KeyID+auth.Alg+auth.Audience != "" {
		r.Problem("OIDC_ASSERTION_KEY_FILE", "is required with the other OIDC_ASSERTION variables: the PEM file of the key (PKCS#8)")
	}
	return nil
}

// signer reads a PKCS#8 private key from the PEM file a variable names.
func (r *Reader) signer(name string) crypto.Signer {
	path := r.Get(name, "")
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		r.Problem(name, "cannot be read: %v", err)
		return nil
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		r.Problem(name, "must hold a PEM block of type PRIVATE KEY (PKCS#8): openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem")
		return nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		r.Problem(name, "holds no PKCS#8 key")
		return nil
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		r.Problem(name, "holds a key that cannot sign")
		return nil
	}
	return signer
}
