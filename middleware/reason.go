package middleware

import (
	"net/http"
)

// Reason is why a guard refused a request. Its values are the constants below;
// no others exist. The comment of each constant begins with the HTTP status of
// the response.
type Reason string

const (
	// 401: The request has no bearer token, or a credential of another scheme.
	ReasonTokenMissing Reason = "token_missing"
	// 401: The token has no valid form, or its contents contradict each other.
	ReasonTokenMalformed Reason = "token_malformed"
	// 401: The token is larger than 16 KiB.
	ReasonTokenTooLarge Reason = "token_too_large"
	// 401: AccessTokenAlgs does not list the token's algorithm.
	ReasonAlgNotAllowed Reason = "alg_not_allowed"
	// 401: The token is an ID, refresh or logout token, not an access token.
	ReasonTypeNotAllowed Reason = "type_not_allowed"
	// 401: The key does not verify the signature.
	ReasonSignatureInvalid Reason = "signature_invalid"
	// 401: No key of the issuer fits. The key may have been published a moment
	// ago.
	ReasonKeyUnknown Reason = "key_unknown"
	// 401: The exp of the token has passed.
	ReasonTokenExpired Reason = "token_expired"
	// 401: The nbf or iat of the token is in the future.
	ReasonTokenNotYetValid Reason = "token_not_yet_valid"
	// 401: The iss of the token is not a configured issuer.
	ReasonIssuerUntrusted Reason = "issuer_untrusted"
	// 401: The aud of the token contains none of Config.Audience.
	ReasonAudienceMismatch Reason = "audience_mismatch"
	// 401: The provider says that the token is not active.
	ReasonTokenInactive Reason = "token_inactive"
	// 401: The token is bound to a key (cnf), and the request does not prove
	// possession of it.
	ReasonBindingMissing Reason = "binding_missing"
	// 401: The token has no valid tenant claim.
	ReasonTenantMissing Reason = "tenant_missing"
	// 401: The tenant policy does not allow the tenant.
	ReasonTenantUnknown Reason = "tenant_unknown"
	// 401 if the tenant is not that of the token's issuer, 403 if it is not
	// that of the request.
	ReasonTenantMismatch Reason = "tenant_mismatch"
	// 400: The request names two tenants, or none where it must name one.
	ReasonTenantAmbiguous Reason = "tenant_ambiguous"
	// 403: A Check returned an error.
	ReasonPolicyDenied Reason = "policy_denied"
	// 403: The token lacks a scope that the route requires.
	ReasonInsufficientScope Reason = "insufficient_scope"
	// 401: The authentication is too old or too weak for the route (RFC 9470).
	ReasonStepUpRequired Reason = "step_up_required"
	// 400: The request has more than one credential.
	ReasonCredentialAmbiguous Reason = "credential_ambiguous"
	// 503: The guard could not verify the token. The token may be valid.
	ReasonProviderUnavailable Reason = "idp_unavailable"
	// 500: This program is wired incorrectly, or one of its functions panicked.
	ReasonInternalError Reason = "internal_error"
)

// verdict is the response for a reason. It contains nothing from the request.
type verdict struct {
	status      int
	code        string // error code of the challenge (RFC 6750 section 3.1); if empty, the challenge has none, or the response has no challenge
	description string
}

// verdicts are the responses for all reasons. Descriptions become quoted
// strings, so they are ASCII without quotes and backslashes.
var verdicts = map[Reason]verdict{
	ReasonTokenMissing:        {http.StatusUnauthorized, "", "a bearer token is required"},
	ReasonTokenMalformed:      {http.StatusUnauthorized, "invalid_token", "the token is malformed"},
	ReasonTokenTooLarge:       {http.StatusUnauthorized, "invalid_token", "the token is too large"},
	ReasonAlgNotAllowed:       {http.StatusUnauthorized, "invalid_token", "the signature algorithm is not allowed"},
	ReasonTypeNotAllowed:      {http.StatusUnauthorized, "invalid_token", "the token is not an access token"},
	ReasonSignatureInvalid:    {http.StatusUnauthorized, "invalid_token", "the signature is invalid"},
	ReasonKeyUnknown:          {http.StatusUnauthorized, "invalid_token", "the signing key is unknown"},
	ReasonTokenExpired:        {http.StatusUnauthorized, "invalid_token", "the token has expired"},
	ReasonTokenNotYetValid:    {http.StatusUnauthorized, "invalid_token", "the token is not valid yet"},
	ReasonIssuerUntrusted:     {http.StatusUnauthorized, "invalid_token", "the issuer is not trusted"},
	ReasonAudienceMismatch:    {http.StatusUnauthorized, "invalid_token", "the token is for another audience"},
	ReasonTokenInactive:       {http.StatusUnauthorized, "invalid_token", "the token is not active"},
	ReasonBindingMissing:      {http.StatusUnauthorized, "invalid_token", "the token is bound to a key and possession is not proven"},
	ReasonTenantMissing:       {http.StatusUnauthorized, "invalid_token", "the token names no tenant"},
	ReasonTenantUnknown:       {http.StatusUnauthorized, "invalid_token", "the tenant is not known here"},
	ReasonTenantMismatch:      {http.StatusUnauthorized, "invalid_token", "the tenant does not match"},
	ReasonTenantAmbiguous:     {http.StatusBadRequest, "invalid_request", "the request does not name exactly one tenant"},
	ReasonPolicyDenied:        {http.StatusForbidden, "", "access is denied"},
	ReasonInsufficientScope:   {http.StatusForbidden, "insufficient_scope", "the token lacks a scope"},
	ReasonStepUpRequired:      {http.StatusUnauthorized, "insufficient_user_authentication", "a more recent or stronger authentication is required"},
	ReasonCredentialAmbiguous: {http.StatusBadRequest, "invalid_request", "more than one credential was sent"},
	ReasonProviderUnavailable: {http.StatusServiceUnavailable, "", "the token cannot be verified at the moment"},
	ReasonInternalError:       {http.StatusInternalServerError, "", "the request cannot be authorized"},
}

// bodyCodes are the error codes of bodies whose challenge has none, because a
// body needs one (RFC 6749 section 5.2).
var bodyCodes = map[int]string{
	http.StatusUnauthorized:        "unauthorized",
	http.StatusForbidden:           "forbidden",
	http.StatusServiceUnavailable:  "temporarily_unavailable",
	http.StatusInternalServerError: "server_error",
}
