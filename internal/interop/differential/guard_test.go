package differential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// TestDifferentialGuard puts a whole guard in front of mutated tokens. It accepts none that go-jose refuses, that was
// not signed with the provider's key, or whose claims encoding/json reads otherwise; it says the same when asked again,
// and never asks the provider more often than it may.
func TestDifferentialGuard(t *testing.T) {
	const tokens = 2_100
	seed, n := campaign(t, tokens)
	f := newForge(t, seed)
	for _, s := range []*signer{f.published[0], f.published[2], f.published[5]} {
		t.Run(s.signs, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // time stands still, so what may be asked is exact
				guardAgainst(t, &forge{seed: seed, published: []*signer{s}, strangers: f.strangers}, n/3)
			})
		})
	}
}

func guardAgainst(t *testing.T, f *forge, n int) {
	t.Helper()
	s := f.published[0]
	op := oidctest.New(oidctest.Config{Alg: s.signs, Key: s.key})
	sample := dissect(op.AccessToken(nil))
	id, _ := sample.text("kid")
	f.published = []*signer{{s.key, id, s.signs, s.signs}}
	j := newJudge(t, f.keys())
	guard, err := middleware.New(middleware.Config{
		DiscoveryURL: op.Issuer(), HTTPClient: op.HTTPClient(), Audience: []string{oidctest.DefaultResource},
	})
	check.NoError(t, err)
	now := time.Now()
	claims := members{
		{`"iss"`, quoted(op.Issuer())}, {`"sub"`, `"alice"`}, {`"aud"`, quoted(oidctest.DefaultResource)},
		{`"exp"`, fmt.Sprint(now.Add(5 * time.Minute).Unix())}, {`"iat"`, fmt.Sprint(now.Unix())}, {`"client_id"`, `"web"`}, {`"jti"`, `"1"`},
	}
	var mu sync.Mutex
	counts := map[middleware.Reason]int{}
	report(t, parallel(n, func(i int) string {
		h := &hearing{draft: f.token(i, claims)}
		h.anatomy, h.theirs = dissect(h.draft.raw), j.theirs(h.draft.raw)
		reason, objection := ask(t.Context(), guard, h, now)
		if objection != "" {
			return fmt.Sprintf("%s (go-jose: %v)\n  %v", objection, h.theirs.err, h.draft)
		}
		mu.Lock()
		defer mu.Unlock()
		counts[reason]++
		return ""
	}))
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%7d  %s", counts[reason], reason)
	}
	check.True(t, counts[""] > 0, "no token was accepted")
	for endpoint, most := range map[string]int{"discovery": 1, "jwks": 2, "introspect": 0, "userinfo": 0, "token": 0} {
		check.True(t, op.Requests(endpoint) <= most, "%d requests to %s, at most %d may be", op.Requests(endpoint), endpoint, most)
	}
}

// ask shows the guard a token, twice.
func ask(ctx context.Context, guard *middleware.Guard, h *hearing, now time.Time) (reason middleware.Reason, objection string) {
	principal, err := guard.Authenticate(ctx, middleware.Credential{Token: h.raw})
	_, again := guard.Authenticate(ctx, middleware.Credential{Token: h.raw})
	if fmt.Sprint(err) != fmt.Sprint(again) {
		return "", fmt.Sprintf("asked twice, the guard says %v and then %v", err, again)
	}
	if err != nil {
		refusal, ok := errors.AsType[*middleware.Error](err)
		switch {
		case !ok:
			return "", fmt.Sprintf("the error is a %T", err)
		case refusal.Reason == middleware.ReasonProviderUnavailable || refusal.Reason == middleware.ReasonInternalError:
			return "", fmt.Sprintf("a token brings the guard down: %v", err)
		}
		return refusal.Reason, ""
	}
	if h.theirs.err != nil && explain(looser, h) == "" {
		return "", "the guard accepts what go-jose refuses"
	}
	alg, _ := h.text("alg")
	if !h.draft.genuine(h.raw[:strings.LastIndexByte(h.raw, '.')], alg, h.draft.forge.published[0].key.Public()) {
		return "", "the guard accepts what the provider never signed"
	}
	return "", unfit(h.draft.payload, principal, now)
}

// unfit is why a token with this payload must not be accepted, "" for nothing.
func unfit(payload string, principal *middleware.Principal, now time.Time) string {
	var claims map[string]any
	if err := json.Unmarshal([]byte(payload), &claims); err != nil {
		return fmt.Sprintf("the guard accepts claims that are not JSON: %v", err)
	}
	const skew = 30
	exp, _ := claims["exp"].(float64)
	nbf, _ := claims["nbf"].(float64)
	aud, _ := claims["aud"].([]any)
	switch {
	case claims["iss"] != oidctest.DefaultIssuer:
		return "the guard accepts another issuer"
	case claims["aud"] != oidctest.DefaultResource && !slices.Contains(aud, any(oidctest.DefaultResource)):
		return "the guard accepts another audience"
	case exp < float64(now.Unix()-skew), nbf > float64(now.Unix()+skew):
		return "the guard accepts it out of its time"
	case claims["cnf"] != nil, claims["at_hash"] != nil, claims["events"] != nil:
		return "the guard accepts what is no bearer's access token"
	}
	if sub, _ := claims["sub"].(string); principal.Subject != sub {
		return fmt.Sprintf("the guard reads the subject %q", principal.Subject)
	}
	return ""
}
