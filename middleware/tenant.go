package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// TenantPolicy says which tenant a request is for. Tenants are compared byte for byte; they are strings of at most 256
// bytes without control characters.
type TenantPolicy struct {
	// Claim is the path to the claim that names the tenant, a key an element: {"tenant"}, or {"ext", "tenant"}.
	Claim []string
	// Allow lists the tenants served here. A template keeps the keys of all of them, and fetches them whatever else is
	// asked of it. If empty, any is served that the issuer vouches for.
	Allow []string
	// AllowFunc is asked instead of Allow, on each request, whether tokens of issuer may be for tenant; with a template
	// before any network call, and so before the signature. An error is a 503. The issuer is the token's iss; for an
	// introspection answer that has none it is that of [introspect.Config], which may be empty. Of a template's tenants
	// that it allows, 1000 at once and then 100 a second may be looked up at the provider, and others get a 503: it
	// should know the tenants, and not allow every name. If nil, Allow counts.
	AllowFunc func(ctx context.Context, issuer, tenant string) (bool, error)
	// AllowAnyTenant says that a template may be filled with any tenant at all. Of those that no valid token has come
	// from yet, 30 at once and then 50 a second may be looked up at the provider, one a second while it does not answer;
	// others get a 503. So junk that makes up fewer names delays nobody. If false, a template needs Allow, AllowFunc or
	// [IssuerConfig.Tenants].
	AllowAnyTenant bool
	// AllowSharedTenants lets every one of several issuers vouch for every tenant, unless its IssuerConfig lists
	// Tenants: whoever runs one of them then reaches the tenants of all. If false, several issuers need Tenants, or
	// AllowFunc.
	AllowSharedTenants bool
	// Match are the parts of the request that name the tenant too. Each must name it, and all the same one.
	Match []TenantSource
	// FromIssuer takes the tenant from the issuer where DiscoveryURL is a template; Claim, if set, must still agree.
	FromIssuer bool
}

// RequireTenant is the policy that a token names its tenant in a claim, and that these parts of the request agree.
func RequireTenant(claim string, sources ...TenantSource) *TenantPolicy {
	return &TenantPolicy{Claim: []string{claim}, Match: sources}
}

// tenant settles which tenant a verified token is for, and that the request agrees. asked says that the policy has
// been asked about the issuer's tenant in this request already.
func (g *Guard) tenant(ctx context.Context, f *facts, c call, asked bool) (string, *Error) {
	policy := g.tenants
	if policy == nil {
		if len(c.tenants) > 0 {
			return "", refuseFor(ReasonInternalError, errors.New("Credential.Tenants cannot be compared: set Config.Tenant"))
		}
		return "", nil
	}
	tenant, refusal := policy.of(f)
	if refusal != nil {
		return "", refusal
	}
	if !asked {
		if refusal := g.allowed(ctx, f.vouching, f.issuer, tenant); refusal != nil {
			return "", refusal
		}
	}
	if refusal := g.matches(tenant, c); refusal != nil {
		return "", refusal
	}
	return tenant, nil
}

// of is the tenant of a token: that of its claim, which must be the one its issuer stands for.
func (p *TenantPolicy) of(f *facts) (string, *Error) {
	switch {
	case len(p.Claim) == 0 && f.captured != "":
		return f.captured, nil
	case f.claimed == "":
		return "", refuse(ReasonTenantMissing)
	case f.captured != "" && f.captured != f.claimed:
		return "", refuseFor(ReasonTenantMismatch, errors.New("the claim names another tenant than the issuer"))
	}
	return f.claimed, nil
}

// allowed asks the issuer's list and the policy.
func (g *Guard) allowed(ctx context.Context, issuers *vouching, issuer, tenant string) (refusal *Error) {
	policy := g.tenants
	switch {
	case !issuers.covers(tenant):
		return refuseFor(ReasonTenantUnknown, errors.New("its issuer may not vouch for this tenant"))
	case policy.AllowFunc != nil:
		defer caught(&refusal, "TenantPolicy.AllowFunc")
		switch ok, err := policy.AllowFunc(ctx, issuer, tenant); {
		case err != nil:
			return refuseFor(ReasonProviderUnavailable, fmt.Errorf("TenantPolicy.AllowFunc: %w", err))
		case !ok:
			return refuse(ReasonTenantUnknown)
		}
	case len(g.allow) > 0 && !holds(g.allow, tenant):
		return refuse(ReasonTenantUnknown)
	}
	return nil
}

// matches applies TenantPolicy.Match.
func (g *Guard) matches(tenant string, c call) *Error {
	switch {
	case g.tenants == nil:
		return nil
	case c.held == nil:
		return c.names(tenant, g.tenants.Match)
	case c.held.tenant != tenant: // the request names the one, and its token by now the other
		return &Error{Reason: ReasonTenantMismatch, atRequest: true}
	}
	return nil
}

// names checks that everything in the call that names a tenant names this one.
func (c call) names(tenant string, sources []TenantSource) *Error {
	if c.request == nil {
		return c.says(tenant, len(sources) > 0)
	}
	first := ""
	for i, s := range sources {
		value := s.value(c.request)
		switch {
		case value == "" && s.kind == fromPattern:
			return refuseFor(ReasonInternalError, fmt.Errorf("PathValue(%q) is empty: Require must stand inside the mux, on a pattern with {%s}", s.name, s.name))
		case value == "", i > 0 && value != first:
			return refuse(ReasonTenantAmbiguous)
		}
		first = value
	}
	if len(sources) > 0 && first != tenant {
		return &Error{Reason: ReasonTenantMismatch, atRequest: true}
	}
	return nil
}

// says is names for a call without a request.
func (c call) says(tenant string, required bool) *Error {
	if required && len(c.tenants) == 0 {
		return refuseFor(ReasonTenantAmbiguous, errors.New("Credential.Tenants is empty, and the policy compares"))
	}
	for i, value := range c.tenants {
		if value == "" || i > 0 && value != c.tenants[0] {
			return refuse(ReasonTenantAmbiguous)
		}
	}
	if len(c.tenants) > 0 && c.tenants[0] != tenant {
		return &Error{Reason: ReasonTenantMismatch, atRequest: true}
	}
	return nil
}

// maxTenant bounds a tenant, in bytes.
const maxTenant = 256

// tenantOf reads a tenant claim: a string that can be a tenant, or nothing.
func tenantOf(value string) string {
	var tenant string
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' && strings.IndexByte(value, '\\') < 0 {
		tenant = value[1 : n-1] // nothing to unescape, as nearly always
	} else if n == 0 || json.Unmarshal([]byte(value), &tenant) != nil {
		return ""
	}
	if !validTenant(tenant) {
		return ""
	}
	return tenant
}

func validTenant(s string) bool {
	return s != "" && len(s) <= maxTenant && !strings.ContainsFunc(s, unicode.IsControl)
}
