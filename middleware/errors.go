package middleware

import (
	"net/http"
	"time"
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

// Error is every refusal. Its text is for logs: it never holds a token, but may quote an issuer or an audience. Of
// what is in it, answers show only [Error.Description].
type Error struct {
	Reason Reason
	// RetryAfter is when asking again makes sense, for ReasonProviderUnavailable.
	RetryAfter time.Duration

	atRequest bool   // ReasonTenantMismatch: between token and request, not between token and issuer
	demand    demand // what the route asks for: the challenge says it
	cause     error
}

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

func (e *Error) verdict() verdict {
	v, ok := verdicts[e.Reason]
	switch {
	case !ok:
		return verdicts[ReasonInternalError]
	case e.Reason == ReasonTenantMismatch && e.atRequest:
		return verdict{http.StatusForbidden, "", v.description}
	}
	return v
}

// Status is the HTTP status of the answer: 400, 401, 403, 500 or 503.
func (e *Error) Status() int { return e.verdict().status }

// Description is one fixed sentence for each reason, fit for an answer.
func (e *Error) Description() string { return e.verdict().description }

func (e *Error) Error() string {
	text := "middleware: " + string(e.Reason) + ": " + e.Description()
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives the cause: [context.Canceled], for instance, when the caller has gone.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, &Error{Reason: ReasonTokenExpired}) compare reasons.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

// copy is for a refusal that is kept: each request gets its own.
func (e *Error) copy() *Error {
	own := *e
	return &own
}

func refuse(r Reason) *Error { return &Error{Reason: r} }

func refuseFor(r Reason, cause error) *Error { return &Error{Reason: r, cause: cause} }
