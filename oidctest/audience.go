package oidctest

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// aim sets the audience of an access token to the requested resources, which
// must be among the granted ones. If none are requested, it is all granted
// ones.
func (p *Provider) aim(i *issuance, form url.Values, granted []string) *oauthError {
	q := &p.cfg.quirks
	asked := form["resource"]
	switch {
	case q.oneResource && len(asked) > 1:
		return refuse("invalid_request", "duplicated parameter")
	case q.audienceParameter:
		asked = nil
		for _, v := range form["audience"] {
			asked = append(asked, strings.Fields(v)...)
		}
		if p.cfg.Resources != nil && missing(asked, p.cfg.Resources) != "" {
			return refuse("invalid_request", "the requested audience is not allowed for this client")
		}
	case q.ignoreResource:
		asked = nil
	case !p.knows(asked):
		return refuse("invalid_target", "an unknown resource")
	}
	if len(granted) > 0 && missing(asked, granted) != "" {
		return refuse("invalid_target", "a resource that was not granted")
	}
	switch {
	case len(asked) > 0:
		i.audience = asked
	case len(granted) > 0:
		i.audience = granted
	case i.client.Audience != nil:
		i.audience = i.client.Audience
	case q.audience == "-":
		i.audience = []string{}
	default:
		i.audience = []string{cmp.Or(q.audience, p.cfg.Issuer)}
	}
	return nil
}

// knows reports whether clients may request all of these resources (RFC 8707
// section 2).
func (p *Provider) knows(resources []string) bool {
	for _, raw := range resources {
		u, err := url.Parse(raw)
		if err != nil || !u.IsAbs() || strings.Contains(raw, "#") {
			return false
		}
		if p.cfg.Resources != nil && !slices.Contains(p.cfg.Resources, raw) {
			return false
		}
	}
	return true
}

// remembered returns the resources of a token request that restrict later
// refreshes.
func (p *Provider) remembered(form url.Values) []string {
	if q := &p.cfg.quirks; q.audienceParameter || q.ignoreResource || q.resourcePerRequest {
		return nil
	}
	return form["resource"]
}
