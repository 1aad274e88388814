package client_test

import (
	"errors"
	"net/http"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
)

const backChannelModule = "oidcc-client-test-rp-backchannel-rpinitlogout"

// logoutCases are RP-initiated and back-channel logout.
func logoutCases() map[string]conformanceCase {
	edit := func(edits ...func(map[string]any)) conformanceCase {
		return backChannel(nil, func(s *partyStage) {
			for _, f := range edits {
				s.op.Edit("logout_token", f)
			}
		})
	}
	signed := func(header map[string]any) func(*partyStage) {
		return func(s *partyStage) {
			header["typ"] = "logout+jwt"
			s.editLogout = func(raw string) string {
				var claims map[string]any
				jwtClaims(s.t, raw, &claims)
				return s.op.Sign(header, claims)
			}
		}
	}
	return map[string]conformanceCase{
		"oidcc-client-test-rp-init-logout":             rpInitiated("sent"),
		"oidcc-client-test-rp-init-logout-other-state": rpInitiated("another"),
		"oidcc-client-test-rp-init-logout-no-state":    rpInitiated(""),

		backChannelModule:                  edit(),
		backChannelModule + "-alg-none":    backChannel(nil, signed(map[string]any{"alg": "none"})),
		backChannelModule + "-wrong-alg":   backChannel(rs256, signed(map[string]any{"alg": "PS256"})),
		backChannelModule + "-no-event":    edit(set("events", nil)),
		backChannelModule + "-wrong-event": edit(set("events", map[string]any{"https://event.example.test/other": map[string]any{}})),
		backChannelModule + "-with-nonce":  edit(set("nonce", "a-nonce")),
		backChannelModule + "-wrong-aud":   edit(set("aud", "another-client")),
		backChannelModule + "-wrong-iss":   edit(set("iss", "https://evil.example.test")),

		"logout-token-without-sub-and-sid": edit(set("sub", nil), set("sid", nil)),
		"logout-token-without-jti":         edit(set("jti", nil)),
		"logout-token-expired":             edit(func(m map[string]any) { m["exp"] = m["iat"].(int64) - 3600 }),
		"logout-token-replayed":            {steps: replayLogout},
	}
}

// rpInitiated is a logout from which the provider brings back this state.
func rpInitiated(state string) conformanceCase {
	return conformanceCase{
		fault: func(s *partyStage) {
			if state == "sent" {
				return
			}
			s.op.Fault("end_session", func(w http.ResponseWriter, r *http.Request) bool {
				to := r.URL.Query().Get("post_logout_redirect_uri")
				if state != "" {
					to += "?state=" + state
				}
				w.Header().Set("Location", to)
				w.WriteHeader(http.StatusSeeOther)
				return true
			})
		},
		steps: func(rp party) error {
			s := rp.stage()
			check.NoError(s.t, rp.login())
			landing := rp.logout()
			_, single := rp.(*clientParty)
			if single || state != "sent" { // Login sends none: its landing page is whoever's
				check.Equal(s.t, landing.Query().Get("state"), state, "state that comes back")
			}
			if state != "sent" {
				return nil
			}
			check.Equal(s.t, s.told[0].Code, http.StatusOK, "answer to the provider's logout token")
			if err := rp.login(client.Prompt("none")); !errors.Is(err, client.ErrLoginRequired) {
				s.t.Errorf("the session at the provider goes on: %v", err)
			}
			return nil
		},
	}
}

// backChannel is a person with two sessions here and one at the provider: they sign out in one, and the provider's logout token
// decides about the other.
func backChannel(configure func(*appConfig), fault func(*partyStage)) conformanceCase {
	return conformanceCase{configure: configure, fault: fault, steps: func(rp party) error {
		l := rp.(*loginParty)
		check.NoError(l.t, l.login())
		other := l.app.browser()
		other.person = l.browser.person
		other.login("/auth/login", "alice")

		l.logout()
		check.Equal(l.t, len(l.told), 1, "logout tokens sent")
		return l.verdict(other)
	}}
}

// verdict is what came of the last logout token: the other session ended, or the refusal that kept it.
func (l *loginParty) verdict(other *browser) error {
	answer := l.told[len(l.told)-1]
	check.Equal(l.t, answer.Header().Get("Cache-Control"), "no-store", "Cache-Control")
	if answer.Code == http.StatusOK {
		check.Equal(l.t, other.signedIn(), "", "signed in after the logout token")
		return nil
	}
	check.Equal(l.t, answer.Code, http.StatusBadRequest, "answer to a bad logout token")
	check.Equal(l.t, other.signedIn(), "alice", "signed in after a bad logout token")
	return l.refused.error()
}

// replayLogout lets the provider send the same logout token twice, with a login in between.
func replayLogout(rp party) error {
	l := rp.(*loginParty)
	first := ""
	l.editLogout = func(raw string) string {
		if first == "" {
			first = raw
		}
		return first
	}
	for range 2 {
		check.NoError(l.t, l.login())
		l.op.RevokeSubject("alice")
		if err := l.verdict(l.browser); err != nil {
			return err
		}
	}
	return nil
}
