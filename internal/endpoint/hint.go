package endpoint

import (
	"net/http"
	"net/url"
)

// hint says what to look at after a refusal, where that can be told: the client's own authentication, or, when the
// answer names no error of RFC 6749 section 5.2, what such a request is usually refused for.
func (out *request) hint(e *Error) string {
	switch {
	case out.auth == nil:
		return ""
	case e.ofClient():
		return out.clientHint(e)
	case e.Code == "invalid_request" && max(len(out.form["resource"]), len(out.form["audience"])) > 1: // Keycloak
		return "some providers take no parameter twice: ask for one resource or audience at a time"
	case e.Code == "invalid_request" && out.method == PrivateKeyJWT: // Ory Hydra, of an unknown kid
		return "if it means the client assertion: " + asRegistered
	case !registered[e.Code]:
		return unexplained[out.form.Get("grant_type")]
	}
	return ""
}

const asRegistered = "the Key, KeyID and Alg of the oidc.PrivateKeyJWT must be as registered"

// unexplained refusals, by grant type.
var unexplained = map[string]string{
	"authorization_code": "it gave no standard reason: a code works once and for a short time, with the redirect URL and verifier of its login",
	"refresh_token":      "it gave no standard reason: if the client's credentials are right, a refresh token that has expired or was withdrawn is replaced by signing in again",
	"client_credentials": "it gave no standard reason: check what this client may ask for, its scopes and resources",
}

// ofClient reports whether the client itself was refused. Not every provider says invalid_client: with a 401 or 403 some
// send nothing, unauthorized_client, or (a Keycloak's introspection) invalid_request. Where these two mean what RFC 6749
// says, they come with a 400.
func (e *Error) ofClient() bool {
	switch e.Code {
	case "invalid_client":
		return true
	case "", "unauthorized_client", "invalid_request":
		return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
	}
	return false
}

func (out *request) clientHint(e *Error) string {
	if out.method == SecretBasic && out.recoded() {
		return "the client id or secret holds characters that form encoding changes, as RFC 6749 section 2.3.1 demands, " +
			"and some providers do not decode them: try AuthMethod " + SecretPost
	}
	text := "check ClientID and its credentials"
	if e.Status == http.StatusForbidden {
		text = "check ClientID, its credentials and what it may ask for"
	}
	text += "; AuthMethod was " + out.method
	if len(out.target.Methods) > 0 {
		text += ", the provider lists " + quoteList(out.target.Methods)
	}
	if out.method == PrivateKeyJWT {
		text += "; " + asRegistered
		if out.auth.audience == "" || out.auth.audience == "issuer" {
			text += ", and some providers want its Audience to be token_endpoint"
		}
	}
	return text
}

// recoded reports whether a provider that does not decode Basic sees another id
// or secret than was configured.
func (out *request) recoded() bool {
	id := out.auth.clientID
	return url.QueryEscape(id) != id || url.QueryEscape(out.secret) != out.secret
}
