package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// TenantPolicy decides which tenant a request belongs to. Tenants are strings
// of at most 256 bytes without control characters, and are compared byte by
// byte.
type TenantPolicy struct {
	// Claim is the path to the claim that names the tenant, one element per
	// nested object: {"tenant"}, or {"ext", "tenant"}. It may be empty only if
	// FromIssuer is set.
	Claim []string
	// Allow lists the permitted tenants. A template keeps the keys of all of
	// them, and other tenants cannot delay fetching them. If empty, every
	// tenant that the issuer may name is permitted.
	Allow []string
	// AllowFunc reports on each request whether a token of issuer may name
	// tenant. For a template, the guard calls it before any request to the
	// provider, and therefore before it verifies the signature. An error is a
	// 503. issuer is the iss of the token; for an introspection response
	// without iss it is the Issuer of [introspect.Config], which may be empty.
	// Set only one of Allow, AllowFunc and AllowAnyTenant.
	//
	// AllowFunc should know the tenants and not allow every name. A template
	// looks up at most 1000 of the tenants it allows at once, and then 100 a
	// second. Requests for others get a 503. If nil, Allow decides.
	AllowFunc func(ctx context.Context, issuer, tenant string) (bool, error)
	// AllowAnyTenant lets a template accept every tenant. It looks up at most
	// 30 tenants that have had no valid token yet at once, and then 50 a
	// second, or one a second while the provider does not respond. Requests for
	// others get a 503. Fewer made-up names than that delay no tenant. If
	// false, a template needs Allow, AllowFunc or [IssuerConfig.Tenants].
	AllowAnyTenant bool
	// AllowSharedTenants lets each of several issuers name every tenant, unless
	// its IssuerConfig lists Tenants. Everyone who controls one of the issuers
	// can then reach the tenants of all. If false, several issuers need Tenants
	// or AllowFunc.
	AllowSharedTenants bool
	// Match lists the parts of the request that also name the tenant. Each must
	// name the token's tenant. If empty, the token alone decides.
	Match []TenantSource
	// FromIssuer takes the tenant from the issuer, which must be a template. If
	// Claim is set too, both must agree. If false, Claim names the tenant.
	FromIssuer bool
}

// RequireTenant returns a policy that reads the tenant from a claim and
// requires that these parts of the request name the same tenant.
func RequireTenant(claim string, sources ...TenantSource) *TenantPolicy {
	return &TenantPolicy{Claim: []string{claim}, Match: sources}
}

// tenant returns the tenant of a verified token and checks that the request
// names the same one. asked tells that the policy has already allowed the
// issuer's tenant for this request.
func (g *Guard) tenant(ctx context.Context, f *facts, c call, asked bool) (string, *Error) {
	policy := g.tenants
	if policy == nil {
		if len(c.tenants) > 0 {
			return "", refuseFor(ReasonInternalError, errors.New("set Config.Tenant to compare Credential.Tenants with the token"))
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

// of returns the tenant of a token. If both the claim and the issuer name one,
// they must agree.
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
		return refuseFor(ReasonTenantUnknown, errors.New("tokens of this issuer may not name this tenant"))
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
	case c.held.tenant != tenant: // the request names the earlier tenant, but its token now belongs to another
		return &Error{Reason: ReasonTenantMismatch, atRequest: true}
	}
	return nil
}

// names checks that every part of the request that names a tenant names this
// one.
func (c call) names(tenant string, sources []TenantSource) *Error {
	if c.request == nil {
		return c.says(tenant, len(sources) > 0)
	}
	first := ""
	for i, s := range sources {
		value := s.value(c.request)
		switch {
		case value == "" && s.kind == fromPattern:
			return refuseFor(ReasonInternalError, fmt.Errorf("PathValue(%q) is empty: put Require inside the mux, on a pattern with {%s}", s.name, s.name))
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

// says is names for a call without an HTTP request.
func (c call) says(tenant string, required bool) *Error {
	if required && len(c.tenants) == 0 {
		return refuseFor(ReasonTenantAmbiguous, errors.New("set Credential.Tenants, because the policy compares it with the token"))
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

// maxTenant is the maximum size of a tenant in bytes.
const maxTenant = 256

// tenantOf returns the tenant in the JSON of a claim. It is empty if the claim
// is not a valid tenant.
func tenantOf(value string) string {
	var tenant string
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' && strings.IndexByte(value, '\\') < 0 {
		tenant = value[1 : n-1] // nothing to unescape, the usual case
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
