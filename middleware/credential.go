package middleware

import (
	"net/http"
	"strings"

	"github.com/relyingparty/oidc/internal/redact"
)

// maxToken is the maximum size of a token in bytes.
const maxToken = 16 << 10

// Credential is the credential for [Guard.Authenticate]. It prints as
// [redacted].
type Credential struct {
	redact.All

	// Token is the token without a scheme. If empty, the error has
	// ReasonTokenMissing.
	Token string
	// Tenants are the tenants that the call names. The token must belong to
	// each of them. They replace [TenantPolicy.Match] and the [Tenant] policy,
	// which need an HTTP request. If empty, the call names no tenant, and is
	// refused if the guard has one of these.
	Tenants []string
}

// bearer returns the only credential of a request (RFC 6750 section 2.1). It
// never reads the query or the body. It checks neither size nor form of the
// token, because a cached token needs neither.
func bearer(h http.Header) (token string, refusal *Error) {
	values := h["Authorization"]
	switch len(values) {
	case 0:
		return "", refuse(ReasonTokenMissing)
	case 1:
	default:
		return "", refuse(ReasonCredentialAmbiguous)
	}
	if token, ok := strings.CutPrefix(values[0], "Bearer "); ok && (len(token) > maxToken || plain(token)) {
		return token, nil // the usual case; a token that is too large is not even searched
	}
	value := strings.Trim(values[0], " \t")
	scheme, rest := value, ""
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		scheme, rest = value[:i], value[i:] // rest begins with a tab, which makes the token malformed
	}
	if !isBearer(scheme) {
		if amongOthers(value) {
			return "", refuse(ReasonCredentialAmbiguous)
		}
		return "", refuse(ReasonTokenMissing)
	}
	if strings.IndexByte(rest, ',') >= 0 {
		return "", refuse(ReasonCredentialAmbiguous)
	}
	rest = strings.TrimLeft(rest, " ")
	if rest == "" {
		return "", refuse(ReasonTokenMalformed)
	}
	return rest, nil
}

// plain reports whether the text after the scheme is a token and nothing else:
// no spaces around it, and no second credential.
func plain(token string) bool {
	return token != "" && token[0] > ' ' && token[len(token)-1] > ' ' && strings.IndexByte(token, ',') < 0
}

func isBearer(scheme string) bool {
	return scheme == "Bearer" || len(scheme) == len("Bearer") && strings.EqualFold(scheme, "Bearer")
}

// amongOthers reports whether a header that begins with another scheme also
// contains a bearer credential, because some proxies join two headers with a
// comma.
func amongOthers(value string) bool {
	if strings.IndexByte(value, ',') < 0 {
		return false
	}
	for one := range strings.SplitSeq(value, ",") {
		fields := strings.Fields(one)
		if len(fields) > 0 && isBearer(fields[0]) {
			return true
		}
	}
	return false
}

// wellFormed reports whether token is a b64token (RFC 6750 section 2.1).
func wellFormed(token string) bool {
	body := strings.TrimRight(token, "=")
	for i := range len(body) {
		if !b64token[body[i]] {
			return false
		}
	}
	return body != ""
}

var b64token = func() (a [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		a[c] = true
	}
	return a
}()
