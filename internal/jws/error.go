package jws

// Reason says why a token was refused.
type Reason uint8

const (
	Malformed Reason = iota + 1
	TooLarge
	AlgNotAllowed
	TypeNotAllowed
	SignatureInvalid
)

// Error is every error of this package; it never quotes the token.
type Error struct {
	Reason Reason
	detail string
}

func (e *Error) Error() string { return e.detail }

var (
	errTooLarge   = &Error{TooLarge, "jws: the token is too large"}
	errForm       = &Error{Malformed, "jws: not a compact JWS: three parts of unpadded base64url"}
	errHeader     = &Error{Malformed, "jws: the header is not a JSON object with each parameter once and in its own case"}
	errAlgMissing = &Error{Malformed, "jws: the header has no alg"}
	errParameter  = &Error{Malformed, "jws: the header has one of crit, b64 and zip, none of which is supported"}
	errKeyID      = &Error{Malformed, "jws: the header's kid is not a string of at most 1024 bytes"}
	errTypeForm   = &Error{Malformed, "jws: the header's typ is not a string"}
	errAlg        = &Error{AlgNotAllowed, "jws: the token's alg is not one of those allowed"}
	errNone       = &Error{AlgNotAllowed, "jws: the token is not signed: its alg is none"}
	errType       = &Error{TypeNotAllowed, "jws: the token's typ is not one of those allowed"}
)
