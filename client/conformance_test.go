package client_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
)

// conformanceList is testdata/conformance/modules.json: the OpenID Foundation's conformance tests for relying parties, each
// with what it demands and what this package answers.
type conformanceList struct {
	Profiles map[string]string   `json:"profiles"` // our word -> the suite's test plan
	Modules  []conformanceModule `json:"modules"`
	LeftOut  []struct {
		Module string `json:"module"`
		Why    string `json:"why"`
	} `json:"left_out"`
}

type conformanceModule struct {
	Module   string   `json:"module"`
	Profiles []string `json:"profiles"`
	Through  []string `json:"through"` // client: the single steps; login: the handler with its sessions
	Demand   string   `json:"demand"`
	// Expect is "success", or the kind of the error and what it names: "token iss", "refused login_required".
	Expect string `json:"expect"`
}

// conformanceCase makes the provider behave as a module has it, and says what the relying party does there.
type conformanceCase struct {
	configure func(*appConfig)
	fault     func(*partyStage)
	steps     func(party) error // nil: one login
	verify    func(party)       // what the error alone does not show
}

// conformanceCases are the cases by the names of their modules.
func conformanceCases() map[string]conformanceCase {
	all := map[string]conformanceCase{}
	for _, some := range []map[string]conformanceCase{claimCases(), keyCases(), flowCases(), refreshCases(), logoutCases(), initiateCases()} {
		maps.Copy(all, some)
	}
	return all
}

func readConformanceList(t *testing.T) conformanceList {
	t.Helper()
	raw, err := os.ReadFile("testdata/conformance/modules.json")
	check.NoError(t, err)
	var list conformanceList
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	check.NoError(t, dec.Decode(&list))
	return list
}

// TestConformance runs each module as a fault of oidctest, in each of its profiles, through Client and through Login.
func TestConformance(t *testing.T) {
	t.Parallel()
	cases := conformanceCases()
	for _, m := range readConformanceList(t).Modules {
		for _, profile := range m.Profiles {
			for _, through := range m.Through {
				t.Run(profile+"/"+m.Module+"/"+through, func(t *testing.T) {
					t.Parallel()
					runConformance(t, m, cases[m.Module], profile, through)
				})
			}
		}
	}
}

func runConformance(t *testing.T, m conformanceModule, c conformanceCase, profile, through string) {
	rp := newParty(t, through, func(cfg *appConfig) {
		if profile == "form-post" {
			cfg.client.ResponseMode = "form_post"
		}
		if c.configure != nil {
			c.configure(cfg)
		}
	})
	s := rp.stage()
	if c.fault != nil {
		c.fault(s)
	}
	steps := c.steps
	if steps == nil {
		steps = func(rp party) error { return rp.login() }
	}
	err := steps(rp)
	if got := conformanceOutcome(err); got != m.Expect {
		t.Fatalf("the module demands: %s\n got %s (%v)\nwant %s", m.Demand, got, err, m.Expect)
	}
	if e, ok := errors.AsType[*client.Error](err); ok && e.Op != "userinfo" {
		check.Equal(t, s.op.Requests("userinfo"), len(s.infos), "userinfo requests: none may follow what was refused")
	}
	if c.verify != nil {
		c.verify(rp)
	}
}

// conformanceOutcome is an error in the words of conformanceModule.Expect.
func conformanceOutcome(err error) string {
	var e *client.Error
	var mismatch *client.IssuerMismatchError
	switch {
	case err == nil:
		return "success"
	case !errors.As(err, &e):
		return "untyped"
	case errors.As(err, &mismatch):
		return e.Kind.String() + " issuer"
	}
	return strings.TrimSpace(e.Kind.String() + " " + cmp.Or(e.Claim, e.Code))
}

// Every module has a case, every case a module; what is left out says why.
func TestConformanceList(t *testing.T) {
	t.Parallel()
	list := readConformanceList(t)
	cases := conformanceCases()
	listed, profiles := map[string]bool{}, map[string]bool{}
	for _, m := range list.Modules {
		if _, ok := cases[m.Module]; !ok {
			t.Errorf("%s has no case", m.Module)
		}
		if listed[m.Module] {
			t.Errorf("%s is listed twice", m.Module)
		}
		listed[m.Module] = true
		if len(m.Profiles) == 0 || len(m.Through) == 0 || m.Demand == "" || m.Expect == "" {
			t.Errorf("%s: a field is empty", m.Module)
		}
		for _, profile := range m.Profiles {
			if profiles[profile] = true; list.Profiles[profile] == "" {
				t.Errorf("%s: profile %q is not explained", m.Module, profile)
			}
			if strings.HasPrefix(m.Module, "oidcc-") == (profile == "beyond") {
				t.Errorf("%s: the suite's names are for the suite's modules, and beyond is for ours", m.Module)
			}
		}
	}
	for name := range cases {
		if !listed[name] {
			t.Errorf("the case %s is not listed", name)
		}
	}
	for _, out := range list.LeftOut {
		if listed[out.Module] || out.Why == "" {
			t.Errorf("%s is left out: it must not be listed too, and needs a reason", out.Module)
		}
	}
	check.DeepEqual(t, slices.Sorted(maps.Keys(profiles)), slices.Sorted(maps.Keys(list.Profiles)), "profiles with modules")
}

// claimCases are about the claims of ID tokens.
func claimCases() map[string]conformanceCase {
	edit := func(edits ...func(map[string]any)) conformanceCase {
		return conformanceCase{fault: func(s *partyStage) {
			for _, f := range edits {
				s.op.Edit("id_token", f)
			}
		}}
	}
	const another = "https://evil.example.test"
	return map[string]conformanceCase{
		"oidcc-client-test-invalid-iss":    edit(set("iss", another)),
		"oidcc-client-test-missing-sub":    edit(set("sub", nil)),
		"oidcc-client-test-invalid-aud":    edit(set("aud", "another-client")),
		"oidcc-client-test-missing-aud":    edit(set("aud", nil)),
		"oidcc-client-test-missing-iat":    edit(set("iat", nil)),
		"oidcc-client-test-nonce-invalid":  edit(set("nonce", "another-nonce")),
		"oidcc-client-test-invalid-athash": edit(set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")),

		"missing-iss":                   edit(set("iss", nil)),
		"missing-exp":                   edit(set("exp", nil)),
		"expired":                       edit(set("exp", in(-time.Hour)), set("iat", in(-2*time.Hour))),
		"missing-nonce":                 edit(set("nonce", nil)),
		"missing-athash":                edit(set("at_hash", nil)),
		"azp-of-another-client":         edit(set("azp", "another-client")),
		"several-audiences-without-azp": edit(set("aud", []string{"web", "another-client"})),
		"several-audiences-with-azp":    edit(set("aud", []string{"web", "another-client"}), set("azp", "web")),
	}
}

// refreshCases log in, change what the provider says of the user, and renew the tokens.
func refreshCases() map[string]conformanceCase {
	then := func(fault func(*oidctest.Provider), ends bool) conformanceCase {
		c := conformanceCase{
			steps: func(rp party) error {
				check.NoError(rp.stage().t, rp.login())
				fault(rp.stage().op)
				return rp.refresh()
			},
		}
		if ends {
			c.verify = func(rp party) { rp.signedOut() }
		}
		return c
	}
	id := func(name string, value any) func(*oidctest.Provider) {
		return func(p *oidctest.Provider) { p.Edit("id_token", set(name, value)) }
	}
	return map[string]conformanceCase{
		"oidcc-client-test-refresh-token":                then(func(*oidctest.Provider) {}, false),
		"oidcc-client-test-refresh-token-invalid-issuer": then(id("iss", "https://evil.example.test"), true),
		"oidcc-client-test-refresh-token-invalid-sub":    then(id("sub", "bob"), true),
		"oidcc-client-test-refresh-token-invalid-aud":    then(id("aud", "another-client"), true),
		"oidcc-client-test-refresh-token-invalid-azp":    then(id("azp", "another-client"), false),

		"refresh-token-other-nonce": then(id("nonce", "another-nonce"), true),
		"refresh-without-id-token": then(func(p *oidctest.Provider) {
			p.Edit("token_answer", set("id_token", nil))
		}, false),
	}
}
