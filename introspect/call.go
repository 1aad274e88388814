package introspect

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/endpoint"
	"github.com/relyingparty/oidc/internal/remote"
)

// ask returns an answer from the shared cache, unless it must be fresh, or else
// from the provider.
func (c *Client) ask(ctx context.Context, key cache.Key, token string, fresh bool, at time.Time) answer {
	sharedMiss := false
	if !fresh {
		var f *facts
		if f, sharedMiss = c.sharedFacts(ctx, key, token); f != nil {
			return answer{facts: f, fromShared: true}
		}
	}
	t, err := c.target(ctx)
	if err != nil {
		c.failed(err)
		return answer{err: err}
	}
	start := time.Now()
	ticket, wait, ok := c.breaker.allow(start)
	if !ok {
		err := unavailable("the breaker is open after failed calls", nil)
		err.RetryAfter = wait
		return answer{err: err}
	}
	result := neutral
	defer func() {
		if pause := c.breaker.done(ticket, result); pause > 0 {
			c.logger.Warn("introspection keeps failing: the breaker is open", "for", pause)
		}
	}()
	f, err, result := c.call(ctx, t, token, at)
	c.observe(ctx, t, start, err)
	return answer{facts: f, err: err, sharedMiss: sharedMiss}
}

// observe reports a finished call to the observer.
func (c *Client) observe(ctx context.Context, t endpoint.Target, start time.Time, err *Error) {
	if c.observer == nil {
		return
	}
	e := oidc.Event{
		Kind: oidc.EventRequest, Operation: oidc.OperationIntrospection, Outcome: oidc.OutcomeOK,
		Issuer: t.Issuer, URL: t.URL, Duration: time.Since(start),
	}
	if err != nil {
		e.Err, e.Outcome = err, err.outcome()
	}
	c.observer(ctx, e)
}

// call asks the provider.
func (c *Client) call(ctx context.Context, t endpoint.Target, token string, at time.Time) (*facts, *Error, outcome) {
	t.Idempotent = true
	got, err := c.caller.Post(ctx, t, c.auth, url.Values{"token": {token}, "token_type_hint": {"access_token"}})
	if err != nil {
		e := ofCall(err)
		return nil, e, c.settle(err, e)
	}
	c.source.Outcome(oidc.OperationIntrospection, false)
	var f *facts
	set, err := got.Claims()
	if err == nil {
		f, err = parseAnswer(set, at)
	}
	if err != nil {
		e := noVerdict(err)
		c.failed(e)
		return nil, e, good // the endpoint works; its response concerns this token only
	}
	return f, nil, good
}

// settle reports a failed call to discovery and to the log. It returns its
// meaning for the breaker.
func (c *Client) settle(err error, shown *Error) outcome {
	c.failed(shown)
	e, ok := errors.AsType[*endpoint.Error](err)
	if !ok || e.Kind == endpoint.Misconfigured {
		return neutral
	}
	c.source.Outcome(oidc.OperationIntrospection, endpoint.Moved(err))
	switch e.Status {
	case 0:
		if e.Kind == endpoint.Unreachable { // no response, or only part of one
			return silent
		}
		return neutral
	case http.StatusUnauthorized, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return bad
	}
	return good // a 500, a redirect or a web page: perhaps due to the token
}

// target returns the endpoint. If Config.Endpoint is set, an outage of
// discovery matters only if the metadata is needed.
func (c *Client) target(ctx context.Context) (endpoint.Target, *Error) {
	md, err := c.source.Metadata(ctx)
	if err != nil {
		if c.override != "" && c.independent() {
			return endpoint.Target{Name: oidc.OperationIntrospection, URL: c.override, Issuer: c.source.Issuers()[0]}, nil
		}
		e := unavailable(err.Error(), err)
		if r, ok := errors.AsType[*remote.Error](err); ok {
			e.RetryAfter = r.RetryAfter
		}
		return endpoint.Target{}, e
	}
	if md.IntrospectionEndpoint == "" {
		return endpoint.Target{}, &Error{Reason: Misconfigured, detail: "the provider's metadata names no introspection_endpoint: set Endpoint"}
	}
	methods := md.IntrospectionEndpointAuthMethods
	if len(methods) == 0 {
		methods = md.TokenEndpointAuthMethods
	}
	return endpoint.Target{
		Name: oidc.OperationIntrospection, URL: md.IntrospectionEndpoint, Issuer: md.Issuer, TokenEndpoint: md.TokenEndpoint, Methods: methods,
	}, nil
}

// independent reports whether the metadata can change neither the client
// authentication nor the issuer of the endpoint.
func (c *Client) independent() bool {
	if len(c.source.Issuers()) != 1 {
		return false
	}
	switch c.auth.Configured() {
	case "":
		return c.auth.Public()
	case endpoint.PrivateKeyJWT:
		return false
	}
	return true
}

// ofCall converts an error of the endpoint. An error response is an outage,
// because it is no verdict on the token.
func ofCall(err error) *Error {
	e, ok := errors.AsType[*endpoint.Error](err)
	if !ok {
		return unavailable("the call failed", err)
	}
	switch e.Kind {
	case endpoint.Protocol:
		return protocol(e.Error(), e)
	case endpoint.Misconfigured:
		return &Error{Reason: Misconfigured, detail: e.Error(), Err: e}
	case endpoint.Refused, endpoint.Unreachable:
	}
	out := unavailable(e.Error(), e)
	out.RetryAfter = e.RetryAfter
	return out
}
