package main

import (
	"encoding/json"
	"net/http"

	"github.com/relyingparty/oidc/examples/internal/env"
	"github.com/relyingparty/oidc/middleware"
)

// renderer picks the body of refusals; nil is the library's own OAuth JSON.
func renderer(r *env.Reader) func(*http.Request, *middleware.Error) (string, []byte) {
	switch r.OneOf("OIDC_ERROR_FORMAT", "oauth", "vault", "problem") {
	case "vault":
		return renderVault
	case "problem":
		return renderProblem
	default:
		return nil
	}
}

// renderVault answers as Docbyte Vault does.
func renderVault(_ *http.Request, e *middleware.Error) (contentType string, body []byte) {
	code := map[int]string{
		http.StatusBadRequest:         "BAD_REQUEST",
		http.StatusUnauthorized:       "NOT_AUTHORIZED",
		http.StatusForbidden:          "FORBIDDEN",
		http.StatusServiceUnavailable: "UNAVAILABLE",
	}[e.Status()]
	body, _ = json.Marshal(map[string]any{"message": nil, "code": code})
	return "application/json", body
}

// renderProblem answers with problem details (RFC 9457).
func renderProblem(_ *http.Request, e *middleware.Error) (contentType string, body []byte) {
	body, _ = json.Marshal(map[string]any{
		"type": "about:blank", "status": e.Status(), "title": http.StatusText(e.Status()), "reason": e.Reason,
	})
	return "application/problem+json", body
}
