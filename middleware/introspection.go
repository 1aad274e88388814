package middleware

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/problem"
	"github.com/relyingparty/oidc/internal/remote"
	"github.com/relyingparty/oidc/introspect"
)

// reader is the introspection client of one issuer. It caches facts with the
// responses.
type reader = introspect.Reader[facts]

// addIntrospection creates the introspection client of an issuer. It returns
// nil if the issuer has none, or if it reports a problem.
func (g *Guard) addIntrospection(issuer IssuerConfig, problems *problem.List) *reader {
	if issuer.Introspection == nil {
		return nil
	}
	cfg := *issuer.Introspection
	if cfg.Endpoint == "" {
		cfg.Endpoint = issuer.Endpoints.Introspection
	}
	if cfg.DiscoveryURL == "" && !isTemplate(issuer) {
		cfg.DiscoveryURL = issuer.DiscoveryURL
		if cfg.Issuer == "" {
			cfg.Issuer = issuer.Issuer
		}
	}
	if strings.Contains(cfg.DiscoveryURL+cfg.Endpoint, placeholder) || cfg.DiscoveryURL == "" && cfg.Endpoint == "" {
		problems.Add("Introspection", "set its own Endpoint or DiscoveryURL, without %s", placeholder)
		return nil
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = g.cfg.HTTPClient
	}
	if cfg.Logger == nil {
		cfg.Logger = g.cfg.Logger
	}
	if cfg.ClockSkew == 0 {
		cfg.ClockSkew = g.cfg.ClockSkew
	}
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = max(g.cfg.TokenCacheSize, 0) // 0 is the default of both
	}
	if cfg.Observer == nil {
		cfg.Observer = g.cfg.Observer
	}
	client, err := introspect.NewReader(cfg, g.reading(&cfg))
	if err != nil {
		problems.Take("Introspection.", err)
		return nil
	}
	g.inspects = append(g.inspects, client.Client)
	if g.cfg.Mode == ModeAuto || g.cfg.Mode == ModeIntrospection {
		g.opaque, g.opaqueTemplate, g.opaqueVouching = client, isTemplate(issuer), g.cfg.vouching(issuer)
	}
	return client
}

// introspects reports whether the guard can introspect any token.
func (g *Guard) introspects() bool { return len(g.inspects) > 0 }

// reading returns the function that turns a response into facts, once per
// response. The client keeps the facts as long as the response. Facts that hold
// a refusal are kept too.
func (g *Guard) reading(cfg *introspect.Config) func(*claims.Set, string, time.Time) facts {
	return func(set *claims.Set, issuer string, asked time.Time) facts {
		f, refusal := g.readAnswer(set, issuer)
		if refusal == nil && f.audiences == 0 && !g.cfg.SkipAudienceCheck && !cfg.AllowMissingAudience {
			refusal = refuse(ReasonAudienceMismatch)
		}
		if refusal != nil {
			return facts{refused: refusal}
		}
		if cfg.CacheTTL < 0 {
			f.unkept = asked
		}
		f.unbound = g.bind(f)
		return *f
	}
}

// inspect introspects an opaque token.
func (g *Guard) inspect(ctx context.Context, token string, key cache.Key, rt *route, now time.Time) (*facts, *Error) {
	f, refusal := g.ask(ctx, g.opaque, token, key, rt, now)
	if refusal == nil && f.unbound != nil {
		return nil, f.unbound.copy()
	}
	return f, refusal
}

// ask returns the facts of an introspection response. It uses the cached
// response, unless there is none or the route requires a fresh one.
func (g *Guard) ask(ctx context.Context, client *reader, token string, key cache.Key, rt *route, now time.Time) (*facts, *Error) {
	if !rt.fresh {
		if f := client.Kept(key, now); f != nil {
			if f.refused != nil {
				return nil, f.refused.copy()
			}
			return f, g.recheck(f, now)
		}
	}
	if !wellFormed(token) {
		return nil, refuse(ReasonTokenMalformed)
	}
	options := g.audience
	if rt.fresh {
		options = append(slices.Clip(options), introspect.MaxAge(rt.age))
	}
	f, err := client.Ask(ctx, key, token, options...)
	if err != nil {
		return nil, unanswered(ctx, err)
	}
	if f.refused != nil {
		return nil, f.refused.copy()
	}
	return f, nil
}

// readAnswer reads the facts from an active response. The token must be an
// access token that needs no proof of possession. issuer is the endpoint's own
// issuer if the response names none.
func (g *Guard) readAnswer(set *claims.Set, issuer string) (*facts, *Error) {
	if kind, _, _ := set.String("token_type"); strings.EqualFold(kind, "DPoP") {
		return nil, refuse(ReasonBindingMissing)
	}
	f := &facts{method: MethodIntrospection}
	if err := g.read(set, f); err != nil {
		return nil, refuseFor(ReasonTokenMalformed, err)
	}
	f.issuer = issuer
	return f, g.usable(f, time.Now())
}

var errNoAnsweredIssuer = errors.New("the introspection response has no iss, so nothing ties it to the issuer of a tenant; Config.AllowMissingIssuer would accept it")

// bind determines the issuer of an introspected token. If keys verified the
// token, they determine its issuer, and confirm compares. Otherwise the iss of
// the response is all there is. An endpoint that all tenants of a template
// share must not introduce a tenant that the response does not name, nor a
// token of an issuer that is not configured.
func (g *Guard) bind(f *facts) *Error {
	f.vouching = g.opaqueVouching
	iss, named := answeredIssuer(f)
	if !named {
		if g.opaqueTemplate && !g.cfg.AllowMissingIssuer {
			return refuseFor(ReasonIssuerUntrusted, errNoAnsweredIssuer)
		}
		return nil
	}
	from, ok := g.originOf(iss)
	if !ok && len(g.templates) > 0 {
		return refuseFor(ReasonIssuerUntrusted, errors.New("the iss of the introspection response is "+remote.Quote(iss)))
	}
	switch {
	case from.template != nil:
		f.captured, f.vouching = from.tenant, from.template.vouching
	case from.source != nil:
		f.vouching = from.source.vouching
	}
	return nil
}

// answeredIssuer returns the iss of an introspection response. It differs from
// facts.issuer, which is the endpoint's own issuer if the response names none.
func answeredIssuer(f *facts) (iss string, named bool) {
	iss, named, _ = f.set.String("iss")
	return iss, named
}

// confirm introspects a token whose signature is verified. Issuer, subject and
// tenant must agree.
func (g *Guard) confirm(ctx context.Context, token string, key cache.Key, f *facts, rt *route, now time.Time) (*facts, *Error) {
	client := f.source.introspect
	if client == nil {
		return nil, refuseFor(ReasonPolicyDenied, fmt.Errorf("the issuer %s has no Introspection", remote.Quote(f.issuer)))
	}
	answer, refusal := g.ask(ctx, client, token, key, rt, now)
	if refusal != nil {
		return nil, refusal
	}
	if iss, named := answeredIssuer(answer); named && iss != f.issuer || answer.subject != f.subject {
		return nil, refuseFor(ReasonTokenInactive, errors.New("the introspection response names another issuer or subject"))
	}
	if answer.claimed != f.claimed {
		if answer.claimed == "" {
			return nil, refuseFor(ReasonTenantMissing, errors.New("the introspection response names no tenant"))
		}
		return nil, refuseFor(ReasonTenantMismatch, errors.New("the introspection response names another tenant"))
	}
	both := *f
	both.method, both.answer = MethodBoth, answer
	return &both, nil
}

var introspectReasons = map[introspect.Reason]Reason{
	introspect.Inactive:         ReasonTokenInactive,
	introspect.Expired:          ReasonTokenExpired,
	introspect.NotYetValid:      ReasonTokenNotYetValid,
	introspect.IssuerUntrusted:  ReasonIssuerUntrusted,
	introspect.AudienceMismatch: ReasonAudienceMismatch,
	introspect.Malformed:        ReasonTokenMalformed,
	introspect.TooLarge:         ReasonTokenTooLarge,
}

// unanswered returns the refusal for an error of introspection. An error that
// is not about the token is an outage.
func unanswered(ctx context.Context, err error) *Error {
	if gone := ctx.Err(); errors.Is(gone, context.Canceled) {
		return refuseFor(ReasonProviderUnavailable, gone)
	}
	refusal := refuseFor(ReasonProviderUnavailable, err)
	if e, ok := errors.AsType[*introspect.Error](err); ok {
		refusal.RetryAfter = e.RetryAfter
		if reason, ok := introspectReasons[e.Reason]; ok {
			refusal.Reason = reason
		}
	}
	return refusal
}
