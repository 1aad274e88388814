// Command login is a web app that signs people in. It is configured by the environment; see the README.
package main

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/examples/internal/clientenv"
	"github.com/relyingparty/oidc/examples/internal/env"
	"github.com/relyingparty/oidc/examples/internal/serve"
)

func main() {
	r := env.New()
	logger := r.Logger()
	addr := r.Get("ADDR", "127.0.0.1:8080")
	handler, err := configure(r, logger)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := serve.Run(addr, handler, logger); err != nil {
		logger.Error("server stopped", "error", err)
		os.Exit(1)
	}
}

// configure reads the environment and builds the app; its error names every variable that is missing or wrong.
func configure(r *env.Reader, logger *slog.Logger) (http.Handler, error) {
	cfg := clientenv.Config(r, logger)
	cfg.RedirectURL = r.Require("OIDC_REDIRECT_URL", "the registered URL the provider sends the browser back to, such as http://127.0.0.1:8080/auth/callback")
	base, ok := strings.CutSuffix(cfg.RedirectURL, "/callback")
	if cfg.RedirectURL != "" && !ok {
		r.Problem("OIDC_REDIRECT_URL", "must end in /callback: the other paths of the login stand beside it")
	}
	if audience := r.List("OIDC_TOKEN_AUDIENCE"); len(audience) > 0 {
		cfg.ExtraAuthParams = url.Values{"audience": audience} // what Hydra and Auth0 take instead of resource
	}
	cfg.ResponseMode = r.Get("OIDC_RESPONSE_MODE", "")
	cfg.AuthorizationMethod = r.Get("OIDC_AUTHORIZATION_METHOD", "")
	cfg.IDTokenAlgs = r.List("OIDC_ID_TOKEN_ALGS")
	cfg.ClockSkew = r.Duration("OIDC_CLOCK_SKEW")
	cfg.SkipPKCE = r.Flag("OIDC_SKIP_PKCE")
	cfg.SkipIDTokenSignature = r.Flag("OIDC_SKIP_ID_TOKEN_SIGNATURE")
	cfg.AllowMissingNonce = r.Flag("OIDC_ALLOW_MISSING_NONCE")
	cfg.AllowUnboundCode = r.Flag("OIDC_ALLOW_UNBOUND_CODE")
	cfg.AllowMissingIss = r.Flag("OIDC_ALLOW_MISSING_ISS")
	keys := sessionKeys(r)
	if r.Err() != nil {
		return nil, r.Err()
	}
	rp, err := client.New(cfg)
	if err != nil {
		return nil, err
	}
	a := &app{rp: rp, logger: logger, userInfo: len(cfg.Resources) == 0, loginURL: base + "/login", logoutURL: base + "/logout"}
	a.login, err = rp.NewLogin(client.LoginConfig{
		Keys:                  keys,
		AllowEphemeralKey:     len(keys) == 0,
		PostLogoutRedirectURL: r.Get("OIDC_POST_LOGOUT_URL", ""),
		OnLogin:               a.onLogin,
		OnError:               a.onError,
	})
	if err != nil {
		return nil, err
	}
	return a.routes(), nil
}

// sessionKeys reads OIDC_SESSION_KEY: one or more keys, the first seals. None means a random one.
func sessionKeys(r *env.Reader) (keys [][]byte) {
	const name = "OIDC_SESSION_KEY"
	for word := range strings.FieldsSeq(r.Get(name, "")) {
		key, err := base64.StdEncoding.DecodeString(word)
		if err != nil || len(key) != 32 {
			r.Problem(name, "must be the base64 of 32 random bytes: openssl rand -base64 32")
			return nil
		}
		keys = append(keys, key)
	}
	return keys
}
