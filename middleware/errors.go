package middleware

import (
	"net/http"
	"time"
)

// Reason says why a request was refused. The list is closed.
type Reason string

const (
	TokenMissing        Reason = "token_missing"        // no credential, or one of another scheme
	TokenMalformed      Reason = "token_malformed"      // not a token, or one that contradicts itself
	TokenTooLarge       Reason = "token_too_large"      // more than 16 KiB
	AlgNotAllowed       Reason = "alg_not_allowed"      // signed in a way that is not on the list
	TypeNotAllowed      Reason = "type_not_allowed"     // a token for another purpose: ID, refresh, logout
	SignatureInvalid    Reason = "signature_invalid"    // the key does not verify the signature
	KeyUnknown          Reason = "key_unknown"          // no key fits; it may also have been published moments ago
	TokenExpired        Reason = "token_expired"        // exp has passed
	TokenNotYetValid    Reason = "token_not_yet_valid"  // nbf or iat lies ahead
	IssuerUntrusted     Reason = "issuer_untrusted"     // iss is none of the configured issuers
	AudienceMismatch    Reason = "audience_mismatch"    // aud holds none of Config.Audience
	TokenInactive       Reason = "token_inactive"       // introspection says no
	BindingMissing      Reason = "binding_missing"      // the token is bound (cnf) and nothing proves possession
	TenantMissing       Reason = "tenant_missing"       // no usable tenant claim
	TenantUnknown       Reason = "tenant_unknown"       // the tenant is not allowed here
	TenantMismatch      Reason = "tenant_mismatch"      // the tenant is not the issuer's (401) or not the request's (403)
	TenantAmbiguous     Reason = "tenant_ambiguous"     // the request names two tenants, or none where it must
	PolicyDenied        Reason = "policy_denied"        // a Check said no
	InsufficientScope   Reason = "insufficient_scope"   // the token lacks a scope of the route
	StepUpRequired      Reason = "step_up_required"     // the authentication is too old or too weak (RFC 9470)
	CredentialAmbiguous Reason = "credential_ambiguous" // two credentials
	IDPUnavailable      Reason = "idp_unavailable"      // no verdict could be had; it says nothing about the token
	InternalError       Reason = "internal_error"       // this program is wired wrongly, or a function of its own panicked
)

// Error is every refusal. Its text is for logs: it never holds a token, but may quote an issuer or an audience. Of
// what is in it, answers show only [Error.Description].
type Error struct {
	Reason Reason
	// RetryAfter is when asking again makes sense, for IDPUnavailable.
	RetryAfter time.Duration

	atRequest bool   // TenantMismatch: between token and request, not between token and issuer
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
	TokenMissing:        {http.StatusUnauthorized, "", "a bearer token is required"},
	TokenMalformed:      {http.StatusUnauthorized, "invalid_token", "the token is malformed"},
	TokenTooLarge:       {http.StatusUnauthorized, "invalid_token", "the token is too large"},
	AlgNotAllowed:       {http.StatusUnauthorized, "invalid_token", "the signature algorithm is not allowed"},
	TypeNotAllowed:      {http.StatusUnauthorized, "invalid_token", "the token is not an access token"},
	SignatureInvalid:    {http.StatusUnauthorized, "invalid_token", "the signature is invalid"},
	KeyUnknown:          {http.StatusUnauthorized, "invalid_token", "the signing key is unknown"},
	TokenExpired:        {http.StatusUnauthorized, "invalid_token", "the token has expired"},
	TokenNotYetValid:    {http.StatusUnauthorized, "invalid_token", "the token is not valid yet"},
	IssuerUntrusted:     {http.StatusUnauthorized, "invalid_token", "the issuer is not trusted"},
	AudienceMismatch:    {http.StatusUnauthorized, "invalid_token", "the token is for another audience"},
	TokenInactive:       {http.StatusUnauthorized, "invalid_token", "the token is not active"},
	BindingMissing:      {http.StatusUnauthorized, "invalid_token", "the token is bound to a key and possession is not proven"},
	TenantMissing:       {http.StatusUnauthorized, "invalid_token", "the token names no tenant"},
	TenantUnknown:       {http.StatusUnauthorized, "invalid_token", "the tenant is not known here"},
	TenantMismatch:      {http.StatusUnauthorized, "invalid_token", "the tenant does not match"},
	TenantAmbiguous:     {http.StatusBadRequest, "invalid_request", "the request does not name exactly one tenant"},
	PolicyDenied:        {http.StatusForbidden, "", "access is denied"},
	InsufficientScope:   {http.StatusForbidden, "insufficient_scope", "the token lacks a scope"},
	StepUpRequired:      {http.StatusUnauthorized, "insufficient_user_authentication", "a more recent or stronger authentication is required"},
	CredentialAmbiguous: {http.StatusBadRequest, "invalid_request", "more than one credential was sent"},
	IDPUnavailable:      {http.StatusServiceUnavailable, "", "the token cannot be verified at the moment"},
	InternalError:       {http.StatusInternalServerError, "", "the request cannot be authorized"},
}

func (e *Error) verdict() verdict {
	v, ok := verdicts[e.Reason]
	switch {
	case !ok:
		return verdicts[InternalError]
	case e.Reason == TenantMismatch && e.atRequest:
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

// Is makes errors.Is(err, &Error{Reason: TokenExpired}) compare reasons.
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
