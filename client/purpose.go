package client

import (
	"slices"

	"github.com/relyingparty/oidc/internal/claims"
)

// A provider signs several kinds of tokens with the same key, for the same
// issuer, audience and subject. A token of one kind must not pass for another:
// an access token, which every API sees, must not sign its user in. The
// header's typ tells them apart only at providers that follow RFC 8725 section
// 3.11. Other providers mark their tokens with the claims that are checked
// here.

// checkIDTokenPurpose refuses a token that says it is no ID token.
func checkIDTokenPurpose(set *claims.Set, op string) error {
	if set.Has("events") {
		return tokenError(op, "events", "events says that the token is a logout token or another security event, no ID token")
	}
	return checkPurpose(set, op, "ID token", func(claim, value string) bool {
		return claim == "typ" && value != "ID" || claim == "token_use" && value != "id"
	})
}

// checkLogoutPurpose refuses a token that says it is no logout token, although
// it has the event, because access tokens may carry claims that their user
// chooses.
func checkLogoutPurpose(set *claims.Set, op string) error {
	return checkPurpose(set, op, "logout token", func(_, value string) bool {
		return slices.Contains([]string{"ID", "Bearer", "Refresh", "Offline", "id", "access"}, value)
	})
}

// checkUserInfoPurpose refuses an answer that says it is a token of another
// kind. It accepts an ID token, which holds the same claims.
func checkUserInfoPurpose(set *claims.Set, op string) error {
	if set.Has("events") {
		return tokenError(op, "events", "events says that the answer is a logout token or another security event")
	}
	return checkPurpose(set, op, "userinfo answer", func(_, value string) bool {
		return slices.Contains([]string{"Bearer", "Refresh", "Offline", "Logout", "access"}, value)
	})
}

// checkPurpose looks at Keycloak's typ and Cognito's token_use.
func checkPurpose(set *claims.Set, op, what string, other func(claim, value string) bool) error {
	for _, claim := range []string{"typ", "token_use"} {
		value, has, err := set.String(claim)
		switch {
		case err != nil:
			return wrap(op, err)
		case has && other(claim, value):
			return tokenError(op, claim, "%s says that the token is no %s", claim, what)
		}
	}
	return nil
}
