package middleware

import (
	"slices"

	"github.com/relyingparty/oidc/internal/problem"
)

// vouching says which tenants the tokens of one issuer may be for. Nil means any that the policy allows.
type vouching struct {
	own    []string // IssuerConfig.Tenants, sorted; nil = it lists none
	others []string // for an issuer that lists none: what the other issuers list, sorted
}

// covers reports whether the issuer may vouch for tenant.
func (v *vouching) covers(tenant string) bool {
	switch {
	case v == nil:
		return true
	case v.own != nil:
		return holds(v.own, tenant)
	}
	return !holds(v.others, tenant)
}

// holds reports whether a sorted list holds s.
func holds(sorted []string, s string) bool {
	_, found := slices.BinarySearch(sorted, s)
	return found
}

// sortedCopy is list in the order that [holds] needs.
func sortedCopy(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// shared reports whether the policy leaves it to others, or to nobody, which issuer may vouch for which tenant.
func (p *TenantPolicy) shared() bool { return p.AllowFunc != nil || p.AllowSharedTenants }

// vouching is that of one issuer among all. An issuer that lists no tenants is a template beside others: a realm must
// not become a tenant of another issuer by taking its name.
func (c *Config) vouching(issuer IssuerConfig) *vouching {
	if len(issuer.Tenants) > 0 {
		return &vouching{own: sortedCopy(issuer.Tenants)}
	}
	if c.Tenant == nil || c.Tenant.shared() {
		return nil
	}
	var listed []string
	for _, other := range c.Issuers {
		listed = append(listed, other.Tenants...)
	}
	if len(listed) == 0 {
		return nil
	}
	return &vouching{others: sortedCopy(listed)}
}

// checkVouching finds what is wrong with IssuerConfig.Tenants and, among distinct issuers, where it is missing.
func (c *Config) checkVouching(distinct bool, problems *problem.List) {
	list, prefixes := c.issuers()
	templates := 0
	for i, issuer := range list {
		if isTemplate(issuer) {
			templates++
		}
		issuer.checkTenants(c.Tenant != nil, prefixes[i]+"Tenants", problems)
	}
	if c.Tenant == nil || len(list) < 2 || !distinct || c.Tenant.shared() {
		return
	}
	for i, issuer := range list {
		switch {
		case issuer.Tenants != nil, templates == 1 && isTemplate(issuer):
		case prefixes[i] == "":
			problems.Add("Tenant", "the issuer of DiscoveryURL is one of several, and could vouch for tenants of the others: "+
				"move it into Issuers and list its Tenants there, or set Tenant.AllowFunc or Tenant.AllowSharedTenants")
		default:
			problems.Add(prefixes[i]+"Tenants", "list the tenants this issuer may vouch for, since it is one of several, or set Tenant.AllowFunc or Tenant.AllowSharedTenants")
		}
	}
}

// checkTenants finds mistakes in the list itself. policy says that there is a tenant policy.
func (c *IssuerConfig) checkTenants(policy bool, field string, problems *problem.List) {
	switch {
	case c.Tenants == nil:
		return
	case len(c.Tenants) == 0: // the outcome of a query that found nothing, perhaps: not a reason to allow everything
		problems.Add(field, "it is empty: list tenants, or leave it nil")
		return
	case !policy:
		problems.Add(field, "set Config.Tenant, which says where a token names its tenant")
		return
	}
	for _, tenant := range c.Tenants {
		if !validTenant(tenant) || isTemplate(*c) && !validSegment(tenant) {
			problems.Add(field, "%q cannot be a tenant", tenant)
		}
	}
}
