package fosite_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/interop"
)

func (s *suite) signIn(t *testing.T) string {
	before := s.op.Requests()
	tokens, auth, back := interop.SignIn(t, s.relyingParty(t), alice(t, s.op))
	check.Equal(t, interop.Query(t, auth.URL).Get("code_challenge_method"), "S256", "code_challenge_method")
	check.True(t, !back.Has("iss"), "this server sends iss")
	check.Equal(t, tokens.RefreshToken, "", "refresh token")
	check.Equal(t, s.op.Subject(t.Context(), tokens.AccessToken), "alice", "whose access token it is")
	check.Equal(t, s.op.Requests()-before, 1, "token requests")
	var claims struct{ Nonce, Tenant string }
	check.NoError(t, tokens.IDToken.Claims(&claims))
	check.True(t, claims.Nonce != "", "the nonce did not come back")
	var header map[string]any
	interop.Decode(t, tokens.RawIDToken, 0, &header)
	check.True(t, header["kid"] == nil, "kid %v", header["kid"])
	return fmt.Sprintf("by the recipe: %s of %s, %v without a kid, nonce echoed, one token request", tokens.IDToken.Subject, claims.Tenant, header["alg"])
}

func (s *suite) codeTwice(t *testing.T) string {
	rp := s.relyingParty(t)
	tokens, auth, back := interop.SignIn(t, rp, alice(t, s.op))
	_, err := rp.Exchange(interop.Deadline(t), back, auth.Transaction)
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Code, "invalid_grant", "code used twice")
	check.Equal(t, s.op.Subject(t.Context(), tokens.AccessToken), "", "whose the first access token still is")
	return fmt.Sprintf("the code a second time: %s, %d, and the first access token is dead", refusal.Code, refusal.Status)
}

func (s *suite) wrongSecret(t *testing.T) string {
	for method, edit := range map[string]func(*client.Config){
		"wrong secret":        func(cfg *client.Config) { cfg.ClientSecret = "wrong" },
		"client_secret_basic": func(cfg *client.Config) { cfg.AuthMethod = "client_secret_basic" },
	} {
		before := s.op.Requests()
		_, err := s.exchange(t, s.relyingParty(t, edit), unchanged)
		refusal := check.As[*client.Error](t, err)
		check.Equal(t, refusal.Kind, client.KindRefused, method)
		check.Equal(t, refusal.Code, "invalid_client", method)
		check.Equal(t, refusal.Status, http.StatusUnauthorized, method)
		check.Lacks(t, err.Error(), interop.OddSecret)
		check.Equal(t, s.op.Requests()-before, 1, "token requests with "+method)
	}
	return "a wrong secret, or the right one in HTTP Basic: invalid_client, 401, and no second try"
}

// nonce changes what the provider is told, so that another comes back, or none.
func (s *suite) nonce(t *testing.T) string {
	strict := func(cfg *client.Config) { cfg.AllowMissingNonce = false }
	for _, c := range []struct {
		what, sent, claim string // claim: the one that is refused
		edit              func(*client.Config)
	}{
		{"none, allowed", "", "", func(*client.Config) {}},
		{"none", "", "nonce", strict},
		{"another, absence allowed", "somebody-else's-nonce", "nonce", func(*client.Config) {}},
		{"another", "somebody-else's-nonce", "nonce", strict},
	} {
		_, err := s.exchange(t, s.relyingParty(t, c.edit), func(authorization string) string {
			address, err := url.Parse(authorization)
			check.NoError(t, err)
			query := address.Query()
			if query.Set("nonce", c.sent); c.sent == "" {
				query.Del("nonce")
			}
			address.RawQuery = query.Encode()
			return address.String()
		})
		if c.claim == "" {
			check.NoError(t, err)
			continue
		}
		refusal := check.As[*client.Error](t, err)
		check.Equal(t, refusal.Kind, client.KindToken, c.what)
		check.Equal(t, refusal.Claim, c.claim, c.what)
	}
	return "no nonce passes with AllowMissingNonce only, another one never"
}

func (s *suite) pkce(t *testing.T) string {
	_, auth, _ := interop.SignIn(t, s.relyingParty(t, func(cfg *client.Config) { cfg.SkipPKCE, cfg.AllowUnboundCode = true, true }), alice(t, s.op))
	check.True(t, !interop.Query(t, auth.URL).Has("code_challenge"), "a challenge was sent")

	// The challenge counts: one of another verifier makes the code worthless.
	_, err := s.exchange(t, s.relyingParty(t), func(authorization string) string {
		challenge := interop.Query(t, authorization).Get("code_challenge")
		return strings.Replace(authorization, challenge, strings.Repeat("A", len(challenge)), 1)
	})
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Code, "invalid_grant", "another challenge")
	return "signed in without a challenge as well; another's challenge: " + refusal.Code
}

// plainHTTP: TLS is all that vouches for an ID token here. Loopback does too, where nobody is in between.
func (s *suite) plainHTTP(t *testing.T) string {
	cfg := recipe(t, s.op)
	cfg.RedirectURL = interop.Callback
	cfg.Endpoints.Token = "http://app.miqey.example/oauth/token"
	for _, insecure := range []bool{false, true} {
		cfg.InsecureAllowHTTP = insecure
		_, err := client.New(cfg)
		check.Equal(t, check.As[*oidc.ConfigError](t, err).Field, "SkipIDTokenSignature", "field")
		check.Contains(t, err.Error(), "https")
	}
	return "a token endpoint over http, with SkipIDTokenSignature: refused by New, with InsecureAllowHTTP too"
}

// lacking is what a caller sees of all that this provider does not have.
func (s *suite) lacking(t *testing.T) string {
	rp := s.relyingParty(t)
	before := s.op.Requests()
	_, err := rp.Refresh(interop.Deadline(t), "", client.TokenRequest{})
	check.Error(t, err, client.ErrReauthRequired)
	_, err = rp.UserInfo(interop.Deadline(t), "token", "alice")
	check.Error(t, err, client.ErrEndpointMissing)
	check.Error(t, rp.Revoke(interop.Deadline(t), "token", ""), client.ErrEndpointMissing)
	_, err = rp.EndSessionURL(interop.Deadline(t), client.EndSessionRequest{})
	check.Error(t, err, client.ErrEndpointMissing)
	check.Equal(t, s.op.Requests()-before, 0, "token requests")

	_, err = rp.ClientCredentials(client.TokenRequest{}).TokenContext(interop.Deadline(t))
	refusal := check.As[*client.Error](t, err)
	check.Equal(t, refusal.Kind, client.KindRefused, "client credentials")
	return "refresh: ErrReauthRequired; userinfo, revocation, logout: ErrEndpointMissing; client credentials: " + refusal.Code
}
