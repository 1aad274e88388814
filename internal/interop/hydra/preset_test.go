package hydra

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
	"github.com/relyingparty/oidc/oidctest"
)

// presetHolds compares the metadata of oidctest.TokenOS with the real server's: a field of ours says what Hydra's says, and
// all that we leave out is what the preset does not offer.
func (s *suite) presetHolds(t *testing.T) string {
	preset := oidctest.New(oidctest.TokenOS(""))
	ours := metadata(t, preset.HTTPClient(), preset.Issuer())
	theirs := metadata(t, http.DefaultClient, s.op.Issuer)
	check.True(t, theirs["introspection_endpoint"] == nil, "the metadata names an introspection endpoint")
	narrower := []string{ // of what the preset does and Hydra does more of
		"scopes_supported", "grant_types_supported", "response_types_supported", "response_modes_supported",
		"request_parameter_supported", "request_uri_parameter_supported",
	}
	for field, value := range ours {
		if text, ok := value.(string); ok {
			value = strings.Replace(text, preset.Issuer(), s.op.Issuer, 1)
		}
		if !slices.Contains(narrower, field) {
			check.DeepEqual(t, theirs[field], value, field)
		}
	}
	var missing []string
	for _, field := range slices.Sorted(maps.Keys(theirs)) {
		if ours[field] == nil {
			missing = append(missing, field)
		}
	}
	check.DeepEqual(t, missing, []string{
		"credentials_endpoint_draft_00", "credentials_supported_draft_00", "frontchannel_logout_session_supported",
		"frontchannel_logout_supported", "id_token_signed_response_alg", "request_object_signing_alg_values_supported",
		"require_request_uri_registration", "userinfo_signed_response_alg", "userinfo_signing_alg_values_supported",
	}, "fields that the preset leaves out")
	return "the preset's metadata is Hydra's, without its drafts, request objects and front-channel logout"
}

// answersHold checks the answers that the preset imitates and no client shows.
func (s *suite) answersHold(t *testing.T) string {
	send := func(secret string) (*http.Response, map[string]any) {
		t.Helper()
		return post(t, s.op.Issuer+"oauth2/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {"service-post"}, "client_secret": {secret},
		})
	}
	resp, refusal := send("wrong")
	check.Equal(t, resp.StatusCode, http.StatusUnauthorized, "a wrong secret")
	check.Equal(t, resp.Header.Get("WWW-Authenticate"), "", "WWW-Authenticate of the token endpoint")
	check.Equal(t, refusal["error"], any("invalid_client"), "error")

	_, answer := send(interop.OddSecret)
	check.Equal(t, answer["token_type"], any("bearer"), "token_type")
	var claims map[string]any
	interop.Decode(t, answer["access_token"].(string), 1, &claims)
	check.DeepEqual(t, claims["aud"], any([]any{}), "aud without audience")
	check.DeepEqual(t, slices.Sorted(maps.Keys(claims)), []string{
		"aud", "client_id", "exp", "ext", "iat", "iss", "jti", "nbf", "scp", "sub",
	}, "claims of an access token")

	rp, tokens := s.offline(t, "web-opaque", archiveAPI)
	_, told := post(t, s.op.IntrospectionURL(), url.Values{"token": {tokens.AccessToken}})
	check.DeepEqual(t, slices.Sorted(maps.Keys(told)), []string{
		"active", "aud", "client_id", "exp", "ext", "iat", "iss", "nbf", "scope", "sub", "token_type", "token_use",
	}, "members of an introspection answer")
	check.Equal(t, told["token_use"], any("access_token"), "token_use")
	_, told = post(t, s.op.IntrospectionURL(), url.Values{"token": {tokens.RefreshToken}})
	check.Equal(t, told["token_use"], any("refresh_token"), "token_use of a refresh token")

	renewed, err := rp.Refresh(interop.Deadline(t), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	check.True(t, tokens.IDToken.Nonce != "" && renewed.IDToken.Nonce == tokens.IDToken.Nonce, "nonce of the refreshed ID token")

	userinfo, err := http.Get(s.op.Issuer + "userinfo")
	check.NoError(t, err)
	defer userinfo.Body.Close()
	check.Contains(t, userinfo.Header.Get("WWW-Authenticate"), `Bearer error="request_unauthorized",error_description="`)
	return "bearer in lower case, aud [], 401 without a challenge at the token endpoint, refresh tokens active at introspection, the nonce again on refresh"
}

func metadata(t *testing.T, hc *http.Client, issuer string) (doc map[string]any) {
	t.Helper()
	resp, err := hc.Get(issuer + ".well-known/openid-configuration")
	check.NoError(t, err)
	defer resp.Body.Close()
	check.NoError(t, json.NewDecoder(resp.Body).Decode(&doc))
	return doc
}

func post(t *testing.T, target string, form url.Values) (resp *http.Response, answer map[string]any) {
	t.Helper()
	resp, err := http.PostForm(target, form)
	check.NoError(t, err)
	defer resp.Body.Close()
	check.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp, answer
}
