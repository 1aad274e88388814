// Command peer is the API behind golang-jwt and keyfunc, the fastest peer, as one writes it by hand.
package main

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/relyingparty/oidc/internal/bench/servers/whoami"
)

type claims struct {
	jwt.RegisteredClaims

	Tenant   string `json:"tenant"`
	Scope    string `json:"scope"`
	ClientID string `json:"client_id"`
}

type contextKey struct{}

func main() {
	issuer := os.Getenv("OIDC_DISCOVERY_URL")
	keys, err := keyfunc.NewDefaultCtx(context.Background(), []string{issuer + "/jwks"})
	if err != nil {
		whoami.Fail(err)
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(os.Getenv("OIDC_AUDIENCE")),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(30*time.Second))
	whoami.Run(protect(parser, keys.Keyfunc, http.HandlerFunc(answer)))
}

func protect(parser *jwt.Parser, key jwt.Keyfunc, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		var c claims
		token, err := parser.ParseWithClaims(text, &c, key)
		if !ok || err != nil || c.Tenant == "" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, token)))
	})
}

func answer(w http.ResponseWriter, r *http.Request) {
	token := r.Context().Value(contextKey{}).(*jwt.Token)
	c := token.Claims.(*claims)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token.Raw, ".")[1])
	if err != nil {
		http.Error(w, "the claims cannot be read", http.StatusInternalServerError)
		return
	}
	whoami.Answer(w, whoami.Identity{
		Subject: c.Subject, Issuer: c.Issuer, Tenant: c.Tenant, Scopes: strings.Fields(c.Scope), ClientID: c.ClientID,
		Method: "jwt", Expiry: c.ExpiresAt.Unix(), Claims: payload,
	})
}
