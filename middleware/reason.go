package middleware

import (
	"net/http"
)

// Reason says why a request was refused. The list is closed.
type Reason string

const (
	ReasonTokenMissing        Reason = "token_missing"        // no credential, or one of another scheme
	ReasonTokenMalformed      Reason = "token_malformed"      // not a token, or one that contradicts itself
	ReasonTokenTooLarge       Reason = "token_too_large"      // more than 16 KiB
	ReasonAlgNotAllowed       Reason = "alg_not_allowed"      // signed in a way that is not on the list
	ReasonTypeNotAllowed      Reason = "type_not_allowed"     // a token for another purpose: ID, refresh, logout
	ReasonSignatureInvalid    Reason = "signature_invalid"    // the key does not verify the signature
	ReasonKeyUnknown          Reason = "key_unknown"          // no key fits; it may also have been published moments ago
	ReasonTokenExpired        Reason = "token_expired"        // exp has passed
	ReasonTokenNotYetValid    Reason = "token_not_yet_valid"  // nbf or iat lies ahead
	ReasonIssuerUntrusted     Reason = "issuer_untrusted"     // iss is none of the configured issuers
	ReasonAudienceMismatch    Reason = "audience_mismatch"    // aud holds none of Config.Audience
	ReasonTokenInactive       Reason = "token_inactive"       // introspection says no
	ReasonBindingMissing      Reason = "binding_missing"      // the token is bound (cnf) and nothing proves possession
	ReasonTenantMissing       Reason = "tenant_missing"       // no usable tenant claim
	ReasonTenantUnknown       Reason = "tenant_unknown"       // the tenant is not allowed here
	ReasonTenantMismatch      Reason = "tenant_mismatch"      // the tenant is not the issuer's (401) or not the request's (403)
	ReasonTenantAmbiguous     Reason = "tenant_ambiguous"     // the request names two tenants, or none where it must
	ReasonPolicyDenied        Reason = "policy_denied"        // a Check said no
	ReasonInsufficientScope   Reason = "insufficient_scope"   // the token lacks a scope of the route
	ReasonStepUpRequired      Reason = "step_up_required"     // the authentication is too old or too weak (RFC 9470)
	ReasonCredentialAmbiguous Reason = "credential_ambiguous" // two credentials
	ReasonProviderUnavailable Reason = "idp_unavailable"      // no verdict could be had; it says nothing about the token
	ReasonInternalError       Reason = "internal_error"       // this program is wired wrongly, or a function of its own panicked
)

// verdict is what an answer says about a reason: everything in it is fixed.
type verdict struct {
	status      int
	code        string // of the challenge (RFC 6750 section 3.1); "" = a challenge without error, or none
	description string
}

// verdicts holds the answer table. Descriptions stand in quoted strings: no quotes, no backslashes, ASCII.
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

// bodyCodes are the error codes of bodies whose challenge has none. RFC 6749
// section 5.2 demands a code.
var bodyCodes = map[int]string{
	http.StatusUnauthorized:        "unauthorized",
	http.StatusForbidden:           "forbidden",
	http.StatusServiceUnavailable:  "temporarily_unavailable",
	http.StatusInternalServerError: "server_error",
}
