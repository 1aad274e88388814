package middleware

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Policy is a requirement of a route beyond a valid token. Policies are created
// by Scopes, AnyScope, Tenant, FreshIntrospection, MaxAuthAge, ACR and Check. A
// guard applies them to every request, in the order given.
type Policy struct {
	kind   policyKind
	list   []string // scopes or acr values
	tenant []TenantSource
	age    time.Duration
	check  func(context.Context, *Principal) error
}

type policyKind uint8

const (
	kindScopes policyKind = iota + 1
	kindAnyScope
	kindTenant
	kindFresh
	kindMaxAuthAge
	kindACR
	kindCheck
)

// Scopes requires all of these scopes. A token that lacks one is refused with
// ReasonInsufficientScope. Without arguments it requires nothing.
func Scopes(all ...string) Policy { return Policy{kind: kindScopes, list: slices.Clone(all)} }

// AnyScope requires at least one of these scopes. A token without any is
// refused with ReasonInsufficientScope.
func AnyScope(anyOf ...string) Policy { return Policy{kind: kindAnyScope, list: slices.Clone(anyOf)} }

// Tenant requires that these parts of the request name the token's tenant, as
// in Tenant(PathValue("tenant")). The refusals are ReasonTenantMismatch and
// ReasonTenantAmbiguous. It needs Config.Tenant.
func Tenant(sources ...TenantSource) Policy {
	return Policy{kind: kindTenant, tenant: slices.Clone(sources)}
}

// FreshIntrospection requires that the issuer confirmed the token at most age
// ago. If age is 0, every request asks the issuer. A JWT is introspected too,
// and both must agree as in ModeBoth. It needs Config.Introspection.
func FreshIntrospection(age time.Duration) Policy { return Policy{kind: kindFresh, age: age} }

// MaxAuthAge requires that the user authenticated (auth_time) at most age ago,
// plus Config.ClockSkew. A token that does not say so is refused with
// ReasonStepUpRequired (RFC 9470).
func MaxAuthAge(age time.Duration) Policy { return Policy{kind: kindMaxAuthAge, age: age} }

// ACR requires one of these authentication context classes (acr). A token with
// another class is refused with ReasonStepUpRequired (RFC 9470).
func ACR(anyOf ...string) Policy { return Policy{kind: kindACR, list: slices.Clone(anyOf)} }

// Check requires that f returns nil. Its error is a 403 with
// ReasonPolicyDenied, and only the log shows it. A panic is a 500. f receives a
// copy of the principal, which ctx contains too.
func Check(f func(ctx context.Context, p *Principal) error) Policy {
	return Policy{kind: kindCheck, check: f}
}

// valid returns the mistakes in the arguments of a policy.
func (p Policy) valid(g *Guard) error {
	switch p.kind {
	case kindScopes:
		return listOf("Scopes", p.list, 0)
	case kindAnyScope:
		return listOf("AnyScope", p.list, 1)
	case kindACR:
		return listOf("ACR", p.list, 1)
	case kindTenant:
		if g.tenants == nil {
			return errors.New("Tenant needs Config.Tenant, which defines how a token names its tenant")
		}
		if len(p.tenant) == 0 {
			return errors.New("Tenant needs a TenantSource, such as PathValue")
		}
		var errs []error
		for _, s := range p.tenant {
			errs = append(errs, s.check(true))
		}
		return errors.Join(errs...)
	case kindFresh:
		if !g.introspects() {
			return errors.New("FreshIntrospection needs Config.Introspection, and a Mode that uses it")
		}
		if p.age < 0 {
			return errors.New("FreshIntrospection: the age must not be negative")
		}
	case kindMaxAuthAge:
		if p.age < 0 {
			return errors.New("MaxAuthAge: the age must not be negative")
		}
	case kindCheck:
		if p.check == nil {
			return errors.New("Check needs a function")
		}
	default:
		return errors.New("create a Policy with Scopes, AnyScope, Tenant, FreshIntrospection, MaxAuthAge, ACR or Check")
	}
	return nil
}

// listOf checks values that become part of a challenge. They may contain the
// characters of a scope token (RFC 6749 section 3.3).
func listOf(name string, values []string, atLeast int) error {
	if len(values) < atLeast {
		return fmt.Errorf("%s needs a value", name)
	}
	for _, v := range values {
		if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r > '~' }) {
			return fmt.Errorf("%s: %q must be printable ASCII without spaces, quotes and backslashes, and not empty", name, v)
		}
	}
	return nil
}

// demand is what a route requires, as its challenges say it.
type demand struct {
	scope, acr, maxAge string
}

// route is the policies of a route.
type route struct {
	policies []Policy
	demand   demand
	fresh    bool // a policy is FreshIntrospection; age is that of the strictest
	age      time.Duration
}

// anyRoute requires nothing.
var anyRoute = &route{}

// route combines policies. Its error joins all mistakes in them.
func (g *Guard) route(policies []Policy) (*route, error) {
	if len(policies) == 0 {
		return anyRoute, nil
	}
	rt := &route{policies: slices.Clone(policies)}
	var errs []error
	var needed, classes []string
	for _, p := range policies {
		if err := p.valid(g); err != nil {
			errs = append(errs, fmt.Errorf("middleware: %w", err))
		}
		switch p.kind {
		case kindScopes, kindAnyScope:
			needed = append(needed, p.list...)
		case kindACR:
			classes = append(classes, p.list...)
		case kindFresh:
			if !rt.fresh || p.age < rt.age {
				rt.fresh, rt.age = true, p.age
			}
		case kindMaxAuthAge:
			seconds := int64(p.age / time.Second)
			if have, err := strconv.ParseInt(rt.demand.maxAge, 10, 64); err != nil || seconds < have {
				rt.demand.maxAge = strconv.FormatInt(seconds, 10)
			}
		}
	}
	rt.demand.scope, rt.demand.acr = distinct(needed), distinct(classes)
	return rt, errors.Join(errs...)
}

func distinct(values []string) string {
	var list []string
	for _, v := range values {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return strings.Join(list, " ")
}

// judge applies the policies of the route. They use the facts, because handlers
// may have changed the principal.
func (rt *route) judge(ctx context.Context, gr *grant, c call) *Error {
	for i := range rt.policies {
		if refusal := rt.policies[i].judge(ctx, gr, c); refusal != nil {
			switch refusal.Reason {
			case ReasonInsufficientScope:
				refusal.demand = demand{scope: rt.demand.scope}
			case ReasonStepUpRequired:
				refusal.demand = demand{acr: rt.demand.acr, maxAge: rt.demand.maxAge}
			}
			return refusal
		}
	}
	return nil
}

func (p *Policy) judge(ctx context.Context, gr *grant, c call) (refusal *Error) {
	switch p.kind {
	case kindScopes:
		for _, s := range p.list {
			if !slices.Contains(gr.facts.scopes(), s) {
				return refuse(ReasonInsufficientScope)
			}
		}
	case kindAnyScope:
		if !slices.ContainsFunc(p.list, func(s string) bool { return slices.Contains(gr.facts.scopes(), s) }) {
			return refuse(ReasonInsufficientScope)
		}
	case kindTenant:
		return c.names(gr.tenant, p.tenant)
	case kindACR:
		class, ok, err := gr.facts.set.String("acr")
		if !ok || err != nil || !slices.Contains(p.list, class) {
			return refuse(ReasonStepUpRequired)
		}
	case kindMaxAuthAge:
		if !p.recent(gr, time.Now()) {
			return refuse(ReasonStepUpRequired)
		}
	case kindCheck:
		defer caught(&refusal, "Check")
		own := new(Principal) // handlers may have changed the one they have
		gr.facts.fill(own, gr.tenant, nil)
		if err := p.check(NewContext(ctx, own), own); err != nil {
			return refuseFor(ReasonPolicyDenied, err)
		}
	}
	return nil
}

// recent reports whether auth_time is present, not in the future, and not too
// long ago.
func (p *Policy) recent(gr *grant, now time.Time) bool {
	at, ok, err := gr.facts.set.Time("auth_time")
	skew := gr.guard.cfg.ClockSkew
	return ok && err == nil && !at.After(now.Add(skew)) && !now.After(at.Add(p.age+skew))
}

// caught turns a panic of a configured function into a 500. It reports only the
// type of the panic's value, because the value may contain a secret.
func caught(refusal **Error, function string) {
	if p := recover(); p != nil {
		*refusal = refuseFor(ReasonInternalError, fmt.Errorf("%s panicked with a %T", function, p))
	}
}
